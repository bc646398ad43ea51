//! Pictures of people: whatever was uploaded becomes two small squares without a past.
//!
//! An upload is hostile until shown otherwise. Its first bytes must be those of the type it claims;
//! its dimensions are read from the header and bounded before anything is decoded; the decoder has a
//! bound on what it may allocate. What is kept is drawn anew from the pixels: no metadata, no second
//! frame, no trailing bytes survive. Decoding costs up to a second of one core and some hundred
//! megabytes, so it runs on a blocking thread and few at a time ([`Studio`]).

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;

use crate::error::{Code, Error, Result};
use crate::limits::avatars as limits;

/// Edges of the squares that are kept, in pixels: in lists (doubled for fine screens), and large.
pub const SIZES: [u32; 2] = [96, 384];

/// What a picture has become.
#[derive(Debug)]
pub struct Picture {
    /// The end of its files' names: `jpg`, or `png` where there is transparency.
    pub extension: &'static str,
    /// The same as a media type.
    pub content_type: &'static str,
    /// Edge and encoded bytes.
    pub squares: Vec<(u32, Vec<u8>)>,
}

/// Where pictures are made: few at a time, some waiting, no more.
#[derive(Debug)]
pub struct Studio {
    at_once: Semaphore,
    waiting: Semaphore,
}

impl Default for Studio {
    fn default() -> Self {
        let (at_once, waiting) = (Semaphore::new(limits::AT_ONCE), Semaphore::new(limits::WAITING));
        Self { at_once, waiting }
    }
}

impl Studio {
    /// Makes the squares of an upload, away from the async threads.
    ///
    /// # Errors
    /// `unsupported_type`, `too_large`, `bad_request` for what cannot be decoded; `unavailable` while
    /// too many wait.
    pub async fn make(&self, content_type: &str, bytes: bytes::Bytes) -> Result<Picture> {
        let format = format_of(content_type, &bytes)?;
        let _place = self.waiting.try_acquire().map_err(|_| {
            Error::new(Code::Unavailable, "Too many pictures are being drawn right now.")
                .retry_after(limits::RETRY_MS)
        })?;
        let _turn = self.at_once.acquire().await.map_err(Error::internal)?;
        let drawn = tokio::task::spawn_blocking(move || draw(format, &bytes));
        drawn.await.map_err(Error::internal)?
    }
}

/// The format, if type and first bytes agree.
fn format_of(content_type: &str, bytes: &[u8]) -> Result<ImageFormat> {
    let claimed = match content_type.split(';').next().unwrap_or_default().trim() {
        "image/png" => ImageFormat::Png,
        "image/jpeg" => ImageFormat::Jpeg,
        "image/webp" => ImageFormat::WebP,
        "image/gif" => ImageFormat::Gif,
        _ => {
            let text = "A picture must be PNG, JPEG, WebP or GIF.";
            return Err(Error::new(Code::UnsupportedType, text));
        }
    };
    match image::guess_format(bytes) {
        Ok(found) if found == claimed => Ok(found),
        _ => Err(bad("is not the kind of picture it says")),
    }
}

fn draw(format: ImageFormat, bytes: &[u8]) -> Result<Picture> {
    let reader = || ImageReader::with_format(Cursor::new(bytes), format);
    let (width, height) = reader().into_dimensions().map_err(undecodable)?;
    let pixels = u64::from(width) * u64::from(height);
    if width == 0 || height == 0 {
        return Err(bad("has no pixels"));
    }
    if width.max(height) > limits::EDGE || pixels > limits::PIXELS {
        return Err(Error::new(Code::TooLarge, "The picture has too many pixels."));
    }
    let mut bounds = Limits::default();
    bounds.max_image_width = Some(limits::EDGE);
    bounds.max_image_height = Some(limits::EDGE);
    bounds.max_alloc = Some(limits::MEMORY);
    let mut reader = reader();
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(undecodable)?;
    let orientation = decoder.orientation().map_err(undecodable)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(undecodable)?;
    image.apply_orientation(orientation);
    encode(&square(&image))
}

/// The middle of the picture.
fn square(image: &DynamicImage) -> DynamicImage {
    let edge = image.width().min(image.height());
    let (x, y) = ((image.width() - edge) / 2, (image.height() - edge) / 2);
    image.crop_imm(x, y, edge, edge)
}

