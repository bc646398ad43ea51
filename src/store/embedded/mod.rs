//! A private PostgreSQL: the installed programs, our own cluster, no port, no system service.
//!
//! ```text
//! DATA_DIR/postgres       the cluster            DATA_DIR/run    its socket, mode 0700
//! DATA_DIR/lock           held while we run      DATA_DIR/postgres.log
//! ```
//!
//! A supervisor thread, which never ends, starts the postmaster, restarts it if it dies, and stops
//! it with SIGINT (SIGTERM would wait for clients). If the server itself is killed the kernel sends
//! that SIGINT ([`super::child`]). fsync stays on. First start about a second, later ones 0.1 s.

mod owner;
mod programs;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::child::die_with_parent;
use crate::base::hex;
use crate::base::limits::embedded as limits;
use owner::Owner;
pub use owner::default_data_dir;
use programs::Programs;

/// The running private PostgreSQL. Stopped by [`Embedded::stop`], or when dropped.
pub struct Embedded {
    url: String,
    stop: mpsc::Sender<mpsc::Sender<()>>,
    /// Held as long as the cluster is ours.
    _lock: File,
}

/// All that starting a postmaster needs.
struct Cluster {
    programs: Programs,
    owner: Owner,
    folder: PathBuf,
    sockets: PathBuf,
    log: PathBuf,
}

impl Embedded {
    /// Starts the cluster in `data_dir`, making it first if need be. Blocks until it is ready.
    ///
    /// # Errors
    /// One sentence (or a short list) for the operator.
    pub fn start(data_dir: &Path) -> Result<Self, String> {
        let programs = Programs::find(&data_dir.join("postgres"))?;
        let is_new = !data_dir.exists();
        fs::create_dir_all(data_dir)
            .map_err(|error| format!("cannot make {}: {error}", data_dir.display()))?;
        let data_dir = &real(data_dir)?;
        let owner = Owner::choose(data_dir)?;
        // The mode of a folder that was there is its maker's matter.
        owner.make_folder(data_dir, is_new.then_some(0o700))?;
        let lock = take_lock(data_dir)?;
        let sockets = socket_folder(data_dir);
        owner.make_folder(&sockets, Some(0o700))?;
        let cluster = Cluster {
            programs,
            owner,
            folder: data_dir.join("postgres"),
            sockets,
            log: data_dir.join("postgres.log"),
        };
        cluster.wait_for_predecessor()?;
        if !cluster.folder.join("PG_VERSION").exists() {
            cluster.init()?;
        }
        let url = url(&cluster.sockets);
        let (stop, commands) = mpsc::channel();
        let (started_tx, started) = mpsc::channel();
        std::thread::Builder::new()
            .name("postgres".into())
            .spawn(move || supervise(&cluster, &started_tx, &commands))
            .map_err(|error| format!("cannot start a thread: {error}"))?;
        let ended = || "the database's supervisor ended".to_owned();
        started.recv().map_err(|_| ended())??;
        Ok(Self { url, stop, _lock: lock })
    }

    /// Where the database is, for [`super::pool::Database::new`].
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Stops the database and waits for it, at most [`limits::STOP`].
    pub fn stop(&self) {
        let (done, stopped) = mpsc::channel();
        if self.stop.send(done).is_ok() {
            let _ = stopped.recv_timeout(limits::STOP + Duration::from_secs(1));
        }
    }

