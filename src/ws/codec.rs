//! Frames from a client, however TCP has split them.
//!
//! The shard reads into one scratch buffer and passes the bytes on. A whole, unfragmented frame (nearly
//! all of chat) is unmasked in place and borrowed: no copy, no allocation. Anything unfinished goes into
//! one boxed [`Partial`], so that an idle connection costs one pointer. Memory is allocated for bytes
//! that have arrived, never for a declared length. Text is checked as it arrives, so invalid UTF-8 fails
//! at the fragment that holds it.

use std::borrow::Cow;
use std::io::Cursor;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use super::frame;

/// How large one message may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a message, over all its fragments.
    pub message: usize,
    /// Fragments of a message.
    pub fragments: u32,
}

/// A message, or a control frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Text, valid UTF-8.
    Text(Cow<'a, str>),
    /// Binary.
    Binary(Cow<'a, [u8]>),
    /// To be answered with a pong of the same payload.
    Ping(Cow<'a, [u8]>),
    /// An answer to a ping, or unsolicited.
    Pong,
    /// The other side closes, with this code if it gave one.
    Close(Option<u16>),
}

/// What one frame was.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A control frame, or the last frame of a message.
    Message(Message<'a>),
    /// A frame of a message that goes on.
    Fragment,
}

/// A violation of the protocol. The connection is closed with its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// 1002: framing.
    #[error("protocol error: {0}")]
    Protocol(&'static str),
    /// 1007: text that is not UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// 1009: larger than the limits.
    #[error("message too big")]
    TooBig,
}

impl Fault {
    /// The close code (RFC 6455, 7.4.1).
    pub fn code(self) -> u16 {
        match self {
            Fault::Protocol(_) => CloseCode::Protocol.into(),
            Fault::Utf8 => CloseCode::Invalid.into(),
            Fault::TooBig => CloseCode::Size.into(),
        }
    }
}

/// The receiving side of one connection.
#[derive(Debug, Default)]
pub struct Codec {
    partial: Option<Box<Partial>>,
}

/// What has arrived of something unfinished.
#[derive(Debug, Default)]
struct Partial {
    /// The bytes of a header that is not complete.
    head: Vec<u8>,
    /// A frame whose header is complete.
    frame: Option<InFrame>,
    /// Payload of an unfinished control frame.
    control: Vec<u8>,
    /// A message with at least one frame begun.
    message: Option<Assembly>,
}

#[derive(Debug, Clone, Copy)]
struct InFrame {
    opcode: OpCode,
    is_final: bool,
    mask: [u8; 4],
    length: usize,
    received: usize,
}

#[derive(Debug)]
struct Assembly {
    is_text: bool,
    data: Vec<u8>,
    /// Bytes of `data` known to be UTF-8.
    valid: usize,
    fragments: u32,
}

/// Longest header of a frame from a client.
const HEAD_MAX: usize = 14;
/// Largest payload of a control frame (RFC 6455, 5.5).
const CONTROL_MAX: u64 = 125;

impl Codec {
    /// Whether a frame or a message is unfinished. The caller bounds how long it may stay so.
    pub fn is_partial(&self) -> bool {
        self.partial.is_some()
    }

    /// The next message, or `None` once `input` is used up. What was used is removed from `input`.
    ///
    /// # Errors
    /// The first violation; the codec must not be used after it.
    pub fn next<'a>(
        &mut self,
        limits: Limits,
        input: &mut &'a mut [u8],
    ) -> Result<Option<Message<'a>>, Fault> {
        loop {
            match self.advance(limits, input)? {
                Some(Progress::Fragment) => {}
                Some(Progress::Message(message)) => return Ok(Some(message)),
                None => return Ok(None),
            }
        }
    }

    /// The same frame by frame, so that the frames of a long message can be counted, too.
    ///
    /// # Errors
    /// The first violation; the codec must not be used after it.
    pub fn advance<'a>(
        &mut self,
        limits: Limits,
        input: &mut &'a mut [u8],
    ) -> Result<Option<Progress<'a>>, Fault> {
        let frame = match self.partial.as_ref().and_then(|partial| partial.frame) {
            Some(frame) => frame,
            None => match self.header(limits, input)? {
                Some(frame) => frame,
                None => return Ok(None),
            },
        };
        let is_complete = frame.received == 0 && frame.length <= input.len();
        let is_data = matches!(frame.opcode, OpCode::Data(_));
        let is_alone = frame.is_final
            && !matches!(frame.opcode, OpCode::Data(Data::Continue))
            && (!is_data || self.message().is_none());
        if is_complete && is_alone {
            let payload = take(input, frame.length);
            unmask(payload, frame.mask, 0);
            self.frame_ended();
            return borrowed(frame.opcode, payload).map(Progress::Message).map(Some);
        }
        if let Some(message) = self.receive(frame, input)? {
            return Ok(Some(Progress::Message(message)));
        }
        // The rest of an unfinished frame comes with the next bytes.
        let is_whole = self.partial.as_ref().is_none_or(|partial| partial.frame.is_none());
        Ok(is_whole.then_some(Progress::Fragment))
    }

    fn message(&self) -> Option<&Assembly> {
        self.partial.as_ref()?.message.as_ref()
    }

    /// A complete, checked header; an incomplete one is kept.
    fn header(&mut self, limits: Limits, input: &mut &mut [u8]) -> Result<Option<InFrame>, Fault> {
        if input.is_empty() {
            return Ok(None);
        }
        let kept = self.partial.as_ref().map_or(0, |partial| partial.head.len());
        let parsed = if kept == 0 {
            let parsed = parse(input)?;
            if let Some(header) = &parsed {
                take(input, header.size);
            }
            parsed
        } else {
            self.header_from_kept(input)?
        };
        let Some(header) = parsed else {
            let rest = std::mem::take(input);
            self.partial.get_or_insert_default().head.extend_from_slice(rest);
            return Ok(None);
        };
        let frame = self.check(limits, &header)?;
        if let OpCode::Data(opcode) = frame.opcode {
            self.count_fragment(limits, opcode, frame)?;
        }
        Ok(Some(frame))
    }

    /// Completes a kept header from the front of `input`.
    fn header_from_kept(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, Fault> {
        let Some(partial) = self.partial.as_mut() else { return Ok(None) };
        let mut head = std::mem::take(&mut partial.head);
        let kept = head.len();
        let wanted = HEAD_MAX.saturating_sub(kept).min(input.len());
        head.extend_from_slice(input.get(..wanted).unwrap_or_default());
        let parsed = parse(&head)?;
        match &parsed {
            Some(header) => {
                take(input, header.size.saturating_sub(kept));
            }
            None => {
                head.truncate(kept);
                partial.head = head;
            }
        }
        Ok(parsed)
    }

    fn check(&self, limits: Limits, header: &Header) -> Result<InFrame, Fault> {
        let Header { frame: header, payload: length, .. } = header;
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Fault::Protocol("reserved bits"));
        }
        let Some(mask) = header.mask else { return Err(Fault::Protocol("not masked")) };
        match header.opcode {
            OpCode::Control(_) if !header.is_final => {
                return Err(Fault::Protocol("fragmented control frame"));
            }
            OpCode::Control(_) if *length > CONTROL_MAX => {
                return Err(Fault::Protocol("long control frame"));
            }
            OpCode::Data(Data::Continue) if self.message().is_none() => {
                return Err(Fault::Protocol("continuation of nothing"));
            }
            OpCode::Data(Data::Text | Data::Binary) if self.message().is_some() => {
                return Err(Fault::Protocol("a message inside a message"));
            }
            _ => {}
        }
        let before = match header.opcode {
            OpCode::Data(_) => self.message().map_or(0, |message| message.data.len()),
            OpCode::Control(_) => 0,
        };
        let length = usize::try_from(*length).map_err(|_| Fault::TooBig)?;
        match before.checked_add(length) {
            Some(total) if total <= limits.message.max(CONTROL_MAX as usize) => {}
            _ => return Err(Fault::TooBig),
        }
        Ok(InFrame { opcode: header.opcode, is_final: header.is_final, mask, length, received: 0 })
    }

    fn count_fragment(
        &mut self,
        limits: Limits,
        opcode: Data,
        frame: InFrame,
    ) -> Result<(), Fault> {
        if let Some(message) = self.partial.as_mut().and_then(|partial| partial.message.as_mut()) {
            message.fragments += 1;
            if message.fragments > limits.fragments {
                return Err(Fault::TooBig);
            }
        } else if !frame.is_final {
            let is_text = opcode == Data::Text;
            let message = Assembly { is_text, data: Vec::new(), valid: 0, fragments: 1 };
            self.partial.get_or_insert_default().message = Some(message);
        }
        Ok(())
    }

    /// Copies what has arrived of a frame that cannot be borrowed.
    fn receive<'a>(
        &mut self,
        mut frame: InFrame,
        input: &mut &'a mut [u8],
    ) -> Result<Option<Message<'a>>, Fault> {
        let chunk = take(input, (frame.length - frame.received).min(input.len()));
        unmask(chunk, frame.mask, frame.received);
        frame.received += chunk.len();
        let is_complete = frame.received == frame.length;
        let partial = self.partial.get_or_insert_default();
        partial.frame = (!is_complete).then_some(frame);
        if let OpCode::Control(_) = frame.opcode {
            partial.control.extend_from_slice(chunk);
            if !is_complete {
                return Ok(None);
            }
            let payload = std::mem::take(&mut partial.control);
            self.frame_ended();
            return control(frame.opcode, Cow::Owned(payload)).map(Some);
        }
        let is_text = frame.opcode == OpCode::Data(Data::Text);
        let message = partial.message.get_or_insert_with(|| Assembly {
            is_text,
            data: Vec::new(),
            valid: 0,
            fragments: 1,
        });
        message.data.extend_from_slice(chunk);
        message.check_text(is_complete && frame.is_final)?;
        if !(is_complete && frame.is_final) {
            return Ok(None);
        }
        let finished = partial.message.take();
        self.frame_ended();
        finished.map(Assembly::finish).transpose()
    }

    /// Frees what is not needed any more.
    fn frame_ended(&mut self) {
        if let Some(partial) = &mut self.partial {
            partial.frame = None;
            if partial.head.is_empty() && partial.message.is_none() {
                self.partial = None;
            }
        }
    }
}

