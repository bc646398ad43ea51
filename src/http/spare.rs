//! One descriptor in hand for when there is none.
//!
//! Without a descriptor `accept` fails and the connection stays in the backlog, which says so again at
//! once: a loop that only tries again turns for nothing while the client waits for nothing. So the
//! spare is given up, the connection accepted on its number, told no, closed, and the spare taken
//! back. Whoever is in keeps being served, and whoever comes knows where he stands.

use std::fs::File;
use std::future::poll_fn;
use std::net::Shutdown;
use std::task::Poll;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};

pub(super) struct Spare(Option<File>);

impl Spare {
    pub fn new() -> Self {
        Self(hold())
    }

    /// Accepts one connection, says `answer` and closes it. False: not even that was possible.
    pub async fn refuse_one(&mut self, listener: &TcpListener, answer: &[u8]) -> bool {
        drop(self.0.take());
        let accepted = poll_fn(|cx| match listener.poll_accept(cx) {
            Poll::Ready(accepted) => Poll::Ready(accepted.ok()),
            Poll::Pending => Poll::Ready(None),
        });
        let was_there = match accepted.await {
            Some((stream, _)) => {
                refuse_at_once(stream, answer);
                true
            }
            None => false,
        };
        self.0 = hold();
        was_there
    }
}

/// Says `answer` and closes, without a wait: an answer of one packet fits into an empty socket. What the
/// client has said by now is read, or the close would overtake the answer.
pub(super) fn refuse_at_once(stream: TcpStream, answer: &[u8]) {
    let _ = stream.try_write(answer);
    let _ = SockRef::from(&stream).shutdown(Shutdown::Write);
    let _ = stream.try_read(&mut [0; 4_096]);
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
