//! The one place with `unsafe`: what a child does between fork and exec.
//!
//! `Command::pre_exec` is unsafe because the closure runs in a copy of a threaded process, where
//! only async-signal-safe calls are sound: another thread may have held any lock at the fork.
//! The closure below makes two raw system calls (prctl, getppid) and allocates nothing.

#![allow(unsafe_code)]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getppid};

/// Makes the child get SIGINT when the **thread** that spawned it ends (prctl(2)), so that kill -9
/// of the server takes its database down. It must be spawned from a thread that lives as long as
/// the process.
///
/// The standard library runs the closure after it has changed user and group, which matters:
/// changing credentials clears the setting.
pub fn die_with_parent(command: &mut Command) {
    let parent = Pid::this();
    let before_exec = move || -> io::Result<()> {
        prctl::set_pdeathsig(Signal::SIGINT)?;
        // The parent may have died before the call above; then nobody would send the signal.
        if getppid() != parent {
            return Err(io::Error::from(io::ErrorKind::NotConnected));
        }
        Ok(())
    };
    // SAFETY: the closure only makes system calls that are async-signal-safe (see above): it takes
    // no lock, allocates nothing and touches no memory but its own copy of `parent`.
    unsafe {
        command.pre_exec(before_exec);
    }
}
