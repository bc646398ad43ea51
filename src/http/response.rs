//! A response, and its bytes on the wire.
//!
//! Nothing of the request is reflected: no header, no name, no path. A response is complete before
//! its first byte is written, or is read from its source while it is sent; its length is always known.

use std::future::{Future, pending};
use std::sync::Arc;
use std::{fmt, io};

use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

use super::refusal::Refusal;
use super::socket::Socket;
use super::source::Source;
use super::transfers::Speed;
use crate::base::error::{Detail, Error};
use crate::base::limits::http as limits;

/// Takes a connection over: the socket and what was read from it beyond the request.
pub type Upgrade = Box<dyn FnOnce(Socket, Bytes) + Send>;

/// A response.
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
    streamed: Option<Streamed>,
    upgrade: Option<Upgrade>,
    /// Dropped with the response, which is when it has been written.
    held: Vec<Box<dyn Send>>,
}

/// A body that is sent as it is read.
pub(super) struct Streamed {
    /// Bytes that it has.
    pub length: u64,
    /// Where they come from; nothing where they are not to be sent.
    pub source: Option<Box<dyn Source>>,
    /// What is told how it goes.
    speed: Option<Arc<Speed>>,
}

impl Response {
    /// A body of a given type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::empty(status).header("Content-Type", content_type).with_body(body.into())
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        let (headers, held) = (Vec::new(), Vec::new());
        Self { status, headers, body: Bytes::new(), streamed: None, upgrade: None, held }
    }

    /// A body of a given type and of so many bytes, which is sent as it is read. If the source fails or has another
    /// length, the connection or the stream is aborted, so that nobody takes a part for the whole.
    pub fn streamed(
        status: u16,
        content_type: &str,
        length: u64,
        source: impl Source + 'static,
    ) -> Self {
        Self::announced(status, content_type, length, Some(Box::new(source)))
    }

    /// The same without a source where the body is not sent.
    pub(super) fn announced(
        status: u16,
        content_type: &str,
        length: u64,
        source: Option<Box<dyn Source>>,
    ) -> Self {
        let streamed = Some(Streamed { length, source, speed: None });
        Self { streamed, ..Self::empty(status).header("Content-Type", content_type) }
    }

    /// A JSON object. It is about a person or a moment, so no cache may store it.
    pub fn json(status: u16, object: &impl Serialize) -> Self {
        match serde_json::to_vec(object) {
            Ok(body) => {
                Self::new(status, "application/json", body).header("Cache-Control", "no-store")
            }
            Err(error) => Self::error(&Error::internal(error)),
        }
    }

    /// An error in the form of the contract. 429 and 503 have a `Retry-After`.
    pub fn error(error: &Error) -> Self {
        let status = error.code().http_status();
        #[derive(Serialize)]
        struct ErrorBody<'a> {
            code: &'static str,
            message: &'a str,
            #[serde(flatten)]
            detail: Detail,
        }
        // A header says when to try again.
        let detail = Detail { retry_ms: None, ..error.detail().clone() };
        let body = ErrorBody { code: error.code().as_str(), message: error.message(), detail };
        let body = json!({"error": body});
        let response = Self::new(status, "application/json", body.to_string())
            .header("Cache-Control", "no-store");
        match (status, error.retry_ms()) {
            (429 | 503, retry_ms) => {
                let seconds = retry_ms.unwrap_or(1_000).div_ceil(1_000).max(1);
                response.header("Retry-After", seconds.to_string())
            }
            _ => response,
        }
    }

    /// Hands the socket over **without writing anything**: whatever takes it writes the 101 itself,
    /// together with its first frame.
    pub fn upgrade(take: impl FnOnce(Socket, Bytes) + Send + 'static) -> Self {
        Self { upgrade: Some(Box::new(take)), ..Self::empty(101) }
    }

    /// Tells a client that uses HTTP/2 to ask by HTTP/1.1: the answer takes a whole connection.
    pub fn needs_http_1_1() -> Self {
        Self::empty(101)
    }

    /// One more header field. A value that would break the head is left out.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if value.bytes().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e)) {
            self.headers.push((name, value));
        } else {
            tracing::error!(name, "a header value would break the response head");
        }
        self
    }

    /// Keeps something, such as a reservation of memory, until it is written.
    pub fn holding(mut self, held: impl Send + 'static) -> Self {
        self.held.push(Box::new(held));
        self
    }

    /// Tells this how it goes when it is sent.
    pub(super) fn measured(mut self, speed: &Arc<Speed>) -> Self {
        if let Some(streamed) = &mut self.streamed {
            streamed.speed = Some(speed.clone());
        }
        self
    }

    /// Whether it keeps something.
    pub fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Bytes it takes while it is written: its body, and the copy behind the head; or what is read of it at a time.
    pub fn size(&self) -> usize {
        match &self.streamed {
            Some(streamed) => streamed.held(),
            None => 2 * self.body.len(),
        }
    }

    /// Whether it is sent as it is read.
    pub fn is_streamed(&self) -> bool {
        self.streamed.is_some()
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first header of that name, for tests and wrappers.
    pub fn get(&self, name: &str) -> Option<&str> {
        let has_name = |(key, _): &&(&str, String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().find(has_name).map(|(_, value)| value.as_str())
    }

    /// The body; empty if it is sent as it is read.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The same answer with its body in another coding.
    pub(super) fn packed(self, coding: &'static str, body: Bytes) -> Self {
        self.header("Content-Encoding", coding).with_body(body)
    }

    /// The same answer with another body, and all other header fields.
    pub(super) fn replaced(mut self, content_type: &str, body: String) -> Self {
        self.headers.retain(|(name, _)| *name != "Content-Type");
        self.header("Content-Type", content_type).with_body(body.into())
    }

    fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self.streamed = None;
        self
    }

    /// What is sent as it is read.
    pub(super) fn take_streamed(&mut self) -> Option<Streamed> {
        self.streamed.take()
    }

    /// The response to a refused request; none if it gets no answer.
    pub(super) fn refusal(refusal: Refusal) -> Option<Self> {
        let Refusal::Answer(status, sentence) = refusal else { return None };
        let code = match status {
            408 => "timeout",
            413 | 414 | 431 => "too_large",
            417 => "expectation_failed",
            501 => "not_implemented",
            429 => "rate_limited",
            503 => "unavailable",
            505 => "version_not_supported",
            _ => "bad_request",
        };
        let body = json!({"error": {"code": code, "message": sentence}});
        let response = Self::new(status, "application/json", body.to_string());
        Some(if matches!(status, 429 | 503) {
            response.header("Retry-After", "2")
        } else {
            response
        })
    }

    pub(super) fn take_upgrade(&mut self) -> Option<Upgrade> {
        self.upgrade.take()
    }

    /// Whether the status allows for a body.
    pub(super) fn has_body(&self) -> bool {
        !matches!(self.status, 100..=199 | 204 | 304)
    }

    /// Calls `each` with every header field that the answer has on any connection.
    pub(super) fn for_each_field(&self, mut each: impl FnMut(&str, &str)) {
        each("Date", &httpdate::fmt_http_date(std::time::SystemTime::now()));
        for (name, value) in &self.headers {
            each(name, value);
        }
        if self.get("X-Content-Type-Options").is_none() {
            each("X-Content-Type-Options", "nosniff");
            each("Referrer-Policy", "no-referrer");
        }
        if self.has_body() {
            let whole = self.body.len() as u64;
            let length = self.streamed.as_ref().map_or(whole, |streamed| streamed.length);
            each("Content-Length", &length.to_string());
        }
    }

    /// The bytes of the head if the body goes on until the connection ends, whatever takes it over.
    pub fn encode_endless(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        self.for_each_field(|name, value| {
            if name != "Content-Length" {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        });
        head.push_str("Connection: close\r\n\r\n");
        head.into_bytes()
    }

    /// The bytes of HTTP/1.1: the head, and the body unless the request was a HEAD or it is sent as it is read.
    pub(super) fn encode(&self, keep_alive: bool, is_head: bool) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512 + self.body.len());
        let mut line = |text: &str| bytes.extend_from_slice(text.as_bytes());
        line(&format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status)));
        self.for_each_field(|name, value| line(&format!("{name}: {value}\r\n")));
        line(if keep_alive {
            "Connection: keep-alive\r\n\r\n"
        } else {
            "Connection: close\r\n\r\n"
        });
        if !is_head && self.has_body() {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

impl Streamed {
    /// Bytes that are held at a time.
    fn held(&self) -> usize {
        usize::try_from(self.length).map_or(limits::DOWNLOAD_HELD, |length| {
            length.saturating_mul(2).min(limits::DOWNLOAD_HELD)
        })
    }

    /// Returns when it has to end, because others wait for its slot.
    pub fn gives_way(&self) -> impl Future<Output = ()> + use<> {
        let speed = self.speed.clone();
        async move {
            match speed {
                Some(speed) => speed.gives_way().await,
                None => pending().await,
            }
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The source fails, or has another length.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.length == 0 {
            return Ok(None);
        }
        let source = self.source.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let piece = source.next().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let left = self.length.checked_sub(piece.len() as u64).filter(|_| !piece.is_empty());
        self.length = left.ok_or(io::ErrorKind::InvalidData)?;
        if let Some(speed) = &self.speed {
            speed.count(piece.len());
        }
        Ok(Some(piece))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        304 => "Not Modified",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        507 => "Insufficient Storage",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::encryption::EncryptionDetail;
    use crate::base::error::Code;

    #[test]
    fn retry_after_is_there_exactly_for_429_and_503() {
        for (code, wanted) in
            [(Code::RateLimited, Some("3")), (Code::Unavailable, Some("3")), (Code::NotFound, None)]
        {
            let response = Response::error(&Error::new(code, "No.").retry_after(2_100));
            assert_eq!(response.get("retry-after"), wanted);
        }
    }

    #[test]
    fn the_detail_of_an_error_stands_beside_its_code() {
        let error = Error::with_detail(EncryptionDetail::GenStale { generation: 2 });
        let response = String::from_utf8(Response::error(&error).encode(false, false)).unwrap();
        assert!(response.starts_with("HTTP/1.1 409 "), "{response}");
        assert!(
            response.contains(r#""code":"gen_stale","detail":{"gen":2},"message":""#),
            "{response}"
        );
    }

    #[test]
    fn a_head_answer_has_the_length_but_not_the_body() {
        let response = Response::new(200, "text/plain", "hello");
        let head = String::from_utf8(response.encode(true, true)).unwrap();
        assert!(head.contains("Content-Length: 5\r\n") && head.ends_with("\r\n\r\n"));
        assert!(response.encode(true, false).ends_with(b"\r\n\r\nhello"));
        let empty = String::from_utf8(Response::empty(204).encode(false, false)).unwrap();
        assert!(!empty.contains("Content-Length") && empty.contains("Connection: close"));
    }

    #[test]
    fn a_header_value_cannot_split_the_response() {
        let response = Response::empty(200).header("X-Name", "a\r\nSet-Cookie: b");
        assert_eq!(response.get("X-Name"), None);
    }
}
