//! `impulse healthcheck`: whether a server is ready, as an exit code.

use std::time::Duration;

use crate::http::client::{Client, Failure};

/// `impulse healthcheck`: requests `/ready`.
///
/// # Errors
/// A sentence saying what was wrong: no connection, no answer in time, or not ready.
pub async fn healthcheck(address: &str, timeout: Duration) -> Result<(), String> {
    let client = Client::new(address).with_timeout(timeout);
    match client.send("GET", "/ready", "").await {
        Ok(reply) if reply.status == 200 => Ok(()),
        Ok(reply) => Err(format!("not ready: HTTP/1.1 {} {}", reply.status, reply.reason)),
        Err(Failure::Timeout) => {
            Err(format!("{address} did not answer within {} s", timeout.as_secs()))
        }
        Err(Failure::Io(error)) => Err(format!("cannot reach {address}: {error}")),
        Err(failure) => Err(format!("not ready: {failure}")),
    }
}
