//! Names of files, made safe: to be shown, to be saved under on any system, and to stand in a header.

use std::fmt::Write as _;

use crate::base::limits::files as limits;
use crate::base::text::seen;

/// What a file is called whose name has nothing in it.
const NAMELESS: &str = "file";
/// Devices of Windows, whatever follows behind a dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// The name under which a file is shown and saved: one line without controls, without what turns the direction of
/// writing or cannot be seen, without paths, devices and hidden files, at most [`limits::NAME`] bytes. A longer one is
/// cut before its extension.
pub fn safe(name: &str) -> String {
    // With a mark that turns the direction of writing `exe.gpj` reads as a picture.
    let shown = seen(name).filter(|(c, is_seen)| *is_seen && !c.is_control());
    let safe: String = shown.map(|(c, _)| if is_reserved(c) { '_' } else { c }).collect();
    // Windows drops what is at the end, and a dot in front hides a file.
    let safe = safe.trim_matches(|c: char| c.is_whitespace() || c == '.');
    if safe.chars().all(|c| c == '_' || c == '.' || c.is_whitespace()) {
        return NAMELESS.to_owned();
    }
    let stem = safe.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let safe = if is_device(&stem) { format!("_{safe}") } else { safe.to_owned() };
    cut(&safe)
}

fn is_reserved(c: char) -> bool {
    matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | '\u{2044}' | '\u{2215}')
}

fn is_device(stem: &str) -> bool {
    let numbered = |name: &str| {
        stem.strip_prefix(name).is_some_and(|number| {
            matches!(number, "¹" | "²" | "³")
                || number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit())
        })
    };
    DEVICES.contains(&stem) || numbered("com") || numbered("lpt")
}

/// At most so many bytes; the extension stays if it is one.
fn cut(name: &str) -> String {
    if name.len() <= limits::NAME {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 20 => (stem, extension),
        _ => (name, ""),
    };
    let most = limits::NAME - extension.len() - 1;
    let end = (0..=most).rev().find(|end| stem.is_char_boundary(*end)).unwrap_or_default();
    let stem = stem.get(..end).unwrap_or_default();
    let stem = stem.trim_end_matches(|c: char| c.is_whitespace() || c == '.');
    if extension.is_empty() { stem.to_owned() } else { format!("{stem}.{extension}") }
}

/// How a browser is told to treat an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It shows it where it stands.
    Inline,
    /// It saves it.
    Attachment,
}

/// The value of `Content-Disposition` (RFC 6266): the name in ASCII for old programs, and as it is (RFC 8187).
pub fn disposition(disposition: Disposition, name: &str) -> String {
    let word = match disposition {
        Disposition::Inline => "inline",
        Disposition::Attachment => "attachment",
    };
    // What is percent-encoded in the plain form is decoded by some programs and not by others.
    let plain: String = name
        .chars()
        .map(|c| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%') { c } else { '_' })
        .collect();
    let mut header = format!("{word}; filename=\"{plain}\"");
    if plain != name {
        header.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
                    header.push(char::from(byte));
                }
                // Writing to a string cannot fail.
                _ => drop(write!(header, "%{byte:02X}")),
            }
        }
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_safe_to_show_and_to_save() {
        for (name, wanted) in [
            ("cat.png", "cat.png"),
            ("Отчёт за май.pdf", "Отчёт за май.pdf"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("C:\\Windows\\system32\\a.dll", "C__Windows_system32_a.dll"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("a\u{200b}b\u{feff}\u{2066}c", "abc"),
            ("\u{e0041}tag\u{e0001}.txt\u{e007f}", "tag.txt"),
            ("🏴\u{e0067}\u{e007f}.svg\u{e0067}", "🏴\u{e0067}\u{e007f}.svg"),
            ("two\nlines\r\0.txt", "twolines.txt"),
            (".bashrc", "bashrc"),
            ("trailing. . ", "trailing"),
            ("con", "_con"),
            ("NUL.txt", "_NUL.txt"),
            ("com1.tar.gz", "_com1.tar.gz"),
            ("com10.txt", "com10.txt"),
            ("console.log", "console.log"),
            ("", "file"),
            ("...", "file"),
            ("///", "file"),
            ("<script>.html", "_script_.html"),
            ("👍.gif", "👍.gif"),
        ] {
            assert_eq!(safe(name), wanted, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_before_its_extension_between_two_characters() {
        let long = format!("{}.jpeg", "ж".repeat(5_000));
        let cut = safe(&long);
        assert!(
            cut.len() <= limits::NAME && cut.len() > limits::NAME - 4 && cut.ends_with("ж.jpeg")
        );
        let without = safe(&"x".repeat(10_000));
        assert_eq!(without.len(), limits::NAME - 1);
        assert!(safe(&format!("a.{}", "b".repeat(400))).len() <= limits::NAME);
    }

    #[test]
    fn a_header_says_the_name_in_both_forms_if_they_differ() {
        let inline = |name| disposition(Disposition::Inline, name);
        assert_eq!(inline("cat.png"), r#"inline; filename="cat.png""#);
        assert_eq!(
            disposition(Disposition::Attachment, "é %\".txt"),
            r#"attachment; filename="_ __.txt"; filename*=UTF-8''%C3%A9%20%25%22.txt"#
        );
    }

    proptest! {
        #[test]
        fn any_text_becomes_a_name_that_stays_as_it_is(name in any::<String>()) {
            let once = safe(&name);
            prop_assert!(!once.is_empty() && once.len() <= limits::NAME);
            prop_assert_eq!(&safe(&once), &once);
            let header = disposition(Disposition::Attachment, &once);
            prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert!(!once.contains(['/', '\\', '\0', '\n']));
        }
    }
}
