//! The private server of `--local`: another process of this program, so that its cost is separate from that
//! of the load test. It has its own database in a temporary directory. Both are removed afterwards.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::base::limits::loadtest as limits;
use crate::base::temporary::TemporaryFolder;
use crate::http::client::Trust;

/// The private server, shared with the thread that restarts it.
pub type SharedServer = Arc<Mutex<LocalServer>>;

/// The process and its directory.
pub struct LocalServer {
    child: Child,
    folder: TemporaryFolder,
    flags: Vec<String>,
    security: Security,
    /// `127.0.0.1:PORT`.
    authority: String,
    /// The code by which the first user becomes an admin, until there is one.
    pub setup: Option<String>,
}

/// Whether it speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Plain HTTP.
    Plain,
    /// TLS, with a certificate of its own.
    Tls,
}

impl LocalServer {
    /// Starts it with these further flags of `serve`.
    ///
    /// # Errors
    /// One sentence: the last line of the server's log.
    pub fn start(mut flags: Vec<String>, security: Security) -> Result<Self, String> {
        let folder = TemporaryFolder::new("loadtest")?;
        if security == Security::Tls {
            flags.extend(write_certificate(folder.path())?);
        }
        let child = spawn(folder.path(), "127.0.0.1:0", &flags)?;
        let authority = String::new();
        let mut local = Self { child, folder, flags, security, authority, setup: None };
        local.wait_until_ready()?;
        Ok(local)
    }

    /// Its address.
    pub fn url(&self) -> String {
        match self.security {
            Security::Plain => format!("http://{}", self.authority),
            Security::Tls => format!("https://{}", self.authority),
        }
    }

    /// The certificate that it has, if any.
    ///
    /// # Errors
    /// The file is not there.
    pub fn trust(&self) -> Result<Trust, String> {
        match self.security {
            Security::Plain => Ok(Trust::public()),
            Security::Tls => Trust::in_file(&self.folder.path().join(CERTIFICATE)),
        }
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Restarts it at the same address with the same data.
    ///
    /// # Errors
    /// As [`LocalServer::start`].
    pub fn restart(&mut self) -> Result<(), String> {
        self.stop();
        self.child = spawn(self.folder.path(), &self.authority.clone(), &self.flags)?;
        self.wait_until_ready()
    }

    /// A token of `scope` for each user.
    ///
    /// # Errors
    /// What the command printed.
    pub fn tokens(&self, scope: &str, users: &[String]) -> Result<Vec<String>, String> {
        let cannot = |error: std::io::Error| format!("cannot make tokens: {error}");
        let mut command = program(self.folder.path()).map_err(cannot)?;
        let output = command
            .args(["admin", "token", "--scope", scope])
            .args(users)
            .output()
            .map_err(cannot)?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cannot make tokens: {}", errors.trim()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// Reads what it prints until it serves.
    fn wait_until_ready(&mut self) -> Result<(), String> {
        let stdout = self.child.stdout.take().ok_or("the server has no output")?;
        let (tx, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // It is read to the end, because a full pipe would block the server.
            BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| {
                let _ = tx.send(line);
            });
        });
        let until = Instant::now() + limits::START;
        while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            let scheme = match self.security {
                Security::Plain => "ready: http://",
                Security::Tls => "ready: https://",
            };
            if let Some(authority) = line.strip_prefix(scheme) {
                self.authority = authority.to_owned();
                let is_first = self.setup.is_none();
                // The link follows at once, as long as it has not been used.
                let line =
                    lines.recv_timeout(if is_first { limits::SETUP } else { Duration::ZERO });
                let code = line.ok().and_then(|line| Some(line.split_once('#')?.1.to_owned()));
                self.setup = code.or(self.setup.take());
                return Ok(());
            }
        }
        let log =
            std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default();
        let last = log.lines().last().unwrap_or("it said nothing").to_owned();
        Err(format!("the private server did not start: {last}"))
    }

    fn stop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // A process that has ended already needs no signal.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let until = Instant::now() + limits::STOP;
        while Instant::now() < until {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(limits::STOP_POLL),
                _ => return,
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The file with the certificate, in the server's folder.
const CERTIFICATE: &str = "certificate.pem";

/// Makes a certificate for loopback; the flags with which the server uses it.
fn write_certificate(folder: &Path) -> Result<Vec<String>, String> {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]);
    let made = made.map_err(|error| format!("cannot make a certificate: {error}"))?;
    let mut flags = vec!["--tls".to_owned(), "files".to_owned()];
    let key = ("--tls-key", "key.pem", made.signing_key.serialize_pem());
    for (flag, name, text) in [("--tls-cert", CERTIFICATE, made.cert.pem()), key] {
        let file = folder.join(name);
        let written = std::fs::write(&file, text);
        written.map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        flags.extend([flag.to_owned(), file.display().to_string()]);
    }
    Ok(flags)
}

fn spawn(folder: &Path, listen: &str, flags: &[String]) -> Result<Child, String> {
    let cannot = |error: std::io::Error| format!("cannot start a private server: {error}");
    let log = std::fs::File::create(folder.join("server.log")).map_err(cannot)?;
    program(folder)
        .map_err(cannot)?
        .args(["serve", "--rate-limit-scale", "0", "--listen", listen])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(cannot)
}

/// This program with the data directory of the private server, and without the flags of any other
/// server of this machine.
fn program(folder: &Path) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("IMPULSE_") || text.ends_with("DATABASE_URL") {
            command.env_remove(&name);
        }
    }
    command.env("IMPULSE_LOG", "warn").env("IMPULSE_DATA_DIR", folder.join("data"));
    Ok(command)
}
