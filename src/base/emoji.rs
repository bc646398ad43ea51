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
