//! One descriptor in hand for when there is none.
//!
//! Without a descriptor `accept` fails and the connection stays in the backlog, which says so again at
//! once: a loop that only tries again turns for nothing while the client waits for nothing. So the
//! spare is given up, the connection accepted on its number, told no, closed, and the spare taken
//! back. Whoever is in keeps being served, and whoever comes knows where he stands.

use std::fs::File;
use std::io::Read as _;
use std::net::Shutdown;

use super::socket::{Listener, Socket};

pub(super) struct Spare(Option<File>);

impl Spare {
    pub fn new() -> Self {
        Self(hold())
    }

    /// Accepts one connection, says `answer` and closes it. False: not even that was possible.
    pub fn refuse_one(&mut self, listener: &Listener, answer: &[u8]) -> bool {
        drop(self.0.take());
        let accepted = listener.accept_now();
        let was_there = accepted.is_ok();
        if let Ok((socket, _)) = accepted {
            refuse_at_once(&socket, answer);
            drop(socket);
        }
        self.0 = hold();
        was_there
    }
}

/// Says `answer` and ends, without a wait: an answer of one packet fits into an empty socket. What the
/// client has said by now is read, or the close that follows would overtake the answer.
pub(super) fn refuse_at_once(socket: &Socket, answer: &[u8]) {
    let Some(raw) = socket.raw() else { return };
    let _ = raw.send(answer);
    let _ = raw.shutdown(Shutdown::Write);
    let _ = (&*raw).read(&mut [0; 4_096]);
}

/// Any file does; what is nowhere else does not either.
fn hold() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Whether an error means that descriptors have run out, here or in the whole system.
pub(super) fn is_out_of_descriptors(error: &std::io::Error) -> bool {
    use nix::errno::Errno;
    let out = [Errno::EMFILE as i32, Errno::ENFILE as i32];
    error.raw_os_error().is_some_and(|code| out.contains(&code))
}