fn encode(image: &DynamicImage) -> Result<Picture> {
    let is_opaque = !image.color().has_alpha()
        || image.to_rgba8().pixels().all(|pixel| matches!(pixel.0, [_, _, _, u8::MAX]));
    let mut squares = Vec::new();
    for size in SIZES {
        let scaled = image.resize_exact(size, size, FilterType::Lanczos3);
        let mut bytes = Vec::new();
        let encoded = if is_opaque {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, limits::QUALITY);
            scaled.to_rgb8().write_with_encoder(encoder)
        } else {
            scaled.to_rgba8().write_with_encoder(PngEncoder::new(&mut bytes))
        };
        encoded.map_err(|error| Error::internal(error.to_string()))?;
        squares.push((size, bytes));
    }
    let (extension, content_type) =
        if is_opaque { ("jpg", "image/jpeg") } else { ("png", "image/png") };
    Ok(Picture { extension, content_type, squares })
}

fn undecodable(error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => Error::new(Code::TooLarge, "The picture has too many pixels."),
        other => bad("is damaged or not a picture").because(other.to_string()),
    }
}

fn bad(rule: &str) -> Error {
    Error::field("avatar", rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn red(width: u32, height: u32) -> DynamicImage {
        image::RgbImage::from_pixel(width, height, image::Rgb([200, 10, 10])).into()
    }

    #[test]
    fn every_format_becomes_two_squares() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
            let picture = draw(format, &encoded(&red(300, 100), format)).unwrap();
            for (size, bytes) in &picture.squares {
                let drawn = image::load_from_memory(bytes).unwrap();
                assert_eq!((drawn.width(), drawn.height()), (*size, *size), "{format:?}");
                let pixel = drawn.to_rgb8().get_pixel(size / 2, size / 2).0;
                assert!(pixel[0] > 150 && pixel[1] < 60, "{format:?}: {pixel:?}");
            }
        }
    }

    #[test]
    fn transparency_stays_and_an_opaque_alpha_channel_does_not_count() {
        let clear = image::RgbaImage::from_pixel(10, 10, image::Rgba([1, 2, 3, 0]));
        let solid = image::RgbaImage::from_pixel(10, 10, image::Rgba([1, 2, 3, 255]));
        let extension = |image: image::RgbaImage| {
            let bytes = encoded(&image.into(), ImageFormat::Png);
            draw(ImageFormat::Png, &bytes).unwrap().extension
        };
        assert_eq!((extension(clear), extension(solid)), ("png", "jpg"));
    }

    /// A JPEG with an Exif block that says: turn a quarter clockwise.
    fn turned(image: &DynamicImage) -> Vec<u8> {
        let jpeg = encoded(image, ImageFormat::Jpeg);
        let tiff = [
            b"Exif\0\0MM\0*\0\0\0\x08".as_slice(),
            &[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0],
        ]
        .concat();
        let length = u16::try_from(tiff.len() + 2).unwrap().to_be_bytes();
        [&jpeg[..2], &[0xff, 0xe1], &length, &tiff, &jpeg[2..]].concat()
    }

    #[test]
    fn a_picture_is_turned_as_its_camera_says_and_forgets_where_it_was_taken() {
        let mut image = image::RgbImage::from_pixel(64, 64, image::Rgb([0, 0, 250]));
        for x in 0..64 {
            for y in 0..32 {
                image.put_pixel(x, y, image::Rgb([250, 0, 0]));
            }
        }
        let picture = draw(ImageFormat::Jpeg, &turned(&image.into())).unwrap();
        let (size, bytes) = &picture.squares[0];
        let drawn = image::load_from_memory(bytes).unwrap().to_rgb8();
        let (left, right) = (drawn.get_pixel(4, size / 2).0, drawn.get_pixel(size - 4, size / 2).0);
        assert!(left[2] > 150 && right[0] > 150, "{left:?} {right:?}");
        assert!(!bytes.windows(4).any(|window| window == b"Exif"));
    }

    #[test]
    fn what_is_not_what_it_says_is_refused() {
        let png = encoded(&red(4, 4), ImageFormat::Png);
        assert!(format_of("image/png", &png).is_ok());
        for (claimed, bytes) in [
            ("image/jpeg", png.as_slice()),
            ("image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".as_slice()),
            ("text/html", png.as_slice()),
            ("", png.as_slice()),
            ("image/png", b"".as_slice()),
            ("image/png", b"\x89PN".as_slice()),
        ] {
            assert!(format_of(claimed, bytes).is_err(), "{claimed}");
        }
        assert!(draw(ImageFormat::Png, &png[..png.len() / 2]).is_err());
    }

    #[test]
    fn a_picture_with_too_many_pixels_is_refused_before_it_is_decoded() {
        // The header says 60,000 by 60,000; nothing follows it.
        let mut png = encoded(&red(1, 1), ImageFormat::Png);
        png[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        png[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let crc = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(draw(ImageFormat::Png, &png).unwrap_err().code(), Code::TooLarge);
        let long = encoded(&red(limits::EDGE + 1, 1), ImageFormat::Png);
        assert_eq!(draw(ImageFormat::Png, &long).unwrap_err().code(), Code::TooLarge);
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }
}
