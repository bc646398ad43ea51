//! PNG (W3C): chunks, each with its length, name and checksum.
//!
//! Chunks whose name begins with a small letter are not needed. Those that change how pixels look stay; texts, times and
//! what single programs write go, and so does everything behind the last chunk.

use std::io::{BufRead, Seek};

use flate2::Crc;

use super::found::Found;
use super::source::{Fault, Source};
use crate::base::limits::pictures as limits;

const BEGIN: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
/// What is not needed and stays.
const KEPT: [&[u8; 4]; 15] = [
    b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"hIST", b"pHYs", b"sPLT",
    b"cICP", b"mDCV", b"cLLI", b"acTL", b"fcTL",
];

pub(super) fn walk<R: BufRead + Seek>(
    source: &mut Source<R>,
    found: &mut Found,
) -> Result<(), Fault> {
    if source.array()? != BEGIN {
        return Err(Fault::Broken);
    }
    found.keep(source.at())?;
    let mut has_pixels = false;
    loop {
        let length = u64::from(u32::from_be_bytes(source.array()?));
        let name = source.array::<4>()?;
        if &name == b"IHDR" {
            let [w1, w2, w3, w4, h1, h2, h3, h4, ..] = source.array::<13>()?;
            let (width, height) =
                (u32::from_be_bytes([w1, w2, w3, w4]), u32::from_be_bytes([h1, h2, h3, h4]));
            found.measured(width, height)?;
            source.skip(length.checked_sub(13).ok_or(Fault::Broken)? + 4)?;
            found.keep(source.at())?;
            continue;
        }
        if found.pixels.is_none() {
            return Err(Fault::Broken);
        }
        if &name == b"eXIf" {
            metadata(source, found, length)?;
            continue;
        }
        // Checksums are the decoder's matter.
        source.skip(length)?;
        source.skip(4)?;
        match &name {
            b"IEND" if has_pixels => return found.keep(source.at()),
            b"IEND" => return Err(Fault::Broken),
            b"IDAT" => {
                has_pixels = true;
                found.frames = found.frames.max(1);
                found.keep(source.at())?;
            }
            b"fdAT" => {
                // The pixels of a frame may be in several; that there are any says that it moves.
                found.frames = 2;
                found.keep(source.at())?;
            }
            name if name[0].is_ascii_uppercase() || KEPT.contains(&name) => {
                found.keep(source.at())?;
            }
            _ => found.remove(source.at()),
        }
    }
}

/// The rest of a chunk with metadata of so many bytes. Decoders do not look at one whose checksum is wrong.
fn metadata<R: BufRead + Seek>(
    source: &mut Source<R>,
    found: &mut Found,
    length: u64,
) -> Result<(), Fault> {
    let content = source.start_of(length, limits::EXIF)?;
    match source.array()? == checksum(&content) {
        true => found.metadata(source.at(), &content, chunk),
        false => {
            found.remove(source.at());
            Ok(())
        }
    }
}

/// The chunk with this block of metadata.
fn chunk(block: &[u8]) -> Vec<u8> {
    // It has one entry.
    let length = (block.len() as u32).to_be_bytes();
    [&length[..], b"eXIf", block, &checksum(block)].concat()
}

fn checksum(block: &[u8]) -> [u8; 4] {
    let mut checksum = Crc::new();
    checksum.update(b"eXIf");
    checksum.update(block);
    checksum.sum().to_be_bytes()
}
