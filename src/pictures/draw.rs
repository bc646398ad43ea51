//! Smaller forms of a picture: without anything but its pixels and what their colours are.

use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::{FilterType, resize, thumbnail};
use image::{DynamicImage, ImageBuffer, ImageEncoder, ImageResult, Pixel, Rgba};

use super::decode::Decoded;
use crate::base::limits::pictures as limits;

/// The picture in each of these sizes that it is larger than, the largest first: fitted into a square of so many pixels,
/// turned as it is looked at, as JPEG, or as WebP where something shines through.
///
/// # Errors
/// Encoding failed, which cannot happen in memory.
pub fn smaller(decoded: Decoded, edges: &[u32]) -> ImageResult<Vec<(u32, Vec<u8>)>> {
    let Decoded { image, orientation, profile } = decoded;
    let edges = edges.iter().copied().filter(|edge| image.width().max(image.height()) > *edge);
    let mut edges: Vec<u32> = edges.collect();
    edges.sort_unstable_by(|one, other| other.cmp(one));
    let drawn: Vec<(u32, DynamicImage)> = if image.color().has_alpha() {
        let mut pixels = image.into_rgba8();
        pixels.pixels_mut().for_each(premultiply);
        let drawn = scaled(pixels, &edges).into_iter();
        let plain = drawn.map(|(edge, mut pixels)| {
            pixels.pixels_mut().for_each(unpremultiply);
            (edge, pixels.into())
        });
        plain.collect()
    } else {
        scaled(image.into_rgb8(), &edges)
            .into_iter()
            .map(|(edge, pixels)| (edge, pixels.into()))
            .collect()
    };
    let encoded = drawn.into_iter().map(|(edge, mut image)| {
        // Turned when it is small.
        image.apply_orientation(orientation);
        Ok((edge, encode(image, profile.as_deref())?))
    });
    encoded.collect()
}

/// The picture in these sizes, of which each is made from the one before.
fn scaled<P>(pixels: ImageBuffer<P, Vec<u8>>, edges: &[u32]) -> Vec<(u32, ImageBuffer<P, Vec<u8>>)>
where
    P: Pixel<Subpixel = u8> + 'static,
{
    let mut drawn: Vec<(u32, ImageBuffer<P, Vec<u8>>)> = Vec::new();
    for edge in edges {
        let (width, height) = fitted(pixels.width(), pixels.height(), *edge);
        let before = drawn.last().map_or(&pixels, |(_, before)| before);
        // Sharp filters over many pixels take much memory: so it is made roughly twice as large first.
        let rough = (width * 2, height * 2);
        let is_far = before.width() > rough.0 * 2 && before.height() > rough.1 * 2;
        let small = match is_far {
            true => {
                resize(&thumbnail(before, rough.0, rough.1), width, height, FilterType::CatmullRom)
            }
            false => resize(before, width, height, FilterType::CatmullRom),
        };
        drawn.push((*edge, small));
    }
    drawn
}

/// The size in which a picture fits into a square.
fn fitted(width: u32, height: u32, edge: u32) -> (u32, u32) {
    let longest = u64::from(width.max(height)).max(1);
    let part = |length: u32| {
        let fitted = (u64::from(length) * u64::from(edge) + longest / 2) / longest;
        u32::try_from(fitted).unwrap_or(edge).clamp(1, edge.max(1))
    };
    (part(width), part(height))
}

fn encode(image: DynamicImage, profile: Option<&[u8]>) -> ImageResult<Vec<u8>> {
    let is_opaque = match &image {
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().all(|pixel| pixel.0[3] == u8::MAX),
        _ => true,
    };
    let (profile, mut bytes) = (profile.map(<[u8]>::to_vec), Vec::new());
    if is_opaque {
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, limits::QUALITY);
        if let Some(profile) = profile {
            // It is drawn without one if it does not fit.
            let _ = encoder.set_icc_profile(profile);
        }
        image.into_rgb8().write_with_encoder(encoder)?;
    } else {
        let mut encoder = WebPEncoder::new_lossless(&mut bytes);
        if let Some(profile) = profile {
            let _ = encoder.set_icc_profile(profile);
        }
        image.into_rgba8().write_with_encoder(encoder)?;
    }
    Ok(bytes)
}

/// Multiplies the colours by their opacity. While pixels are mixed they have to count as much as they are
/// opaque: otherwise those of invisible pixels would show as a fringe.
pub fn premultiply(pixel: &mut Rgba<u8>) {
    let [r, g, b, alpha] = pixel.0;
    let part = |colour: u8| ((u16::from(colour) * u16::from(alpha) + 127) / 255) as u8;
    pixel.0 = [part(r), part(g), part(b), alpha];
}

/// The way back.
pub fn unpremultiply(pixel: &mut Rgba<u8>) {
    let [r, g, b, alpha] = pixel.0;
    let whole = u16::from(alpha).max(1);
    let full = |colour: u8| ((u16::from(colour) * 255 + whole / 2) / whole).min(255) as u8;
    pixel.0 = [full(r), full(g), full(b), alpha];
}
