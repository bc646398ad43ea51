//! The one outgoing HTTP client: one request over a connection of its own. The command line, the load test
//! and the health check use it.

use std::fmt;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::base::limits::http as limits;

/// A server, and how it is called.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    address: &'a str,
    host: &'a str,
    token: Option<&'a str>,
    timeout: Duration,
}

/// A response that was read to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The words behind the status.
    pub reason: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no reply.
#[derive(Debug)]
pub enum Failure {
    /// Nothing came within the time.
    Timeout,
    /// The connection could not be made, or broke.
    Io(std::io::Error),
    /// What came is no response of HTTP/1.
    Malformed,
    /// It is longer than a reply may be.
    TooLarge,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("the server does not answer"),
            Self::Io(error) => write!(f, "cannot reach the server: {error}"),
            Self::Malformed => f.write_str("the server's answer cannot be read"),
            Self::TooLarge => f.write_str("the server's answer is too long"),
        }
    }
}

impl<'a> Client<'a> {
    /// A client of the server at `address` (`host:port`), which is its `Host` as well.
    pub fn new(address: &'a str) -> Self {
        Self { address, host: address, token: None, timeout: limits::CLIENT_TIMEOUT }
    }

    /// The same with another `Host`, for a server whose name is not its address.
    pub fn with_host(self, host: &'a str) -> Self {
        Self { host, ..self }
    }

    /// The same with a bearer token.
    pub fn with_token(self, token: Option<&'a str>) -> Self {
        Self { token, ..self }
    }

    /// The same with another timeout.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Calls a JSON interface; the body of a 2xx reply.
    ///
    /// # Errors
    /// The server's own sentence, or what went wrong on the way.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let reply = self.send(method, path, &body).await.map_err(|failure| failure.to_string())?;
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        match reply.status {
            200..=299 => Ok(body),
            _ => {
                let sentence = body["error"]["message"].as_str().unwrap_or("the server refused");
                Err(sentence.trim_end_matches('.').to_owned())
            }
        }
    }

    /// Sends a request with a JSON body, which may be empty, and reads the reply.
    ///
    /// # Errors
    /// No reply came, or none that can be read.
    pub async fn send(&self, method: &str, path: &str, body: &str) -> Result<Reply, Failure> {
        let exchanged = tokio::time::timeout(self.timeout, self.exchange(method, path, body));
        let bytes = exchanged.await.map_err(|_| Failure::Timeout)?.map_err(Failure::Io)?;
        if bytes.len() > limits::CLIENT_REPLY {
            return Err(Failure::TooLarge);
        }
        parse(&bytes).ok_or(Failure::Malformed)
    }

    async fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
        let authorization = match self.token {
            Some(token) => format!("Authorization: Bearer {token}\r\n"),
            None => String::new(),
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{authorization}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut bytes = Vec::new();
        // One byte more shows that it is too long.
        stream.take(limits::CLIENT_REPLY as u64 + 1).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }
}

/// A response that was read to its end.
fn parse(bytes: &[u8]) -> Option<Reply> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    let reason = head.reason.unwrap_or_default().to_owned();
    Some(Reply { status: head.code?, reason, body: bytes.get(length..)?.to_owned() })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn only_a_whole_answer_is_read() {
        let answer = b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n";
        let reply = Reply { status: 204, reason: "No Content".to_owned(), body: Vec::new() };
        assert_eq!(parse(answer), Some(reply));
        assert_eq!(parse(&answer[..20]), None);
    }

    /// A server that reads one request and sends a response with a body of so many bytes.
    async fn server(body: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_buf(&mut Vec::with_capacity(1_024)).await.unwrap();
            let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
            // A client that has enough closes before everything is written.
            let _ = stream.write_all(&[head, vec![b'x'; body]].concat()).await;
        });
        address
    }

    #[tokio::test]
    async fn a_reply_may_be_so_long_and_no_longer() {
        let head = "HTTP/1.1 200 OK\r\n\r\n".len();
        let address = server(limits::CLIENT_REPLY - head).await;
        let reply = Client::new(&address).send("GET", "/", "").await.unwrap();
        assert_eq!(reply.body.len() + head, limits::CLIENT_REPLY);
        let address = server(limits::CLIENT_REPLY - head + 1).await;
        let failure = Client::new(&address).send("GET", "/", "").await.unwrap_err();
        assert!(matches!(failure, Failure::TooLarge), "{failure}");
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let client = Client::new(&address);
        assert_eq!(client.timeout, limits::CLIENT_TIMEOUT);
        let failure = client.with_timeout(Duration::from_millis(50)).send("GET", "/", "").await;
        assert!(matches!(failure, Err(Failure::Timeout)));
    }
}
