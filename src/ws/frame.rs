//! Frames from the server: never masked, never fragmented (RFC 6455, 5.1 and 5.4).

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Longest header of a frame from the server.
pub const HEADER_MAX: usize = 10;

/// Appends the header of a whole frame whose payload has `len` bytes.
pub fn header(opcode: OpCode, len: usize, out: &mut Vec<u8>) {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    // Writing to a vector does not fail.
    let _ = header.format(len as u64, out);
}

/// The payload of a whole frame from the server.
pub fn payload(frame: &[u8]) -> Option<&[u8]> {
    let header = match frame.get(1)? {
        126 => 4,
        127 => HEADER_MAX,
        _ => 2,
    };
    frame.get(header..)
}

/// Whether a header of `used` bytes encodes its length in as few as possible, with the highest bit zero
/// (RFC 6455, 5.2).
pub(super) fn has_minimal_length(header: &FrameHeader, length: u64, used: usize) -> bool {
    header.len(length) == used && length <= i64::MAX as u64
}

/// A text frame.
pub fn text(payload: &[u8]) -> Vec<u8> {
    whole(OpCode::Data(Data::Text), payload)
}

/// A binary frame.
pub fn binary(payload: &[u8]) -> Vec<u8> {
    whole(OpCode::Data(Data::Binary), payload)
}

/// A ping.
pub fn ping() -> Vec<u8> {
    whole(OpCode::Control(Control::Ping), b"")
}

/// The answer to a ping, with the ping's payload.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    whole(OpCode::Control(Control::Pong), payload)
}

/// A close frame; without a code its payload is empty.
pub fn close(code: Option<u16>) -> Vec<u8> {
    match code {
        Some(code) => whole(OpCode::Control(Control::Close), &code.to_be_bytes()),
        None => whole(OpCode::Control(Control::Close), b""),
    }
}

fn whole(opcode: OpCode, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER_MAX + payload.len());
    header(opcode, payload.len(), &mut frame);
    frame.extend_from_slice(payload);
    frame
}