impl Assembly {
    /// UTF-8 so far; a character may still be cut in two unless this is the end.
    fn check_text(&mut self, is_end: bool) -> Result<(), Fault> {
        if !self.is_text {
            return Ok(());
        }
        match std::str::from_utf8(self.data.get(self.valid..).unwrap_or_default()) {
            Ok(_) => self.valid = self.data.len(),
            Err(error) if error.error_len().is_none() && !is_end => {
                self.valid += error.valid_up_to();
            }
            Err(_) => return Err(Fault::Utf8),
        }
        Ok(())
    }

    fn finish<'a>(self) -> Result<Message<'a>, Fault> {
        if self.is_text {
            let text = String::from_utf8(self.data).map_err(|_| Fault::Utf8)?;
            Ok(Message::Text(Cow::Owned(text)))
        } else {
            Ok(Message::Binary(Cow::Owned(self.data)))
        }
    }
}

/// A complete header.
struct Header {
    frame: FrameHeader,
    /// Bytes of the payload.
    payload: u64,
    /// Bytes of the header itself.
    size: usize,
}

/// The header at the start of `bytes`; `None` if more bytes are needed. A length has to be written in as
/// few bytes as it needs, and its highest bit is zero (RFC 6455, 5.2).
fn parse(bytes: &[u8]) -> Result<Option<Header>, Fault> {
    let mut cursor = Cursor::new(bytes.get(..HEAD_MAX).unwrap_or(bytes));
    let parsed = FrameHeader::parse(&mut cursor).map_err(|_| Fault::Protocol("opcode"))?;
    let Some((frame, payload)) = parsed else { return Ok(None) };
    let size = usize::try_from(cursor.position()).unwrap_or(0);
    if !frame::has_minimal_length(&frame, payload, size) {
        return Err(Fault::Protocol("length"));
    }
    Ok(Some(Header { frame, payload, size }))
}

