//! Pictures, which nobody trusts: what they are made of, read by their structure alone; their pixels, decoded within
//! bounds; and smaller forms of them.
//!
//! Reading the structure costs a walk through the file in small steps and no memory. It says how large a picture is
//! before anything is decoded, whether it moves, which way up it is, and which of its bytes are about it and not of it:
//! where it was taken and when, by which camera and whose, with which programs. Those can be left out without decoding a
//! pixel.

mod decode;
mod draw;
mod exif;
mod found;
mod gif;
mod jpeg;
mod png;
mod source;
#[cfg(test)]
mod tests;
mod webp;

pub use decode::{Bounds, Decoded, Undecodable, decode};
pub use draw::{premultiply, smaller, unpremultiply};
pub use found::Part;

use std::io::{self, BufRead, Seek};

use found::Found;
use source::{Fault, Source};

/// The kinds of pictures that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JPEG.
    Jpeg,
    /// PNG, also APNG.
    Png,
    /// GIF.
    Gif,
    /// WebP.
    WebP,
}

impl Format {
    /// The one with this media type.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "image/jpeg" => Some(Self::Jpeg),
            "image/png" => Some(Self::Png),
            "image/gif" => Some(Self::Gif),
            "image/webp" => Some(Self::WebP),
            _ => None,
        }
    }

    /// The one that begins with these bytes.
    pub fn of_bytes(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }
}

/// What a picture is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anatomy {
    /// Width and height as it is looked at, in pixels; nothing if its structure is broken.
    pub pixels: Option<(u32, u32)>,
    /// Whether it moves.
    pub is_animated: bool,
    /// The file without what is about the picture, in pieces; nothing if that is the whole file.
    pub without_metadata: Option<Vec<Part>>,
    /// Whether some of it cannot be read, so that nobody knows whether there is metadata left in it.
    pub has_unread: bool,
}

/// Reads the structure of a file of this kind and so many bytes.
///
/// # Errors
/// Those of the reader. A broken picture is none: as far as it can be read, its metadata is found, too.
pub fn dissect<R: BufRead + Seek>(format: Format, reader: R, length: u64) -> io::Result<Anatomy> {
    let (mut source, mut found) = (Source::new(reader, length), Found::default());
    let walked = match format {
        Format::Jpeg => jpeg::walk(&mut source, &mut found),
        Format::Png => png::walk(&mut source, &mut found),
        Format::Gif => gif::walk(&mut source, &mut found),
        Format::WebP => webp::walk(&mut source, &mut found),
    };
    let mut has_unread = false;
    match walked {
        // What is behind the end is no part of it.
        Ok(()) => found.remove(length),
        Err(Fault::Io(error)) => return Err(error),
        Err(Fault::Broken) => {
            found.pixels = None;
            // The head of a WebP file says how long it is.
            found.has_changed &= format != Format::WebP;
            has_unread = found.decided < length;
            found.keep_rest(length);
        }
    }
    let is_turned = found.orientation.is_some_and(|orientation| orientation > 4);
    let turned = |(width, height)| if is_turned { (height, width) } else { (width, height) };
    Ok(Anatomy {
        pixels: found.pixels.filter(|_| found.frames > 0).map(turned),
        is_animated: found.frames > 1,
        without_metadata: found.has_changed.then_some(found.parts),
        has_unread,
    })
}
