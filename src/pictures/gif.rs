//! GIF 89a: a screen, and blocks for it, each in pieces of at most 255 bytes.
//!
//! Comments and what programs have added go, except how often it repeats and what its colours are.

use std::io::{BufRead, Seek};

use super::found::Found;
use super::source::{Fault, Source};

const KEPT: [&[u8]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];

pub(super) fn walk<R: BufRead + Seek>(
    source: &mut Source<R>,
    found: &mut Found,
) -> Result<(), Fault> {
    let [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', w1, w2, h1, h2, flags, _, _] =
        source.array::<13>()?
    else {
        return Err(Fault::Broken);
    };
    found.measured(u16::from_le_bytes([w1, w2]).into(), u16::from_le_bytes([h1, h2]).into())?;
    source.skip(colours(flags))?;
    loop {
        found.keep(source.at())?;
        match source.byte()? {
            b';' if found.frames > 0 => return found.keep(source.at()),
            b',' => {
                let [.., flags] = source.array::<9>()?;
                source.skip(colours(flags) + 1)?;
                skip_pieces(source)?;
                found.frames += 1;
            }
            b'!' => match source.byte()? {
                0xfe => {
                    skip_pieces(source)?;
                    found.remove(source.at());
                }
                0xff => {
                    let length = source.byte()?;
                    let name = source.start_of(length.into(), length.into())?;
                    skip_pieces(source)?;
                    if !KEPT.contains(&name.as_slice()) {
                        found.remove(source.at());
                    }
                }
                _ => skip_pieces(source)?,
            },
            _ => return Err(Fault::Broken),
        }
    }
}

/// The bytes of a table of colours.
fn colours(flags: u8) -> u64 {
    match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    }
}

fn skip_pieces<R: BufRead + Seek>(source: &mut Source<R>) -> Result<(), Fault> {
    loop {
        match source.byte()? {
            0 => return Ok(()),
            length => source.skip(length.into())?,
        }
    }
}
