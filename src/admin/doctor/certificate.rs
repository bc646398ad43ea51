//! The certificate on disk, wherever the settings say it comes from.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::row::Row;
use super::site::Site;
use crate::base::limits::doctor as limits;
use crate::config::TlsMode;
use crate::tls::acme::Folder;
use crate::tls::{Certificate, pem};

const CHECK: &str = "certificate";

pub async fn check(site: &Site) -> Vec<Row> {
    let tls = &site.config.tls;
    match (tls.mode, &tls.cert, &tls.key) {
        (TlsMode::Off, ..) => vec![Row::ok(CHECK, "none: the server speaks plain HTTP")],
        (TlsMode::Files, Some(cert), Some(key)) => vec![match pem::load(cert, key) {
            Ok(found) => {
                judge(&found, limits::CERTIFICATE_LEFT, "put a new one into the same files")
            }
            Err(sentence) => Row::todo(
                CHECK,
                sentence,
                "change IMPULSE_TLS_CERT and IMPULSE_TLS_KEY, or the files",
            ),
        }],
        (TlsMode::Files, ..) => {
            vec![Row::todo(CHECK, "it is not named", "set IMPULSE_TLS_CERT and IMPULSE_TLS_KEY")]
        }
        (TlsMode::Auto, ..) => vec![own(&site.data_dir.join("tls/auto.pem"))],
        (TlsMode::Acme, ..) => vec![acme(site)],
    }
}

/// One that the server makes and renews itself.
fn own(path: &Path) -> Row {
    if !path.exists() {
        return Row::ok(CHECK, "made at the first start, by an authority of the server's own");
    }
    match pem::load(path, path) {
        Ok(found) => judge(&found, Duration::ZERO, "start the server: it makes a new one"),
        Err(sentence) => unreadable(sentence),
    }
}

fn acme(site: &Site) -> Row {
    let folder = Folder::of(&site.data_dir);
    let failure = folder.last_failure();
    let path = folder.certificate_path();
    let names = site.config.tls.domains.join(", ");
    if !path.exists() {
        return match (failure, site.is_running()) {
            (Some(failure), _) => Row::todo(
                CHECK,
                format!("none for {names} yet: {failure}"),
                "then restart the server",
            ),
            (None, true) => Row::todo(
                CHECK,
                format!("none for {names} yet"),
                "wait a minute, and read the server's log",
            ),
            (None, false) => Row::ok(CHECK, format!("obtained for {names} at the first start")),
        };
    }
    let found = match pem::load(&path, &path) {
        Ok(found) => found,
        Err(sentence) => return unreadable(sentence),
    };
    if let Some(failure) = failure {
        let found = format!("{}; it could not be renewed: {failure}", said(&found));
        return Row::todo(CHECK, found, "do what it says; the server tries again by itself");
    }
    match site.config.tls.domains.iter().find(|name| !found.covers(name)) {
        Some(name) => Row::todo(
            CHECK,
            format!("{}, not for {name}", said(&found)),
            "restart the server: it orders a new one",
        ),
        None => judge(&found, Duration::ZERO, "start the server: it renews it"),
    }
}

fn unreadable(sentence: String) -> Row {
    Row::todo(
        CHECK,
        sentence,
        "run this as the user of the server, or as root; if that is not it, remove the file",
    )
}

fn judge(found: &Certificate, least: Duration, advice: &str) -> Row {
    let now = SystemTime::now();
    let left = found.ends().duration_since(now).unwrap_or_default();
    match found.check_validity(now) {
        Err(sentence) => Row::todo(CHECK, sentence, advice),
        Ok(()) if left < least => Row::todo(CHECK, said(found), advice),
        Ok(()) => Row::ok(CHECK, said(found)),
    }
}

fn said(found: &Certificate) -> String {
    format!("for {}, {}", names(found.names()), left(found.ends()))
}

/// A few names, and how many more there are.
pub fn names(all: &[String]) -> String {
    let shown: Vec<_> = all.iter().take(limits::NAMES_SHOWN).map(String::as_str).collect();
    match all.len().saturating_sub(limits::NAMES_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// How long a certificate is good.
pub fn left(ends: SystemTime) -> String {
    match ends.duration_since(SystemTime::now()) {
        Ok(left) => format!("good for {} more days", left.as_secs() / 86_400),
        Err(_) => format!("ended on {}", httpdate::fmt_http_date(ends)),
    }
}
