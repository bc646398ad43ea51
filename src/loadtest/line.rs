//! One connection of the load test: what it has said, what it waits for, what came.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;
use serde::Deserialize;

use super::tally::Place;

/// How far a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not connected: never yet, or not any more.
    Away,
    /// TCP is on its way.
    Connecting,
    /// The upgrade was asked for.
    Upgrading,
    /// Upgraded; the first frame is to come.
    Greeting,
    /// Asked to follow the room.
    Subscribing,
    /// All is said.
    Ready,
}

/// Where a line sits: what it needs to come back to the same place.
#[derive(Debug, Clone, Copy)]
pub struct Seat {
    /// Whose connection it is, as a place in the list of tokens.
    pub token: usize,
    /// The room it is about, as a place in the list of rooms.
    pub room: usize,
    /// Whether it follows that room.
    pub follows: bool,
    /// Whether it reads what it gets, once it is ready.
    pub reads: bool,
}

/// A connection.
pub struct Line {
    /// Where it belongs.
    pub seat: Seat,
    /// How far it is.
    pub phase: Phase,
    /// The socket.
    pub stream: Option<TcpStream>,
    /// Bytes of a frame that is not whole.
    pub held: Vec<u8>,
    /// Bytes the kernel has not taken.
    out: Vec<u8>,
    /// How far it is in its room.
    pub place: Place,
    /// Whether the room counts it among its followers.
    pub is_counted: bool,
    /// When this attempt began, in nanoseconds of the swarm's clock.
    pub began_ns: u64,
}

/// What a read came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// So many bytes, and there may be more.
    More(usize),
    /// So many bytes, and there are no more now.
    All(usize),
    /// Nothing now.
    Nothing,
    /// The end.
    End,
}

impl Line {
    /// One that has not connected.
    pub fn new(seat: Seat) -> Self {
        Self {
            seat,
            phase: Phase::Away,
            stream: None,
            held: Vec::new(),
            out: Vec::new(),
            place: Place::default(),
            is_counted: false,
            began_ns: 0,
        }
    }

    /// Is connected from now on.
    pub fn connected(&mut self, stream: TcpStream, now_ns: u64) {
        self.stream = Some(stream);
        self.phase = Phase::Connecting;
        self.began_ns = now_ns;
        self.held.clear();
        self.out.clear();
    }

    /// Is not any more; `abruptly` resets TCP, as a machine that lost its power would.
    pub fn hang_up(&mut self, abruptly: bool) {
        if let Some(stream) = self.stream.take()
            && abruptly
        {
            let zero = Some(std::time::Duration::ZERO);
            // A socket that is gone already needs no reset.
            let _ = socket2::SockRef::from(&stream).set_linger(zero);
        }
        self.phase = Phase::Away;
    }

    /// Sends bytes, now or when the kernel takes them.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.extend_from_slice(bytes);
        self.flush()
    }

    /// Sends what waits.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        while !self.out.is_empty() {
            match stream.write(&self.out) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.out.drain(..count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads once.
    pub fn read(&mut self, scratch: &mut [u8]) -> Came {
        let Some(stream) = &mut self.stream else { return Came::Nothing };
        match stream.read(scratch) {
            Ok(0) => Came::End,
            Ok(count) if count < scratch.len() => Came::All(count),
            Ok(count) => Came::More(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Came::Nothing,
            Err(error) if error.kind() == ErrorKind::Interrupted => Came::More(0),
            Err(_) => Came::End,
        }
    }
}

/// What an Impulse says, as far as the load test cares.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// A change of the room.
    Message {
        /// Its number.
        seq: u64,
    },
    /// The first frame.
    Hello,
    /// Done. The `id` is the load test's own; `seq` the room's.
    Ok {
        /// Which command.
        id: String,
        /// The room's number.
        seq: u64,
        /// The replay was cut short.
        truncated: bool,
    },
    /// Refused.
    Err {
        /// Which command.
        id: String,
        /// Why, and when it may be tried again.
        sentence: String,
        retry_ms: Option<u64>,
    },
    /// Anything else.
    Other,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    id: String,
    seq: u64,
    truncated: bool,
    code: String,
    message: String,
    retry_ms: Option<u64>,
}

/// Reads a text frame. A `msg`, which is nearly all there is, is not parsed but looked at.
pub fn read(payload: &[u8]) -> Said {
    if payload.starts_with(br#"{"op":"msg""#) {
        return number_after(payload, br#""seq":"#)
            .map_or(Said::Other, |seq| Said::Message { seq });
    }
    let answer = || serde_json::from_slice::<Answer>(payload).unwrap_or_default();
    if payload.starts_with(br#"{"op":"ok""#) {
        let Answer { id, seq, truncated, .. } = answer();
        return Said::Ok { id, seq, truncated };
    }
    if payload.starts_with(br#"{"op":"err""#) {
        let Answer { id, code, message, retry_ms, .. } = answer();
        return Said::Err { id, sentence: format!("{code}: {message}"), retry_ms };
    }
    if payload.starts_with(br#"{"op":"hello""#) { Said::Hello } else { Said::Other }
}

/// The decimal number that follows the first `key`.
pub fn number_after(bytes: &[u8], key: &[u8]) -> Option<u64> {
    let at = bytes.windows(key.len()).position(|window| window == key)? + key.len();
    let digits = bytes.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit());
    let mut number = None;
    for digit in digits {
        let so_far: u64 = number.unwrap_or(0);
        number = Some(so_far.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?);
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_understood() {
        let msg = br#"{"op":"msg","room":"1","seq":42,"at":1,"msg":{"t":"\"seq\":9"}}"#;
        assert_eq!(read(msg), Said::Message { seq: 42 });
        let ok = br#"{"op":"ok","id":"7","seq":3,"at":5}"#;
        assert_eq!(read(ok), Said::Ok { id: "7".into(), seq: 3, truncated: false });
        let err = br#"{"op":"err","id":"7","code":"c","message":"m","retry_ms":5}"#;
        let sentence = "c: m".to_owned();
        assert_eq!(read(err), Said::Err { id: "7".into(), sentence, retry_ms: Some(5) });
        assert_eq!(read(br#"{"op":"hello","uid":"1"}"#), Said::Hello);
        assert_eq!(read(b"nonsense"), Said::Other);
        assert_eq!(number_after(br#"{"n":99999999999999999999}"#, br#""n":"#), None);
    }
}
