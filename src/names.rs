//! User names: what they may look like, when two are the same, and when two only look the same.

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::{
    RestrictionLevel, RestrictionLevelDetection as _, confusable_detection::skeleton,
};

use crate::error::{Error, Result};

/// Shortest and longest, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 2..=32;

/// The name as it is compared: NFKC, case folded. By way of upper case, so that letters with two
/// small forms (σ and ς, ß and ss, i and ı) cannot make two names that read the same.
pub fn key(username: &str) -> String {
    let folded = username.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkc().collect()
}

/// What a name looks like, from its key: letters of other scripts that pass for Latin ones become
/// those (UTS 39, section 4). ASCII stands for itself, so that `modem` and `modern` are two names; but
/// nobody can pass for either with letters that only look like theirs.
pub fn look(key: &str) -> String {
    let mut look = String::new();
    for letter in key.chars() {
        if letter.is_ascii() {
            look.push(letter);
        } else {
            let single = letter.to_string();
            look.extend(skeleton(&single).flat_map(char::to_lowercase));
        }
    }
    look
}

/// Fillers of Hangul syllables: letters by their class, and nothing to be seen.
const INVISIBLE: [char; 2] = ['\u{115f}', '\u{1160}'];

/// Letters and digits of one script (or of those that are written together, such as Japanese), and
/// `.`, `_`, `-` between them.
///
/// # Errors
/// `bad_request` naming the field.
pub fn check(username: &str) -> Result<()> {
    let inner = |c: char| (c.is_alphanumeric() && !INVISIBLE.contains(&c)) || "._-".contains(c);
    let is_good = LENGTH.contains(&username.chars().count())
        && username.nfkc().eq(username.chars())
        && username.chars().all(inner)
        && username.starts_with(char::is_alphanumeric);
    if !is_good {
        return Err(Error::field(
            "username",
            "must have 2 to 32 letters, digits, dots, hyphens or underscores and begin with a letter or digit",
        ));
    }
    let mixes = username.detect_restriction_level() > RestrictionLevel::HighlyRestrictive;
    if mixes {
        return Err(Error::field("username", "mixes letters of different scripts"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_script_are_welcome() {
        for name in [
            "anna",
            "Анна",
            "o.brien-2",
            "李明",
            "Анна-2",
            "山田太郎",
            "たろうtaro",
            "김민수",
            "δημος",
            "אבי",
        ] {
            check(name).unwrap_or_else(|error| panic!("{name}: {error}"));
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
            // One Cyrillic letter among Latin ones, one Greek one, one Latin one among Cyrillic.
            "аdmin",
            "adminο",
            "Aннa",
            &"x".repeat(33),
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_name_in_letters_that_only_look_latin_looks_like_the_latin_one() {
        // Each in one script, so that nothing else would find them.
        for (cyrillic, latin) in [("сора", "copa"), ("оса", "oca"), ("ѕсоре", "scope")]
        {
            assert_ne!(key(cyrillic), key(latin));
            assert_eq!(look(&key(cyrillic)), look(&key(latin)), "{cyrillic}");
        }
        for (one, other) in
            [("modern", "modem"), ("user1", "userl"), ("анна", "anna"), ("ab0", "abo")]
        {
            assert_ne!(look(&key(one)), look(&key(other)), "{one}");
        }
    }
}
