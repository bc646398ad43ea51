//! Whether a server runs here, and is ready.

use std::fs;
use std::io::ErrorKind;

use super::row::Row;
use super::site::Site;
use crate::base::limits::doctor as limits;
use crate::control::Control;
use crate::http::client::Client;

const CHECK: &str = "server";

pub async fn check(site: &Site) -> Vec<Row> {
    let Some(control) = &site.control else { return vec![absent(site)] };
    let host = control.host.as_deref().unwrap_or(&control.address);
    let client = Client::new(&control.address).with_host(host).with_timeout(limits::REQUEST);
    let ready = match client.send("GET", "/ready", "").await {
        Ok(reply) if reply.status == 200 => {
            Row::ok(CHECK, format!("process {} is ready at {}", control.pid, control.address))
        }
        Ok(reply) => {
            let body = String::from_utf8_lossy(&reply.body).into_owned();
            let body: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
            let reason =
                body["error"]["message"].as_str().unwrap_or("it does not say why").to_owned();
            let found = format!("process {} is not ready: {reason}", control.pid);
            Row::todo(CHECK, found, "read its log")
        }
        Err(failure) => {
            let found = format!("process {} does not answer: {failure}", control.pid);
            Row::todo(
                CHECK,
                found,
                "read its log; if that process is no Impulse, remove server.json",
            )
        }
    };
    [Some(ready), other_settings(site, control)].into_iter().flatten().collect()
}

/// A server that was started with flags: what is said of its settings here would be about another one.
fn other_settings(site: &Site, control: &Control) -> Option<Row> {
    let (runs_https, knows_https) = (control.url.starts_with("https:"), site.config.tls.is_on());
    let words = |is_https| if is_https { "https" } else { "plain HTTP" };
    (runs_https != knows_https && !control.url.is_empty()).then(|| {
        let (runs, known) = (words(runs_https), words(knows_https));
        Row::todo(
            CHECK,
            format!("it speaks {runs} ({}), and by the settings here it would speak {known}", control.url),
            "run this with the environment of the server; a flag such as --lan is a variable here (IMPULSE_LAN=1)",
        )
    })
}

fn absent(site: &Site) -> Row {
    let file = site.data_dir.join("server.json");
    match fs::File::open(&file) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Row::unknown(
            CHECK,
            format!(
                "{} cannot be read; run this as the user of the server, or as root",
                file.display()
            ),
        ),
        _ => Row::ok(CHECK, format!("none runs with {}", site.data_dir.display())),
    }
}
