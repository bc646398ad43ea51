//! What part of a file a `Range` field asks for (RFC 9110, 14).

use std::ops::Range;

/// What a `Range` field asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByteRange {
    /// All of it: the field is none that is understood here, or asks for several parts.
    Whole,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// Nothing that is there.
    Unsatisfiable,
}

/// One part that is asked for.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// From this byte to that one, which belongs to it, or to the end.
    From(u64, Option<u64>),
    /// So many bytes at the end.
    Last(u64),
}

/// What a `Range` field asks for of `length` bytes. Several parts are not sent: no reader of files needs them, and they
/// would have to be held together. Then all of it is sent, as a server may do, unless none of them is there.
pub fn byte_range(field: &str, length: u64) -> ByteRange {
    let Some(wanted) = parse(field) else { return ByteRange::Whole };
    // Of a file without a byte there is no part, but its end is there.
    if length == 0 && wanted.iter().any(|wanted| matches!(wanted, Wanted::Last(1..))) {
        return ByteRange::Whole;
    }
    let mut parts = wanted.iter().filter_map(|wanted| wanted.among(length));
    match (parts.next(), wanted.len()) {
        (None, _) => ByteRange::Unsatisfiable,
        (Some(part), 1) => ByteRange::Part(part),
        (Some(_), _) => ByteRange::Whole,
    }
}

/// The parts; none if the field is malformed or has another unit.
fn parse(field: &str) -> Option<Vec<Wanted>> {
    let (unit, list) = field.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let items = list.split(',').map(|item| item.trim_matches([' ', '\t']));
    let wanted: Option<Vec<_>> = items.filter(|item| !item.is_empty()).map(Wanted::parse).collect();
    wanted.filter(|wanted| !wanted.is_empty())
}

impl Wanted {
    fn parse(item: &str) -> Option<Self> {
        let (first, last) = item.split_once('-')?;
        match (first, last) {
            ("", last) => Some(Self::Last(number(last)?)),
            (first, "") => Some(Self::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    /// Those of so many bytes; none if it asks for what is not there.
    fn among(self, length: u64) -> Option<Range<u64>> {
        let part = match self {
            Self::From(first, last) => {
                first..last.map_or(length, |last| last.saturating_add(1).min(length))
            }
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (!part.is_empty()).then_some(part)
    }
}

/// A number as it is written; one that is too large is as large as one can be.
fn number(digits: &str) -> Option<u64> {
    let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ByteRange::{Part, Unsatisfiable, Whole};
    use super::*;

    #[test]
    fn each_form_asks_for_its_bytes_and_what_is_malformed_for_all() {
        let huge = "99999999999999999999999";
        for (field, wanted) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=0-", Part(0..100)),
            ("bytes=10-19", Part(10..20)),
            ("bytes=99-", Part(99..100)),
            ("bytes=10-1000", Part(10..100)),
            ("bytes=-1", Part(99..100)),
            ("bytes=-1000", Part(0..100)),
            ("BYTES= 5-6 ,", Part(5..7)),
            (&format!("bytes=0-{huge}"), Part(0..100)),
            (&format!("bytes=-{huge}"), Part(0..100)),
            ("bytes=100-", Unsatisfiable),
            ("bytes=100-200", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            (&format!("bytes={huge}-"), Unsatisfiable),
            ("bytes=100-,200-300", Unsatisfiable),
            ("bytes=0-1,5-6", Whole),
            ("bytes=0-1,100-", Whole),
            ("bytes=6-5", Whole),
            ("bytes=0-1,6-5", Whole),
            ("bytes=", Whole),
            ("bytes=,", Whole),
            ("bytes=-", Whole),
            ("bytes=5", Whole),
            ("bytes=+5-6", Whole),
            ("bytes=5--6", Whole),
            ("bytes =0-1", Whole),
            ("bytes=0 - 1", Whole),
            ("bytes=\u{661}-2", Whole),
            ("items=0-1", Whole),
            ("0-1", Whole),
            ("", Whole),
        ] {
            assert_eq!(byte_range(field, 100), wanted, "{field}");
        }
        for (field, wanted) in
            [("bytes=0-", Unsatisfiable), ("bytes=-1", Whole), ("bytes=-0", Unsatisfiable)]
        {
            assert_eq!(byte_range(field, 0), wanted, "{field} of nothing");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_for_a_part_is_within_the_file(field in ".{0,40}", length in any::<u64>()) {
            if let Part(part) = byte_range(&field, length) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }

        #[test]
        fn any_two_places_ask_for_what_is_between_them(a in any::<u64>(), b in any::<u64>(), length in 1u64..) {
            let (first, last) = (a.min(b), a.max(b));
            let wanted = match first < length {
                true => Part(first..last.min(length - 1) + 1),
                false => Unsatisfiable,
            };
            prop_assert_eq!(byte_range(&format!("bytes={first}-{last}"), length), wanted);
        }

        #[test]
        fn a_count_asks_for_the_end(count in 1u64.., length in 1u64..) {
            let part = length - count.min(length)..length;
            prop_assert_eq!(byte_range(&format!("bytes=-{count}"), length), Part(part));
        }

        #[test]
        fn more_than_one_part_is_never_sent(first in 0u64..50, second in 0u64..50) {
            let field = format!("bytes={first}-{first}, {second}-{second}");
            prop_assert_eq!(byte_range(&field, 100), Whole);
        }
    }
}
