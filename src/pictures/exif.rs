//! Which way up a picture is: all that is kept of what a camera writes into it.

use image::metadata::Orientation;

/// What some programs write before the block itself.
const NAME: &[u8] = b"Exif\0\0";

/// The orientation that a block of metadata names, 1 to 8 as in Exif; 1 if it names none.
pub(super) fn orientation(block: &[u8]) -> u8 {
    let tiff = block.strip_prefix(NAME).unwrap_or(block);
    Orientation::from_exif_chunk(tiff).map_or(1, Orientation::to_exif)
}

/// A block of metadata that says this orientation and nothing else.
pub(super) fn block(orientation: u8) -> Vec<u8> {
    // The header; one entry: tag 0x0112, a number of two bytes; no further table.
    let entry = [0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
    [b"MM\0*\0\0\0\x08".as_slice(), &entry].concat()
}

/// What stays of a block: nothing, unless the picture would lie otherwise.
pub(super) fn rest_of(found: &[u8]) -> Option<Vec<u8>> {
    match orientation(found) {
        1 => None,
        turned => Some(block(turned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_block_only_the_orientation_stays() {
        for turned in 2..=8 {
            let one = block(turned);
            assert_eq!(orientation(&one), turned);
            assert_eq!(rest_of(&one), Some(one.clone()));
            assert_eq!(orientation(&[NAME, &one].concat()), turned);
        }
        for nothing in [block(1), block(0), block(9), Vec::new(), b"II*\0".to_vec()] {
            assert_eq!(rest_of(&nothing), None);
        }
    }
}
