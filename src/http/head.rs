//! The head of a request: from raw bytes to a checked [`Head`], or to the one refusal it deserves.
//!
//! It does no I/O: [`parse`] gets everything read so far and returns a head, a refusal, or nothing if more
//! bytes are needed. The raw bytes are checked before `httparse` sees them, because it accepts a bare LF.
//! A refusal comes as soon as it is certain, not when the head is complete, so no client waits for a
//! deadline.

use super::headers::{Headers, OWS};
use super::refusal::{Refusal, bad_request};
use super::target;
use crate::base::limits::http as limits;

/// A request's method. What is not listed is never routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method(String);

impl Method {
    /// A word that has been checked.
    pub(super) fn new(word: &str) -> Self {
        Self(word.to_owned())
    }

    /// The word of the request line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

/// How long the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`, or zero without one.
    Length(u64),
    /// Not known before its end: `Transfer-Encoding: chunked`, or HTTP/2 without a `Content-Length`.
    Chunked,
}

/// Everything before the body.
#[derive(Debug, Clone)]
pub struct Head {
    /// The method.
    pub method: Method,
    /// The path, percent-decoded once and free of NUL.
    pub path: String,
    /// What follows the `?`, as it came; every part of it is well encoded and free of NUL.
    pub query: Option<String>,
    /// The header fields.
    pub headers: Headers,
    /// How the body is delimited.
    pub framing: Framing,
    /// The version of HTTP.
    pub version: Version,
    /// Whether another request may follow on this connection.
    pub keep_alive: bool,
    /// The client waits for `100 Continue`.
    pub expects_continue: bool,
}

impl Head {
    /// Bytes that it takes.
    pub(super) fn size(&self) -> usize {
        let query = self.query.as_ref().map_or(0, String::len);
        self.method.0.len() + self.path.len() + query + self.headers.size()
    }
}

/// The complete head at the start of `bytes`, with its length; `None` if more bytes are needed.
///
/// # Errors
/// The refusal, as soon as no continuation could make these bytes a good head.
pub fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Refusal> {
    HeadParser::default().parse(bytes)
}

/// Parses a head that arrives in pieces. It remembers what it has checked, so that a client that sends its
/// head byte by byte costs no more than one that sends it whole.
#[derive(Debug, Default)]
pub(super) struct HeadParser {
    checked: usize,
    request_line_is_checked: bool,
}

impl HeadParser {
    /// [`parse`] for bytes that begin with those of the last call.
    pub(super) fn parse(&mut self, bytes: &[u8]) -> Result<Option<(Head, usize)>, Refusal> {
        // One empty line before the request line is forgiven (RFC 9112, 2.2).
        let start = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
        // The end of the head may have begun in the last three bytes.
        let from = self.checked.saturating_sub(3).max(start);
        let new = bytes.get(from..).unwrap_or_default();
        let end = find(new, b"\r\n\r\n").map(|at| from + at + 4);
        let head = bytes.get(start..end.unwrap_or(bytes.len())).unwrap_or_default();
        let previous = from.checked_sub(1).filter(|at| *at >= start);
        let previous = previous.and_then(|at| bytes.get(at)).copied().unwrap_or_default();
        check_bytes(previous, head.get(from - start..).unwrap_or_default())?;
        if !self.request_line_is_checked {
            match find(new, b"\r\n").map(|at| from + at) {
                Some(at) => {
                    check_request_line(bytes.get(start..at).unwrap_or_default())?;
                    self.request_line_is_checked = true;
                }
                None if head.len() > limits::REQUEST_LINE => {
                    return Err(Refusal::Answer(414, "The request line is too long."));
                }
                None => {}
            }
        }
        if head.len() > limits::HEAD {
            return Err(Refusal::Answer(431, "The request head is too long."));
        }
        self.checked = bytes.len();
        match end {
            Some(end) => Ok(Some((complete(head)?, end))),
            None => Ok(None),
        }
    }
}

/// Bare CR or LF, NUL and other control bytes never belong in a head.
fn check_bytes(previous: u8, bytes: &[u8]) -> Result<(), Refusal> {
    if passes_at_once(previous, bytes) { Ok(()) } else { check_each(previous, bytes) }
}

fn check_each(mut previous: u8, bytes: &[u8]) -> Result<(), Refusal> {
    for &byte in bytes {
        match byte {
            b'\n' if previous != b'\r' => return Err(bad_request("A line must end with CR LF.")),
            _ if previous == b'\r' && byte != b'\n' => {
                return Err(bad_request("A bare CR is not allowed."));
            }
            b'\r' | b'\n' | b'\t' | 0x20..=0x7e | 0x80.. => {}
            _ => return Err(bad_request("Control bytes are not allowed in a request head.")),
        }
        previous = byte;
    }
    Ok(())
}

