//! One request over a connection of its own: what our command line needs of HTTP's other side.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A call that has no answer by then is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most of an answer that is read.
const ANSWER: u64 = 16 * 1024 * 1024;

/// Where a server is and what it is asked for as.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// `address:port`
    pub address: &'a str,
    /// Its `Host`.
    pub host: &'a str,
}

/// Calls a JSON interface at `authority` (`host:port`), with a bearer token if there is one; what a
/// 2xx answers.
///
/// # Errors
/// The server's own sentence, or what went wrong on the way.
pub async fn call(
    authority: &str,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<Value, String> {
    let server = Server { address: authority, host: authority };
    call_by_name(server, token, method, path, body).await
}

/// The same for a server whose name is not its address.
///
/// # Errors
/// The server's own sentence, or what went wrong on the way.
pub async fn call_by_name(
    server: Server<'_>,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Result<Value, String> {
    let asked = tokio::time::timeout(PATIENCE, ask(server, token, method, path, body));
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

async fn ask(
    server: Server<'_>,
    token: Option<&str>,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> std::io::Result<Vec<u8>> {
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let login = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{login}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        server.host,
        body.len()
    );
    let mut stream = TcpStream::connect(server.address).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Status and body of an answer that was read to its end.
fn split(answer: &[u8]) -> Option<(u16, &[u8])> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(answer).ok()? else { return None };
    Some((head.code?, answer.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_answer_is_read() {
        let answer = b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n";
        assert_eq!(split(answer), Some((204, &b""[..])));
        assert_eq!(split(&answer[..20]), None);
    }
}
