//! User names (`names`).

/// Shortest and longest, in characters.
pub const LENGTH: std::ops::RangeInclusive<usize> = 2..=32;
/// Marks on one letter: vowel signs, tones and accents need no more.
pub const MARKS: usize = 3;
