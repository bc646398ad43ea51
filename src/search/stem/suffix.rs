//! What the algorithms have in common: words of characters that lose their endings.

/// A word on its way to its stem.
pub(super) struct Stemmed {
    /// Its characters.
    pub chars: Vec<char>,
}

impl Stemmed {
    pub fn new(word: &str) -> Self {
        Self { chars: word.chars().collect() }
    }

    pub fn len(&self) -> usize {
        self.chars.len()
    }

    /// Whether it ends so.
    pub fn ends_with(&self, suffix: &str) -> bool {
        self.ends_before(self.len(), suffix)
    }

    /// Whether its first `end` characters end so.
    pub fn ends_before(&self, end: usize, suffix: &str) -> bool {
        let mut chars = self.chars.iter().take(end).rev();
        suffix.chars().rev().all(|c| chars.next() == Some(&c))
    }

    /// The longest of these that it ends with.
    pub fn longest<'a>(&self, suffixes: &[&'a str]) -> Option<&'a str> {
        let matching = suffixes.iter().filter(|suffix| self.ends_with(suffix));
        matching.max_by_key(|suffix| suffix.len()).copied()
    }

    /// The longest of these that it ends with and that begins at or after `start`.
    pub fn longest_from<'a>(&self, start: usize, suffixes: &[&'a str]) -> Option<&'a str> {
        let room = self.len().saturating_sub(start);
        let matching = suffixes
            .iter()
            .filter(|suffix| suffix.chars().count() <= room && self.ends_with(suffix));
        matching.max_by_key(|suffix| suffix.len()).copied()
    }

    /// Where this ending begins.
    pub fn start_of(&self, suffix: &str) -> usize {
        self.len().saturating_sub(suffix.chars().count())
    }

    /// Drops so long an ending.
    pub fn cut(&mut self, suffix: &str) {
        self.chars.truncate(self.start_of(suffix));
    }

    /// Puts another ending in the place of this one.
    pub fn replace(&mut self, suffix: &str, by: &str) {
        self.cut(suffix);
        self.chars.extend(by.chars());
    }

    /// Drops this ending if the word has it and it begins at or after `start`.
    pub fn cut_from(&mut self, start: usize, suffix: &str) -> bool {
        let cuts = self.ends_with(suffix) && self.start_of(suffix) >= start;
        if cuts {
            self.cut(suffix);
        }
        cuts
    }

    /// The character so many before the end of the first `end`.
    pub fn before(&self, end: usize, back: usize) -> Option<char> {
        self.chars.get(end.checked_sub(back)?).copied()
    }

    /// Where what follows the first pair of a vowel and a character that is none begins, from `start` on.
    pub fn region(&self, start: usize, is_vowel: impl Fn(char) -> bool) -> usize {
        let rest = self.chars.get(start..).unwrap_or_default();
        let pair = |pair: &[char]| matches!(pair, [a, b] if is_vowel(*a) && !is_vowel(*b));
        rest.windows(2).position(pair).map_or(self.len(), |at| start + at + 2)
    }

    pub fn into_word(self) -> String {
        self.chars.into_iter().collect()
    }
}
