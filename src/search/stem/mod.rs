//! Stems: what the inflected forms of a word have in common.
//!
//! Words in Latin letters have the stem of the English algorithm and, where they may be Spanish, a second one; words
//! in Cyrillic letters have the Russian one. The algorithms are those of Snowball (<https://snowballstem.org>), on
//! words without accents. They are ours, and not those of PostgreSQL, because the stem of each word of a text is
//! needed to mark it, and because another version of the database must not change what is in the index.

mod english;
mod russian;
mod spanish;
mod suffix;

/// The stems of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stems {
    /// The first, or the word itself.
    pub first: String,
    /// The Spanish one, if the word may be Spanish and that one is another.
    pub spanish: Option<String>,
    /// Whether the word may be Spanish.
    may_be_spanish: bool,
}

impl Stems {
    /// Whether words of these and those stems are forms of one word.
    pub fn are_related(&self, other: &Self) -> bool {
        self.first == other.first
            || (self.may_be_spanish
                && other.may_be_spanish
                && self.in_spanish() == other.in_spanish())
    }

    /// What a word of these stems is filed under. Words that are related have one of these in common: the first is the same
    /// for all words of one English stem, and the Spanish stem is always among them if the word may be Spanish. Mostly it
    /// is the first, too.
    pub fn keys(&self) -> impl Iterator<Item = String> {
        let is_latin = self.first.bytes().all(|byte| byte.is_ascii_lowercase());
        let first = if is_latin { spanish::stem(&self.first) } else { self.first.clone() };
        let spanish = Some(self.in_spanish()).filter(|stem| self.may_be_spanish && *stem != first);
        let spanish = spanish.map(str::to_owned);
        std::iter::once(first).chain(spanish)
    }

    fn in_spanish(&self) -> &str {
        self.spanish.as_deref().unwrap_or(&self.first)
    }
}

/// The stems of a word as it is compared.
pub fn stems(word: &str) -> Stems {
    let of = |first: String| Stems { first, spanish: None, may_be_spanish: false };
    if word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        let first = english::stem(word);
        let may_be_spanish = spanish::is_likely(word);
        let spanish = if may_be_spanish { Some(spanish::stem(word)) } else { None }
            .filter(|stem| *stem != first);
        return Stems { first, spanish, may_be_spanish };
    }
    if word.chars().all(is_cyrillic) {
        return of(russian::stem(word));
    }
    of(word.to_owned())
}

fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52f}')
}
