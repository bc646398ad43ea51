//! `impulse admin search`: how far the index of messages has come, and making it anew.

use serde_json::{Value, json};

use super::args::Search;
use super::client::Client;
use crate::base::limits::admin::SEARCH_POLLED;

const PATH: &str = "/api/admin/search";

/// Shows it, or makes it anew and says how far it has come until it is done.
///
/// # Errors
/// The server's own sentence, or what went wrong on the way.
pub(super) async fn call(client: &Client, verb: Option<Search>) -> Result<Value, String> {
    let Some(Search::Rebuild) = verb else { return client.call("GET", PATH, None).await };
    let mut report = client.call("POST", &format!("{PATH}/rebuild"), Some(json!({}))).await?;
    let mut shown = 0;
    while let Some((done, of)) = progress(&report) {
        let percent = done * 100 / of.max(1);
        if percent > shown {
            eprintln!("{percent} %");
            shown = percent;
        }
        tokio::time::sleep(SEARCH_POLLED).await;
        report = client.call("GET", PATH, None).await?;
    }
    Ok(report)
}

fn progress(report: &Value) -> Option<(u64, u64)> {
    let of = report["rebuilding"]["of"].as_u64()?;
    Some((report["rebuilding"]["done"].as_u64().unwrap_or_default(), of))
}
