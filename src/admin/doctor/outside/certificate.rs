//! The certificate that the URL shows: whether browsers take it, and how long.

use std::time::{Duration, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::super::certificate::{left, names};
use super::super::row::Row;
use super::super::site::Target;
use super::seen::{client, short};
use crate::base::limits::doctor as limits;
use crate::http::client::{Client, Failure};

const CHECK: &str = "url-certificate";

pub async fn check(target: &Target) -> Vec<Row> {
    if !target.is_https() {
        return vec![Row::ok(CHECK, "none: the URL is plain http")];
    }
    let trusting = Client::of(&target.origin, &target.trust).with_timeout(limits::REQUEST);
    let verdict = trusting.connect().await;
    let shown = match client(target).connect().await {
        Ok(stream) => stream.certificates().first().and_then(describe),
        // What does not answer at all is said by the check of the URL.
        Err(_) => return Vec::new(),
    };
    let (what, days) = shown.unwrap_or_else(|| ("one that cannot be read".to_owned(), None));
    vec![match verdict {
        Err(Failure::Certificate { host, error }) => {
            let sentence = Failure::Certificate { host, error }.to_string();
            Row::todo(
                CHECK,
                format!(
                    "{what}: browsers warn, since {}",
                    sentence.split(": give ").next().unwrap_or_default()
                ),
                "let the server or the proxy show one for this name; one of your own authority is checked with --ca FILE",
            )
        }
        Err(failure) => Row::todo(CHECK, failure.to_string(), "check TLS at this address"),
        Ok(_) if days.is_some_and(|days| days < limits::CERTIFICATE_LEFT.as_secs() / 86_400) => {
            Row::todo(CHECK, what, "renew it, or find out why it was not renewed")
        }
        Ok(_) => Row::ok(CHECK, what),
    }]
}

/// For whom it is, from whom, and how long it is good; the days that are left.
fn describe(der: &CertificateDer<'static>) -> Option<(String, Option<u64>)> {
    let (_, parsed) = X509Certificate::from_der(der).ok()?;
    let listed = parsed.subject_alternative_name().ok().flatten();
    let listed = listed.map(|found| found.value.general_names.as_slice()).unwrap_or_default();
    let listed: Vec<_> = listed.iter().filter_map(name).map(|name| short(&name)).collect();
    let issuer = parsed.issuer().iter_common_name().next().and_then(|name| name.as_str().ok());
    let ends = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
    let ends = UNIX_EPOCH + Duration::from_secs(ends.min(253_402_300_799));
    let days =
        ends.duration_since(std::time::SystemTime::now()).ok().map(|left| left.as_secs() / 86_400);
    let text = format!(
        "for {} by {}, {}",
        names(&listed),
        short(issuer.unwrap_or("somebody")),
        left(ends)
    );
    Some((text, Some(days.unwrap_or(0))))
}

fn name(name: &x509_parser::extensions::GeneralName<'_>) -> Option<String> {
    use x509_parser::extensions::GeneralName;
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes)
                .ok()
                .map(|octets| std::net::IpAddr::from(octets).to_string()),
            _ => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|octets| std::net::IpAddr::from(octets).to_string()),
        },
        _ => None,
    }
}
