//! The pixels of a picture, if it is whole and there are not too many of them.

use std::io::{self, BufRead, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::{Anatomy, Format, dissect};
use crate::base::limits::pictures as limits;

/// What one picture may cost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Longest edge, in pixels.
    pub edge: u32,
    /// Most pixels.
    pub pixels: u64,
    /// Most bytes that the decoder may allocate.
    pub memory: u64,
}

impl Bounds {
    /// Whether a picture of this size may be decoded.
    pub fn allow(&self, (width, height): (u32, u32)) -> bool {
        width.max(height) <= self.edge && u64::from(width) * u64::from(height) <= self.pixels
    }
}

/// The pixels of a picture, or of its first frame.
#[derive(Debug)]
pub struct Decoded {
    /// As they are stored.
    pub image: DynamicImage,
    /// How they have to be turned to be looked at.
    pub orientation: Orientation,
    /// What their colours are, if that is worth to be said.
    pub profile: Option<Vec<u8>>,
}

/// Why there are none.
#[derive(Debug)]
pub enum Undecodable {
    /// More than the bounds allow.
    TooLarge,
    /// It is damaged, or not what it says.
    Damaged(String),
    /// It cannot be read.
    Io(io::Error),
}

/// Decodes a file of this format and so many bytes. It takes up to a second of a core for each twenty megapixels.
///
/// # Errors
/// Why there are no pixels.
pub fn decode<R: BufRead + Seek>(
    format: Format,
    reader: R,
    length: u64,
    bounds: Bounds,
) -> Result<Decoded, Undecodable> {
    // Decoders are large programs of others: what one of them stumbles over is a damaged picture, too.
    let decoding = AssertUnwindSafe(|| decode_within(format, reader, length, bounds));
    catch_unwind(decoding).unwrap_or_else(|_| Err(damaged("the decoder panicked")))
}

fn decode_within<R: BufRead + Seek>(
    format: Format,
    mut reader: R,
    length: u64,
    bounds: Bounds,
) -> Result<Decoded, Undecodable> {
    let Anatomy { pixels, .. } = dissect(format, &mut reader, length).map_err(Undecodable::Io)?;
    let Some(pixels) = pixels else { return Err(damaged("its structure is broken")) };
    if !bounds.allow(pixels) {
        return Err(Undecodable::TooLarge);
    }
    reader.seek(SeekFrom::Start(0)).map_err(Undecodable::Io)?;
    let format = match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Gif => ImageFormat::Gif,
        Format::WebP => ImageFormat::WebP,
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(bounds.edge);
    limits.max_image_height = Some(bounds.edge);
    limits.max_alloc = Some(bounds.memory);
    let mut reader = ImageReader::with_format(reader, format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(undecodable)?;
    let (width, height) = decoder.dimensions();
    if (width, height) != pixels && (height, width) != pixels {
        return Err(damaged("it has two sizes"));
    }
    if decoder.total_bytes() > bounds.memory {
        return Err(Undecodable::TooLarge);
    }
    // A picture whose metadata is broken is shown as it lies.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten().filter(|profile| is_of_colours(profile));
    let image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
    let has_colours =
        !matches!(image.color(), ColorType::L8 | ColorType::L16 | ColorType::La8 | ColorType::La16);
    Ok(Decoded { image, orientation, profile: profile.filter(|_| has_colours) })
}

/// Whether it describes red, green and blue, and is not larger than the picture would be.
fn is_of_colours(profile: &[u8]) -> bool {
    profile.len() <= limits::PROFILE && profile.get(16..20) == Some(b"RGB ")
}

fn damaged(cause: &str) -> Undecodable {
    Undecodable::Damaged(cause.to_owned())
}

fn undecodable(error: ImageError) -> Undecodable {
    match error {
        ImageError::Limits(_) => Undecodable::TooLarge,
        other => Undecodable::Damaged(other.to_string()),
    }
}
