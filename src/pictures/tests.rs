use std::collections::HashMap;
use std::io::Cursor;
use std::sync::LazyLock;

use image::{DynamicImage, ImageFormat};
use proptest::prelude::*;

use super::*;
use crate::base::limits::pictures as limits;

const BOUNDS: Bounds =
    Bounds { edge: limits::EDGE, pixels: limits::PIXELS, memory: limits::MEMORY };
const FORMATS: [(Format, ImageFormat); 4] = [
    (Format::Jpeg, ImageFormat::Jpeg),
    (Format::Png, ImageFormat::Png),
    (Format::WebP, ImageFormat::WebP),
    (Format::Gif, ImageFormat::Gif),
];
/// What no cleaned file has in it.
const SECRET: &[u8] = b"52.5200N";

fn drawing(width: u32, height: u32) -> DynamicImage {
    let colour = |x, y| image::Rgb([(x * 7 % 256) as u8, (y * 5 % 256) as u8, 90]);
    image::RgbImage::from_fn(width, height, colour).into()
}

/// Encoded once: there are many cases.
static ENCODED: LazyLock<HashMap<ImageFormat, Vec<u8>>> = LazyLock::new(|| {
    let encoded = FORMATS.map(|(_, format)| {
        let mut bytes = Cursor::new(Vec::new());
        drawing(40, 30).write_to(&mut bytes, format).unwrap();
        (format, bytes.into_inner())
    });
    encoded.into()
});

fn encoded(format: ImageFormat) -> Vec<u8> {
    ENCODED[&format].clone()
}

/// A block of Exif with an orientation and a secret.
fn exif(orientation: u8) -> Vec<u8> {
    [&exif::block(orientation)[..], b"GPS ", SECRET].concat()
}

fn png_chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut checksum = flate2::Crc::new();
    checksum.update(name);
    checksum.update(content);
    let length = (content.len() as u32).to_be_bytes();
    [&length[..], name, content, &checksum.sum().to_be_bytes()].concat()
}

fn riff_chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let pad = vec![0; content.len() % 2];
    [name, &(content.len() as u32).to_le_bytes()[..], content, &pad].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    [b"RIFF", &(chunks.len() as u32 + 4).to_le_bytes()[..], b"WEBP", &chunks].concat()
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xff, marker], &(content.len() as u16 + 2).to_be_bytes()[..], content].concat()
}

/// A picture of 40 by 30 with everything that programs write into one, turned like this.
fn talkative(format: Format, orientation: u8) -> Vec<u8> {
    let place = |format| encoded(format);
    match format {
        Format::Jpeg => {
            let plain = place(ImageFormat::Jpeg);
            let said = [
                segment(0xe1, &[b"Exif\0\0", &exif(orientation)[..]].concat()),
                segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET].concat()),
                segment(0xe2, &[b"MPF\0", SECRET].concat()),
                segment(0xe2, b"ICC_PROFILE\0\x01\x01colours"),
                segment(0xed, SECRET),
                segment(0xfe, SECRET),
            ];
            [&plain[..2], &said.concat(), &plain[2..], b"a film", SECRET].concat()
        }
        Format::Png => {
            let plain = place(ImageFormat::Png);
            let (head, rest) = plain.split_at(33);
            let said = [
                png_chunk(b"gAMA", &45_455_u32.to_be_bytes()),
                png_chunk(b"eXIf", &exif(orientation)),
                png_chunk(b"tEXt", &[b"Author\0", SECRET].concat()),
                png_chunk(b"iTXt", SECRET),
                png_chunk(b"tIME", &[0; 7]),
                png_chunk(b"caBX", SECRET),
            ];
            [head, &said.concat(), rest, SECRET].concat()
        }
        Format::WebP => {
            let plain = place(ImageFormat::WebP);
            let mut flags = vec![0x04 | 0x08, 0, 0, 0];
            flags.extend([39, 0, 0, 29, 0, 0]);
            let said = [
                riff_chunk(b"VP8X", &flags),
                plain[12..].to_vec(),
                riff_chunk(b"EXIF", &exif(orientation)),
                riff_chunk(b"XMP ", SECRET),
                riff_chunk(b"what", SECRET),
            ];
            [riff(&said), SECRET.to_vec()].concat()
        }
        Format::Gif => {
            let plain = place(ImageFormat::Gif);
            let end = plain.len() - 1;
            let said = [
                &[b'!', 0xfe, SECRET.len() as u8][..],
                SECRET,
                b"\0!\xff\x0bXMP DataXMP",
                &[SECRET.len() as u8],
                SECRET,
                b"\0!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0",
            ];
            [&plain[..end], &said.concat(), b";", SECRET].concat()
        }
    }
}

