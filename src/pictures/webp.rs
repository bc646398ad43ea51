//! WebP: a RIFF file, whose chunks each have a name and a length. A chunk `VP8X` says what else there is.
//!
//! Decoders take the size of a picture from where its pixels are, whatever the header says, so both must agree here.

use std::io::{BufRead, Seek};

use super::found::{Found, Part};
use super::source::{Fault, Source};
use crate::base::limits::pictures as limits;

const HAS_XMP: u8 = 0x04;
const HAS_EXIF: u8 = 0x08;
const IS_ANIMATED: u8 = 0x02;

pub(super) fn walk<R: BufRead + Seek>(
    source: &mut Source<R>,
    found: &mut Found,
) -> Result<(), Fault> {
    let [b'R', b'I', b'F', b'F', l1, l2, l3, l4, b'W', b'E', b'B', b'P'] = source.array::<12>()?
    else {
        return Err(Fault::Broken);
    };
    let end = 8 + u64::from(u32::from_le_bytes([l1, l2, l3, l4]));
    if !source.has(end.checked_sub(12).ok_or(Fault::Broken)?) {
        return Err(Fault::Broken);
    }
    let chunk = chunk(source, end)?;
    if &chunk.name != b"VP8X" {
        let (width, height) = bitmap(source, &chunk)?.ok_or(Fault::Broken)?;
        found.measured(width, height)?;
        found.frames = 1;
        found.keep(source.at())?;
        return finish(source, found, None);
    }
    let [flags, _, _, _, w1, w2, w3, h1, h2, h3] = source.array::<10>()?;
    if chunk.length != 10 {
        return Err(Fault::Broken);
    }
    let size = |a, b, c| 1 + u32::from_le_bytes([a, b, c, 0]);
    found.measured(size(w1, w2, w3), size(h1, h2, h3))?;
    found.keep(source.at())?;
    let canvas = Canvas {
        size: (size(w1, w2, w3), size(h1, h2, h3)),
        is_animated: flags & IS_ANIMATED != 0,
        end,
    };
    let mut has_exif = false;
    while source.at() + 8 <= end {
        has_exif |= canvas.chunk(source, found)?;
    }
    if found.frames == 0 {
        return Err(Fault::Broken);
    }
    let turned = has_exif && found.orientation.is_some_and(|turned| turned != 1);
    let left = flags & !(HAS_XMP | HAS_EXIF) | if turned { HAS_EXIF } else { 0 };
    finish(source, found, Some((flags, left)))
}

struct Chunk {
    name: [u8; 4],
    length: u64,
    /// Where the next one begins.
    end: u64,
}

/// A picture that may have more than pixels.
struct Canvas {
    size: (u32, u32),
    is_animated: bool,
    end: u64,
}

impl Canvas {
    /// The next chunk; whether it has metadata.
    fn chunk<R: BufRead + Seek>(
        &self,
        source: &mut Source<R>,
        found: &mut Found,
    ) -> Result<bool, Fault> {
        let chunk = chunk(source, self.end)?;
        match &chunk.name {
            b"VP8 " | b"VP8L" if !self.is_animated && found.frames == 0 => {
                if bitmap(source, &chunk)? != Some(self.size) {
                    return Err(Fault::Broken);
                }
                found.frames = 1;
            }
            b"ANMF" if self.is_animated => {
                if found.frames == 0 {
                    self.frame(source)?;
                }
                found.frames += 1;
                source.skip(chunk.end.checked_sub(source.at()).ok_or(Fault::Broken)?)?;
            }
            b"ICCP" | b"ANIM" | b"ALPH" => source.skip(chunk.end - source.at())?,
            b"EXIF" => {
                let content = source.start_of(chunk.length, limits::EXIF)?;
                source.skip(chunk.end - source.at())?;
                found.metadata(source.at(), &content, |block| {
                    // It has one entry, of an even length.
                    let length = (block.len() as u32).to_le_bytes();
                    [b"EXIF", &length[..], block].concat()
                })?;
                return Ok(true);
            }
            _ => {
                source.skip(chunk.end - source.at())?;
                found.remove(source.at());
                return Ok(false);
            }
        }
        found.keep(source.at())?;
        Ok(false)
    }

