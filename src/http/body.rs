//! The body of a request: a decoder without I/O, and a body that keeps what it decoded, up to a limit.
//!
//! Memory is allocated for what arrived, never for what was declared. A chunked body ends with its
//! trailers, which are bounded, checked and then dropped: nothing in them is used.

use bytes::{Buf as _, Bytes, BytesMut};

use super::head::Framing;
use super::refusal::Refusal;
use crate::base::limits::http as limits;

/// Whether a body is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More bytes are needed.
    More,
    /// The body is complete; what is left in the input belongs to the next request.
    Done,
}

/// A body that is being received, and is kept.
#[derive(Debug)]
pub struct Body {
    decoder: Decoder,
    data: BytesMut,
}

impl Body {
    /// A body that may have up to `limit` bytes.
    ///
    /// # Errors
    /// 413 if its declared length is over the limit already.
    pub fn new(framing: Framing, limit: usize) -> Result<Self, Refusal> {
        Ok(Self { decoder: Decoder::new(framing, limit as u64)?, data: BytesMut::new() })
    }

    /// Takes what belongs to the body out of `input`.
    ///
    /// # Errors
    /// 400 for a malformed chunk, 413 for too much.
    pub fn feed(&mut self, input: &mut BytesMut) -> Result<Progress, Refusal> {
        self.decoder.feed(input, &mut self.data, usize::MAX)
    }

    /// Bytes of it that have arrived.
    #[allow(clippy::len_without_is_empty)] // how much has arrived, not how long it is
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// The decoded body.
    pub fn into_bytes(self) -> Bytes {
        self.data.freeze()
    }
}

/// Finds the bytes of a body among those of its connection.
#[derive(Debug)]
pub(super) struct Decoder {
    state: State,
    /// Bytes that it may still have.
    left: u64,
    extensions: usize,
    trailers: usize,
}

#[derive(Debug)]
enum State {
    Fixed(u64),
    Size,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    Done,
    /// It was refused: what follows belongs to nothing.
    Broken,
}

pub(super) const TOO_LARGE: Refusal = Refusal::Answer(413, "The body is too large.");
const MALFORMED: Refusal = Refusal::Answer(400, "The chunked body is malformed.");

/// Longest chunk-size line: sixteen digits and its extension.
const SIZE_LINE: usize = 16 + limits::CHUNK_EXTENSION;

impl Decoder {
    /// Of a body that may have up to `limit` bytes.
    ///
    /// # Errors
    /// 413 if its declared length is over the limit already.
    pub fn new(framing: Framing, limit: u64) -> Result<Self, Refusal> {
        let state = match framing {
            Framing::Chunked => State::Size,
            Framing::Length(0) => State::Done,
            Framing::Length(length) if length <= limit => State::Fixed(length),
            Framing::Length(_) => return Err(TOO_LARGE),
        };
        Ok(Self { state, left: limit, extensions: 0, trailers: 0 })
    }

    /// Whether nothing more belongs to it.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Moves what belongs to the body from `input` to `data`, until that has `most` bytes.
    ///
    /// # Errors
    /// 400 for a malformed chunk, 413 for too much.
    pub fn feed(
        &mut self,
        input: &mut BytesMut,
        data: &mut BytesMut,
        most: usize,
    ) -> Result<Progress, Refusal> {
        let fed = self.feed_until_refused(input, data, most);
        if fed.is_err() {
            self.state = State::Broken;
        }
        fed
    }

    fn feed_until_refused(
        &mut self,
        input: &mut BytesMut,
        data: &mut BytesMut,
        most: usize,
    ) -> Result<Progress, Refusal> {
        loop {
            match self.state {
                State::Broken => return Err(MALFORMED),
                State::Done => return Ok(Progress::Done),
                State::Fixed(left) => {
                    let left = left - self.take(input, data, left, most);
                    self.state = if left == 0 { State::Done } else { State::Fixed(left) };
                    if left > 0 {
                        return Ok(Progress::More);
                    }
                }
                State::Size => match line(input, SIZE_LINE)? {
                    Some(line) => self.start_chunk(&line)?,
                    None => return Ok(Progress::More),
                },
                State::Chunk(left) => {
                    let left = left - self.take(input, data, left, most);
                    self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                    if left > 0 {
                        return Ok(Progress::More);
                    }
                }
                State::ChunkEnd => match line(input, 0)? {
                    Some(_) => self.state = State::Size,
                    None => return Ok(Progress::More),
                },
                State::Trailers => match line(input, limits::TRAILERS)? {
                    Some(line) => self.trailer(&line)?,
                    None => return Ok(Progress::More),
                },
            }
        }
    }

    /// How many bytes were moved: of those that are left of a piece, as many as there are and fit.
    fn take(&mut self, input: &mut BytesMut, data: &mut BytesMut, left: u64, most: usize) -> u64 {
        let space = most.saturating_sub(data.len()).min(input.len());
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(space);
        data.extend_from_slice(input.get(..n).unwrap_or_default());
        input.advance(n);
        self.left = self.left.saturating_sub(n as u64);
        n as u64
    }