    /// The URL of a cluster that another process runs in `data_dir`.
    pub fn attach(data_dir: &Path) -> Option<String> {
        let data_dir = real(data_dir).ok()?;
        let (pid, is_ready) = read_pid_file(&data_dir.join("postgres"))?;
        (is_ready && is_alive(pid)).then(|| url(&socket_folder(&data_dir)))
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Cluster {
    /// A postmaster of a server that was killed a moment ago may still be shutting down.
    fn wait_for_predecessor(&self) -> Result<(), String> {
        let deadline = Instant::now() + limits::STOP;
        while let Some((pid, _)) = read_pid_file(&self.folder) {
            if !is_alive(pid) {
                return Ok(()); // a stale file: PostgreSQL itself removes it
            }
            if !self.is_our_postmaster(pid) {
                return self.forget_predecessor();
            }
            if Instant::now() > deadline {
                return Err(format!(
                    "another PostgreSQL (process {pid}) still uses {}",
                    self.folder.display()
                ));
            }
            // We hold the lock, so no server owns it any more.
            let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
            std::thread::sleep(limits::POLL);
        }
        Ok(())
    }

    /// The pid in a stale file may be anybody's by now (in a container, after a restart, a thread
    /// of this very server's); PostgreSQL would refuse to start. A postmaster that is alive after all
    /// still holds its shared memory, which PostgreSQL checks as well.
    fn forget_predecessor(&self) -> Result<(), String> {
        let path = self.folder.join("postmaster.pid");
        fs::remove_file(&path).map_err(|error| format!("cannot remove {}: {error}", path.display()))
    }

    /// A postmaster works in its cluster. Root without all of its powers, as in a container, may not
    /// see where; then the program's name has to do.
    fn is_our_postmaster(&self, pid: i32) -> bool {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let folder = fs::canonicalize(&self.folder);
        match fs::read_link(format!("/proc/{pid}/cwd")) {
            Ok(cwd) => folder.is_ok_and(|folder| cwd == folder),
            Err(_) => name.trim() == "postgres",
        }
    }

    /// Makes the cluster under another name first, so that an interrupted one is never used.
    fn init(&self) -> Result<(), String> {
        tracing::info!("making a private database in {}", self.folder.display());
        let unfinished = self.folder.with_extension("new");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)
                .map_err(|error| format!("cannot remove {}: {error}", unfinished.display()))?;
        }
        self.owner.make_folder(&unfinished, Some(0o700))?;
        let mut command = Command::new(self.programs.path("initdb"));
        command.arg("-D").arg(&unfinished).args([
            "-U",
            "impulse",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-instructions",
        ]);
        self.owner.apply(&mut command);
        die_with_parent(&mut command);
        let output = command
            .current_dir(&unfinished)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| self.owner.explain("initdb", &unfinished, &error))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(format!("initdb failed: {}", text.trim()));
        }
        fs::rename(&unfinished, &self.folder)
            .map_err(|error| format!("cannot rename {}: {error}", unfinished.display()))
    }

    fn spawn(&self) -> Result<Child, String> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(|error| format!("cannot open {}: {error}", self.log.display()))?;
        let errors = log.try_clone().map_err(|error| format!("cannot share the log: {error}"))?;
        let mut command = Command::new(self.programs.path("postgres"));
        command
            .arg("-D")
            .arg(&self.folder)
            .arg("-k")
            .arg(&self.sockets)
            // The environment's PGPORT would name the socket otherwise.
            .args([
                "-c",
                "port=5432",
                "-c",
                "listen_addresses=",
                "-c",
                "unix_socket_permissions=0700",
            ])
            .args(["-c", "log_min_messages=warning", "-c", "logging_collector=off"])
            .args(["-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "full_page_writes=on"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            // Ctrl-C in the terminal is for the server, which then stops the database itself.
            .process_group(0);
        self.owner.apply(&mut command);
        die_with_parent(&mut command);
        command.spawn().map_err(|error| self.owner.explain("postgres", &self.folder, &error))
    }

    /// Starts the postmaster and waits until it serves.
    fn start(&self) -> Result<Child, String> {
        let log_before = fs::metadata(&self.log).map_or(0, |meta| meta.len());
        let mut child = self.spawn()?;
        let own = i32::try_from(child.id()).unwrap_or(0);
        let deadline = Instant::now() + limits::START;
        loop {
            if read_pid_file(&self.folder) == Some((own, true)) {
                return Ok(child);
            }
            match child.try_wait() {
                Ok(None) if Instant::now() < deadline => std::thread::sleep(limits::POLL),
                Ok(None) => {
                    stop_child(&mut child);
                    return Err(format!(
                        "PostgreSQL was not ready within {} s",
                        limits::START.as_secs()
                    ));
                }
                Ok(Some(status)) => {
                    let said = self.log_since(log_before);
                    return Err(format!("PostgreSQL ended at once ({status}): {said}"));
                }
                Err(error) => return Err(format!("cannot watch PostgreSQL: {error}")),
            }
        }
    }

    fn log_since(&self, offset: u64) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
        let new = String::from_utf8_lossy(text.get(from..).unwrap_or_default()).into_owned();
        let last: Vec<_> = new.trim().lines().rev().take(3).collect();
        last.into_iter().rev().collect::<Vec<_>>().join(" / ")
    }
}