    /// The head of the first frame, and of its pixels: nobody decodes others here.
    fn frame<R: BufRead + Seek>(&self, source: &mut Source<R>) -> Result<(), Fault> {
        let [x1, x2, x3, y1, y2, y3, w1, w2, w3, h1, h2, h3, ..] = source.array::<16>()?;
        let number = |a, b, c| u32::from_le_bytes([a, b, c, 0]);
        let (width, height) = (1 + number(w1, w2, w3), 1 + number(h1, h2, h3));
        let (left, top) = (2 * number(x1, x2, x3), 2 * number(y1, y2, y3));
        if left + width > self.size.0 || top + height > self.size.1 {
            return Err(Fault::Broken);
        }
        let mut inner = chunk(source, self.end)?;
        if &inner.name == b"ALPH" {
            source.skip(inner.end - source.at())?;
            inner = chunk(source, self.end)?;
        }
        match bitmap(source, &inner)? {
            Some(size) if size == (width, height) => Ok(()),
            _ => Err(Fault::Broken),
        }
    }
}

/// The head of a chunk, which must end before this place.
fn chunk<R: BufRead + Seek>(source: &mut Source<R>, end: u64) -> Result<Chunk, Fault> {
    let [a, b, c, d, l1, l2, l3, l4] = source.array::<8>()?;
    let length = u64::from(u32::from_le_bytes([l1, l2, l3, l4]));
    let content_end = source.at() + length;
    if content_end > end {
        return Err(Fault::Broken);
    }
    // An odd one is filled up, which some programs forget at the end.
    let end = (content_end + length % 2).min(end);
    Ok(Chunk { name: [a, b, c, d], length, end })
}

/// The size of coded pixels; none for what is none. At the end of them.
fn bitmap<R: BufRead + Seek>(
    source: &mut Source<R>,
    chunk: &Chunk,
) -> Result<Option<(u32, u32)>, Fault> {
    let size = match &chunk.name {
        b"VP8 " => {
            let [_, _, _, 0x9d, 0x01, 0x2a, w1, w2, h1, h2] = source.array::<10>()? else {
                return Err(Fault::Broken);
            };
            let edge = |a, b| u32::from(u16::from_le_bytes([a, b]) & 0x3fff);
            Some((edge(w1, w2), edge(h1, h2)))
        }
        b"VP8L" => {
            let [0x2f, a, b, c, d] = source.array::<5>()? else { return Err(Fault::Broken) };
            let bits = u32::from_le_bytes([a, b, c, d]);
            Some((1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff)))
        }
        _ => None,
    };
    source.skip(chunk.end.checked_sub(source.at()).ok_or(Fault::Broken)?)?;
    Ok(size)
}

/// The head says how long the file is, and what is in it: now, and what is left.
fn finish<R: BufRead + Seek>(
    source: &Source<R>,
    found: &mut Found,
    flags: Option<(u8, u8)>,
) -> Result<(), Fault> {
    if let Some((now, left)) = flags {
        found.has_changed |= now != left;
    }
    if !found.has_changed && source.at() == source.length() {
        return Ok(());
    }
    found.has_changed = true;
    let length: u64 = found.parts.iter().map(Part::length).sum();
    let riff = u32::try_from(length.saturating_sub(8)).map_err(|_| Fault::Broken)?;
    // The first part is the head and what follows it.
    let Some(Part::Kept(first)) = found.parts.first_mut() else { return Err(Fault::Broken) };
    let mut head = [b"RIFF", &riff.to_le_bytes()[..], b"WEBP"].concat();
    first.start = 12;
    if let Some((_, left)) = flags {
        head.extend_from_slice(b"VP8X\x0a\0\0\0");
        head.push(left);
        first.start = 21;
    }
    found.parts.insert(0, Part::New(head));
    Ok(())
}
