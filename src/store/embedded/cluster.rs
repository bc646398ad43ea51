//! The cluster of the private PostgreSQL: making it, starting and stopping its postmaster.

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::owner::Owner;
use super::programs::Programs;
use crate::base::limits::embedded as limits;
use crate::store::child::die_with_parent;

/// All that starting a postmaster needs.
pub(super) struct Cluster {
    pub programs: Programs,
    pub owner: Owner,
    pub folder: PathBuf,
    pub sockets: PathBuf,
    pub log: PathBuf,
}

impl Cluster {
    /// A postmaster of a server that was killed a moment ago may still be shutting down.
    pub fn wait_for_predecessor(&self) -> Result<(), String> {
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
    pub fn init(&self) -> Result<(), String> {
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
        let lent = self.owner.lend_name(&mut command, &unfinished);
        let output = command.current_dir(&unfinished).stdin(Stdio::null()).output();
        if let Some(file) = lent {
            let _ = fs::remove_file(file);
        }
        let output = output.map_err(|error| self.owner.explain("initdb", &unfinished, &error))?;
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
            // Workers of one query share memory in /dev/shm, of which a container has 64 MiB.
            .args(["-c", "max_parallel_workers_per_gather=0"])
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
    pub fn start(&self) -> Result<Child, String> {
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

/// SIGINT (fast shutdown), then SIGQUIT (immediate), then SIGKILL.
pub(super) fn stop_child(child: &mut Child) {
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

/// Line 1 of postmaster.pid is the process, line 8 its state.
pub(super) fn read_pid_file(cluster: &Path) -> Option<(i32, bool)> {
    let mut text = String::new();
    File::open(cluster.join("postmaster.pid")).ok()?.read_to_string(&mut text).ok()?;
    let mut lines = text.lines();
    let pid = lines.next()?.trim().parse().ok()?;
    Some((pid, lines.nth(6).is_some_and(|state| state.trim() == "ready")))
}

pub(super) fn is_alive(pid: i32) -> bool {
    pid > 0 && kill(Pid::from_raw(pid), None) != Err(nix::errno::Errno::ESRCH)
}
