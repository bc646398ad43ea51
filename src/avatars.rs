//! Pictures of people: an upload becomes two small squares, without anything else that was in the file.
//!
//! Nothing about an upload is trusted. Its first bytes must be those of the type it claims;
//! its dimensions are read from the header and bounded before anything is decoded; the decoder has a
//! bound on what it may allocate. What is kept is encoded anew from the pixels: no metadata, no second
//! frame, no trailing bytes survive. Decoding costs up to a second of one core and 300 MB, so it runs
//! on a blocking thread and few at a time; a permit is taken before the upload is read
//! ([`AvatarPipeline::reserve`]), so that uploads cannot fill the memory, either.

use std::collections::HashSet;
use std::io::Cursor;
use std::sync::{Arc, Mutex, MutexGuard};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::{FilterType, crop_imm, resize};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageError, Pixel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::avatars as limits;
use crate::base::lock::MutexExt as _;
use crate::base::runtime::in_background;
use crate::pictures::{Bounds, Decoded, Format, Undecodable, decode, premultiply, unpremultiply};

/// Edges of the squares that are kept, in pixels: in lists (doubled for fine screens), and large.
pub const SIZES: [u32; 2] = [SMALL, LARGE];
const SMALL: u32 = 96;
const LARGE: u32 = 384;

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

/// Makes pictures out of uploads: few at a time, some waiting, no more, and one of each user.
#[derive(Debug)]
pub struct AvatarPipeline {
    at_once: Semaphore,
    uploads: Arc<Semaphore>,
    users: Mutex<HashSet<Uid>>,
}

/// The right to one upload, for as long as it is held.
#[derive(Debug)]
pub struct UploadPermit {
    pipeline: Arc<AvatarPipeline>,
    uid: Uid,
    _permit: OwnedSemaphorePermit,
}

impl Default for AvatarPipeline {
    fn default() -> Self {
        Self {
            at_once: Semaphore::new(limits::AT_ONCE),
            uploads: Arc::new(Semaphore::new(limits::UPLOADS)),
            users: Mutex::default(),
        }
    }
}

impl AvatarPipeline {
    /// The permit for a user's upload, to be held from before its first byte is read.
    ///
    /// # Errors
    /// `rate_limited` while the user has one, `unavailable` while all are taken.
    pub fn reserve(self: &Arc<Self>, uid: Uid) -> Result<UploadPermit> {
        let later = |code, text| Error::new(code, text).retry_after(limits::RETRY_MS);
        let permit = self.uploads.clone().try_acquire_owned().map_err(|_| {
            later(Code::Unavailable, "Too many pictures are being drawn right now.")
        })?;
        if !self.users().insert(uid) {
            return Err(later(Code::RateLimited, "Your last picture is not finished yet."));
        }
        Ok(UploadPermit { pipeline: self.clone(), uid, _permit: permit })
    }

    /// Makes the squares of an upload, away from the async threads. The caller holds an [`UploadPermit`].
    ///
    /// # Errors
    /// `unsupported_type`, `too_large`, `bad_request` for what cannot be decoded.
    pub async fn make(&self, content_type: &str, bytes: bytes::Bytes) -> Result<Picture> {
        let format = format_of(content_type, &bytes)?;
        let _turn = self.at_once.acquire().await.map_err(Error::internal)?;
        let converting = tokio::task::spawn_blocking(move || {
            in_background();
            convert(format, &bytes)
        });
        converting.await.map_err(Error::internal)?
    }

    fn users(&self) -> MutexGuard<'_, HashSet<Uid>> {
        self.users.lock_unpoisoned()
    }
}

impl Drop for UploadPermit {
    fn drop(&mut self) {
        self.pipeline.users().remove(&self.uid);
    }
}

/// The format, if type and first bytes agree.
fn format_of(content_type: &str, bytes: &[u8]) -> Result<Format> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let Some(claimed) = Format::of(&media_type.to_ascii_lowercase()) else {
        let text = "A picture must be PNG, JPEG, WebP or GIF.";
        return Err(Error::new(Code::UnsupportedType, text));
    };
    match Format::of_bytes(bytes) {
        Some(found) if found == claimed => Ok(found),
        _ => Err(bad("is not the kind of picture it says")),
    }
}

fn convert(format: Format, bytes: &[u8]) -> Result<Picture> {
    let bounds = Bounds { edge: limits::EDGE, pixels: limits::PIXELS, memory: limits::MEMORY };
    let decoded = decode(format, Cursor::new(bytes), bytes.len() as u64, bounds);
    let Decoded { image, orientation, .. } = decoded.map_err(|error| match error {
        Undecodable::TooLarge => Error::new(Code::TooLarge, "The picture has too many pixels."),
        Undecodable::Damaged(cause) => bad("is damaged or not a picture").because(cause),
        Undecodable::Io(error) => Error::internal(error),
    })?;
    encode(squares(image, orientation))
}

