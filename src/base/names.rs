//! User names: which are allowed, when two are the same, and when two only look the same.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{
    GeneralSecurityProfile as _, RestrictionLevel, RestrictionLevelDetection as _,
    confusable_detection::skeleton as confusable_skeleton,
    general_security_profile::IdentifierType,
};

use crate::base::error::{Error, Result};
use crate::base::limits::names::{LENGTH, MARKS};

/// The name as it is compared: NFKC, case folded. By way of upper case, so that letters with two
/// small forms (σ and ς, ß and ss, i and ı) cannot make two names that read the same.
pub fn key(username: &str) -> String {
    let folded = username.nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.nfkc().collect()
}

/// The skeletons of a name: two names look the same if they share one. A name has one as it is written and one in
/// small letters, because capitals of another script may pass for Latin ones where small letters do not (`ТОМ`,
/// `том`), and the other way round.
pub fn skeletons(username: &str) -> Vec<String> {
    let mut skeletons = vec![skeleton(username), skeleton(&key(username))];
    skeletons.dedup();
    skeletons
}

/// The same for a display name, which may hold anything: blanks of any width count as one, and invisible
/// characters do not count.
pub fn shown_skeletons(name: &str) -> Vec<String> {
    let is_unseen = |c: &char| {
        c.identifier_type().is_some_and(|kind| kind == IdentifierType::Default_Ignorable)
    };
    let composed: String = name.nfkc().filter(|c| !is_unseen(c)).collect();
    skeletons(&composed.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Letters of other scripts that pass for Latin ones become those (UTS 39, section 4). ASCII stands
/// for itself, so that `modem` and `modern` are two names, but for the capital `I`, which is drawn
/// like an `l`; nobody can pass for either with letters that only look like theirs.
fn skeleton(name: &str) -> String {
    let mut skeleton = String::new();
    for letter in name.chars() {
        match letter {
            'I' => skeleton.push('l'),
            _ if letter.is_ascii() => skeleton.push(letter.to_ascii_lowercase()),
            _ => skeleton
                .extend(confusable_skeleton(&letter.to_string()).flat_map(char::to_lowercase)),
        }
    }
    skeleton
}

/// Letters and digits of one script (or of those that are written together, such as Japanese), and
/// `.`, `_`, `-` between them.
///
/// # Errors
/// `bad_request` naming the field.
pub fn check(username: &str) -> Result<()> {
    // What Unicode recommends for names: nothing invisible, unassigned, private or out of use.
    let is_letter =
        |c: char| c.identifier_allowed() && (c.is_alphanumeric() || is_combining_mark(c));
    let begins = |c: char| is_letter(c) && !is_combining_mark(c);
    let is_good = LENGTH.contains(&username.chars().count())
        && username.nfkc().eq(username.chars())
        && username.chars().all(|c| is_letter(c) || "._-".contains(c))
        && username.starts_with(begins)
        && username.split(|c| !is_combining_mark(c)).all(|marks| marks.chars().count() <= MARKS);
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
            "हिन्दी",
            "สมชาย",
            "Đặng",
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
    fn a_name_has_as_many_letters_and_marks_as_the_bounds_say() {
        for length in [*LENGTH.start(), *LENGTH.end()] {
            check(&"x".repeat(length)).unwrap();
        }
        for length in [LENGTH.start() - 1, LENGTH.end() + 1] {
            assert!(check(&"x".repeat(length)).is_err(), "{length}");
        }
        let marked = |marks| {
            format!("q{}n", "\u{304}\u{323}".chars().cycle().take(marks).collect::<String>())
        };
        assert!(check(&marked(MARKS + 1)).is_err());
    }

    #[test]
    fn names_that_could_confuse_are_refused() {
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
            "\u{301}anna",
            "anna.\u{93e}",
            "q\u{304}\u{308}\u{304}\u{308}",
            "an\u{e000}na",
            "an\u{378}na",
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
    fn a_shown_name_looks_the_same_whatever_cannot_be_seen_in_it() {
        let meet = |one, other| {
            shown_skeletons(one).iter().any(|found| shown_skeletons(other).contains(found))
        };
        for (one, other) in [
            ("Mira Li", "mira  li"),
            ("Mira\u{a0}Li", "Mira Li"),
            ("Mira\u{200d}", "Mira"),
            ("Мira", "Mira"),
            ("Ｍira", "Mira"),
            ("Ｍіrа Lі", "mira li"),
        ] {
            assert!(meet(one, other) && meet(other, one), "{one:?}");
        }
        for (one, other) in [("Mira Li", "Mirali"), ("Mira", "Mirа B"), ("🌻", "🌼"), ("", "Mira")]
        {
            assert!(!meet(one, other), "{one:?}");
        }
    }

    #[test]
    fn a_name_in_letters_that_only_look_latin_looks_like_the_latin_one() {
        // Each in one script, so that nothing else would find them.
        let meet = |one, other| skeletons(one).iter().any(|found| skeletons(other).contains(found));
        for (one, other) in [
            ("сора", "copa"),
            ("оса", "oca"),
            ("ѕсоре", "SCOPE"),
            ("ТОМ", "tom"),
            ("Тор", "top"),
            ("Νονα", "nova"),
            ("іѕо", "ISO"),
            ("paypaI", "paypal"),
        ] {
            assert_ne!(key(one), key(other));
            assert!(meet(one, other) && meet(other, one), "{one}");
        }
        for (one, other) in [
            ("modern", "modem"),
            ("user1", "userl"),
            ("анна", "anna"),
            ("ab0", "abo"),
            ("том", "tom"),
            ("Ян", "яна"),
        ] {
            assert!(!meet(one, other), "{one}");
        }
    }
}
