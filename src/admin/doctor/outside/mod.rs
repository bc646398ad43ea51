//! What somebody meets who opens the server by its URL: the certificate, the proxy in between, and what it passes on.

mod certificate;
mod forwarded;
mod headers;
mod seen;
mod upgrade;

use serde_json::Value;

use super::clock;
use super::report::Report;
use super::row::Row;
use super::site::{Site, Target};
use crate::base::limits::doctor as limits;
use crate::base::time::now_ms;
use crate::http::client::{Call, Failure, Origin, Reply, Scheme};
use seen::{FORGED, answer, client, short};

/// What no session token can be, so the server removes it.
const BROKEN_COOKIE: &str = "__Host-impulse_session=x; impulse_session=x";

/// All checks of the URL. The later ones are left out if it does not lead to Impulse.
pub async fn check(site: &Site, target: &Target, report: &mut Report) {
    report.add("url-certificate", certificate::check(target)).await;
    let mut found = None;
    let reaching = async {
        let (row, reply) = reach(site, target).await;
        found = reply;
        vec![row]
    };
    report.add("url", reaching).await;
    let Some(seen) = found else { return };
    report.push(date(&seen.reply));
    report.push(headers::secure_context(target));
    report.push(headers::hsts(site, target, &seen.reply));
    report.push(headers::cookies(target, &seen.reply));
    report.add("forwarded", forwarded::check(site, target, &seen.info)).await;
    report.add("redirect", headers::redirect(site, target)).await;
    report.add("upgrade", upgrade::check(target)).await;
}

/// The answer of an Impulse at the URL.
struct Seen {
    reply: Reply,
    info: Value,
}

async fn reach(site: &Site, target: &Target) -> (Row, Option<Seen>) {
    const CHECK: &str = "url";
    let url = target.browser_origin();
    let mut headers = vec![("Cookie", BROKEN_COOKIE), ("Accept", "application/json")];
    // A server that trusts no proxy would only log that it does not trust this one.
    if !site.config.trusted_proxies.is_empty() {
        headers.push(("X-Forwarded-For", FORGED));
    }
    let call = Call { method: "GET", path: "/api/info", headers: &headers, body: b"" };
    let reply = match client(target).request(call).await {
        Ok(reply) => reply,
        Err(failure) => return (unreached(&url, &failure), None),
    };
    if let Some(place) = secure_place(&reply) {
        let advice = format!("check that address: impulse doctor {place}");
        return (Row::todo(CHECK, format!("{url} redirects to {place}"), advice), None);
    }
    let info: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    match (reply.status, info["version"].as_str(), info["limits"].is_object()) {
        (200, Some(version), true) => {
            let found = format!("{url} leads to Impulse {}", short(version));
            (Row::ok(CHECK, found), Some(Seen { reply, info }))
        }
        (421, ..) => (
            Row::todo(
                CHECK,
                format!("the server does not go by the name {}", target.origin.host),
                "add it to IMPULSE_HOSTS, and let the proxy pass on the Host of the request",
            ),
            None,
        ),
        (502..=504, ..) => (
            Row::todo(
                CHECK,
                format!("{url}: a proxy answers {} in place of the server", answer(&reply)),
                "start the server, and let the proxy lead to the address it listens on",
            ),
            None,
        ),
        _ => (
            Row::todo(
                CHECK,
                format!(
                    "{url}: something else than Impulse answers /api/info ({})",
                    answer(&reply)
                ),
                "let the proxy pass every path on, unchanged",
            ),
            None,
        ),
    }
}

/// What to do where nothing answers.
fn unreached(url: &str, failure: &Failure) -> Row {
    let advice = match failure {
        Failure::SpeaksTls => "use https://",
        Failure::Tls { .. } => {
            "if the server speaks plain HTTP there, use http://, or set IMPULSE_TLS"
        }
        _ => "check the name in DNS, the firewall, and that the server or its proxy runs",
    };
    Row::todo("url", format!("{url}: {failure}"), advice)
}

/// Where a redirect to https leads.
fn secure_place(reply: &Reply) -> Option<String> {
    let location =
        reply.header("location").filter(|_| matches!(reply.status, 301 | 302 | 307 | 308))?;
    let (origin, _) = Origin::parse(location).ok()?;
    (origin.scheme == Scheme::Https).then(|| format!("https://{}", short(&origin.authority())))
}

/// The clock of the server, which its answer names to the second.
fn date(reply: &Reply) -> Row {
    const CHECK: &str = "url-clock";
    let date = reply.header("date").and_then(|text| httpdate::parse_http_date(text).ok());
    let Some(date) = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok()) else {
        return Row::unknown(CHECK, "the answer has no date");
    };
    let (theirs, now) = (crate::base::time::millis(date), now_ms());
    let skew = clock::apart(theirs, now - 1_000, now);
    match skew > limits::SKEW {
        true => Row::todo(
            CHECK,
            format!("{} s apart from that of this machine", skew.as_secs()),
            "let NTP keep both (timedatectl set-ntp true)",
        ),
        false => Row::ok(CHECK, "the same as that of this machine"),
    }
}
