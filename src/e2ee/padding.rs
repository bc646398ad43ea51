//! How long a plaintext is made, so that its size tells little (`e2ee.md` 8.2).

/// The padded length of `length` bytes: steps of 64 up to 1,024, Padmé above.
pub fn bucket(length: usize) -> usize {
    let rounded = length.next_multiple_of(64);
    if rounded <= 1_024 { rounded } else { rounded.max(padme(length)) }
}

/// Padmé: at most twelve percent more, and few lengths there are.
fn padme(length: usize) -> usize {
    let Some(exponent) = length.checked_ilog2() else { return 0 };
    let Some(bits) = exponent.checked_ilog2() else { return length };
    let step = 1_usize << (exponent - (bits + 1));
    length.next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_smallest_lengths_are_their_own_padme() {
        assert_eq!([0, 1, 2, 3].map(padme), [0, 1, 2, 3]);
    }

    proptest! {
        #[test]
        fn a_bucket_holds_its_length_and_is_its_own(length in 1_usize..3_000_000) {
            let padded = bucket(length);
            prop_assert!(padded >= length && padded.is_multiple_of(64));
            prop_assert!(padded <= length.max(1_024) + length / 8 + 64);
            prop_assert_eq!(bucket(padded), padded);
        }
    }
}
