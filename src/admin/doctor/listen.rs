//! The listen addresses: answered if a server runs, free if none does. And whether browsers will sign in there.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::row::Row;
use super::site::{Site, from_here};
use crate::base::limits::doctor as limits;

const CHECK: &str = "listen";

pub async fn check(site: &Site) -> Vec<Row> {
    let plain = site.config.tls.plain_addresses();
    let plain = plain.iter().flat_map(|listen| &listen.0);
    let mut rows = Vec::new();
    for address in
        site.config.listen.0.iter().chain(plain).copied().filter(|address| address.port() != 0)
    {
        rows.push(match site.is_running() {
            true => answered(address).await,
            false => free(address),
        });
    }
    rows.push(browsers(site));
    rows
}

async fn answered(address: SocketAddr) -> Row {
    match timeout(limits::REQUEST, TcpStream::connect(from_here(address))).await {
        Ok(Ok(_)) => Row::ok(CHECK, format!("{address} is answered")),
        _ => Row::todo(
            CHECK,
            format!("a server runs, but nothing answers at {address}"),
            "run this with the settings of the server (the same IMPULSE_LISTEN), or restart it with these",
        ),
    }
}

fn free(address: SocketAddr) -> Row {
    match TcpListener::bind(address) {
        Ok(_) => Row::ok(CHECK, format!("{address} is free")),
        Err(error) => {
            let advice = match error.kind() {
                ErrorKind::AddrInUse => {
                    "stop what listens there, or choose another address".to_owned()
                }
                ErrorKind::PermissionDenied => format!(
                    "port {} is for root: give the program CAP_NET_BIND_SERVICE (AmbientCapabilities= of systemd), \
                     or choose a port from 1024 on",
                    address.port()
                ),
                _ => "choose an address of this machine".to_owned(),
            };
            Row::todo(CHECK, format!("cannot listen on {address}: {error}"), advice)
        }
    }
}

/// Signing in needs WebCrypto, which browsers give to https and to localhost only.
fn browsers(site: &Site) -> Row {
    const CHECK: &str = "secure-context";
    let config = &site.config;
    let is_local = config.listen.0.iter().all(|address| address.ip().is_loopback());
    match () {
        () if config.tls.is_on() => Row::ok(CHECK, "https in the server itself"),
        () if is_local => Row::ok(
            CHECK,
            "plain, on this machine only: for it, or for a proxy here that speaks https",
        ),
        () if !config.trusted_proxies.is_empty() => {
            Row::ok(CHECK, "plain, behind a proxy that has to speak https")
        }
        () => Row::todo(
            CHECK,
            "plain HTTP for other machines: browsers sign in by https or localhost only",
            "set IMPULSE_TLS (auto in a network of your own, acme with a public name), or put a proxy with https in \
             front and name it in IMPULSE_TRUSTED_PROXIES",
        ),
    }
}
