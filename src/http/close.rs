//! Ending a connection so that what was written arrives. Closing a socket with unread input resets the
//! connection, and a reset overtakes the answer.

use std::io::Read as _;
use std::net::Shutdown;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::socket::Socket;
use crate::base::limits::http as limits;

/// Ends our side and reads on for a moment, so that what was written arrives.
pub(super) async fn linger(socket: &mut Socket, most: Duration) {
    let reading = async {
        // What comes is not decrypted: nobody reads it.
        let stream = socket.shut_down().await?;
        // An array would be part of every connection's task, so the buffer is on the heap.
        let mut scratch = vec![0; limits::LINGER_READ];
        while stream.read(&mut scratch).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(most, reading).await;
}

/// Sends `answer` and ends our side without waiting: an answer of one packet fits into an empty socket.
/// What the client has sent by now is read first, so that the close does not reset the connection.
pub(super) fn send_and_shut_down(socket: &Socket, answer: &[u8]) {
    let Some(raw) = socket.raw() else { return };
    let _ = raw.send(answer);
    let _ = raw.shutdown(Shutdown::Write);
    let _ = (&*raw).read(&mut [0; limits::REFUSED_READ]);
}
