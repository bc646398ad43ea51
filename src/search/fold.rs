//! Characters as they are compared: one form of each, without case, accents and what cannot be seen.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Whether a character belongs to the one before it: a mark, a joiner, a part of a Korean syllable.
pub(super) fn continues(c: char) -> bool {
    is_dropped(c)
        || is_combining_mark(c)
        || matches!(c, '\u{1160}'..='\u{11ff}' | '\u{ff9e}' | '\u{ff9f}')
}

/// Appends a character with all that continues it, as it is compared. Nothing may be left.
pub(super) fn fold(cluster: &str, folded: &mut String) {
    if let [byte] = cluster.as_bytes() {
        folded.push(char::from(byte.to_ascii_lowercase()));
        return;
    }
    let mut chars = cluster.chars();
    if let (Some(c), None) = (chars.next(), chars.next())
        && let Some(plain) = plain(c)
    {
        folded.push(plain);
        return;
    }
    let mut kept = String::new();
    for c in cluster.nfkd().flat_map(char::to_lowercase) {
        match (kept.chars().next_back(), c) {
            // Letters of their own, and not accents.
            (Some('и' | 'у'), '\u{306}') | (Some('і'), '\u{308}') => kept.push(c),
            _ if is_accent(c) || is_dropped(c) => {}
            _ => match spelled(c) {
                Some(letters) => kept.push_str(letters),
                None => kept.push(c),
            },
        }
    }
    folded.extend(kept.nfc());
}

/// What the rules below make of the letters of which most texts consist: looking them up takes a tenth of the time.
fn plain(c: char) -> Option<char> {
    Some(match c {
        'а'..='я' => c,
        'А'..='Я' => char::from_u32(u32::from(c) + 32)?,
        'ё' | 'Ё' => 'е',
        'á' | 'Á' | 'à' | 'â' | 'ä' => 'a',
        'é' | 'É' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'Í' => 'i',
        'ó' | 'Ó' | 'ô' | 'ö' => 'o',
        'ú' | 'Ú' | 'ü' | 'Ü' => 'u',
        'ñ' | 'Ñ' => 'n',
        '\u{3041}'..='\u{3096}'
        | '\u{30a1}'..='\u{30fa}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' => c,
        _ => return None,
    })
}

/// Letters that have no form without their accent, as people type them without it.
fn spelled(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ħ' => "h",
        'ı' => "i",
        'ς' => "σ",
        'ى' => "ي",
        'ة' => "ه",
        _ => return None,
    })
}

/// Marks of the scripts that are written without them, too: Latin, Greek, Cyrillic, Hebrew, Arabic. The vowels of
/// Indian and other scripts are marks as well, and stay.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'
        | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e8}' | '\u{6ea}'..='\u{6ed}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// What is not written or cannot be seen: the Arabic lengthening, soft hyphens, joiners, marks of direction,
/// selectors, and the colours of skin of emoji.
fn is_dropped(c: char) -> bool {
    matches!(c, '\u{640}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_up_is_what_the_rules_say() {
        let looked_up = ('\u{80}'..=char::MAX).filter_map(|c| Some((c, plain(c)?)));
        let mut count = 0;
        for (c, plain) in looked_up {
            // A mark that does not count has the rules applied.
            let (mut by_rules, text) = (String::new(), format!("{c}\u{ad}"));
            fold(&text, &mut by_rules);
            assert_eq!(by_rules, plain.to_string(), "{c}");
            count += 1;
        }
        assert!(count > 30_000);
    }

    #[test]
    fn case_accents_and_widths_do_not_count_and_letters_do() {
        for (text, expected) in [
            ("É", "e"),
            ("e\u{301}", "e"),
            ("Ё", "е"),
            ("Й", "й"),
            ("и\u{306}", "й"),
            ("ї", "ї"),
            ("ў", "ў"),
            ("Ñ", "n"),
            ("ß", "ss"),
            ("İ", "i"),
            ("Ａ", "a"),
            ("ｶﾞ", "ガ"),
            ("が", "が"),
            ("각", "각"),
            ("\u{1100}\u{1161}\u{11a8}", "각"),
            ("أ", "ا"),
            ("ك\u{64e}", "ك"),
            ("कि", "कि"),
            ("👍🏽", "👍"),
            ("\u{200b}", ""),
        ] {
            let mut folded = String::new();
            fold(text, &mut folded);
            assert_eq!(folded, expected, "{text:?}");
        }
    }
}
