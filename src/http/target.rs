//! The request target and the `Host` it must agree with.

use super::headers::Headers;
use super::refusal::{Refusal, bad_request};

/// Exactly one valid `Host` in 1.1, at most one in 1.0.
pub(super) fn host(headers: &Headers, is_1_1: bool) -> Result<Option<&str>, Refusal> {
    let mut all = headers.all("host");
    match (all.next(), all.next()) {
        (Some(_), Some(_)) => Err(bad_request("There is more than one Host.")),
        (None, _) if is_1_1 => Err(bad_request("Host is missing.")),
        (None, _) => Ok(None),
        (Some(host), None) if is_host(host) => Ok(Some(host)),
        (Some(_), None) => Err(bad_request("Host is malformed.")),
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
pub(super) fn target(
    target: &str,
    host: Option<&str>,
) -> Result<(String, Option<String>), Refusal> {
    let absolute = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    let origin_form = match absolute {
        Some(rest) => {
            let at = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, rest) = rest.split_at(at);
            if host.is_some_and(|host| !host.eq_ignore_ascii_case(authority)) || !is_host(authority)
            {
                return Err(bad_request("The target is not the Host."));
            }
            if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }
        }
        None => target.to_owned(),
    };
    if !origin_form.starts_with('/') || origin_form.contains('#') {
        return Err(bad_request("The request target is malformed."));
    }
    let (path, query) = match origin_form.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (origin_form.as_str(), None),
    };
    let path = percent_decode(path, false).ok_or(bad_request("The path is not well encoded."))?;
    let is_well_encoded = |pair: &str| percent_decode(pair, true).is_some();
    if !query.as_deref().unwrap_or_default().split('&').all(is_well_encoded) {
        return Err(bad_request("The query is not well encoded."));
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