fn cut(format: Format, bytes: &[u8]) -> (Anatomy, Vec<u8>) {
    let anatomy = dissect(format, Cursor::new(bytes), bytes.len() as u64).unwrap();
    let clean = anatomy.without_metadata.as_ref().map_or_else(
        || bytes.to_vec(),
        |parts| {
            let part = |part: &Part| match part {
                Part::Kept(range) => bytes[range.start as usize..range.end as usize].to_vec(),
                Part::New(new) => new.clone(),
            };
            parts.iter().flat_map(part).collect()
        },
    );
    (anatomy, clean)
}

fn pixels(format: Format, bytes: &[u8]) -> Option<DynamicImage> {
    let decoded = decode(format, Cursor::new(bytes), bytes.len() as u64, BOUNDS);
    let decoded = decoded.ok()?;
    let mut image = decoded.image;
    image.apply_orientation(decoded.orientation);
    Some(image)
}

fn has_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|found| found == SECRET)
}

#[test]
fn what_programs_write_about_a_picture_goes_and_every_pixel_stays_where_it_is() {
    for (format, _) in FORMATS {
        for orientation in 1..=8 {
            let before = talkative(format, orientation);
            let (anatomy, clean) = cut(format, &before);
            assert!(has_secret(&before) && !has_secret(&clean), "{format:?}");
            let is_turned = orientation > 4 && format != Format::Gif;
            let size = if is_turned { (30, 40) } else { (40, 30) };
            assert_eq!((anatomy.pixels, anatomy.is_animated), (Some(size), false), "{format:?}");
            let (seen, left) = (pixels(format, &before).unwrap(), pixels(format, &clean).unwrap());
            assert_eq!((seen.width(), seen.height()), size, "{format:?} {orientation}");
            assert!(seen == left, "{format:?} {orientation}");
            let (again, same) = cut(format, &clean);
            assert_eq!((again.pixels, again.without_metadata), (Some(size), None), "{format:?}");
            assert_eq!(same, clean);
        }
    }
    // Nobody looks at metadata whose checksum is wrong.
    let mut png = talkative(Format::Png, 6);
    let place = png.windows(4).position(|name| name == b"eXIf").unwrap() + 4 + exif(6).len();
    png[place] ^= 1;
    assert_eq!(cut(Format::Png, &png).0.pixels, Some((40, 30)));
    assert!(pixels(Format::Png, &png) == pixels(Format::Png, &cut(Format::Png, &png).1));
    let (_, jpeg) = cut(Format::Jpeg, &talkative(Format::Jpeg, 1));
    assert!(jpeg.windows(11).any(|found| found == b"ICC_PROFILE"));
    let (_, gif) = cut(Format::Gif, &talkative(Format::Gif, 1));
    assert!(gif.windows(8).any(|found| found == b"NETSCAPE"));
}

#[test]
fn what_has_no_metadata_stays_as_it_is_byte_for_byte() {
    for (format, encoding) in FORMATS {
        let (anatomy, _) = cut(format, &encoded(encoding));
        assert_eq!((anatomy.pixels, anatomy.without_metadata), (Some((40, 30)), None));
    }
}

#[test]
fn a_picture_that_is_cut_anywhere_has_no_size_and_loses_what_was_read_of_its_metadata() {
    for (format, _) in FORMATS {
        let whole = talkative(format, 6);
        let end = whole.len() - SECRET.len();
        let end = if format == Format::Jpeg { end - b"a film".len() } else { end };
        for length in 0..end {
            let (anatomy, _) = cut(format, &whole[..length]);
            assert_eq!(anatomy.pixels, None, "{format:?} {length} of {end}");
        }
        if format == Format::Jpeg || format == Format::Png {
            let (_, clean) = cut(format, &whole[..end - 20]);
            assert!(!has_secret(&clean), "{format:?}");
        }
    }
}

