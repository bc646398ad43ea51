//! The client side of a WebSocket, for the load test and the benchmarks: the request, masked frames out,
//! unmasked frames in. It does no I/O. It checks what a server sends but does not explain what is wrong
//! with it.

use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::{frame, handshake};

/// The sample key of RFC 6455, 1.3. A fresh key protects against caches between client and server, and
/// there are none here.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A whole text message.
    Text(&'a [u8]),
    /// A ping, to be answered with [`pong`].
    Ping(&'a [u8]),
    /// The server closes, with this code if it gave one.
    Close(Option<u16>),
    /// A pong, binary data or a fragment, which our server does not send in a chat.
    Other,
}

/// The server broke the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server's bytes are no WebSocket frame")]
pub struct Broken;

/// The upgrade request to `host`, with a bearer token if there is one.
pub fn request(host: &str, path: &str, token: Option<&str>, subprotocol: &str) -> Vec<u8> {
    let mut text = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n"
    );
    if !subprotocol.is_empty() {
        text.push_str(&format!("Sec-WebSocket-Protocol: {subprotocol}\r\n"));
    }
    if let Some(token) = token {
        text.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// The length of the answer to [`request`] at the start of `bytes`; `None` if more bytes are needed.
///
/// # Errors
/// The status if it is not 101, or 0 if the bytes are no answer to our key.
pub fn parse_answer(bytes: &[u8]) -> Result<Option<usize>, u16> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut fields);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(0),
    };
    if head.code != Some(101) {
        return Err(head.code.unwrap_or(0));
    }
    let expected = handshake::accept_key(KEY);
    let is_ours = head.headers.iter().any(|field| {
        field.name.eq_ignore_ascii_case("sec-websocket-accept")
            && field.value == expected.as_bytes()
    });
    if is_ours { Ok(Some(length)) } else { Err(0) }
}

/// Appends a text frame.
pub fn text(payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    masked(OpCode::Data(Data::Text), payload, mask, out);
}

/// Appends the answer to a ping.
pub fn pong(payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    masked(OpCode::Control(Control::Pong), payload, mask, out);
}

/// Appends a text message as one frame for each of `parts`.
pub fn text_in_fragments(parts: &[&[u8]], mask: [u8; 4], out: &mut Vec<u8>) {
    for (n, part) in parts.iter().enumerate() {
        let opcode = if n == 0 { Data::Text } else { Data::Continue };
        let header = FrameHeader {
            is_final: n + 1 == parts.len(),
            opcode: OpCode::Data(opcode),
            mask: Some(mask),
            ..FrameHeader::default()
        };
        append(header, part, mask, out);
    }
}

fn masked(opcode: OpCode, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    let header = FrameHeader { opcode, mask: Some(mask), ..FrameHeader::default() };
    append(header, payload, mask, out);
}

fn append(header: FrameHeader, payload: &[u8], mask: [u8; 4], out: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = header.format(payload.len() as u64, out);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
}

/// The next whole frame of `input`, which is removed from it; `None` if more bytes are needed.
///
/// # Errors
/// A masked frame, a length in more bytes than it needs, or a header that is none.
pub fn next<'a>(input: &mut &'a [u8]) -> Result<Option<Frame<'a>>, Broken> {
    let mut cursor = Cursor::new(*input);
    let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| Broken)? else {
        return Ok(None);
    };
    let begin = usize::try_from(cursor.position()).map_err(|_| Broken)?;
    if header.mask.is_some() || !frame::has_minimal_length(&header, length, begin) {
        return Err(Broken);
    }
    let length = usize::try_from(length).map_err(|_| Broken)?;
    let end = begin.checked_add(length).ok_or(Broken)?;
    let Some(payload) = input.get(begin..end) else { return Ok(None) };
    *input = input.get(end..).unwrap_or_default();
    Ok(Some(match header.opcode {
        OpCode::Data(Data::Text) if header.is_final => Frame::Text(payload),
        OpCode::Control(Control::Ping) => Frame::Ping(payload),
        OpCode::Control(Control::Close) => {
            let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
            Frame::Close(code)
        }
        _ => Frame::Other,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::{Codec, Limits, Message, frame};

    #[test]
    fn the_server_reads_what_the_client_sends() {
        let mut bytes = Vec::new();
        text("größer".as_bytes(), [1, 2, 3, 4], &mut bytes);
        pong(b"x", [5, 6, 7, 8], &mut bytes);
        text_in_fragments(&[b"in ", b"two"], [9, 1, 2, 3], &mut bytes);
        let limits = Limits { message: 100, fragments: 2 };
        let mut input = bytes.as_mut_slice();
        let mut codec = Codec::default();
        assert_eq!(codec.next(limits, &mut input), Ok(Some(Message::Text("größer".into()))));
        assert_eq!(codec.next(limits, &mut input), Ok(Some(Message::Pong)));
        assert_eq!(codec.next(limits, &mut input), Ok(Some(Message::Text("in two".into()))));
    }

    #[test]
    fn frames_come_out_one_by_one_and_a_cut_one_waits() {
        let bytes = [frame::text(b"one"), frame::ping(), frame::close(Some(1001))].concat();
        let mut input = bytes.as_slice();
        assert_eq!(next(&mut input), Ok(Some(Frame::Text(b"one"))));
        assert_eq!(next(&mut input), Ok(Some(Frame::Ping(b""))));
        let mut cut = &input[..3];
        assert_eq!(next(&mut cut), Ok(None));
        assert_eq!(cut.len(), 3);
        assert_eq!(next(&mut input), Ok(Some(Frame::Close(Some(1001)))));
        let mut foreign = Vec::new();
        text(b"a client's", [1, 2, 3, 4], &mut foreign);
        assert_eq!(next(&mut foreign.as_slice()), Err(Broken));
    }

    #[test]
    fn a_length_in_more_bytes_than_it_needs_is_refused() {
        for frame in [&[0x81, 126, 0, 1, b'x'][..], &[0x81, 127, 0, 0, 0, 0, 0, 0, 0, 1, b'x']] {
            assert_eq!(next(&mut &frame[..]), Err(Broken), "{frame:x?}");
        }
        let plain = frame::text(&[b'x'; 126]);
        assert_eq!(next(&mut plain.as_slice()), Ok(Some(Frame::Text(&[b'x'; 126]))));
    }

    #[test]
    fn only_the_answer_to_its_own_key_is_taken() {
        let good = b"HTTP/1.1 101 Switching Protocols\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(parse_answer(good), Ok(Some(good.len())));
        assert_eq!(parse_answer(&good[..40]), Ok(None));
        assert_eq!(parse_answer(b"HTTP/1.1 101 x\r\nSec-WebSocket-Accept: no\r\n\r\n"), Err(0));
        assert_eq!(parse_answer(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"), Err(503));
    }
}