    fn start_chunk(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, extension) = line.split_at(digits);
        if digits.is_empty() || !(extension.is_empty() || extension.starts_with(b";")) {
            return Err(MALFORMED);
        }
        self.extensions += extension.len();
        if extension.len() > limits::CHUNK_EXTENSION || self.extensions > limits::CHUNK_EXTENSIONS {
            return Err(Refusal::Answer(400, "The chunk extensions are too long."));
        }
        let digits = std::str::from_utf8(digits).map_err(|_| MALFORMED)?;
        let size = u64::from_str_radix(digits, 16).map_err(|_| TOO_LARGE)?;
        if size > self.left {
            return Err(TOO_LARGE);
        }
        self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
        Ok(())
    }

    fn trailer(&mut self, line: &[u8]) -> Result<(), Refusal> {
        if line.is_empty() {
            self.state = State::Done;
            return Ok(());
        }
        self.trailers += line.len() + 2;
        if self.trailers > limits::TRAILERS {
            return Err(Refusal::Answer(431, "The trailers are too long."));
        }
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        let name = line.iter().take_while(|byte| is_name(byte)).count();
        if name == 0 || line.get(name) != Some(&b':') {
            return Err(MALFORMED);
        }
        Ok(())
    }
}

/// One line without its CR LF, at most `most` bytes long. Refuses bare CR, bare LF and controls.
fn line(input: &mut BytesMut, most: usize) -> Result<Option<BytesMut>, Refusal> {
    for (at, &byte) in input.iter().enumerate() {
        match byte {
            b'\r' => {
                return match input.get(at + 1) {
                    None => Ok(None),
                    Some(b'\n') => {
                        let mut line = input.split_to(at + 2);
                        line.truncate(at);
                        Ok(Some(line))
                    }
                    Some(_) => Err(MALFORMED),
                };
            }
            _ if at >= most => return Err(MALFORMED),
            b'\t' | 0x20..=0x7e | 0x80.. => {}
            _ => return Err(MALFORMED),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes `bytes` fed in pieces of `step`; what came out and what was left over.
    fn decode(framing: Framing, bytes: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
        let mut body = Body::new(framing, 64)?;
        let mut input = BytesMut::new();
        let mut pieces = bytes.chunks(step);
        loop {
            match body.feed(&mut input)? {
                Progress::Done => {
                    let rest: Vec<u8> = pieces.flatten().copied().collect();
                    input.extend_from_slice(&rest);
                    return Ok((body.into_bytes().to_vec(), input.to_vec()));
                }
                Progress::More => match pieces.next() {
                    Some(piece) => input.extend_from_slice(piece),
                    None => return Err(Refusal::Silent),
                },
            }
        }
    }

    #[test]
    fn however_it_is_cut_the_same_body_comes_out() {
        let bytes = b"5\r\nhello\r\nA;x=y\r\n 0123456 8\r\n0\r\nTrailer: x\r\n\r\nGET /";
        for step in 1..bytes.len() {
            let (body, rest) = decode(Framing::Chunked, bytes, step).unwrap();
            assert_eq!(
                (body.as_slice(), rest.as_slice()),
                (&b"hello 0123456 8"[..], &b"GET /"[..])
            );
        }
        let (body, rest) = decode(Framing::Length(3), b"abcdef", 2).unwrap();
        assert_eq!((body.as_slice(), rest.as_slice()), (&b"abc"[..], &b"def"[..]));
    }

    #[test]
    fn malformed_chunks_are_refused() {
        for bytes in [
            &b"5\nhello\n"[..],
            b"5 \r\nhello\r\n",
            b" 5\r\nhello\r\n",
            b"0x5\r\nhello\r\n",
            b"+5\r\nhello\r\n",
            b"-1\r\n",
            b"\r\n",
            b"5\r\nhelloX\r\n",
            b"5\r\nhello\rX",
            b"5\r\nhello\n0\r\n",
            b"0\r\nno colon\r\n\r\n",
            b"0\r\n: x\r\n\r\n",
            b"5;\x00\r\nhello\r\n",
        ] {
            let refused = decode(Framing::Chunked, bytes, 1).unwrap_err();
            assert_eq!(refused, MALFORMED, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn nothing_follows_what_was_refused() {
        for bytes in [&b"0\r\nno colon\r\n\r\n"[..], b"zz\r\n0\r\n\r\n", b"41\r\n0\r\n\r\n"] {
            let mut body = Body::new(Framing::Chunked, 64).unwrap();
            let mut input = BytesMut::from(bytes);
            body.feed(&mut input).unwrap_err();
            assert_eq!(body.feed(&mut input).unwrap_err(), MALFORMED);
        }
    }

    #[test]
    fn sizes_are_bounded_before_anything_is_taken() {
        assert_eq!(Body::new(Framing::Length(65), 64).unwrap_err(), TOO_LARGE);
        assert_eq!(decode(Framing::Chunked, b"41\r\n", 9).unwrap_err(), TOO_LARGE);
        assert_eq!(decode(Framing::Chunked, b"FFFFFFFFFFFFFFFFF\r\n", 9).unwrap_err(), TOO_LARGE);
        let long = format!("1;{}\r\n", "x".repeat(300));
        assert!(decode(Framing::Chunked, long.as_bytes(), 9).is_err());
        let many = format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(30);
        assert!(decode(Framing::Chunked, many.as_bytes(), 9).is_err());
        let trailers = format!("0\r\n{}\r\n", "Name: value\r\n".repeat(1_000));
        assert!(decode(Framing::Chunked, trailers.as_bytes(), 9).is_err());
    }
}