#[test]
fn odd_bytes_between_segments_keep_nothing_and_what_cannot_be_read_is_told() {
    let jpeg = talkative(Format::Jpeg, 6);
    let odd = |bytes: &[u8]| [&jpeg[..2], bytes, &jpeg[2..]].concat();
    for between in [&b"x"[..], b"\xff", b"\xff\xff", b"GPS \xff", SECRET] {
        let before = odd(between);
        let (anatomy, clean) = cut(Format::Jpeg, &before);
        assert_eq!((anatomy.pixels, anatomy.has_unread), (Some((30, 40)), false), "{between:?}");
        assert!(!has_secret(&clean), "{between:?}");
        assert!(pixels(Format::Jpeg, &before) == pixels(Format::Jpeg, &clean), "{between:?}");
        assert!(cut(Format::Jpeg, &clean).0.without_metadata.is_none(), "{between:?}");
    }
    // Nobody agrees on what these mean, so nobody knows what is behind them.
    for between in [&b"\xff\0"[..], b"\xff\x01", b"\xff\xc8\0\x02", b"\xff\xd8"] {
        let (anatomy, _) = cut(Format::Jpeg, &odd(between));
        assert_eq!((anatomy.pixels, anatomy.has_unread), (None, true), "{between:?}");
    }
    // What is cut in its pixels has nothing else in it; in a chunk or a segment nobody knows.
    for (format, rest) in [(Format::Jpeg, 20 + b"a film".len()), (Format::Png, 20)] {
        let whole = talkative(format, 6);
        let (anatomy, clean) = cut(format, &whole[..whole.len() - SECRET.len() - rest]);
        assert_eq!((anatomy.pixels, anatomy.has_unread), (None, format == Format::Png));
        assert!(!has_secret(&clean));
    }
    assert!(cut(Format::Jpeg, &jpeg[..40]).0.has_unread);
    // Decoders do not agree on a segment amid the pixels, so none of it goes, and no browser shows it.
    let plain = encoded(ImageFormat::Jpeg);
    let (begin, end) = plain.split_at(plain.len() - 40);
    let amid = [begin, &segment(0xfe, SECRET), end].concat();
    let (anatomy, clean) = cut(Format::Jpeg, &amid);
    assert!(anatomy.has_unread && anatomy.pixels.is_none() && clean == amid);
}

#[test]
fn the_small_picture_behind_a_jfif_head_goes() {
    let plain = encoded(ImageFormat::Jpeg);
    let jfif = |size: [u8; 2], small: &[u8]| {
        segment(0xe0, &[b"JFIF\0\x01\x02\0\0\x01\0\x01", &size[..], small].concat())
    };
    let with = |head: Vec<u8>| [&plain[..2], &head, &plain[2..]].concat();
    let before = with(jfif([1, 5], &[SECRET, &[0; 7]].concat()));
    let (anatomy, clean) = cut(Format::Jpeg, &before);
    assert_eq!((anatomy.pixels, has_secret(&clean)), (Some((40, 30)), false));
    assert!(clean == with(jfif([0, 0], b"")));
    assert!(pixels(Format::Jpeg, &before).unwrap() == pixels(Format::Jpeg, &clean).unwrap());
    assert!(cut(Format::Jpeg, &clean).0.without_metadata.is_none());
}

#[test]
fn animations_move_and_pictures_that_lie_about_their_size_have_none() {
    let mut gif = Cursor::new(Vec::new());
    let frame = || image::Frame::new(drawing(40, 30).into_rgba8());
    image::codecs::gif::GifEncoder::new(&mut gif).encode_frames([frame(), frame()]).unwrap();
    assert!(cut(Format::Gif, &gif.into_inner()).0.is_animated);
    let plain = encoded(ImageFormat::WebP);
    let webp = |width: u8, inner: u8| {
        let head = [[0; 6], [inner, 0, 0, 29, 0, 0]].concat();
        let frame = [&head[..], &[0; 4], &plain[12..]].concat();
        riff(&[
            riff_chunk(b"VP8X", &[2, 0, 0, 0, width, 0, 0, 29, 0, 0]),
            riff_chunk(b"ANIM", &[0; 6]),
            riff_chunk(b"ANMF", &frame),
            riff_chunk(b"ANMF", &frame),
        ])
    };
    let (anatomy, _) = cut(Format::WebP, &webp(39, 39));
    assert_eq!((anatomy.pixels, anatomy.is_animated), (Some((40, 30)), true));
    assert!(pixels(Format::WebP, &webp(39, 39)).is_some());
    // The frame is larger than the picture, or its pixels are more than it says.
    assert_eq!(cut(Format::WebP, &webp(9, 39)).0.pixels, None);
    assert_eq!(cut(Format::WebP, &webp(9, 9)).0.pixels, None);
    let still = riff(&[riff_chunk(b"VP8X", &[0, 0, 0, 0, 9, 0, 0, 9, 0, 0]), plain[12..].to_vec()]);
    assert_eq!(cut(Format::WebP, &still).0.pixels, None);
    let jpeg = encoded(ImageFormat::Jpeg);
    let frame = segment(0xc0, &[8, 0xff, 0xff, 0xff, 0xff, 1, 1, 0x11, 0]);
    let two = [&jpeg[..2], &frame, &jpeg[2..]].concat();
    assert_eq!(cut(Format::Jpeg, &two).0.pixels, None);
}

