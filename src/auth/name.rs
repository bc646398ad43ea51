//! User names: what they may look like, and when two are the same.

use unicode_normalization::UnicodeNormalization as _;

use crate::error::{Error, Result};

/// Shortest and longest, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 2..=32;

/// The name as it is compared: NFKC, case folded. By way of upper case, so that letters with two
/// small forms (σ and ς, ß and ss, i and ı) cannot make two names that read the same.
pub fn key(username: &str) -> String {
    let folded = username.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkc().collect()
}

/// Fillers of Hangul syllables: letters by their class, and nothing to be seen.
const INVISIBLE: [char; 2] = ['\u{115f}', '\u{1160}'];

/// Letters and digits of any script, and `.`, `_`, `-` between them.
///
/// # Errors
/// `bad_request` naming the field.
pub fn check(username: &str) -> Result<()> {
    let inner = |c: char| (c.is_alphanumeric() && !INVISIBLE.contains(&c)) || "._-".contains(c);
    let is_good = LENGTH.contains(&username.chars().count())
        && username.nfkc().eq(username.chars())
        && username.chars().all(inner)
        && username.starts_with(char::is_alphanumeric);
    if is_good {
        return Ok(());
    }
    Err(Error::field(
        "username",
        "must have 2 to 32 letters, digits, dots, hyphens or underscores and begin with a letter or digit",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_welcome() {
        for name in ["anna", "Анна", "o.brien-2", "李明"] {
            check(name).unwrap();
        }
        for (one, same) in
            [("ＡNNA", "anna"), ("ΟΔΟΣ", "οδος"), ("STRASSE", "straße"), ("ıda", "Ida")]
        {
            assert_eq!(key(one), key(same));
        }
        assert_ne!(key("anna"), key("änna"));
    }

    #[test]
    fn what_could_confuse_is_refused() {
        for name in [
            "",
            "a",
            "a b",
            ".anna",
            "anna\0",
            "ann\u{202e}a",
            "ＡNNA",
            "<b>",
            "an\u{200b}na",
            "an\u{1160}na",
            "an\u{3164}na",
            "an\u{ad}na",
            "an\u{fe0f}na",
            "an\nna",
            &"x".repeat(33),
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
    }
}
