//! The head of a request: from raw bytes to a checked [`Head`], or to the one refusal it deserves.
//!
//! Sans-IO: [`parse`] looks at everything read so far and says "not yet", "here it is" or "no". The
//! raw bytes are checked before `httparse` sees them, because it accepts a bare LF; and a refusal
//! comes as soon as it is certain, not when the head is complete, so nobody waits for a deadline.

use crate::base::limits::http as limits;

/// What may surround a value. `str::trim` would also take a no-break space, which a proxy before us
/// reads as part of the value: two readings of one `Content-Length` are how requests get smuggled.
const OWS: [char; 2] = [' ', '\t'];

/// A request's method. What is not listed is never routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method(String);

impl Method {
    /// The word of the request line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Header fields in the order they came: their texts in one piece, and how long each name and value is.
/// Bytes outside UTF-8 are opaque (RFC 9110, 5.5): they read as U+FFFD, which is part of no token, host,
/// origin, number or credential, so a field whose text matters is refused for what it says.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    text: String,
    lengths: Vec<(usize, usize)>,
}

impl Headers {
    /// The first value of that name, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of that name.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        let same = move |(key, _): &(&str, &str)| key.eq_ignore_ascii_case(name);
        self.iter().filter(same).map(|(_, value)| value)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = self.text.as_str();
        self.lengths.iter().map_while(move |&(name, value)| {
            let (name, after) = rest.split_at_checked(name)?;
            let (value, after) = after.split_at_checked(value)?;
            rest = after;
            Some((name, value))
        })
    }

    /// Whether a comma-separated list of that name holds `token`.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .flat_map(|list| list.split(','))
            .any(|t| t.trim_matches(OWS).eq_ignore_ascii_case(token))
    }

    fn push(&mut self, name: &str, value: &str) {
        self.text.push_str(name);
        self.text.push_str(value);
        self.lengths.push((name.len(), value.len()));
    }
}

impl FromIterator<(String, String)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in fields {
            headers.push(&name, &value);
        }
        headers
    }
}

/// How long the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`, or zero without one.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
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
    /// HTTP/1.1 rather than 1.0.
    pub is_1_1: bool,
    /// Whether another request may follow on this connection.
    pub keep_alive: bool,
    /// The client waits for `100 Continue`.
    pub expects_continue: bool,
}

/// Why a request is not served. The connection ends after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// HTTP/0.9: it could not read a status line, so it gets none.
    Silent,
    /// An answer with this status and sentence.
    Answer(u16, &'static str),
}

const fn bad(sentence: &'static str) -> Refusal {
    Refusal::Answer(400, sentence)
}

/// Looks for a complete head at the start of `bytes`; its length comes with it.
///
/// # Errors
/// The refusal, as soon as no continuation could make these bytes a good head.
pub fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>, Refusal> {
    Scan::default().look(bytes)
}

/// A head on its way in. It remembers what it has looked at, so that a client that sends its head
/// byte by byte costs no more than one that sends it whole.
#[derive(Debug, Default)]
pub(super) struct Scan {
    seen: usize,
    line_is_good: bool,
}

impl Scan {
    /// [`parse`] for bytes that begin with those of the last call.
    pub(super) fn look(&mut self, bytes: &[u8]) -> Result<Option<(Head, usize)>, Refusal> {
        // One empty line before the request line is forgiven (RFC 9112, 2.2).
        let start = if bytes.starts_with(b"\r\n") { 2 } else { 0 };
        // An end of the head may have begun in the last three bytes.
        let from = self.seen.saturating_sub(3).max(start);
        let new = bytes.get(from..).unwrap_or_default();
        let end = find(new, b"\r\n\r\n").map(|at| from + at + 4);
        let head = bytes.get(start..end.unwrap_or(bytes.len())).unwrap_or_default();
        let previous = from.checked_sub(1).filter(|at| *at >= start);
        let previous = previous.and_then(|at| bytes.get(at)).copied().unwrap_or_default();
        check_bytes(previous, head.get(from - start..).unwrap_or_default())?;
        if !self.line_is_good {
            match find(new, b"\r\n").map(|at| from + at) {
                Some(at) => {
                    check_request_line(bytes.get(start..at).unwrap_or_default())?;
                    self.line_is_good = true;
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
        self.seen = bytes.len();
        match end {
            Some(end) => Ok(Some((complete(head)?, end))),
            None => Ok(None),
        }
    }
}

/// Bare CR or LF, NUL and other control bytes never belong in a head.
fn check_bytes(previous: u8, seen: &[u8]) -> Result<(), Refusal> {
    if is_usual(previous, seen) { Ok(()) } else { check_each(previous, seen) }
}

fn check_each(mut previous: u8, seen: &[u8]) -> Result<(), Refusal> {
    for &byte in seen {
        match byte {
            b'\n' if previous != b'\r' => return Err(bad("A line must end with CR LF.")),
            _ if previous == b'\r' && byte != b'\n' => {
                return Err(bad("A bare CR is not allowed."));
            }
            b'\r' | b'\n' | b'\t' | 0x20..=0x7e | 0x80.. => {}
            _ => return Err(bad("Control bytes are not allowed in a request head.")),
        }
        previous = byte;
    }
    Ok(())
}

/// Whether [`check_bytes`] is sure to find nothing: most of its question, asked of many bytes at once.
fn is_usual(previous: u8, seen: &[u8]) -> bool {
    let text = |byte: u8| (byte >= 0x20) & (byte != 0x7f) | matches!(byte, b'\t' | b'\r' | b'\n');
    if previous == b'\r' || !seen.iter().fold(true, |all, &byte| all & text(byte)) {
        return false;
    }
    let mut rest = seen;
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
            _ => Err(bad("The request line is malformed.")),
        };
    };
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return Err(bad("The method is malformed."));
    }
    if target.is_empty() || !target.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(bad("The request target is malformed."));
    }
    match *version {
        b"HTTP/1.1" | b"HTTP/1.0" => Ok(()),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Refusal::Answer(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."))
        }
        _ => Err(bad("The protocol version is malformed.")),
    }
}

