//! What a browser needs to be told by headers, and that the plain address leads to https.

use super::super::row::Row;
use super::super::site::{Site, Target};
use super::seen::{answer, short};
use crate::base::limits::doctor as limits;
use crate::config::TlsMode;
use crate::http::client::{Call, Client, Origin, Reply, Scheme, Trust};

/// Browsers give the cryptography of signing in to https and to this machine only.
pub fn secure_context(target: &Target) -> Row {
    const CHECK: &str = "url-secure-context";
    let host = target.origin.host.as_str();
    let is_local = host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    match (target.is_https(), is_local) {
        (true, _) => Row::ok(CHECK, "https: browsers sign in"),
        (false, true) => Row::ok(CHECK, "plain, on this machine: its browsers sign in"),
        (false, false) => Row::todo(
            CHECK,
            "plain http: browsers do not sign in",
            "set IMPULSE_TLS, or put a proxy with https in front",
        ),
    }
}

/// Whether browsers are told to come by https only.
pub fn hsts(site: &Site, target: &Target, reply: &Reply) -> Row {
    const CHECK: &str = "hsts";
    match reply.header("strict-transport-security") {
        Some(text) if target.is_https() => Row::ok(CHECK, short(text)),
        _ if !target.is_https() => Row::ok(CHECK, "none, and over plain http none would count"),
        _ if site.config.tls.mode == TlsMode::Auto => {
            Row::ok(CHECK, "none, as it should be with an authority of one's own")
        }
        _ => Row::todo(
            CHECK,
            "browsers are not told to come by https only",
            "let the proxy send Strict-Transport-Security: max-age=31536000",
        ),
    }
}

/// The flags of the session's cookie, as they arrive: the server removes a broken one with the same flags.
pub fn cookies(target: &Target, reply: &Reply) -> Row {
    const CHECK: &str = "cookies";
    let cookies = reply.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let cookies = cookies.filter_map(|(_, value)| std::str::from_utf8(value).ok());
    let Some(cookie) = cookies.into_iter().find(|cookie| cookie.contains("impulse_session="))
    else {
        return Row::todo(
            CHECK,
            "the answer sets no cookie although it should remove a broken one",
            "let the proxy pass Cookie and Set-Cookie on",
        );
    };
    let flags: Vec<_> =
        cookie.split(';').skip(1).map(|flag| flag.trim().to_ascii_lowercase()).collect();
    let wanted =
        ["httponly", "samesite=strict"].into_iter().chain(target.is_https().then_some("secure"));
    let missing: Vec<_> =
        wanted.filter(|wanted| !flags.iter().any(|flag| flag == wanted)).collect();
    match missing.as_slice() {
        [] => Row::ok(
            CHECK,
            if target.is_https() {
                "HttpOnly, SameSite=Strict, Secure"
            } else {
                "HttpOnly, SameSite=Strict"
            },
        ),
        ["secure"] => Row::todo(
            CHECK,
            "the session's cookie is not Secure: the server does not know that people come by https",
            "let the proxy send X-Forwarded-Proto, and name it in IMPULSE_TRUSTED_PROXIES",
        ),
        missing => Row::todo(
            CHECK,
            format!("the session's cookie lacks {}", missing.join(", ")),
            "let the proxy leave Set-Cookie as it is",
        ),
    }
}

/// Whether somebody who types the name alone is led to https.
pub async fn redirect(site: &Site, target: &Target) -> Vec<Row> {
    const CHECK: &str = "redirect";
    if !target.is_https() {
        return vec![Row::ok(CHECK, "not needed: the URL is plain http")];
    }
    let own = site.config.tls.plain_addresses();
    let own = own.as_ref().and_then(|listen| listen.0.first());
    let port = match (target.origin.port, own) {
        (443, _) => 80,
        (_, Some(own)) => own.port(),
        _ => return vec![Row::ok(CHECK, "not asked for: https is at a port of its own")],
    };
    let plain = Origin { scheme: Scheme::Http, host: target.origin.host.clone(), port };
    let client = Client::of(&plain, &Trust::public()).with_timeout(limits::REQUEST);
    let call = Call { method: "GET", path: "/", headers: &[], body: b"" };
    vec![match client.request(call).await {
        Err(_) => Row::unknown(
            CHECK,
            format!("port {port} does not answer here, so nobody is led to https by it"),
        ),
        Ok(reply) => {
            let location = reply.header("location").unwrap_or_default();
            let leads = Origin::parse(location).is_ok_and(|(origin, _)| {
                origin.scheme == Scheme::Https && origin.host == target.origin.host
            });
            match (reply.status, leads) {
                (301 | 302 | 307 | 308, true) => {
                    Row::ok(CHECK, format!("port {port} leads to https"))
                }
                _ => Row::todo(
                    CHECK,
                    format!("port {port} answers {} and does not lead to https", answer(&reply)),
                    "set IMPULSE_HTTP_LISTEN, or let the proxy redirect there",
                ),
            }
        }
    }]
}

#[cfg(test)]
mod tests {
    use super::super::super::row::Status;
    use super::*;

    fn target(url: &str) -> Target {
        let (origin, _) = Origin::parse(url).unwrap();
        Target { origin, trust: Trust::public(), token: None }
    }

    fn reply(headers: &[(&str, &str)]) -> Reply {
        let headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Reply { status: 200, reason: String::new(), headers: headers.collect(), body: Vec::new() }
    }

    #[test]
    fn only_https_and_this_machine_are_secure_contexts() {
        for (url, status) in [
            ("https://a.b", Status::Ok),
            ("http://localhost:8080", Status::Ok),
            ("http://127.0.0.1", Status::Ok),
            ("http://[::1]", Status::Ok),
            ("http://10.0.0.7", Status::Todo),
            ("http://localhost.example.org", Status::Todo),
        ] {
            assert_eq!(secure_context(&target(url)).status, status, "{url}");
        }
    }

    #[test]
    fn a_cookie_without_its_flags_is_something_to_do() {
        let of = |url: &str, cookie: &str| cookies(&target(url), &reply(&[("set-cookie", cookie)]));
        let good = "__Host-impulse_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure";
        assert_eq!(of("https://a.b", good).status, Status::Ok);
        let plain = "impulse_session=; Path=/; HttpOnly; SameSite=Strict";
        assert_eq!(of("http://localhost", plain).status, Status::Ok);
        let row = of("https://a.b", plain);
        assert!(row.status == Status::Todo && row.found.contains("not Secure"), "{row:?}");
        assert!(of("https://a.b", "impulse_session=; Secure").found.contains("httponly"));
        assert_eq!(cookies(&target("https://a.b"), &reply(&[])).status, Status::Todo);
    }
}