#[test]
fn smaller_forms_fit_are_turned_and_never_larger_and_keep_what_shines_through() {
    let forms = |image: DynamicImage, edges: &[u32]| {
        let mut png = Cursor::new(Vec::new());
        image.write_to(&mut png, ImageFormat::Png).unwrap();
        let png = png.into_inner();
        let turned = [&png[..33], &png_chunk(b"eXIf", &exif::block(6)), &png[33..]].concat();
        let decoded =
            decode(Format::Png, Cursor::new(&turned), turned.len() as u64, BOUNDS).unwrap();
        let drawn = smaller(decoded, edges).unwrap();
        let found = drawn.into_iter().map(|(edge, bytes)| {
            let size = image::load_from_memory(&bytes).unwrap();
            (edge, (size.width(), size.height()), Format::of_bytes(&bytes).unwrap())
        });
        found.collect::<Vec<_>>()
    };
    assert_eq!(
        forms(drawing(200, 100), &[48, 128]),
        [(128, (64, 128), Format::Jpeg), (48, (24, 48), Format::Jpeg)]
    );
    assert_eq!(forms(drawing(128, 5), &[48, 128]), [(48, (2, 48), Format::Jpeg)]);
    assert_eq!(forms(drawing(48, 48), &[48, 128]), []);
    assert_eq!(forms(drawing(300, 1), &[48]), [(48, (1, 48), Format::Jpeg)]);
    let clear = image::RgbaImage::from_pixel(60, 60, image::Rgba([9, 9, 9, 100]));
    assert_eq!(forms(clear.into(), &[48]), [(48, (48, 48), Format::WebP)]);
}

#[test]
fn a_file_with_more_pieces_than_are_counted_keeps_the_rest_of_them() {
    let jpeg = encoded(ImageFormat::Jpeg);
    let pieces = [segment(0xfe, b"x"), segment(0xdb, &[])].concat().repeat(limits::PARTS + 9);
    let many = [&jpeg[..2], &pieces, &jpeg[2..]].concat();
    let (anatomy, clean) = cut(Format::Jpeg, &many);
    assert_eq!(anatomy.pixels, None);
    assert!(anatomy.without_metadata.unwrap().len() <= limits::PARTS + 1);
    assert!(clean.len() > limits::PARTS * 4 && clean.len() < many.len());
}

/// A picture with some bytes changed, left out or put in.
fn mangled() -> impl Strategy<Value = (Format, Vec<u8>)> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    (0..FORMATS.len(), 1..=8_u8, prop::collection::vec(change, 0..6)).prop_map(
        |(format, orientation, changes)| {
            let format = FORMATS[format].0;
            let mut bytes = talkative(format, orientation);
            for (place, byte, how) in changes {
                // Heads are where it matters.
                let place = place.index(bytes.len().min(if how == 3 { 400 } else { usize::MAX }));
                match how {
                    0 => drop(bytes.remove(place)),
                    1 => bytes.insert(place, byte),
                    _ => bytes[place] = byte,
                }
            }
            (format, bytes)
        },
    )
}

proptest! {
    #[test]
    fn any_bytes_are_a_picture_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (format, encoding) in FORMATS {
            cut(format, &bytes);
            cut(format, &[&encoded(encoding)[..20], &bytes].concat());
        }
    }

    #[test]
    fn what_is_left_of_a_mangled_picture_shows_the_same_pixels((format, bytes) in mangled()) {
        let (anatomy, clean) = cut(format, &bytes);
        prop_assert!(clean.len() <= bytes.len());
        let (again, same) = cut(format, &clean);
        prop_assert_eq!(again.pixels, anatomy.pixels);
        prop_assert_eq!(&same, &clean);
        // A head that names metadata which is not there is right when that is gone.
        let seen = pixels(format, &bytes);
        prop_assert!(seen.is_none() || seen == pixels(format, &clean));
    }
}
