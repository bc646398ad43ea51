//! One file descriptor in reserve for when there is none left.
//!
//! Without a descriptor `accept` fails and the connection stays in the backlog, which is readable again
//! at once: a loop that only retries would spin while the client waits for nothing. So the reserve is
//! closed, the connection is accepted with its number, refused and closed, and the reserve is opened
//! again. Open connections are served meanwhile, and new ones get 503 at once.

use std::fs::File;

use super::close::send_and_shut_down;
use super::socket::Listener;

pub(super) struct ReserveFd(Option<File>);

impl ReserveFd {
    pub fn new() -> Self {
        Self(open())
    }

    /// Accepts one connection, sends `answer` and closes it. False: not even that was possible.
    pub fn refuse_one(&mut self, listener: &Listener, answer: &[u8]) -> bool {
        drop(self.0.take());
        let accepted = listener.accept_now();
        let was_there = accepted.is_ok();
        if let Ok((socket, _)) = accepted {
            send_and_shut_down(&socket, answer);
            drop(socket);
        }
        self.0 = open();
        was_there
    }
}

/// Any file that exists on every system will do.
fn open() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Whether an error means that descriptors have run out, in this process or in the whole system.
pub(super) fn is_out_of_descriptors(error: &std::io::Error) -> bool {
    use nix::errno::Errno;
    let out = [Errno::EMFILE as i32, Errno::ENFILE as i32];
    error.raw_os_error().is_some_and(|code| out.contains(&code))
}