fn complete(seen: &[u8]) -> Result<Head, Refusal> {
    let mut fields = [httparse::EMPTY_HEADER; limits::HEADERS];
    let mut parsed = httparse::Request::new(&mut fields);
    match parsed.parse(seen) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(bad("The request head is malformed.")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::Answer(431, "There are too many header fields."));
        }
        Err(_) => return Err(bad("The request head is malformed.")),
    }
    let mut headers = Headers {
        text: String::with_capacity(seen.len()),
        lengths: Vec::with_capacity(parsed.headers.len()),
    };
    for field in parsed.headers.iter() {
        let value = String::from_utf8_lossy(field.value);
        headers.push(field.name, value.trim_matches(OWS));
    }
    let is_1_1 = parsed.version == Some(1);
    let host = host(&headers, is_1_1)?;
    let (path, query) = target(parsed.path.unwrap_or_default(), host)?;
    let expects_continue = expectation(&headers, is_1_1)?;
    let close = headers.has_token("connection", "close");
    let keep_alive = !close && (is_1_1 || headers.has_token("connection", "keep-alive"));
    Ok(Head {
        method: Method(parsed.method.unwrap_or_default().to_owned()),
        path,
        query,
        framing: framing(&headers, is_1_1)?,
        headers,
        is_1_1,
        keep_alive,
        expects_continue,
    })
}

/// Exactly one valid `Host` in 1.1, at most one in 1.0.
fn host(headers: &Headers, is_1_1: bool) -> Result<Option<&str>, Refusal> {
    let mut all = headers.all("host");
    match (all.next(), all.next()) {
        (Some(_), Some(_)) => Err(bad("There is more than one Host.")),
        (None, _) if is_1_1 => Err(bad("Host is missing.")),
        (None, _) => Ok(None),
        (Some(host), None) if is_host(host) => Ok(Some(host)),
        (Some(_), None) => Err(bad("Host is malformed.")),
    }
}

/// `name`, `1.2.3.4` or `[::1]`, perhaps with a port.
fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port))
                if name.bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b)) =>
            {
                (name, port.strip_prefix(':').or(port.is_empty().then_some("0")))
            }
            _ => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, Some("0")),
        },
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
    let port = port.is_some_and(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'));
    port && !name.is_empty() && name.bytes().all(plain)
}

/// The decoded path and the query of an origin-form target, or of an absolute one for our host.
fn target(target: &str, host: Option<&str>) -> Result<(String, Option<String>), Refusal> {
    let absolute = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    let origin_form = match absolute {
        Some(rest) => {
            let at = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, rest) = rest.split_at(at);
            if host.is_some_and(|host| !host.eq_ignore_ascii_case(authority)) || !is_host(authority)
            {
                return Err(bad("The target is not the Host."));
            }
            if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }
        }
        None => target.to_owned(),
    };
    if !origin_form.starts_with('/') || origin_form.contains('#') {
        return Err(bad("The request target is malformed."));
    }
    let (path, query) = match origin_form.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (origin_form.as_str(), None),
    };
    let path = percent_decode(path, false).ok_or(bad("The path is not well encoded."))?;
    let is_well_encoded = |pair: &str| percent_decode(pair, true).is_some();
    if !query.as_deref().unwrap_or_default().split('&').all(is_well_encoded) {
        return Err(bad("The query is not well encoded."));
    }
    Ok((path, query))
}

/// Decodes once. `None` for a broken escape, a NUL or what is not UTF-8.
pub(super) fn percent_decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    if decoded.contains(&0) { None } else { String::from_utf8(decoded).ok() }
}

fn expectation(headers: &Headers, is_1_1: bool) -> Result<bool, Refusal> {
    match headers.get("expect") {
        None => Ok(false),
        Some(_) if !is_1_1 => Ok(false),
        Some(what) if what.eq_ignore_ascii_case("100-continue") => Ok(true),
        Some(_) => Err(Refusal::Answer(417, "This expectation cannot be met.")),
    }
}

/// Two framings, or one in two ways, are how requests get smuggled: nothing ambiguous passes.
fn framing(headers: &Headers, is_1_1: bool) -> Result<Framing, Refusal> {
    let mut codings = headers.all("transfer-encoding");
    let mut lengths = headers.all("content-length");
    match (codings.next(), lengths.next()) {
        (Some(_), Some(_)) => Err(bad("Content-Length and Transfer-Encoding exclude each other.")),
        (Some(_), None) if !is_1_1 => Err(bad("HTTP/1.0 knows no Transfer-Encoding.")),
        (Some(_), None) if codings.next().is_some() => {
            Err(bad("There is more than one Transfer-Encoding."))
        }
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        (Some(_), None) => Err(Refusal::Answer(501, "The only transfer coding here is chunked.")),
        (None, Some(_)) if lengths.next().is_some() => {
            Err(bad("There is more than one Content-Length."))
        }
        (None, Some(length)) => content_length(length).map(Framing::Length),
        (None, None) => Ok(Framing::Length(0)),
    }
}

fn content_length(text: &str) -> Result<u64, Refusal> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad("Content-Length is not a number."));
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
