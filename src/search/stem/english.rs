//! The English stemmer of Snowball ("Porter2"), without the step for apostrophes, which are no part of a word here.

use super::suffix::Stemmed;

/// Words that the rules would spoil.
const EXCEPTIONS: [(&str, &str); 18] = [
    ("skis", "ski"),
    ("skies", "sky"),
    ("dying", "die"),
    ("lying", "lie"),
    ("tying", "tie"),
    ("idly", "idl"),
    ("gently", "gentl"),
    ("ugly", "ugli"),
    ("early", "earli"),
    ("only", "onli"),
    ("singly", "singl"),
    ("sky", "sky"),
    ("news", "news"),
    ("howe", "howe"),
    ("atlas", "atlas"),
    ("cosmos", "cosmos"),
    ("bias", "bias"),
    ("andes", "andes"),
];

/// Words that are done once they have lost an `s`.
const DONE: [&str; 8] =
    ["inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed"];

const STEP_2: [(&str, &str); 24] = [
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("abli", "able"),
    ("entli", "ent"),
    ("izer", "ize"),
    ("ization", "ize"),
    ("ational", "ate"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("aliti", "al"),
    ("alli", "al"),
    ("fulness", "ful"),
    ("ousli", "ous"),
    ("ousness", "ous"),
    ("iveness", "ive"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("bli", "ble"),
    ("ogi", "og"),
    ("fulli", "ful"),
    ("lessli", "less"),
    ("li", ""),
];

const STEP_3: [(&str, &str); 9] = [
    ("tional", "tion"),
    ("ational", "ate"),
    ("alize", "al"),
    ("icate", "ic"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
    ("ative", ""),
];

const STEP_4: [&str; 18] = [
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ism", "ate",
    "iti", "ous", "ive", "ize", "ion",
];

/// The stem of a word of the letters a to z.
pub(super) fn stem(word: &str) -> String {
    if word.len() <= 2 {
        return word.to_owned();
    }
    if let Some((_, stem)) = EXCEPTIONS.iter().find(|(exception, _)| *exception == word) {
        return (*stem).to_owned();
    }
    let mut word = English::new(word);
    word.step_1a();
    if !DONE.iter().any(|done| done.chars().eq(word.w.chars.iter().copied())) {
        word.step_1b();
        word.step_1c();
        word.step_2();
        word.step_3();
        word.step_4();
        word.step_5();
    }
    word.w.into_word().replace('Y', "y")
}

struct English {
    w: Stemmed,
    r1: usize,
    r2: usize,
}

fn is_vowel(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y')
}

impl English {
    fn new(word: &str) -> Self {
        let mut w = Stemmed::new(word);
        // A `y` at the beginning or after a vowel is a consonant.
        let mut after_vowel = true;
        for c in &mut w.chars {
            if *c == 'y' && after_vowel {
                *c = 'Y';
            }
            after_vowel = is_vowel(*c);
        }
        let special = ["gener", "commun", "arsen"].iter().find(|start| word.starts_with(*start));
        let r1 = special.map_or_else(|| w.region(0, is_vowel), |start| start.len());
        let r2 = w.region(r1, is_vowel);
        Self { w, r1, r2 }
    }

    fn has_vowel_before(&self, end: usize) -> bool {
        self.w.chars.iter().take(end).any(|c| is_vowel(*c))
    }

    fn step_1a(&mut self) {
        let suffixes = ["sses", "ied", "ies", "us", "ss", "s"];
        let Some(suffix) = self.w.longest(&suffixes) else { return };
        let start = self.w.start_of(suffix);
        match suffix {
            "sses" => self.w.replace("sses", "ss"),
            "ied" | "ies" => self.w.replace(suffix, if start > 1 { "i" } else { "ie" }),
            "s" if start > 0 && self.has_vowel_before(start - 1) => self.w.cut("s"),
            _ => {}
        }
    }

    fn step_1b(&mut self) {
        let suffixes = ["eed", "eedly", "ed", "edly", "ing", "ingly"];
        let Some(suffix) = self.w.longest(&suffixes) else { return };
        let start = self.w.start_of(suffix);
        if suffix.starts_with("ee") {
            if start >= self.r1 {
                self.w.replace(suffix, "ee");
            }
            return;
        }
        if !self.has_vowel_before(start) {
            return;
        }
        self.w.cut(suffix);
        if ["at", "bl", "iz"].iter().any(|end| self.w.ends_with(end)) {
            self.w.chars.push('e');
        } else if self.ends_double() {
            self.w.chars.pop();
        } else if self.is_short_word() {
            self.w.chars.push('e');
        }
    }

    fn ends_double(&self) -> bool {
        matches!(self.w.chars.as_slice(), [.., a, b] if a == b && "bdfgmnprt".contains(*a))
    }

    /// Whether the first `end` characters end in a short syllable.
    fn ends_short(&self, end: usize) -> bool {
        let (last, vowel) = (self.w.before(end, 1), self.w.before(end, 2));
        let is_pair = vowel.is_some_and(is_vowel) && last.is_some_and(|c| !is_vowel(c));
        match self.w.before(end, 3) {
            None => is_pair && end == 2,
            Some(first) => is_pair && !is_vowel(first) && !matches!(last, Some('w' | 'x' | 'Y')),
        }
    }

    fn is_short_word(&self) -> bool {
        self.r1 >= self.w.len() && self.ends_short(self.w.len())
    }

    fn step_1c(&mut self) {
        let length = self.w.len();
        let is_y = matches!(self.w.before(length, 1), Some('y' | 'Y'));
        if is_y && length > 2 && self.w.before(length, 2).is_some_and(|c| !is_vowel(c)) {
            self.w.chars.pop();
            self.w.chars.push('i');
        }
    }

    fn longest_pair(
        &self,
        pairs: &[(&'static str, &'static str)],
    ) -> Option<(&'static str, &'static str)> {
        let matching = pairs.iter().filter(|(suffix, _)| self.w.ends_with(suffix));
        let (suffix, by) = matching.max_by_key(|(suffix, _)| suffix.len())?;
        (self.w.start_of(suffix) >= self.r1).then_some((*suffix, *by))
    }

    fn step_2(&mut self) {
        let Some((suffix, by)) = self.longest_pair(&STEP_2) else { return };
        let before = self.w.before(self.w.start_of(suffix), 1);
        let is_allowed = match suffix {
            "ogi" => before == Some('l'),
            "li" => before.is_some_and(|c| "cdeghkmnrt".contains(c)),
            _ => true,
        };
        if is_allowed {
            self.w.replace(suffix, by);
        }
    }

    fn step_3(&mut self) {
        let Some((suffix, by)) = self.longest_pair(&STEP_3) else { return };
        if suffix != "ative" || self.w.start_of(suffix) >= self.r2 {
            self.w.replace(suffix, by);
        }
    }

    fn step_4(&mut self) {
        let Some(suffix) = self.w.longest(&STEP_4) else { return };
        let start = self.w.start_of(suffix);
        let is_allowed = suffix != "ion" || matches!(self.w.before(start, 1), Some('s' | 't'));
        if start >= self.r2 && is_allowed {
            self.w.cut(suffix);
        }
    }

    fn step_5(&mut self) {
        let Some(start) = self.w.len().checked_sub(1) else { return };
        let goes = match self.w.before(self.w.len(), 1) {
            Some('e') => start >= self.r2 || (start >= self.r1 && !self.ends_short(start)),
            Some('l') => start >= self.r2 && self.w.before(start, 1) == Some('l'),
            _ => false,
        };
        if goes {
            self.w.chars.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for (word, expected) in [
            ("meeting", "meet"),
            ("meetings", "meet"),
            ("consolingly", "consol"),
            ("knightly", "knight"),
            ("generously", "generous"),
            ("happiness", "happi"),
            ("happy", "happi"),
            ("hopping", "hop"),
            ("hoping", "hope"),
            ("flies", "fli"),
            ("ties", "tie"),
            ("gas", "gas"),
            ("this", "this"),
            ("gaps", "gap"),
            ("kiwis", "kiwi"),
            ("nationalization", "nation"),
            ("sensational", "sensat"),
            ("relational", "relat"),
            ("agreed", "agre"),
            ("feed", "feed"),
            ("say", "say"),
            ("cry", "cri"),
            ("by", "by"),
            ("youth", "youth"),
            ("boyish", "boyish"),
            ("apology", "apolog"),
            ("dying", "die"),
            ("bedded", "bed"),
            ("luxuriating", "luxuri"),
            ("exceeding", "exceed"),
        ] {
            assert_eq!(stem(word), expected, "{word}");
        }
    }
}