/// Runs on the thread that never ends before the process: the child dies with it.
fn supervise(
    cluster: &Cluster,
    started: &mpsc::Sender<Result<(), String>>,
    commands: &mpsc::Receiver<mpsc::Sender<()>>,
) {
    let mut child = match cluster.start() {
        Ok(child) => child,
        Err(error) => {
            let _ = started.send(Err(error));
            return;
        }
    };
    let _ = started.send(Ok(()));
    let mut running = true;
    let mut pause = limits::POLL;
    loop {
        match commands.recv_timeout(if running { limits::WATCH } else { pause }) {
            Ok(done) => {
                stop_child(&mut child);
                let _ = done.send(());
                return;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return stop_child(&mut child),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        if running && let Ok(Some(status)) = child.try_wait() {
            tracing::error!("the database ended by itself ({status}); starting it again");
            running = false;
        }
        if !running {
            match cluster.start() {
                Ok(new) => (child, running, pause) = (new, true, limits::POLL),
                Err(error) => {
                    tracing::error!("{error}");
                    pause = (pause * 2).min(limits::RESTART);
                }
            }
        }
    }
}

/// SIGINT (fast shutdown), then SIGQUIT (immediate), then SIGKILL.
fn stop_child(child: &mut Child) {
    let Ok(raw) = i32::try_from(child.id()) else { return };
    for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGKILL] {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        let _ = kill(Pid::from_raw(raw), signal);
        let deadline = Instant::now() + limits::STOP / 2;
        while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(limits::POLL);
        }
    }
}

/// One server per data directory. The lock goes with the process, however it ends; a server that
/// is just stopping gets a moment.
fn take_lock(data_dir: &Path) -> Result<File, String> {
    let path = data_dir.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let deadline = Instant::now() + limits::LOCK;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(limits::POLL);
            }
            Err(TryLockError::WouldBlock) => {
                return Err(format!(
                    "another impulse is running with the data directory {}; stop it, or choose another --data-dir",
                    data_dir.display()
                ));
            }
            Err(TryLockError::Error(error)) => {
                return Err(format!("cannot lock {}: {error}", path.display()));
            }
        }
    }
}

/// Line 1 of postmaster.pid is the process, line 8 its state.
fn read_pid_file(cluster: &Path) -> Option<(i32, bool)> {
    let mut text = String::new();
    File::open(cluster.join("postmaster.pid")).ok()?.read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    Some((pid, lines.nth(6).is_some_and(|state| state.trim() == "ready")))
}

fn is_alive(pid: i32) -> bool {
    pid > 0 && kill(Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH)
}

/// The kernel takes socket paths of at most 107 bytes; a deep data directory gets a short one.
fn socket_folder(data_dir: &Path) -> PathBuf {
    let near = data_dir.join("run");
    if near.as_os_str().len() + "/.s.PGSQL.5432.lock".len() <= 107 {
        return near;
    }
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(data_dir.as_os_str().as_encoded_bytes());
    PathBuf::from(format!("/tmp/impulse-{}", hex::encode(&digest[..8])))
}

fn url(sockets: &Path) -> String {
    let host = sockets.to_string_lossy().replace('\\', "\\\\").replace('\'', "\\'");
    format!("host='{host}' user=impulse dbname=postgres")
}

/// Without links: a link to another disk is the operator's good right, and the folder behind it has
/// one name only.
fn real(path: &Path) -> Result<PathBuf, String> {
    fs::canonicalize(path).map_err(|error| format!("cannot use {}: {error}", path.display()))
}

/// Sets permissions exactly, whatever the umask.
fn set_mode(path: &Path, mode: u32) -> Result<(), String> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| format!("cannot protect {}: {error}", path.display()))
}
