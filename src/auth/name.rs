//! User names: what they may look like, and when two are the same.

use unicode_normalization::UnicodeNormalization as _;

use crate::error::{Error, Result};

/// Shortest and longest, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 2..=32;

/// The name as it is compared: NFKC, lower case.
pub fn key(username: &str) -> String {
    username.nfkc().flat_map(char::to_lowercase).collect()
}

/// Letters and digits of any script, and `.`, `_`, `-` between them.
///
/// # Errors
/// `bad_request` naming the field.
pub fn check(username: &str) -> Result<()> {
    let inner = |c: char| c.is_alphanumeric() || "._-".contains(c);
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
        assert_eq!(key("ＡNNA"), key("anna"));
    }

    #[test]
    fn what_could_confuse_is_refused() {
        for name in
            ["", "a", "a b", ".anna", "anna\0", "ann\u{202e}a", "ＡNNA", "<b>", &"x".repeat(33)]
        {
            assert!(check(name).is_err(), "{name:?}");
        }
    }
}
