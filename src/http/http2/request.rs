//! The head of a request of HTTP/2, checked as one of HTTP/1.1 is.
//!
//! `h2` has refused what no request may have by then: fields of a connection, upper case, a doubled or missing
//! pseudo-header, a length that its frames do not have.

use http::request::Parts;
use http::{HeaderMap, Method, header};

use crate::base::limits::http as limits;
use crate::http::head::{self, Framing, Head, Version};
use crate::http::headers::{Headers, OWS};
use crate::http::refusal::{Refusal, bad_request};
use crate::http::target;

/// The head of a request that has a body or, if it has ended, none.
///
/// # Errors
/// The refusal it deserves.
pub(super) fn head_of(parts: Parts, has_ended: bool) -> Result<Head, Refusal> {
    if parts.method == Method::CONNECT {
        return Err(Refusal::Answer(501, "No connections are made for others here."));
    }
    let uri = &parts.uri;
    if !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        return Err(bad_request("The scheme is not one of HTTP."));
    }
    let path_and_query =
        uri.path_and_query().map(http::uri::PathAndQuery::as_str).unwrap_or_default();
    if path_and_query.len() > limits::REQUEST_LINE {
        return Err(Refusal::Answer(414, "The path is too long."));
    }
    // A path of another form, as `http://…`, is for proxies.
    if !path_and_query.starts_with('/') {
        return Err(bad_request("The path is malformed."));
    }
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let headers = headers_of(&parts.headers, authority)?;
    let host = target::host(&headers, true)?;
    let (path, query) = target::target(path_and_query, host)?;
    let framing = match (head::framing(&headers, true)?, headers.get("content-length")) {
        (_, None) if !has_ended => Framing::Chunked,
        (framing, _) => framing,
    };
    Ok(Head {
        method: head::Method::new(parts.method.as_str()),
        path,
        query,
        framing,
        expects_continue: head::expectation(&headers, true)?,
        headers,
        version: Version::Http2,
        keep_alive: true,
    })
}

/// The fields as HTTP/1.1 has them: with a `Host`, and the cookies in one.
fn headers_of(fields: &HeaderMap, authority: Option<&str>) -> Result<Headers, Refusal> {
    let cookies = fields.get_all(header::COOKIE).iter().count();
    let count = fields.len() - cookies.saturating_sub(1);
    if count > limits::HEADERS {
        return Err(Refusal::Answer(431, "There are too many header fields."));
    }
    let bytes = fields.iter().map(|(name, value)| name.as_str().len() + value.len() + 2).sum();
    let mut headers = Headers::with_capacity(bytes, count + 1);
    match (authority, fields.get(header::HOST)) {
        (None, _) => {}
        (Some(authority), None) => headers.push("host", authority),
        (Some(authority), Some(host))
            if host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) => {}
        (Some(_), Some(_)) => return Err(bad_request("The authority is not the Host.")),
    }
    let mut cookie = String::new();
    for (name, value) in fields {
        let value = String::from_utf8_lossy(value.as_bytes());
        if value.starts_with(OWS) || value.ends_with(OWS) {
            return Err(bad_request("A header field has spaces around its value."));
        }
        if name != header::COOKIE {
            headers.push(name.as_str(), &value);
            continue;
        }
        if !cookie.is_empty() {
            cookie.push_str("; ");
        }
        cookie.push_str(&value);
    }
    if cookies > 0 {
        headers.push("cookie", &cookie);
    }
    Ok(headers)
}