/// Whether [`check_each`] is certain to pass: a stricter check, of many bytes at once.
fn passes_at_once(previous: u8, bytes: &[u8]) -> bool {
    let text = |byte: u8| (byte >= 0x20) & (byte != 0x7f) | matches!(byte, b'\t' | b'\r' | b'\n');
    if previous == b'\r' || !bytes.iter().fold(true, |all, &byte| all & text(byte)) {
        return false;
    }
    let mut rest = bytes;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
        match rest.get(at..).and_then(|end| end.strip_prefix(b"\r\n")) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

fn check_request_line(line: &[u8]) -> Result<(), Refusal> {
    if line.len() > limits::REQUEST_LINE {
        return Err(Refusal::Answer(414, "The request line is too long."));
    }
    let parts: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
    let [method, target, version] = parts.as_slice() else {
        return match parts.as_slice() {
            [b"GET", _] => Err(Refusal::Silent),
            _ => Err(bad_request("The request line is malformed.")),
        };
    };
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return Err(bad_request("The method is malformed."));
    }
    if target.is_empty() || !target.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(bad_request("The request target is malformed."));
    }
    match *version {
        b"HTTP/1.1" | b"HTTP/1.0" => Ok(()),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Refusal::Answer(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."))
        }
        _ => Err(bad_request("The protocol version is malformed.")),
    }
}

fn complete(bytes: &[u8]) -> Result<Head, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; limits::HEADERS];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(bad_request("The request head is malformed.")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::Answer(431, "There are too many header fields."));
        }
        Err(_) => return Err(bad_request("The request head is malformed.")),
    }
    let mut headers = Headers::with_capacity(bytes.len(), parsed.headers.len());
    for field in parsed.headers.iter() {
        let value = String::from_utf8_lossy(field.value);
        headers.push(field.name, value.trim_matches(OWS));
    }
    let is_1_1 = parsed.version == Some(1);
    let host = target::host(&headers, is_1_1)?;
    let (path, query) = target::target(parsed.path.unwrap_or_default(), host)?;
    let expects_continue = expectation(&headers, is_1_1)?;
    let close = headers.has_token("connection", "close");
    let keep_alive = !close && (is_1_1 || headers.has_token("connection", "keep-alive"));
    Ok(Head {
        method: Method(parsed.method.unwrap_or_default().to_owned()),
        path,
        query,
        framing: framing(&headers, is_1_1)?,
        headers,
        version: if is_1_1 { Version::Http11 } else { Version::Http10 },
        keep_alive,
        expects_continue,
    })
}

pub(super) fn expectation(headers: &Headers, is_1_1: bool) -> Result<bool, Refusal> {
    match headers.get("expect") {
        None => Ok(false),
        Some(_) if !is_1_1 => Ok(false),
        Some(what) if what.eq_ignore_ascii_case("100-continue") => Ok(true),
        Some(_) => Err(Refusal::Answer(417, "This expectation cannot be met.")),
    }
}

/// Two framings, or one in two ways, are how requests get smuggled: nothing ambiguous passes.
pub(super) fn framing(headers: &Headers, is_1_1: bool) -> Result<Framing, Refusal> {
    let mut codings = headers.all("transfer-encoding");
    let mut lengths = headers.all("content-length");
    match (codings.next(), lengths.next()) {
        (Some(_), Some(_)) => {
            Err(bad_request("Content-Length and Transfer-Encoding exclude each other."))
        }
        (Some(_), None) if !is_1_1 => Err(bad_request("HTTP/1.0 knows no Transfer-Encoding.")),
        (Some(_), None) if codings.next().is_some() => {
            Err(bad_request("There is more than one Transfer-Encoding."))
        }
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        (Some(_), None) => Err(Refusal::Answer(501, "The only transfer coding here is chunked.")),
        (None, Some(_)) if lengths.next().is_some() => {
            Err(bad_request("There is more than one Content-Length."))
        }
        (None, Some(length)) => content_length(length).map(Framing::Length),
        (None, None) => Ok(Framing::Length(0)),
    }
}

fn content_length(text: &str) -> Result<u64, Refusal> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad_request("Content-Length is not a number."));
    }
    text.parse().map_err(|_| Refusal::Answer(413, "The body is too large."))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, what)
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
