//! A chat line for tests that read much or misbehave: bytes in, frames out, nothing parsed that
//! nobody asks for, and the bare socket at hand.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::Client;

/// Longest wait for bytes. A reader that had stopped for long is looked at by TCP as late again.
const PATIENCE: Duration = Duration::from_secs(60);

pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;

/// One connection to `/ws`.
pub struct Line {
    pub stream: TcpStream,
    buffer: BytesMut,
}

impl Line {
    /// Upgraded, `hello` not yet read.
    pub async fn open(client: &Client) -> Self {
        Self::open_with(client, b"").await
    }

    /// The same with bytes right behind the request, in the same write.
    pub async fn open_with(client: &Client, behind: &[u8]) -> Self {
        let stream = TcpStream::connect(client.address).await.expect("connect");
        Self::upgrade(stream, client, behind).await
    }

    async fn upgrade(mut stream: TcpStream, client: &Client, behind: &[u8]) -> Self {
        let mut bytes = request(client).into_bytes();
        bytes.extend_from_slice(behind);
        stream.write_all(&bytes).await.expect("write");
        let mut line = Self { stream, buffer: BytesMut::new() };
        let end = loop {
            let head = line.buffer.windows(4).position(|four| four == b"\r\n\r\n");
            match head {
                Some(end) => break end + 4,
                None => assert!(line.more(4_096).await > 0, "closed during the handshake"),
            }
        };
        let head = line.buffer.split_to(end);
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        line
    }

    /// Reads once, at most so many bytes; 0 at the end of TCP.
    pub async fn more(&mut self, most: usize) -> usize {
        let mut limited = (&mut self.stream).take(most as u64);
        let reading = limited.read_buf(&mut self.buffer);
        timeout(PATIENCE, reading).await.expect("something in time").unwrap_or(0)
    }

    /// One whole frame of what was read: opcode and payload.
    pub fn take(&mut self) -> Option<(u8, Bytes)> {
        let &[first, second, ..] = &self.buffer[..] else { return None };
        let (length, start) = match second {
            126 => (u16::from_be_bytes(self.buffer.get(2..4)?.try_into().ok()?) as usize, 4),
            127 => (u64::from_be_bytes(self.buffer.get(2..10)?.try_into().ok()?) as usize, 10),
            n => (n as usize, 2),
        };
        if self.buffer.len() < start + length {
            self.buffer.reserve(start + length - self.buffer.len());
            return None;
        }
        self.buffer.advance(start);
        Some((first & 0xf, self.buffer.split_to(length).freeze()))
    }

    /// The next frame; `None` at the end of TCP.
    pub async fn frame(&mut self) -> Option<(u8, Bytes)> {
        loop {
            if let Some(frame) = self.take() {
                return Some(frame);
            }
            if self.more(64 * 1_024).await == 0 {
                return None;
            }
        }
    }

    /// The next frame, which must be text.
    pub async fn text(&mut self) -> String {
        let (opcode, payload) = self.frame().await.expect("a frame, not the end");
        let text = String::from_utf8_lossy(&payload).into_owned();
        assert_eq!(opcode, TEXT, "{text}");
        text
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("write");
    }

    /// Gone without a word: the other side gets a reset.
    pub fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).expect("linger");
    }
}

/// The upgrade of `/ws`.
pub fn request(client: &Client) -> String {
    format!(
        "GET /ws HTTP/1.1\r\n{}Connection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: CQkJCQkJCQkJCQkJCQkJCQ==\r\n\
         Sec-WebSocket-Protocol: impulse.v1\r\n\r\n",
        client.fields()
    )
}

/// A masked text frame; a mask of zeros is one, too.
pub fn masked(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        n @ 0..=125 => frame.push(0x80 | n as u8),
        n @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}
