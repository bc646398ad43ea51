//! Text from people: bounded in characters, without characters that are not text.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::base::error::{Error, Result};
use crate::base::limits::http::LOGGED_VALUE;

/// `text` composed (NFC) and without the space around it, at most `most` characters long. There may be none, but not
/// one without anything to be seen.
///
/// # Errors
/// `bad_request` naming the field.
pub fn bounded(field: &str, text: &str, most: usize) -> Result<String> {
    let text: String = text.trim().nfc().collect();
    if text.chars().count() > most {
        return Err(Error::field(field, &format!("has more than {most} characters")));
    }
    let has_odd = seen(&text).any(|(c, is_seen)| (c.is_control() && c != '\n') || !is_seen);
    let is_unreadable = !text.is_empty() && !is_seen(&text);
    if has_odd || is_unreadable || text.starts_with(is_combining_mark) {
        return Err(Error::field(field, "contains characters that are not text"));
    }
    Ok(text)
}

/// The same on one line.
///
/// # Errors
/// `bad_request` naming the field.
pub fn line(field: &str, text: &str, most: usize) -> Result<String> {
    let text = bounded(field, text, most)?;
    if text.contains('\n') {
        return Err(Error::field(field, "must be one line of text"));
    }
    Ok(text)
}

/// The same, and not empty.
///
/// # Errors
/// `bad_request` naming the field.
pub fn name(field: &str, text: &str, most: usize) -> Result<String> {
    let text = line(field, text, most)?;
    if text.is_empty() {
        return Err(Error::field(field, "must not be empty"));
    }
    Ok(text)
}

/// A user name as it is compared, if it may be one.
///
/// # Errors
/// `bad_request` naming the field.
pub fn user_name(username: &str) -> Result<String> {
    crate::base::names::check(username)?;
    Ok(crate::base::names::key(username))
}

/// Whether there is anything to be seen in a text.
pub fn is_seen(text: &str) -> bool {
    !text.chars().all(is_blank)
}

/// Whether a character leaves no trace of its own: white space, controls, and what Unicode calls
/// `Default_Ignorable_Code_Point` (joiners, fillers, selectors, tags, marks of direction); besides the braille
/// pattern without dots and the marks of interlinear notes.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The characters of a text, each with whether it may be there because something is to be seen of it. Tags are the
/// letters of a flag behind a black one (🏴), and invisible anywhere else.
pub fn seen(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut is_in_flag = false;
    text.chars().map(move |c| {
        let is_tag = matches!(c, '\u{e0020}'..='\u{e007f}');
        is_in_flag = c == '🏴' || (is_tag && is_in_flag);
        (c, is_in_flag || !(is_tag || is_unseen(c)))
    })
}

/// Whether a character is invisible: marks that change the direction of writing, blanks without width, fillers. With
/// them one name can look like another one, or like nothing. The joiners (200C, 200D) and the selectors of variants
/// (FE00 to FE0F, E0100 to E01EF) are needed by emoji and by some scripts, and stay.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'
            | '\u{e0000}'..='\u{e00ff}' | '\u{e01f0}'..='\u{e0fff}'
    )
}

/// A value from outside as the log may show it: quoted, escaped and shortened.
pub fn quoted(value: &str) -> String {
    let cut: String = value.chars().take(LOGGED_VALUE).collect();
    let more = if cut.len() < value.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_around_goes_and_length_counts_characters() {
        assert_eq!(name("name", "  Ünï  ", 3).unwrap(), "Ünï");
        assert!(name("name", "four", 3).is_err());
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for text in [
            "",
            " ",
            "a\nb",
            "a\u{202e}b",
            "a\u{7}",
            "\u{2066}x",
            "a\u{200b}",
            "\u{200d}",
            "\u{3164}",
            "\u{301}a",
            "\u{e000}",
            "\u{200d}\u{fe0f}",
            "\u{200c}\u{e0061}",
            "anna\u{e0001}",
            "anna\u{e0061}\u{e007f}",
            "🏴\u{e0067}-\u{e0067}",
            "a\u{e01f0}",
        ] {
            assert!(name("name", text, 10).is_err(), "{text:?}");
        }
        // Composed, so that the same word is the same bytes.
        assert_eq!(name("name", "e\u{301}", 10).unwrap(), "é");
        // A family is joined by what cannot be seen alone.
        assert!(name("name", "👩\u{200d}👧", 10).is_ok());
        // Wales, and a character in one of its forms.
        assert!(
            name("name", "🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}", 10).is_ok()
        );
        assert!(name("name", "葛\u{e0100}", 10).is_ok());
        assert!(bounded("bio", "two\nlines", 10).is_ok());
        assert!(
            bounded("bio", "", 10).is_ok() && bounded("bio", "\u{200d}\n\u{200d}", 10).is_err()
        );
        assert!(
            line("status", "two\nlines", 10).is_err() && line("status", "\u{200d}", 10).is_err()
        );
        assert_eq!(line("status", " ", 10).unwrap(), "");
    }

    #[test]
    fn a_text_is_seen_if_one_of_its_characters_is() {
        for blank in [
            "",
            " \n\t",
            "\u{a0}\u{3000}",
            "\u{200b}",
            "\u{2800}",
            "\u{3164}",
            "\u{ad}",
            "\u{2060}",
            "\u{202e}",
            "\u{7}",
            "\u{fe0f}",
            "\u{200d}",
            "\u{feff}",
            "\u{115f}",
            "\u{180b}",
            "\u{34f}",
            "\u{e0041}",
            "\u{e0100}",
            "\u{fff9}",
            "\u{2028}",
            "\u{85}",
        ] {
            assert!(!is_seen(blank), "{blank:?}");
            assert!(is_seen(&format!("{blank}.")), "{blank:?}");
        }
        for seen in ["a", "\u{301}", "👍", "\u{e000}", "\u{378}", "\u{fffd}", "ㅤㅤ한"] {
            assert!(is_seen(seen), "{seen:?}");
        }
    }

    #[test]
    fn a_value_cannot_forge_a_line_or_fill_the_log() {
        assert_eq!(
            quoted("https://a\r\nINFO all is well\u{1b}[2J"),
            r#""https://a\r\nINFO all is well\u{1b}[2J""#
        );
        assert!(quoted(&"x".repeat(60_000)).chars().count() <= LOGGED_VALUE + 3);
    }
}
