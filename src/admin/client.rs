//! The command line as a client of the server's own HTTP interface.
//!
//! There is one way to administrate: `/api/admin/…`. The command line looks up the running server in
//! the data directory and calls it, so open sockets are reached at once and every deed is in the
//! audit log. With no server running it runs one in this process, on a free port of loopback, for as
//! long as the command takes; if one seems to run elsewhere it refuses.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::config::Config;
use crate::control::{self, Control};
use crate::server::Server;
use crate::store::embedded;
use crate::store::pool::Database;

/// A call that has no answer by then is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Before each look at who uses a database.
const PAUSES: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(1_500)];
/// Most of an answer that is read.
const ANSWER: u64 = 16 * 1024 * 1024;

/// The way to a server.
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
            // Asked for something only its own token opens: the port may be somebody else's by now.
            if client.call("GET", "/api/admin/audit?limit=1", None).await.is_ok() {
                return Ok(client);
            }
        }
        if let Some(url) = &config.database_url {
            refuse_if_in_use(url).await?;
        }
        config.listen = crate::config::Listen(vec![([127, 0, 0, 1], 0).into()]);
        config.dev_echo = None;
        config.demo = false;
        let server = Server::start(config).await?;
        let control = server.control().cloned().ok_or("the server has no address")?;
        Ok(Self { control, own: Some(Box::new(server)) })
    }

    /// Ends the server that ran for this command.
    pub async fn finish(self) {
        if let Some(mut server) = self.own {
            server.stop().await;
        }
    }

    /// Where people reach the server from this machine; nowhere if it runs for this command only.
    pub fn address(&self) -> Option<&str> {
        self.own.is_none().then_some(self.control.address.as_str())
    }

    /// One call; what a 2xx answers.
    ///
    /// # Errors
    /// The server's own sentence, or what went wrong on the way.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let asked = tokio::time::timeout(PATIENCE, self.ask(method, path, body));
        let answer = asked.await.map_err(|_| "the server does not answer".to_owned())?;
        let answer = answer.map_err(|error| format!("cannot reach the server: {error}"))?;
        let (status, body) = split(&answer).ok_or("the server's answer cannot be read")?;
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match status {
            200..=299 => Ok(body),
            _ => {
                let sentence = body["error"]["message"].as_str().unwrap_or("the server refused");
                Err(sentence.trim_end_matches('.').to_owned())
            }
        }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> std::io::Result<Vec<u8>> {
        let Control { address, token, .. } = &self.control;
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER).read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

/// A server whose file is not in our data directory may still run on this database, perhaps on
/// another machine. Two on one database would each count messages on their own.
async fn refuse_if_in_use(url: &str) -> Result<(), String> {
    let database = Database::new(url)?;
    for pause in PAUSES {
        // One that has stopped a moment ago may still be in the list.
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

/// Status and body of an answer that was read to its end.
fn split(answer: &[u8]) -> Option<(u16, &[u8])> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(answer).ok()? else { return None };
    Some((head.code?, answer.get(length..)?))
}

/// A value of a query.
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

    #[test]
    fn only_a_whole_answer_is_read() {
        let answer = b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n";
        assert_eq!(split(answer), Some((204, &b""[..])));
        assert_eq!(split(&answer[..20]), None);
    }
}
