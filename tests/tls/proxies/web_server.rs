//! Real web servers, each set up by the very text of `docs/operations.md`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::free_port;

const HANDBOOK: &str = include_str!("../../../docs/operations.md");
/// Where the examples say that Impulse is.
const IMPULSE: &str = "127.0.0.1:8080";
/// By which name people reach it there.
pub const NAME: &str = "chat.example.org";
const CERTIFICATE: &str = "/etc/letsencrypt/live/chat.example.org/fullchain.pem";
const KEY: &str = "/etc/letsencrypt/live/chat.example.org/privkey.pem";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Apache,
    Caddy,
}

/// A running one. Stopped when dropped.
pub struct WebServer {
    child: Child,
    log: PathBuf,
    pub port: u16,
}

/// What a configuration needs to know.
struct Place<'a> {
    folder: &'a Path,
    port: u16,
    impulse: &'a str,
}

impl WebServer {
    /// Starts it with a folder of its own, in which `chain.pem` and `key.pem` are.
    pub fn start(kind: Kind, folder: &Path, impulse: &str) -> Self {
        let port = free_port();
        let place = Place { folder, port, impulse };
        let log = folder.join("log");
        let mut command = match kind {
            Kind::Nginx => nginx(&place),
            Kind::Apache => apache(&place),
            Kind::Caddy => caddy(&place),
        };
        let output = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        let mut server = Self { child, log, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().unwrap();
            let late = Instant::now() > deadline;
            assert!(ended.is_none() && !late, "{kind:?} {ended:?}: {}", server.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// What it wrote into its log.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        // It stops its own processes; a killed one could not.
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, which is installed or was unpacked by `./test`.
fn program(name: &str) -> Command {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/proxies");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let mut all = folders.chain([unpacked.join("usr/sbin"), unpacked.join("usr/bin")]);
    let folder = all.find(|folder| folder.join(name).is_file());
    Command::new(
        folder.unwrap_or_else(|| panic!("{name} is missing: ./test unpacks it")).join(name),
    )
}

/// The one example of that kind in the handbook, with the places of this test in it.
fn example(language: &str, place: &Place) -> String {
    let fence = format!("```{language}\n");
    let mut blocks = HANDBOOK.split(fence.as_str()).skip(1);
    let block = blocks.next().and_then(|block| block.split("```").next()).expect("an example");
    assert!(blocks.next().is_none(), "several examples of {language}");
    let file = |name: &str| place.folder.join(name).display().to_string();
    replaced(&replaced(block, IMPULSE, place.impulse), NAME, NAME)
        .replace(CERTIFICATE, &file("chain.pem"))
        .replace(KEY, &file("key.pem"))
}

/// Replaces what has to be there.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from:?} in the example:\n{text}");
    text.replace(from, to)
}

fn nginx(place: &Place) -> Command {
    let block = example("nginx", place);
    let block = replaced(&block, "    listen [::]:443 ssl http2;\n", "");
    let block = replaced(&block, "listen 443 ", &format!("listen 127.0.0.1:{} ", place.port));
    let folder = place.folder.display();
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = kinds.map(|kind| format!("{kind}_temp_path {folder}/{kind};\n")).concat();
    let user = if nix::unistd::geteuid().is_root() { "user root;\n" } else { "" };
    let config = format!(
        "daemon off;\nworker_processes 2;\npid {folder}/pid;\nerror_log stderr;\n{user}events {{}}\n\
         http {{\naccess_log off;\n{temporary}{block}}}\n"
    );
    fs::write(place.folder.join("nginx.conf"), config).unwrap();
    let mut command = program("nginx");
    command.arg("-p").arg(place.folder).arg("-c").arg(place.folder.join("nginx.conf"));
    command.args(["-e", "stderr"]);
    command
}

fn apache(place: &Place) -> Command {
    let block = example("apache", place);
    let block = replaced(&block, "*:443", &format!("127.0.0.1:{}", place.port));
    let enabled =
        HANDBOOK.split("`a2enmod ").nth(1).and_then(|rest| rest.split('`').next()).unwrap();
    // Those that Debian's package has on from the start, and those that the example asks for.
    let modules = "mpm_event authz_core socache_shmcb".split(' ').chain(enabled.split(' '));
    let modules = modules.map(|module| {
        format!("LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so\n")
    });
    let folder = place.folder.display();
    let config = format!(
        "ServerRoot {folder}\nPidFile {folder}/pid\nDefaultRuntimeDir {folder}\nErrorLog {folder}/error.log\n\
         ServerName {NAME}\nListen 127.0.0.1:{}\n{}{}{block}",
        place.port,
        modules.collect::<String>(),
        // As root it would serve as another user, who need not be there.
        if nix::unistd::geteuid().is_root() { "User nobody\nGroup nogroup\n" } else { "" },
    );
    fs::write(place.folder.join("apache.conf"), config).unwrap();
    let mut command = program("apache2");
    command.args(["-X", "-f"]).arg(place.folder.join("apache.conf"));
    // One process in the foreground that ends with us, and yet as many threads as it likes.
    command.args(["-D", "FOREGROUND"]);
    command
}

fn caddy(place: &Place) -> Command {
    let block = example("caddy", place);
    let file = |name: &str| place.folder.join(name).display().to_string();
    // The certificate is one that it cannot get here.
    let site = format!(
        "https://{NAME}:{} {{\n    bind 127.0.0.1\n    tls {} {}\n",
        place.port,
        file("chain.pem"),
        file("key.pem")
    );
    let block = replaced(&block, &format!("{NAME} {{\n"), &site);
    let config = format!("{{\n    admin off\n    auto_https disable_redirects\n}}\n{block}");
    fs::write(place.folder.join("Caddyfile"), config).unwrap();
    let mut command = program("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(place.folder.join("Caddyfile"));
    for name in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(name, place.folder);
    }
    command
}
