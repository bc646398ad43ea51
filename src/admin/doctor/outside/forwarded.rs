//! What the server makes of what a proxy tells it: whose request it is, and by which scheme it came.

use std::net::IpAddr;

use serde_json::Value;

use super::super::row::Row;
use super::super::site::{Site, Target};
use super::seen::{FORGED, client};
use crate::http::client::Stream;

const CHECK: &str = "forwarded";

pub async fn check(_site: &Site, target: &Target, info: &Value) -> Vec<Row> {
    let seen: Option<IpAddr> = info["seen"]["address"].as_str().and_then(|text| text.parse().ok());
    let (Some(address), Some(secure)) = (seen, info["seen"]["secure"].as_bool()) else {
        return vec![Row::unknown(
            CHECK,
            "the server is of a version that does not say what it sees",
        )];
    };
    let ends = match client(target).connect().await {
        Ok(stream) => ends(&stream),
        Err(_) => None,
    };
    vec![judge(target, address, secure, ends)]
}

/// Our end of a connection to the URL, and the other one.
fn ends(stream: &Stream) -> Option<(IpAddr, IpAddr)> {
    let tcp = match stream {
        Stream::Plain(tcp) => tcp,
        Stream::Tls(stream) => stream.get_ref().0,
    };
    Some((tcp.local_addr().ok()?.ip(), tcp.peer_addr().ok()?.ip()))
}

fn judge(target: &Target, seen: IpAddr, secure: bool, ends: Option<(IpAddr, IpAddr)>) -> Row {
    const TRUST: &str = "let the proxy send X-Forwarded-For and X-Forwarded-Proto, and name its address in \
                         IMPULSE_TRUSTED_PROXIES";
    if secure != target.is_https() {
        let found = format!(
            "people come by {}, and the server takes it for the other scheme",
            scheme(target)
        );
        return Row::todo(CHECK, found, TRUST);
    }
    if Some(seen) == FORGED.parse().ok() {
        // A server that believes this machine as a proxy, asked directly, would say the same.
        return Row::todo(
            CHECK,
            "the server believes an address that the client wrote into X-Forwarded-For itself",
            "let the proxy replace X-Forwarded-For, or append to it (nginx: $proxy_add_x_forwarded_for), and name no \
             more than the proxy in IMPULSE_TRUSTED_PROXIES",
        );
    }
    match ends {
        Some((own, _)) if own == seen => {
            Row::ok(CHECK, format!("the server sees this machine as {seen}"))
        }
        // Everybody would count as one client.
        _ if seen.is_loopback() || Some(seen) == ends.map(|(_, other)| other) => Row::todo(
            CHECK,
            format!("the server sees everybody as {seen}, which is a proxy's address"),
            TRUST,
        ),
        Some((own, _)) if is_private(seen) && !is_private(own) => Row::todo(
            CHECK,
            format!("the server sees everybody as {seen}, which is a proxy's address"),
            TRUST,
        ),
        _ => Row::ok(
            CHECK,
            format!("the server sees this machine as {seen}; {} is right", scheme(target)),
        ),
    }
}

fn scheme(target: &Target) -> &'static str {
    if target.is_https() { "https" } else { "http" }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::row::Status;
    use super::*;
    use crate::http::client::{Origin, Trust};

    #[test]
    fn a_proxy_that_is_not_trusted_and_one_that_believes_anybody_are_something_to_do() {
        let (origin, _) = Origin::parse("https://chat.example.org").unwrap();
        let target = Target { origin, trust: Trust::public(), token: None };
        let judge = |seen: &str, secure, own: &str, other: &str| {
            let ends = Some((own.parse().unwrap(), other.parse().unwrap()));
            judge(&target, seen.parse().unwrap(), secure, ends)
        };
        let (own, other) = ("203.0.113.5", "198.51.100.1");
        assert_eq!(judge(own, true, own, other).status, Status::Ok);
        assert_eq!(judge("203.0.113.9", true, "192.168.1.2", other).status, Status::Ok, "NAT");
        for (seen, secure, part) in [
            (own, false, "other scheme"),
            (FORGED, true, "believes"),
            ("127.0.0.1", true, "everybody"),
            ("172.17.0.1", true, "everybody"),
            (other, true, "everybody"),
        ] {
            let row = judge(seen, secure, own, other);
            assert!(row.status == Status::Todo && row.found.contains(part), "{row:?}");
        }
    }
}
