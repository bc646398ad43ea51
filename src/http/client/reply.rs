//! A response, read as its bytes come: whole, or not at all.

use bytes::{Bytes, BytesMut};

use super::failure::Failure;
use crate::base::limits::http as limits;
use crate::http::body::{Body, Progress};
use crate::http::head::Framing;

/// A response that was read to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The words behind the status.
    pub reason: String,
    /// The header fields in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of the first field of that name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

/// A response that is being read.
pub(super) struct ReplyReader {
    /// Whether the request was one whose response has no body: HEAD.
    has_no_body: bool,
    /// Bytes that have come, of everything.
    total: usize,
    input: BytesMut,
    head: Option<Reply>,
    body: Rest,
}

/// What follows the head.
enum Rest {
    /// A body whose end can be seen.
    Framed(Body),
    /// Everything up to the end of the connection.
    UntilEnd,
}

impl ReplyReader {
    /// For the response to a request of this method.
    pub fn new(method: &str) -> Self {
        Self {
            has_no_body: method == "HEAD",
            total: 0,
            input: BytesMut::new(),
            head: None,
            body: Rest::UntilEnd,
        }
    }

    /// Takes what has come. Whether the response is complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Progress, Failure> {
        self.total += bytes.len();
        if self.total > limits::CLIENT_REPLY {
            return Err(Failure::TooLarge);
        }
        self.input.extend_from_slice(bytes);
        while self.head.is_none() {
            let Some((length, head)) = parse_head(&self.input)? else {
                let is_long = self.input.len() > limits::HEAD;
                return if is_long { Err(Failure::Malformed) } else { Ok(Progress::More) };
            };
            let _ = self.input.split_to(length);
            // Early hints and the like come before the response itself.
            if !(100..200).contains(&head.status) || head.status == 101 {
                self.body = self.framing(&head)?;
                self.head = Some(head);
            }
        }
        match &mut self.body {
            Rest::Framed(body) => body.feed(&mut self.input).map_err(|_| Failure::Malformed),
            Rest::UntilEnd => Ok(Progress::More),
        }
    }

    /// The connection has ended: the response, if that is its end.
    pub fn end(self) -> Result<Reply, Failure> {
        match (self.head, self.body) {
            (Some(reply), Rest::UntilEnd) => Ok(Reply { body: self.input.to_vec(), ..reply }),
            (None, _) if self.total == 0 => {
                Err(Failure::Io(std::io::ErrorKind::UnexpectedEof.into()))
            }
            _ => Err(Failure::Truncated),
        }
    }

    /// The response, after it was complete; what follows it was not asked for.
    pub fn finish(self) -> Result<Reply, Failure> {
        let body = match self.body {
            Rest::Framed(body) => body.into_bytes(),
            Rest::UntilEnd => Bytes::new(),
        };
        self.head.map(|reply| Reply { body: body.to_vec(), ..reply }).ok_or(Failure::Malformed)
    }

    fn framing(&self, head: &Reply) -> Result<Rest, Failure> {
        let framed = |framing| {
            let body = Body::new(framing, limits::CLIENT_REPLY).map_err(|_| Failure::TooLarge)?;
            Ok(Rest::Framed(body))
        };
        if self.has_no_body || matches!(head.status, 101 | 204 | 304) {
            return framed(Framing::Length(0));
        }
        if let Some(coding) = head.header("transfer-encoding") {
            let is_chunked = coding.eq_ignore_ascii_case("chunked");
            return if is_chunked { framed(Framing::Chunked) } else { Err(Failure::Malformed) };
        }
        let mut lengths = head.headers.iter().filter(|(name, _)| name == "content-length");
        let Some((_, length)) = lengths.next() else { return Ok(Rest::UntilEnd) };
        if lengths.any(|(_, other)| other != length) {
            return Err(Failure::Malformed);
        }
        let digits = std::str::from_utf8(length).ok();
        let digits = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let length = digits.and_then(|digits| digits.parse().ok()).ok_or(Failure::Malformed)?;
        framed(Framing::Length(length))
    }
}

/// The head of a response and its length; `None` if more bytes are needed.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, Reply)>, Failure> {
    // An alert of TLS: the server expects a handshake.
    if bytes.starts_with(&[0x15, 3]) {
        return Err(Failure::SpeaksTls);
    }
    let mut fields = [httparse::EMPTY_HEADER; limits::HEADERS];
    let mut head = httparse::Response::new(&mut fields);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Failure::Malformed),
    };
    let status = head.code.ok_or(Failure::Malformed)?;
    let reason = head.reason.unwrap_or_default().to_owned();
    let owned =
        |field: &httparse::Header<'_>| (field.name.to_ascii_lowercase(), field.value.to_vec());
    let headers = head.headers.iter().map(owned).collect();
    Ok(Some((length, Reply { status, reason, headers, body: Vec::new() })))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a response that comes in pieces of `step` bytes, and then the end of the connection.
    fn read(method: &str, bytes: &[u8], step: usize) -> Result<Reply, Failure> {
        let mut reader = ReplyReader::new(method);
        for piece in bytes.chunks(step) {
            if reader.feed(piece)? == Progress::Done {
                return reader.finish();
            }
        }
        reader.end()
    }

    #[test]
    fn a_response_is_read_whole_however_it_is_framed_and_cut() {
        for (method, bytes, body) in [
            ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody and more", "body"),
            ("GET", "HTTP/1.1 200 OK\r\n\r\nup to the end", "up to the end"),
            (
                "GET",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n",
                "body",
            ),
            (
                "GET",
                "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nbody",
                "body",
            ),
            ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", ""),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n", ""),
        ] {
            for step in 1..bytes.len() {
                let reply = read(method, bytes.as_bytes(), step).unwrap();
                assert_eq!(String::from_utf8_lossy(&reply.body), body, "{bytes}");
                assert!(matches!(reply.status, 200 | 204));
            }
        }
    }

    #[test]
    fn header_fields_are_found_by_any_case() {
        let reply =
            read("GET", b"HTTP/1.1 200 OK\r\nReplay-Nonce: a\r\nX: \xff\r\n\r\n", 9).unwrap();
        assert_eq!((reply.header("replay-nonce"), reply.header("x")), (Some("a"), None));
        assert_eq!(reply.reason, "OK");
    }

    #[test]
    fn a_cut_response_is_none() {
        for bytes in [
            "HTTP/1.1 200 OK\r\nX: y\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbody",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n",
        ] {
            assert!(matches!(read("GET", bytes.as_bytes(), 7), Err(Failure::Truncated)), "{bytes}");
        }
        assert!(matches!(read("GET", b"", 1), Err(Failure::Io(_))));
    }

    #[test]
    fn nonsense_is_no_response() {
        for bytes in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        ] {
            assert!(
                matches!(read("GET", bytes.as_bytes(), 99), Err(Failure::Malformed)),
                "{bytes}"
            );
        }
        assert!(matches!(read("GET", b"\x15\x03\x03\x00\x02\x02\x46", 9), Err(Failure::SpeaksTls)));
    }
}
