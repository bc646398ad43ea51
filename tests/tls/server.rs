//! The whole server with `--tls files`: what browsers are told, the address that leads there, and the command line.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use impulse::server::Server;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Client, End, config};
use crate::support::client::{auth_of, registration};
use crate::support::postgres;
use crate::support::tls::Certified;

/// A server with a certificate for `chat.test` and 127.0.0.1 in two files.
pub struct Secured {
    pub server: Server,
    pub certified: Certified,
    folder: TempDir,
    /// The plain address that leads to https.
    plain: SocketAddr,
}

/// Files with a certificate and its key.
fn write(folder: &Path, certified: &Certified) {
    fs::write(folder.join("cert.pem"), certified.certificate()).unwrap();
    fs::write(folder.join("key.pem"), certified.key()).unwrap();
}

/// Where nobody listens yet.
fn free_address() -> SocketAddr {
    ([127, 0, 0, 1], crate::support::free_port()).into()
}

impl Secured {
    pub async fn start(more: &[&str]) -> Self {
        let certified = Certified::of(&["chat.test", "127.0.0.1"]);
        let (folder, plain) = (tempfile::tempdir().unwrap(), free_address());
        write(folder.path(), &certified);
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (cert, key, data, http) =
            (path("cert.pem"), path("key.pem"), path("data"), plain.to_string());
        let flags = ["--tls", "files", "--tls-cert", &cert, "--tls-key", &key];
        let flags = [&flags[..], &["--http-listen", &http, "--data-dir", &data], more].concat();
        let config = crate::support::config(&postgres::database().await, &flags);
        config.check().unwrap();
        let server = Server::start(config).await.unwrap();
        Self { server, certified, folder, plain }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.addresses()[0]
    }

    /// One request by https, and its answer.
    async fn ask(&self, request: &str) -> String {
        ask(self.address(), &self.certified, request).await
    }

    /// One plain request to the address that leads to https.
    async fn ask_plainly(&self, target: &str, host: &str) -> String {
        plain(self.plain, &get(target, host)).await
    }
}

async fn ask(address: SocketAddr, certified: &Certified, request: &str) -> String {
    let mut client = Client::open(address, &config(certified)).await;
    client.send(request.as_bytes()).await;
    let (text, end) = client.read_to_end().await;
    assert_eq!(end, End::Announced, "{text}");
    text
}

async fn plain(address: SocketAddr, request: &str) -> String {
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    answer
}