/// The middle of the picture in all sizes, turned as the camera says. Turned last, when it is small.
fn squares(image: DynamicImage, orientation: Orientation) -> [DynamicImage; 2] {
    let mut squares: [DynamicImage; 2] = if image.color().has_alpha() {
        let mut pixels = image.into_rgba8();
        pixels.pixels_mut().for_each(premultiply);
        scaled(pixels).map(|mut square| {
            square.pixels_mut().for_each(unpremultiply);
            square.into()
        })
    } else {
        scaled(image.into_rgb8()).map(DynamicImage::from)
    };
    for square in &mut squares {
        square.apply_orientation(orientation);
    }
    squares
}

/// The middle square, small and large.
fn scaled<P>(pixels: ImageBuffer<P, Vec<u8>>) -> [ImageBuffer<P, Vec<u8>>; 2]
where
    P: Pixel<Subpixel = u8> + 'static,
{
    let edge = pixels.width().min(pixels.height());
    let (x, y) = ((pixels.width() - edge) / 2, (pixels.height() - edge) / 2);
    let middle = crop_imm(&pixels, x, y, edge, edge);
    let large = resize(&*middle, LARGE, LARGE, FilterType::Lanczos3);
    let small = resize(&large, SMALL, SMALL, FilterType::Lanczos3);
    [small, large]
}

fn encode(squares: [DynamicImage; 2]) -> Result<Picture> {
    let is_opaque = squares.iter().all(|square| match square {
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().all(|pixel| pixel.0[3] == u8::MAX),
        _ => true,
    });
    let (extension, content_type) =
        if is_opaque { ("jpg", "image/jpeg") } else { ("png", "image/png") };
    let encoded = squares.into_iter().map(|square| {
        let (edge, mut bytes) = (square.width(), Vec::new());
        if is_opaque {
            let encoder = JpegEncoder::new_with_quality(&mut bytes, limits::QUALITY);
            square.into_rgb8().write_with_encoder(encoder)?;
        } else {
            square.write_with_encoder(PngEncoder::new(&mut bytes))?;
        }
        Ok((edge, bytes))
    });
    let squares = encoded.collect::<std::result::Result<_, ImageError>>();
    let squares = squares.map_err(|error| Error::internal(error.to_string()))?;
    Ok(Picture { extension, content_type, squares })
}

fn bad(rule: &str) -> Error {
    Error::field("avatar", rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageFormat;

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
        for (format, encoding) in [
            (Format::Png, ImageFormat::Png),
            (Format::Jpeg, ImageFormat::Jpeg),
            (Format::WebP, ImageFormat::WebP),
            (Format::Gif, ImageFormat::Gif),
        ] {
            let picture = convert(format, &encoded(&red(300, 100), encoding)).unwrap();
            for (size, bytes) in &picture.squares {
                let decoded = image::load_from_memory(bytes).unwrap();
                assert_eq!((decoded.width(), decoded.height()), (*size, *size), "{format:?}");
                let pixel = decoded.to_rgb8().get_pixel(size / 2, size / 2).0;
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
            convert(Format::Png, &bytes).unwrap().extension
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
        let picture = convert(Format::Jpeg, &turned(&image.into())).unwrap();
        let (size, bytes) = &picture.squares[0];
        let decoded = image::load_from_memory(bytes).unwrap().to_rgb8();
        let (left, right) =
            (decoded.get_pixel(4, size / 2).0, decoded.get_pixel(size - 4, size / 2).0);
        assert!(left[2] > 150 && right[0] > 150, "{left:?} {right:?}");
        assert!(!bytes.windows(4).any(|window| window == b"Exif"));
    }

    #[test]
    fn a_file_of_another_format_than_declared_is_refused() {
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
        assert!(convert(Format::Png, &png[..png.len() / 2]).is_err());
    }

    #[test]
    fn a_picture_with_too_many_pixels_is_refused_before_it_is_decoded() {
        // The header says 60,000 by 60,000; nothing follows it.
        let mut png = encoded(&red(1, 1), ImageFormat::Png);
        png[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
        png[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
        let crc = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(convert(Format::Png, &png).unwrap_err().code(), Code::TooLarge);
        let long = encoded(&red(limits::EDGE + 1, 1), ImageFormat::Png);
        assert_eq!(convert(Format::Png, &long).unwrap_err().code(), Code::TooLarge);
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }
}
