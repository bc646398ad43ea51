//! The client side of a WebSocket for all tests: bytes in, frames out, nothing parsed that nobody wants, and the
//! bare socket at hand to misbehave on. Written by hand, so that what is tested is the server's bytes and not a
//! library's idea of them. `client::Socket` adds the chat's JSON.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::Client;
use super::link::Link;

/// Longest wait for bytes: TCP asks a reader that had stopped for long only after a while whether it reads again.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;
pub const FIN: u8 = 0x80;

/// One WebSocket.
pub struct Wire {
    pub stream: Link,
    buffer: BytesMut,
}

impl Wire {
    /// Of a chat client, upgraded; `hello` is not yet read.
    pub async fn open(client: &Client) -> Self {
        Self::open_with(client, b"").await
    }

    /// The same with bytes right behind the request, in the same write.
    pub async fn open_with(client: &Client, behind: &[u8]) -> Self {
        let stream = TcpStream::connect(client.address).await.expect("connect");
        let mut bytes = upgrade(&client.fields(), "/ws", CHAT).into_bytes();
        bytes.extend_from_slice(behind);
        let (wire, head) = Self::upgraded(stream, &bytes).await;
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        wire
    }

    /// Sends a request and reads the head of the answer, whatever it says.
    pub async fn upgraded(stream: impl Into<Link>, request: &[u8]) -> (Self, Bytes) {
        let mut stream = stream.into();
        stream.write_all(request).await.expect("write");
        let mut wire = Self::over(stream);
        loop {
            if let Some(end) = wire.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = wire.buffer.split_to(end + 4).freeze();
                return (wire, head);
            }
            let read = wire.more(4_096).await;
            assert!(read > 0, "closed in the handshake: {:?}", wire.buffer);
        }
    }

    /// Over a socket on which frames begin at once.
    pub fn over(stream: impl Into<Link>) -> Self {
        Self { stream: stream.into(), buffer: BytesMut::new() }
    }

    /// Reads once, at most so many bytes; 0 at the end of TCP.
    pub async fn more(&mut self, most: usize) -> usize {
        let mut limited = (&mut self.stream).take(most as u64);
        let reading = limited.read_buf(&mut self.buffer);
        timeout(PATIENCE, reading).await.expect("something in time").unwrap_or(0)
    }

    /// What was read and is no whole frame yet.
    pub fn rest(&mut self) -> BytesMut {
        self.buffer.split()
    }

    /// One whole frame of what was read: opcode and payload. The server neither masks, nor cuts, nor extends.
    pub fn take(&mut self) -> Option<(u8, Bytes)> {
        let &[first, second, ..] = &self.buffer[..] else { return None };
        assert_eq!(
            (first & 0xf0, second & 0x80),
            (FIN, 0),
            "whole frames, unmasked and unextended"
        );
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
            if self.more(256 * 1_024).await == 0 {
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

    /// The next frame is this one.
    pub async fn expect(&mut self, opcode: u8, payload: &[u8]) {
        let (got, bytes) = self.frame().await.expect("a frame");
        assert_eq!(got, opcode);
        assert!(bytes == payload, "{} bytes, expected {}", bytes.len(), payload.len());
    }

    /// The next frames are exactly these texts.
    pub async fn expect_texts(&mut self, texts: impl IntoIterator<Item = String>) {
        for wanted in texts {
            let read = self.text().await;
            assert!(read == wanted, "read {read:.60}, expected {wanted:.60}");
        }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("write");
        self.stream.flush().await.expect("flush");
    }

    /// The last bytes, and the end of TCP in the same segment.
    pub async fn send_and_end(&mut self, bytes: &[u8]) {
        self.stream.socket().set_tcp_cork(true).expect("cork");
        self.send(bytes).await;
        self.stream.shutdown().await.expect("shutdown");
    }

    /// Closes the socket so that the other side gets a reset.
    pub fn reset(self) {
        self.stream.socket().set_linger(Some(Duration::ZERO)).expect("linger");
    }
}

/// The subprotocol of the chat, as a header line.
pub const CHAT: &str = "Sec-WebSocket-Protocol: impulse.v1\r\n";

/// A request to upgrade, with these header lines.
pub fn upgrade(fields: &str, path: &str, extra: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\n{fields}Connection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: CQkJCQkJCQkJCQkJCQkJCQ==\r\n{extra}\r\n"
    )
}

/// A masked frame with any first byte.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0xa1, 0x02, 0x7f, 0xc4];
    let mut frame = vec![first];
    match payload.len() {
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
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A masked text frame.
pub fn masked(text: &str) -> Vec<u8> {
    frame(FIN | TEXT, text.as_bytes())
}
