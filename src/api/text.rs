//! Text that people give: bounded in characters, without anything that is no text.

use crate::error::{Error, Result};

/// `text` without the space around it, at most `most` characters long.
///
/// # Errors
/// `bad_request` naming the field.
pub(super) fn bounded<'a>(field: &str, text: &'a str, most: usize) -> Result<&'a str> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(Error::field(field, &format!("has more than {most} characters")));
    }
    // Marks that turn the direction of writing make a name look like another one.
    let is_odd = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.chars().any(is_odd) {
        return Err(Error::field(field, "contains characters that are not text"));
    }
    Ok(text)
}

/// The same, on one line and not empty.
///
/// # Errors
/// `bad_request` naming the field.
pub(super) fn name<'a>(field: &str, text: &'a str, most: usize) -> Result<&'a str> {
    let text = bounded(field, text, most)?;
    if text.is_empty() || text.contains('\n') {
        return Err(Error::field(field, "must be one line of text"));
    }
    Ok(text)
}

/// A user name as it is compared, if it may be one.
///
/// # Errors
/// `bad_request` naming the field.
pub(super) fn user_name(username: &str) -> Result<String> {
    crate::auth::check_name(username)?;
    Ok(crate::auth::name_key(username))
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
        for text in ["", " ", "a\nb", "a\u{202e}b", "a\u{7}", "\u{2066}x"] {
            assert!(name("name", text, 10).is_err(), "{text:?}");
        }
        assert!(bounded("bio", "two\nlines", 10).is_ok());
    }
}
