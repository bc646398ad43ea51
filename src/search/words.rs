//! The words of a text.
//!
//! A word is a run of letters and digits. What is written without spaces (Chinese, Japanese, Korean, Thai …) is one
//! run of characters, of which any part can be looked for. An emoji is a word of one character.

use std::cell::OnceCell;

use super::fold;
use super::script::{Class, class};
use super::stem::{Stems, stems};

/// What kind of word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A word between separators.
    Word,
    /// A run of characters of a script without spaces.
    Run,
    /// An emoji.
    Symbol,
}

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it is.
    pub kind: Kind,
    /// As it is compared: without case and accents. Never empty.
    pub text: String,
    /// Where it begins in the text, in UTF-16 code units.
    pub from: u32,
    /// Where it ends there.
    pub to: u32,
    /// Where each character of a run begins in the text; empty for other words.
    pub places: Vec<u32>,
    /// See [`Word::stems`].
    stems: OnceCell<Stems>,
}

impl Word {
    /// Its stems, which are found out once for all terms that it is compared with.
    pub fn stems(&self) -> &Stems {
        self.stems.get_or_init(|| stems(&self.text))
    }

    /// Where a part of a run is in the text: so many characters from this one on.
    pub fn part(&self, first: usize, length: usize) -> (u32, u32) {
        let from = self.places.get(first).copied().unwrap_or(self.from);
        let to = self.places.get(first + length).copied().unwrap_or(self.to);
        // Characters that one of the text was unfolded into share its place.
        let behind = self.places.iter().skip(first + length).find(|place| **place > from);
        (from, if to > from { to } else { behind.copied().unwrap_or(self.to) })
    }
}

/// A character of the text with all that continues it.
struct Cluster<'a> {
    text: &'a str,
    from: u32,
    to: u32,
}

/// Cuts a text into [`Cluster`]s.
struct Clusters<'a> {
    rest: &'a str,
    at: u32,
}

impl<'a> Iterator for Clusters<'a> {
    type Item = Cluster<'a>;

    fn next(&mut self) -> Option<Cluster<'a>> {
        let mut chars = self.rest.char_indices();
        let (_, first) = chars.next()?;
        let mut units = first.len_utf16();
        let mut end = self.rest.len();
        for (at, c) in chars {
            if c.is_ascii() || !fold::continues(c) {
                end = at;
                break;
            }
            units += c.len_utf16();
        }
        let (text, rest) = self.rest.split_at(end);
        let from = self.at;
        self.at = from.saturating_add(u32::try_from(units).unwrap_or(u32::MAX));
        self.rest = rest;
        Some(Cluster { text, from, to: self.at })
    }
}

/// The words of a text, in order.
pub fn words(text: &str) -> Vec<Word> {
    let mut found = Found::default();
    let mut clusters = Clusters { rest: text, at: 0 };
    let mut folded = String::new();
    while let Some(cluster) = clusters.next() {
        if matches!(cluster.text, "'" | "’") && found.is_in_word() && joins(clusters.rest) {
            continue;
        }
        folded.clear();
        fold::fold(cluster.text, &mut folded);
        for c in folded.chars() {
            found.add(c, &cluster);
        }
    }
    found.words
}

/// Whether an apostrophe before this belongs into its word, as in `don't` and `John's`: at most two letters follow.
fn joins(rest: &str) -> bool {
    let is_letter = |c: &char| class(*c) == Class::Letter;
    (1..=2).contains(&rest.chars().take(3).take_while(is_letter).count())
}

#[derive(Default)]
struct Found {
    words: Vec<Word>,
    /// The kind of the word that goes on, if one does.
    open: Option<Kind>,
}

impl Found {
    fn is_in_word(&self) -> bool {
        self.open == Some(Kind::Word)
    }

    fn add(&mut self, c: char, cluster: &Cluster<'_>) {
        let kind = match class(c) {
            Class::Letter => Kind::Word,
            Class::Unspaced => Kind::Run,
            Class::Symbol => Kind::Symbol,
            Class::Separator => {
                self.open = None;
                return;
            }
        };
        if self.open != Some(kind) || kind == Kind::Symbol {
            let (from, to) = (cluster.from, cluster.to);
            let (text, places, stems) = (String::new(), Vec::new(), OnceCell::new());
            self.words.push(Word { kind, text, from, to, places, stems });
            self.open = Some(kind);
        }
        if let Some(word) = self.words.last_mut() {
            word.text.push(c);
            word.to = cluster.to;
            if kind == Kind::Run {
                word.places.push(cluster.from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn a_text_is_cut_between_words_and_between_scripts_with_and_without_spaces() {
        for (text, expected) in [
            ("", &[] as &[&str]),
            (" %\u{0}*- ", &[]),
            ("Beans or peas?", &["beans", "or", "peas"]),
            (
                "don't, John’s rock'n'roll l'heure",
                &["dont", "johns", "rockn", "roll", "l", "heure"],
            ),
            ("v1.2 foo_bar-baz", &["v1", "2", "foo", "bar", "baz"]),
            ("Résumé ЁЛКА", &["resume", "елка"]),
            ("Tokyo東京2024年", &["tokyo", "東京", "2024", "年"]),
            ("안녕하세요 세계", &["안녕하세요", "세계"]),
            ("ok👍🏽👩\u{200d}👧 🇩🇪", &["ok", "👍", "👩", "👧", "🇩", "🇪"]),
            ("مُحَمَّد", &["محمد"]),
            ("<b>bold</b>", &["b", "bold", "b"]),
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    #[test]
    fn places_are_counted_in_utf16() {
        let text = "😀 héllo 東京タワー";
        let cut = |from: u32, to: u32| {
            let units: Vec<u16> = text.encode_utf16().collect();
            String::from_utf16(&units[from as usize..to as usize]).unwrap()
        };
        let found = words(text);
        let cuts: Vec<_> = found.iter().map(|word| cut(word.from, word.to)).collect();
        assert_eq!(cuts, ["😀", "héllo", "東京タワー"]);
        let (from, to) = found[2].part(2, 3);
        assert_eq!(cut(from, to), "タワー");
        let (from, to) = found[2].part(0, 2);
        assert_eq!(cut(from, to), "東京");
    }

    #[test]
    fn a_character_that_is_unfolded_into_several_is_marked_as_a_whole() {
        let found = words("㍿です");
        assert_eq!(found[0].text, "株式会社です");
        assert_eq!(found[0].part(1, 2), (0, 1));
        assert_eq!(found[0].part(4, 1), (1, 2));
    }
}