fn get(target: &str, host: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

fn post(target: &str, fields: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "POST {target} HTTP/1.1\r\nHost: chat.test\r\nConnection: close\r\n{fields}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn browsers_are_told_to_come_by_https_and_get_cookies_for_nothing_else() {
    let mut secured = Secured::start(&[]).await;
    let port = secured.address().port();
    let page = secured.ask(&get("/", "chat.test")).await;
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    assert!(page.contains("\r\nStrict-Transport-Security: max-age=31536000\r\n"), "{page}");
    let refused = secured.ask(&get("/api/me", "chat.test")).await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    assert!(refused.contains("Strict-Transport-Security"), "{refused}");
    let origin = "Origin: https://chat.test\r\n";
    let register = post("/api/auth/register", origin, &registration("ada"));
    let registered = secured.ask(&register).await;
    let cookies: Vec<_> =
        registered.lines().filter_map(|line| line.strip_prefix("Set-Cookie: ")).collect();
    assert!(registered.starts_with("HTTP/1.1 201") && !cookies.is_empty(), "{registered}");
    for cookie in cookies {
        assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");
    }
    // The same page by http is another origin.
    let login = json!({"username": "ada", "auth": auth_of("ada"), "device": "test"});
    let foreign = post("/api/auth/login", "Origin: http://chat.test\r\n", &login);
    assert!(secured.ask(&foreign).await.starts_with("HTTP/1.1 403"));
    let own = post("/api/auth/login", origin, &login);
    assert!(secured.ask(&own).await.starts_with("HTTP/1.1 200"));
    let urls: Vec<_> = secured.server.urls().collect();
    assert_eq!(urls, [format!("https://127.0.0.1:{port}")]);
    let setup = secured.server.setup_link().unwrap();
    assert!(setup.starts_with(&format!("https://chat.test:{port}/setup#")), "{setup}");
    secured.server.stop().await;
}

#[tokio::test]
async fn the_plain_address_leads_to_https_by_a_name_of_the_certificate_and_by_no_other() {
    let mut secured = Secured::start(&[]).await;
    let port = secured.address().port();
    for (host, name) in [
        ("chat.test", "chat.test"),
        ("CHAT.test.:8080", "chat.test"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1:80", "127.0.0.1"),
    ] {
        let led = secured.ask_plainly("/rooms/7?a=b", host).await;
        let location = format!("\r\nLocation: https://{name}:{port}/rooms/7?a=b\r\n");
        assert!(led.starts_with("HTTP/1.1 308 ") && led.contains(&location), "{led}");
        assert!(!led.contains("Strict-Transport-Security"), "{led}");
    }
    for host in ["evil.test", "chat.test.evil.test", "127.0.0.2", "[::1]", "localhost"] {
        let told = secured.ask_plainly("/rooms/7", host).await;
        assert!(told.starts_with("HTTP/1.1 421 ") && !told.contains("Location:"), "{told}");
        assert!(told.contains(&format!("https://chat.test:{port}/")), "{told}");
        assert!(!told.contains(host), "{told}");
    }
    let health = secured.ask_plainly("/health", "10.1.2.3").await;
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    let challenge = secured.ask_plainly("/.well-known/acme-challenge/none", "evil.test").await;
    assert!(challenge.starts_with("HTTP/1.1 404"), "{challenge}");
    let posted = plain(secured.plain, &post("/api/auth/login", "", &json!({"auth": "x"}))).await;
    assert!(posted.starts_with("HTTP/1.1 308"), "{posted}");
    secured.server.stop().await;
}

#[tokio::test]
async fn of_names_that_the_settings_list_only_those_are_led_to_and_with_the_port_that_they_name() {
    let mut secured = Secured::start(&["--hosts", "public.test:443,chat.test"]).await;
    let port = secured.address().port();
    for (host, location) in [
        ("public.test", Some("https://public.test/x".to_owned())),
        ("public.test:8080", Some("https://public.test/x".to_owned())),
        ("chat.test", Some(format!("https://chat.test:{port}/x"))),
        ("127.0.0.1", None),
    ] {
        let led = secured.ask_plainly("/x", host).await;
        match location {
            Some(location) => assert!(led.contains(&format!("Location: {location}\r\n")), "{led}"),
            None => {
                assert!(led.starts_with("HTTP/1.1 421") && led.contains("https://public.test/"))
            }
        }
    }
    assert!(secured.server.setup_link().unwrap().starts_with("https://public.test/setup#"));
    secured.server.stop().await;
}

#[tokio::test]
async fn a_certificate_in_files_is_exchanged_while_the_server_runs_and_a_wrong_one_is_not_used() {
    let mut secured = Secured::start(&[]).await;
    let folder = secured.folder.path().to_owned();
    fs::write(folder.join("cert.pem"), "-----BEGIN CERTIFICATE-----\nMII").unwrap();
    tokio::time::sleep(impulse::base::limits::tls::FILES_READ_AGAIN + Duration::from_secs(1)).await;
    assert!(secured.ask(&get("/health", "chat.test")).await.contains("200 OK"));
    let next = Certified::of(&["chat.test", "next.test"]);
    write(&folder, &next);
    let began = Instant::now();
    loop {
        let mut client = Client::connect(secured.address(), &config(&next)).await;
        if client.handshake().await.is_ok() {
            break;
        }
        let late = impulse::base::limits::tls::FILES_READ_AGAIN + Duration::from_secs(3);
        assert!(began.elapsed() < late, "the old one is still used");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    secured.certified = next;
    assert!(secured.ask(&get("/health", "chat.test")).await.contains("200 OK"));
    let led = secured.ask_plainly("/", "next.test").await;
    assert!(led.contains("Location: https://next.test:"), "{led}");
    secured.server.stop().await;
}

#[tokio::test]
async fn the_command_line_reaches_the_server_by_plain_http_on_loopback() {
    let mut secured = Secured::start(&[]).await;
    let control = secured.server.control().clone();
    let address: SocketAddr = control.address.parse().unwrap();
    assert!(address.ip().is_loopback() && address != secured.address());
    let token = format!("Authorization: Bearer {}\r\n", control.token);
    let request = get("/metrics", "127.0.0.1").replacen("\r\n", &format!("\r\n{token}"), 1);
    let metrics = plain(address, &request).await;
    assert!(!metrics.contains("Strict-Transport-Security"), "{metrics}");
    assert!(metrics.contains("impulse_tls_handshakes_total{result=\"full\"} 0"), "{metrics}");
    let ends =
        metrics.lines().find_map(|line| line.strip_prefix("impulse_tls_certificate_end_seconds "));
    let ends: f64 = ends.unwrap().parse().unwrap();
    assert!(ends > 1.8e9, "{ends}");
    assert_eq!(control.url, format!("https://chat.test:{}", secured.address().port()));
    secured.server.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_the_files_or_the_address_is_said_in_one_sentence_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let good = Certified::of(&["chat.test"]);
    let ended = Certified::with(&["chat.test"], |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let future = Certified::with(&["chat.test"], |params| {
        params.not_before = rcgen::date_time_ymd(2090, 1, 1);
        params.not_after = rcgen::date_time_ymd(2091, 1, 1);
    });
    for (name, text) in [
        ("good", good.certificate()),
        ("good.key", good.key()),
        ("ended", ended.certificate()),
        ("ended.key", ended.key()),
        ("future", future.certificate()),
        ("future.key", future.key()),
    ] {
        fs::write(path(name), text).unwrap();
    }
    let start = async |cert: &str, key: &str, http: &str| {
        let (cert, key) = (path(cert), path(key));
        let flags = ["--tls", "files", "--tls-cert", &cert, "--tls-key", &key];
        // No database is needed for what is refused before it is opened.
        let flags = [&flags[..], &["--http-listen", http]].concat();
        let config = crate::support::config("postgres://127.0.0.1:1/none", &flags);
        Server::start(config).await.err().unwrap()
    };
    for (cert, key, part) in [
        ("ended", "ended.key", "ended on Fri, 01 Jan 2021"),
        ("future", "future.key", "begins on Sun, 01 Jan 2090"),
        ("good", "ended.key", "does not belong to the certificate"),
        ("good", "missing.key", "missing.key: No such file"),
        ("good.key", "good.key", "holds a key and no certificate"),
    ] {
        let sentence = start(cert, key, "127.0.0.1:0").await;
        assert!(sentence.contains(part) && !sentence.contains('\n'), "{sentence}");
        assert!(sentence.contains(&path(cert)) || sentence.contains(&path(key)), "{sentence}");
    }
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap().to_string();
    let sentence = start("good", "good.key", &taken).await;
    assert!(sentence.contains("IMPULSE_HTTP_LISTEN") && sentence.contains(&taken), "{sentence}");
}

#[tokio::test]
async fn a_server_without_tls_says_nothing_of_it() {
    let config = crate::support::config(&postgres::database().await, &[]);
    let mut server = Server::start(config).await.unwrap();
    let address = server.addresses()[0];
    let page = plain(address, &get("/", "127.0.0.1")).await;
    assert!(page.starts_with("HTTP/1.1 200") && !page.contains("Strict-Transport"), "{page}");
    assert!(server.setup_link().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(server.control().address, address.to_string());
    server.stop().await;
}
