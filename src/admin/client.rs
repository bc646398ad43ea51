//! The command line as a client of the server's own HTTP interface.
//!
//! There is one way to administrate: `/api/admin/…`. The command line finds the running server in the data
//! directory and calls it, so open sockets are reached at once and every act is in the audit log. If there is
//! none, it starts one in this process, on a free port of loopback, for as long as the command takes. It refuses
//! to if another impulse is connected to the database that `DATABASE_URL` names. (The private database is safe
//! from two servers by its lock.)

use std::path::PathBuf;

use serde_json::Value;

use crate::base::limits::admin as limits;
use crate::config::Config;
use crate::control::{self, Control};
use crate::http;
use crate::server::Server;
use crate::store::embedded;
use crate::store::pool::Database;

/// A client of the running server, or of one of its own.
pub struct Client {
    control: Control,
    /// The server that runs for this command only.
    own: Option<Box<Server>>,
}

impl Client {
    /// The running server, or one of our own.
    ///
    /// # Errors
    /// One sentence.
    pub async fn connect(mut config: Config) -> Result<Self, String> {
        if let Some(control) = control::read(&data_dir(&config)) {
            let client = Self { control, own: None };
            // This call needs the token of the file: another program may listen on the port by now.
            if client.call("GET", "/api/admin/audit?limit=1", None).await.is_ok() {
                return Ok(client);
            }
        }
        if let Some(url) = &config.database_url {
            refuse_if_in_use(url).await?;
        }
        config.listen = crate::config::Listen(vec![([127, 0, 0, 1], 0).into()]);
        config.tls = config.tls.turned_off();
        config.dev_echo = None;
        config.demo = false;
        config.backup.backup_dir = None;
        // Whoever starts the server says that its data were restored, once.
        config.backup.restored = false;
        let server = Server::start(config).await?;
        let control = server.control().clone();
        Ok(Self { control, own: Some(Box::new(server)) })
    }

    /// Ends the server that ran for this command.
    pub async fn finish(self) {
        if let Some(mut server) = self.own {
            server.stop().await;
        }
    }

    /// Where people open the server in a browser; none if it runs for this command only.
    pub fn url(&self) -> Option<&str> {
        self.own.is_none().then_some(self.control.url.as_str())
    }

    /// One call; the body of a 2xx reply.
    ///
    /// # Errors
    /// The server's own sentence, or what went wrong on the way.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let Control { address, host, token, .. } = &self.control;
        let host = host.as_deref().unwrap_or(address);
        let client = http::client::Client::new(address).with_host(host).with_token(Some(token));
        client.call(method, path, body).await
    }
}

/// Refuses while another impulse is connected to the database: a server whose file is not in our data directory may
/// run on it, perhaps on another machine. Each of two servers would keep the state of rooms in memory and not see
/// what the other one changes.
async fn refuse_if_in_use(url: &str) -> Result<(), String> {
    let database = Database::new(url)?;
    for pause in limits::DATABASE_PAUSES {
        // A server that has just stopped may still have connections.
        tokio::time::sleep(pause).await;
        if !database.is_in_use().await.map_err(|error| error.message().to_owned())? {
            return Ok(());
        }
    }
    Err("a server runs on this database, and its data directory is not here: run this command where \
         it runs, with the same --data-dir (or IMPULSE_DATA_DIR)"
        .to_owned())
}

fn data_dir(config: &Config) -> PathBuf {
    config.data_dir.clone().unwrap_or_else(embedded::default_data_dir)
}

/// A text percent-encoded as a value of a query.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_any_name() {
        assert_eq!(encoded("a.b-1"), "a.b-1");
        assert_eq!(encoded("Анна & co"), "%D0%90%D0%BD%D0%BD%D0%B0%20%26%20co");
    }
}
