//! Pebble, the ACME server of Let's Encrypt for tests, and the DNS it asks, as Debian packages them.

use std::fs::{self, File};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use impulse::http::client::{Call, Client, Origin, Trust};
use serde_json::{Value, json};

use crate::support::free_port;
use crate::support::tls::Certified;

/// A running Pebble with everything it needs. Killed when dropped.
pub struct Pebble {
    child: Child,
    dns: Child,
    pub folder: PathBuf,
    port: u16,
    management: u16,
    dns_management: u16,
    config: Value,
}

impl Pebble {
    /// One that checks names at 127.0.0.1 on that port; `more` are further settings of it.
    pub async fn start(folder: &Path, challenge_port: u16, more: Value) -> Self {
        let certified = Certified::of(&["127.0.0.1", "localhost"]);
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write("root.pem", &certified.authority);
        write("key.pem", &certified.key());
        write("cert.pem", &pem(&certified.chain[0]));
        let [port, management, dns_management] = [free_port(), free_port(), free_port()];
        let dns_port = free_port();
        let mut pebble = json!({
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.join("cert.pem"), "privateKey": folder.join("key.pem"),
            "httpPort": challenge_port, "tlsPort": free_port(), "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
        });
        for (name, value) in more.as_object().unwrap() {
            pebble[name] = value.clone();
        }
        let dns = Command::new("pebble-challtestsrv")
            .args(["-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""])
            .args(["-dns01", &format!("127.0.0.1:{dns_port}")])
            .args(["-management", &format!("127.0.0.1:{dns_management}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pebble-challtestsrv of the package pebble");
        // Some nonces may be refused, as the protocol allows: the client has to take the next one.
        let nonces = pebble.as_object_mut().unwrap().remove("refusedNonces");
        let nonces = nonces.unwrap_or_else(|| json!(0)).to_string();
        let dns_address = format!("127.0.0.1:{dns_port}");
        let config = json!({"pebble": pebble, "dns": dns_address, "nonces": nonces});
        let child = spawn(folder, &config);
        let folder = folder.to_owned();
        let this = Self { child, dns, folder, port, management, dns_management, config };
        this.wait().await;
        this
    }

    async fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        for port in [self.port, self.management, self.dns_management] {
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                assert!(Instant::now() < deadline, "pebble does not start");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// The address of its directory.
    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// The file by which its own certificate is checked.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root.pem")
    }

    /// Ends it, and everything it knows with it.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again, on the same ports, with other certificates and without any account.
    pub async fn start_again(&mut self) {
        self.child = spawn(&self.folder, &self.config);
        self.wait().await;
    }

    /// The root of the certificates it issues, for an independent client.
    pub async fn issuer(&self) -> String {
        let url = format!("https://127.0.0.1:{}/roots/0", self.management);
        let (origin, path) = Origin::parse(&url).unwrap();
        let client = Client::of(&origin, &Trust::in_file(&self.root()).unwrap());
        let call = Call { method: "GET", path, headers: &[], body: b"" };
        String::from_utf8(client.request(call).await.unwrap().body).unwrap()
    }

    /// From now on its DNS says that a name is at that address.
    pub async fn point(&self, name: &str, address: &str) {
        let client = Client::new(&format!("127.0.0.1:{}", self.dns_management));
        let body = json!({"host": name, "addresses": [address]}).to_string();
        assert_eq!(client.send("POST", "/add-a", &body).await.unwrap().status, 200);
    }

    /// How many orders were made, by its log.
    pub fn orders(&self) -> usize {
        let log = fs::read_to_string(self.folder.join("pebble.log")).unwrap();
        log.lines().filter(|line| line.contains("/order-plz -> calling")).count()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
        let _ = self.dns.kill();
        let _ = self.dns.wait();
    }
}

fn spawn(folder: &Path, config: &Value) -> Child {
    fs::write(folder.join("pebble.json"), config.to_string()).unwrap();
    let log = || File::options().append(true).create(true).open(folder.join("pebble.log")).unwrap();
    Command::new("pebble")
        .arg("-config")
        .arg(folder.join("pebble.json"))
        .args(["-dnsserver", config["dns"].as_str().unwrap()])
        .env("PEBBLE_VA_NOSLEEP", "1")
        .env("PEBBLE_WFE_NONCEREJECT", config["nonces"].as_str().unwrap())
        .stdout(log())
        .stderr(log())
        .spawn()
        .expect("pebble of the package pebble")
}

pub fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}
