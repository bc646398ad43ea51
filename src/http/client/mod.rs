//! The one outgoing HTTP client: one request over a connection of its own, plain or TLS. The command line, the load
//! test, the health check and the client of certificate authorities use it. It follows no redirect.

mod failure;
mod origin;
mod reply;
mod stream;
mod trust;

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::body::Progress;
use crate::base::limits::http as limits;
use reply::ReplyReader;

pub use failure::Failure;
pub use origin::{Origin, Scheme};
pub use reply::Reply;
pub use stream::Stream;
pub use trust::Trust;

/// A server, and how it is called.
#[derive(Debug, Clone)]
pub struct Client {
    /// Where to connect: `host:port`.
    address: String,
    /// The header `Host`.
    host: String,
    secure: Option<Secure>,
    token: Option<String>,
    timeout: Duration,
}

/// What a TLS connection needs.
#[derive(Debug, Clone)]
struct Secure {
    /// Whose certificate it has to be.
    name: String,
    trust: Trust,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// The method.
    pub method: &'a str,
    /// The path with its query.
    pub path: &'a str,
    /// Header fields besides `Host`, `Connection`, `Content-Length` and `Authorization`.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, which may be empty.
    pub body: &'a [u8],
}

impl Client {
    /// A client of the plain server at `address` (`host:port`), which is its `Host` as well.
    pub fn new(address: &str) -> Self {
        let (address, host) = (address.to_owned(), address.to_owned());
        Self { address, host, secure: None, token: None, timeout: limits::CLIENT_TIMEOUT }
    }

    /// A client of the server that a URL names.
    pub fn of(origin: &Origin, trust: &Trust) -> Self {
        let is_v6 = origin.host.contains(':');
        let host = if is_v6 { format!("[{}]", origin.host) } else { origin.host.clone() };
        let secure = (origin.scheme == Scheme::Https)
            .then(|| Secure { name: origin.host.clone(), trust: trust.clone() });
        let client = Self::new(&format!("{host}:{}", origin.port));
        Self { host: origin.authority(), secure, ..client }
    }

    /// The same, connected to another address (`host:port`) than the one its URL names.
    pub fn with_address(self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self }
    }

    /// The same with another `Host`, for a server whose name is not its address.
    pub fn with_host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// The same with a bearer token.
    pub fn with_token(self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self }
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
        let headers = &[("Content-Type", "application/json")];
        self.request(Call { method, path, headers, body: body.as_bytes() }).await
    }

    /// Sends any request and reads the reply.
    ///
    /// # Errors
    /// No reply came, or none that can be read.
    pub async fn request(&self, call: Call<'_>) -> Result<Reply, Failure> {
        let head = self.head(&call)?;
        let exchange = async {
            let mut stream = self.open().await?;
            let reply = self.exchange(&mut stream, &head, &call).await?;
            // A server that has closed already needs no end of TLS.
            let _ = stream.shutdown().await;
            Ok(reply)
        };
        timeout(self.timeout, exchange).await.map_err(|_| Failure::Timeout)?
    }

    /// Opens a connection for something else than one request.
    ///
    /// # Errors
    /// It could not be opened.
    pub async fn connect(&self) -> Result<Stream, Failure> {
        timeout(self.timeout, self.open()).await.map_err(|_| Failure::Timeout)?
    }

    async fn open(&self) -> Result<Stream, Failure> {
        let stream = TcpStream::connect(&self.address).await.map_err(Failure::Io)?;
        stream.set_nodelay(true).map_err(Failure::Io)?;
        match &self.secure {
            None => Ok(Stream::Plain(stream)),
            Some(Secure { name, trust }) => Stream::secure(stream, name, trust).await,
        }
    }

    fn head(&self, call: &Call<'_>) -> Result<String, Failure> {
        let Call { method, path, headers, body } = call;
        let texts = headers.iter().flat_map(|(name, value)| [*name, *value]);
        if texts
            .chain([*method, *path])
            .any(|text| text.bytes().any(|byte| byte.is_ascii_control()))
        {
            // What ends a line would begin another field.
            return Err(Failure::Io(io::ErrorKind::InvalidInput.into()));
        }
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        let length = body.len().to_string();
        let bearer = self.token.as_ref().map(|token| format!("Bearer {token}"));
        let bearer = bearer.as_ref().map(|bearer| ("Authorization", bearer.as_str()));
        let fields = headers.iter().copied().chain(bearer);
        for (name, value) in fields.chain([("Content-Length", length.as_str())]) {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        Ok(head)
    }

    async fn exchange(
        &self,
        stream: &mut Stream,
        head: &str,
        call: &Call<'_>,
    ) -> Result<Reply, Failure> {
        let host = self.secure.as_ref().map_or(self.host.as_str(), |secure| &secure.name);
        let failed = |error| Failure::of(error, host);
        stream.write_all(head.as_bytes()).await.map_err(failed)?;
        stream.write_all(call.body).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
        let mut reader = ReplyReader::new(call.method);
        let mut bytes = vec![0; limits::READ];
        loop {
            let count = stream.read(&mut bytes).await.map_err(failed)?;
            if count == 0 {
                return reader.end();
            }
            if reader.feed(bytes.get(..count).unwrap_or_default())? == Progress::Done {
                return reader.finish();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

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

    #[tokio::test]
    async fn a_line_end_in_a_field_is_never_sent() {
        let address = server(1).await;
        for (path, headers) in [("/\r\nX: y", &[][..]), ("/", &[("X", "y\r\nZ: a")][..])] {
            let call = Call { method: "GET", path, headers, body: b"" };
            let failure = Client::new(&address).request(call).await.unwrap_err();
            assert!(matches!(failure, Failure::Io(_)), "{failure}");
        }
    }
}
