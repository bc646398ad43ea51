//! Emoji: which sequences of characters are one, and the one form of each.

/// The fully qualified form of an emoji, if `text` is exactly one of those that Unicode recommends. Some can be
/// written in several ways (`❤` with or without the selector that makes it a picture), and all of them are one.
pub fn qualified(text: &str) -> Option<&'static str> {
    emojis::get(text).map(emojis::Emoji::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_emoji_has_one_form() {
        for (text, form) in [
            ("❤", "❤\u{fe0f}"),
            ("❤\u{fe0f}", "❤\u{fe0f}"),
            ("👍", "👍"),
            ("👍🏽", "👍🏽"),
            ("🏳\u{200d}🌈", "🏳\u{fe0f}\u{200d}🌈"),
            ("1\u{20e3}", "1\u{fe0f}\u{20e3}"),
            ("👩\u{200d}👩\u{200d}👧\u{200d}👦", "👩\u{200d}👩\u{200d}👧\u{200d}👦"),
            ("🇩🇪", "🇩🇪"),
            (
                "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
                "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            ),
        ] {
            assert_eq!(qualified(text), Some(form), "{text}");
        }
    }

    #[test]
    fn every_emoji_that_the_client_offers_is_one_in_its_only_form() {
        let table = include_str!("../../web/ui/base/emoji_data.js");
        let (_, table) = table.split_once("GROUPS").unwrap();
        let groups = table.split('`').skip(1).step_by(2);
        let entries: Vec<_> = groups.flat_map(|group| group.split(';')).collect();
        assert!(entries.len() > 1800);
        for entry in entries {
            let emoji = entry.split_whitespace().next().unwrap();
            let emoji = emoji.strip_suffix('+').unwrap_or(emoji);
            assert_eq!(qualified(emoji), Some(emoji), "{emoji}");
        }
    }

    #[test]
    fn what_is_not_exactly_one_emoji_is_none() {
        for text in [
            "",
            " ",
            "hello",
            "a",
            "é",
            "1",
            "#",
            "<b>",
            "\u{200b}",
            "\u{fe0f}",
            "👍👍",
            "👍 ",
            "👍a",
            "🇩",
            "❤\u{fe0f}\u{fe0f}",
        ] {
            assert_eq!(qualified(text), None, "{text:?}");
        }
    }
}
