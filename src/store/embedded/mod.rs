//! A private PostgreSQL: the installed programs, our own cluster, no port, no system service.
//!
//! ```text
//! DATA_DIR/postgres       the cluster            DATA_DIR/run    its socket, mode 0700
//! DATA_DIR/lock           held while we run      DATA_DIR/postgres.log
//! ```
//!
//! A supervisor thread starts the postmaster, restarts it if it dies, and stops it with SIGINT (SIGTERM
//! would wait for clients); it ends only when the database is stopped. If the server itself is killed the
//! kernel sends that SIGINT ([`super::child`]). fsync stays on. The first start takes about a second, later
//! ones 0.1 s.

mod cluster;
mod folders;
mod owner;
mod programs;
mod supervisor;

use std::fs::{self, File};
use std::path::Path;
use std::sync::mpsc;

use cluster::{Cluster, is_alive, read_pid_file};
use folders::{real, socket_folder, take_lock, url};
use owner::Owner;
pub use owner::default_data_dir;
use programs::Programs;
use supervisor::supervise;

use crate::base::limits::embedded as limits;

/// The running private PostgreSQL. Stopped by [`Embedded::stop`], or when dropped.
pub struct Embedded {
    url: String,
    stop: mpsc::Sender<mpsc::Sender<()>>,
    /// Held as long as the cluster is ours.
    _lock: File,
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
        owner.take_data_dir(data_dir, is_new)?;
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
            let _ = stopped.recv_timeout(limits::STOP + limits::STOP_MARGIN);
        }
    }

    /// The URL of a cluster that another process runs in `data_dir`.
    pub fn attach(data_dir: &Path) -> Option<String> {
        let data_dir = real(data_dir).ok()?;
        let (pid, is_ready) = read_pid_file(&data_dir.join("postgres"))?;
        (is_ready && is_alive(pid)).then(|| url(&socket_folder(&data_dir)))
    }
}

/// Whether the programs are installed that a cluster in `data_dir` needs.
///
/// # Errors
/// One sentence (or a short list) for the operator.
pub fn check_programs(data_dir: &Path) -> Result<(), String> {
    Programs::find(&data_dir.join("postgres")).map(|_| ())
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop();
    }
}
