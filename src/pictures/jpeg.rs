//! JPEG (ITU-T T.81): segments, each with its length, and scans of coded pixels, which end where a marker comes.
//!
//! What programs write about a picture is in the segments `APPn` and `COM`. Of those only what changes its pixels
//! stays: how they are laid out (`JFIF`), what their colours are (`ICC_PROFILE`, `Adobe`), and which way up they are.
//! Cameras write more behind the end: a second picture, a film, their own tables. It goes.

use std::io::{BufRead, Seek};

use super::found::Found;
use super::source::{Fault, Source};

const EXIF: &[u8] = b"Exif\0\0";
const JFIF: &[u8] = b"JFIF\0";
/// By marker, what the segments begin with that stay.
const KEPT: [(u8, &[u8]); 3] = [(0xe0, JFIF), (0xe2, b"ICC_PROFILE\0"), (0xee, b"Adobe")];

pub(super) fn walk<R: BufRead + Seek>(
    source: &mut Source<R>,
    found: &mut Found,
) -> Result<(), Fault> {
    if source.array()? != [0xff, 0xd8] {
        return Err(Fault::Broken);
    }
    found.keep(source.at())?;
    let mut marker = next_marker(source, found)?;
    loop {
        marker = match marker {
            0xd9 => return found.keep(source.at()),
            0xda => {
                skip_segment(source)?;
                found.keep(source.at())?;
                let next = match end_of_scan(source) {
                    Ok(next) => next,
                    Err(fault) => {
                        // All that is left is pixels, of which the last are missing.
                        found.keep(source.length())?;
                        return Err(fault);
                    }
                };
                // The pixels are decided before the marker that follows them.
                found.keep(source.at() - 2)?;
                found.frames = 1;
                next
            }
            // Frames: how large the picture is.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let length = length(source)?;
                let [_, h1, h2, w1, w2, _] = source.array()?;
                source.skip(length.checked_sub(6).ok_or(Fault::Broken)?)?;
                let (width, height) = (u16::from_be_bytes([w1, w2]), u16::from_be_bytes([h1, h2]));
                found.measured(width.into(), height.into())?;
                found.keep(source.at())?;
                next_marker(source, found)?
            }
            // Behind pixels no program writes one, and decoders do not agree on what it is there.
            0xe0..=0xef | 0xfe if found.frames == 0 => {
                application(source, found, marker)?;
                next_marker(source, found)?
            }
            // Tables.
            0xc4 | 0xcc | 0xdb..=0xdf => {
                skip_segment(source)?;
                found.keep(source.at())?;
                next_marker(source, found)?
            }
            _ => return Err(Fault::Broken),
        };
    }
}

/// A segment that a program has written for other programs.
fn application<R: BufRead + Seek>(
    source: &mut Source<R>,
    found: &mut Found,
    marker: u8,
) -> Result<(), Fault> {
    let length = length(source)?;
    let content = source.start_of(length, usize::from(u16::MAX))?;
    if let Some(head) = content.get(..12).filter(|_| marker == 0xe0 && content.len() > 14)
        && content.starts_with(JFIF)
    {
        // A small picture is behind it, which may show what was cut off the large one: now it has no size.
        return found.replace(source.at(), [&[0xff, marker, 0, 16], head, &[0, 0]].concat());
    }
    if KEPT.iter().any(|(kept, name)| *kept == marker && content.starts_with(name)) {
        return found.keep(source.at());
    }
    match content.strip_prefix(EXIF).filter(|_| marker == 0xe1) {
        Some(block) => found.metadata(source.at(), block, segment),
        None => {
            found.remove(source.at());
            Ok(())
        }
    }
}

/// The segment with this block of metadata.
fn segment(block: &[u8]) -> Vec<u8> {
    // It has one entry.
    let length = (2 + EXIF.len() + block.len()) as u16;
    [&[0xff, 0xe1], &length.to_be_bytes()[..], EXIF, block].concat()
}

/// How many bytes of a segment follow.
fn length<R: BufRead + Seek>(source: &mut Source<R>) -> Result<u64, Fault> {
    u64::from(u16::from_be_bytes(source.array()?)).checked_sub(2).ok_or(Fault::Broken)
}

fn skip_segment<R: BufRead + Seek>(source: &mut Source<R>) -> Result<(), Fault> {
    let length = length(source)?;
    source.skip(length)
}

/// The next marker; it may be filled up in front. Decoders pass over whatever else is between two segments
/// in front of the pixels, so it goes.
fn next_marker<R: BufRead + Seek>(source: &mut Source<R>, found: &mut Found) -> Result<u8, Fault> {
    let begin = source.at();
    source.skip_past(0xff)?;
    let is_odd = source.at() > begin + 1;
    let marker = loop {
        match source.byte()? {
            0xff => {}
            0 => return Err(Fault::Broken),
            marker => break marker,
        }
    };
    if is_odd && found.frames > 0 {
        return Err(Fault::Broken);
    }
    if is_odd {
        found.remove(source.at() - 2);
    }
    Ok(marker)
}

/// Passes over coded pixels, up to and over the marker behind them.
fn end_of_scan<R: BufRead + Seek>(source: &mut Source<R>) -> Result<u8, Fault> {
    loop {
        source.skip_past(0xff)?;
        loop {
            match source.byte()? {
                0xff => {}
                // A byte of the pixels, and a mark between two parts of them.
                0 | 0xd0..=0xd7 => break,
                marker => return Ok(marker),
            }
        }
    }
}