/// Removes `count` bytes from the front.
fn take<'a>(input: &mut &'a mut [u8], count: usize) -> &'a mut [u8] {
    let whole = std::mem::take(input);
    let count = count.min(whole.len());
    let (front, rest) = whole.split_at_mut(count);
    *input = rest;
    front
}

/// RFC 6455, 5.3; `offset` is how much of the payload came before `data`.
fn unmask(data: &mut [u8], mask: [u8; 4], offset: usize) {
    let mut rotated = mask;
    rotated.rotate_left(offset % 4);
    let [a, b, c, d] = rotated;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut chunks = data.chunks_exact_mut(8);
    for chunk in &mut chunks {
        let mut word = [0u8; 8];
        word.copy_from_slice(chunk);
        chunk.copy_from_slice(&(u64::from_ne_bytes(word) ^ wide).to_ne_bytes());
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(rotated.iter().cycle()) {
        *byte ^= key;
    }
}

fn borrowed(opcode: OpCode, payload: &mut [u8]) -> Result<Message<'_>, Fault> {
    match opcode {
        OpCode::Data(Data::Text) => {
            let text = std::str::from_utf8(payload).map_err(|_| Fault::Utf8)?;
            Ok(Message::Text(Cow::Borrowed(text)))
        }
        OpCode::Data(_) => Ok(Message::Binary(Cow::Borrowed(payload))),
        OpCode::Control(_) => control(opcode, Cow::Borrowed(payload)),
    }
}

fn control(opcode: OpCode, payload: Cow<'_, [u8]>) -> Result<Message<'_>, Fault> {
    match opcode {
        OpCode::Control(Control::Ping) => Ok(Message::Ping(payload)),
        OpCode::Control(Control::Pong) => Ok(Message::Pong),
        _ => close(&payload),
    }
}

/// RFC 6455, 5.5.1 and 7.4.
fn close<'a>(payload: &[u8]) -> Result<Message<'a>, Fault> {
    match payload {
        [] => Ok(Message::Close(None)),
        [_] => Err(Fault::Protocol("close with half a code")),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !CloseCode::from(code).is_allowed() {
                return Err(Fault::Protocol("close code"));
            }
            std::str::from_utf8(reason).map_err(|_| Fault::Utf8)?;
            Ok(Message::Close(Some(code)))
        }
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
