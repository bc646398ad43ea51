//! A whole server in this process, on a real database and a free port, for as long as a test lasts.

#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used)]

pub mod bench;
pub mod client;
pub mod crowd;
pub mod link;
pub mod postgres;
pub mod raw_tls;
pub mod tls;
pub mod wire;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

use clap::Parser as _;
use impulse::cli::Cli;
use impulse::config::Config;
use impulse::server::Server;

use client::Client;

/// One of many different emoji.
pub fn emoji(n: usize) -> &'static str {
    emojis::iter().nth(n).expect("there are enough").as_str()
}

/// A running server. `stop` it at the end of the test.
pub struct TestServer {
    server: Server,
    pub address: SocketAddr,
    /// Where it keeps everything, for a second server after this one.
    pub database: String,
}

impl TestServer {
    /// On a new database, rate limits lifted.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same with more flags.
    pub async fn start_with(flags: &[&str]) -> Self {
        Self::start_on(&postgres::prepared_database().await, flags).await
    }

    /// On a given database.
    pub async fn start_on(database: &str, flags: &[&str]) -> Self {
        Self::start_config(database, config(database, flags)).await
    }

    /// With settings that have no flag.
    pub async fn start_config(database: &str, config: Config) -> Self {
        raise_descriptor_limit();
        let server = Server::start(config).await.expect("the server starts");
        let address = *server.addresses().first().expect("an address");
        Self { server, address, database: database.to_owned() }
    }

    /// Where it speaks plain HTTP: with TLS, on an address for the command line.
    pub fn plain_address(&self) -> SocketAddr {
        self.server.control().address.parse().expect("an address")
    }

    /// Registers `name`.
    pub async fn user(&self, name: &str) -> Client {
        Client::register(self.address, name).await
    }

    /// The first administrator of a new database, `boss`.
    pub async fn admin(&self) -> Client {
        let mut body = client::registration("boss");
        body["setup"] = serde_json::json!(self.setup_code().expect("no admin yet"));
        let mut boss = Client::new(self.address);
        let answer = boss.post("/api/auth/register", body).await;
        boss.keep_cookie(&answer);
        boss.uid = answer.expect(201)["uid"].as_str().expect("uid").to_owned();
        boss
    }

    /// A connection of the test's own to the database: to age a row instead of waiting for it.
    pub async fn sql(&self) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(&self.database, tokio_postgres::NoTls).await.expect("connect");
        tokio::spawn(connection);
        client
    }

    /// What start-up prints for the first admin.
    pub fn setup_link(&self) -> Option<String> {
        self.server.setup_link()
    }

    /// The code in it.
    pub fn setup_code(&self) -> Option<String> {
        let link = self.setup_link()?;
        link.split_once('#').map(|(_, code)| code.to_owned())
    }

    /// As SIGTERM does.
    pub async fn stop(mut self) {
        self.server.stop().await;
    }
}

/// Both ends of every socket are in one process.
pub fn raise_descriptor_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("what the hard limit allows");
}

/// Settings as the command line would give them.
pub fn config(database: &str, flags: &[&str]) -> Config {
    let unless_told = |defaults: [&'static str; 2]| {
        if flags.contains(&defaults[0]) { Vec::new() } else { defaults.to_vec() }
    };
    let fixed = ["impulse", "--database-url", database];
    let listen = unless_told(["--listen", "127.0.0.1:0"]);
    let lifted = unless_told(["--rate-limit-scale", "0"]);
    let args = [&fixed[..], &listen, &unless_told(["--shards", "2"]), &lifted, flags].concat();
    Cli::try_parse_from(args).expect("flags that exist").config
}

/// A port of 127.0.0.1 for a program that cannot be told to choose one itself. It lies below those that the kernel gives
/// to whoever asks for any, so that no test that runs meanwhile gets it, and no port is given out twice.
pub fn free_port() -> u16 {
    const FIRST: u16 = 10_240;
    const PORTS: u16 = 22_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Each process begins elsewhere.
    let start = std::process::id().wrapping_mul(7_919) % u32::from(PORTS);
    for _ in 0..PORTS {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + ((start + step) % u32::from(PORTS)) as u16;
        let address = ("127.0.0.1", port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
