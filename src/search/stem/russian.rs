//! The Russian stemmer of Snowball, on words in which `ё` is `е`.

use super::suffix::Stemmed;

/// A list of endings: the first ones only after `а` or `я`.
struct Endings {
    after_a: &'static [&'static str],
    always: &'static [&'static str],
}

const GERUND: Endings = Endings {
    after_a: &["в", "вши", "вшись"],
    always: &["ив", "ивши", "ившись", "ыв", "ывши", "ывшись"],
};
const ADJECTIVE: Endings = Endings {
    after_a: &[],
    always: &[
        "ее", "ие", "ые", "ое", "ими", "ыми", "ей", "ий", "ый", "ой", "ем", "им", "ым", "ом",
        "его", "ого", "ему", "ому", "их", "ых", "ую", "юю", "ая", "яя", "ою", "ею",
    ],
};
const PARTICIPLE: Endings = Endings {
    after_a: &["ем", "нн", "вш", "ющ", "щ"],
    always: &["ивш", "ывш", "ующ"],
};
const REFLEXIVE: Endings = Endings { after_a: &[], always: &["ся", "сь"] };
const VERB: Endings = Endings {
    after_a: &[
        "ла", "на", "ете", "йте", "ли", "й", "л", "ем", "н", "ло", "но", "ет", "ют", "ны", "ть",
        "ешь", "нно",
    ],
    always: &[
        "ила", "ыла", "ена", "ейте", "уйте", "ите", "или", "ыли", "ей", "уй", "ил", "ыл", "им",
        "ым", "ен", "ило", "ыло", "ено", "ят", "ует", "уют", "ит", "ыт", "ены", "ить", "ыть",
        "ишь", "ую", "ю",
    ],
};
const NOUN: Endings = Endings {
    after_a: &[],
    always: &[
        "а", "ев", "ов", "ие", "ье", "е", "иями", "ями", "ами", "еи", "ии", "и", "ией", "ей", "ой",
        "ий", "й", "иям", "ям", "ием", "ем", "ам", "ом", "о", "у", "ах", "иях", "ях", "ы", "ь",
        "ию", "ью", "ю", "ия", "ья", "я",
    ],
};

fn is_vowel(c: char) -> bool {
    "аеиоуыэюя".contains(c)
}

/// The stem of a word in Cyrillic letters.
pub(super) fn stem(word: &str) -> String {
    let w = Stemmed::new(word);
    let Some(first) = w.chars.iter().position(|c| is_vowel(*c)) else { return w.into_word() };
    let r1 = w.region(0, is_vowel);
    let r2 = w.region(r1, is_vowel);
    let mut word = Russian { w, rv: first + 1 };
    if !word.cut(&GERUND) {
        word.cut(&REFLEXIVE);
        if word.cut(&ADJECTIVE) {
            word.cut(&PARTICIPLE);
        } else if !word.cut(&VERB) {
            word.cut(&NOUN);
        }
    }
    let Russian { mut w, rv } = word;
    w.cut_from(rv, "и");
    if let Some(suffix) = w.longest_from(rv.max(r2), &["ост", "ость"]) {
        w.cut(suffix);
    }
    let superlative = w.longest_from(rv, &["ейш", "ейше"]);
    if let Some(suffix) = superlative {
        w.cut(suffix);
    }
    if w.ends_with("нн") && w.start_of("нн") >= rv {
        w.chars.pop();
    } else if superlative.is_none() {
        w.cut_from(rv, "ь");
    }
    w.into_word()
}

struct Russian {
    w: Stemmed,
    rv: usize,
}

impl Russian {
    /// Drops the longest of these endings; whether there was one that may go.
    fn cut(&mut self, endings: &Endings) -> bool {
        let after_a = self.w.longest_from(self.rv, endings.after_a);
        let always = self.w.longest_from(self.rv, endings.always);
        let longest = after_a.max_by_length(always);
        let Some(suffix) = longest else { return false };
        if Some(suffix) != always {
            let start = self.w.start_of(suffix);
            if start <= self.rv || !matches!(self.w.before(start, 1), Some('а' | 'я')) {
                return false;
            }
        }
        self.w.cut(suffix);
        true
    }
}

trait Longer {
    fn max_by_length(self, other: Self) -> Self;
}

impl Longer for Option<&'static str> {
    fn max_by_length(self, other: Self) -> Self {
        match (self, other) {
            (Some(one), Some(other)) if other.len() > one.len() => Some(other),
            (one, other) => one.or(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for (word, expected) in [
            ("встреча", "встреч"),
            ("встречи", "встреч"),
            ("встречами", "встреч"),
            ("встретились", "встрет"),
            ("книга", "книг"),
            ("книгами", "книг"),
            ("красивейший", "красив"),
            ("важнейшие", "важн"),
            ("важный", "важн"),
            ("длинный", "длин"),
            ("возможность", "возможн"),
            ("говорили", "говор"),
            ("сделавший", "сдела"),
            ("прочитав", "прочита"),
            ("вы", "вы"),
            ("мы", "мы"),
            ("в", "в"),
        ] {
            assert_eq!(stem(word), expected, "{word}");
        }
    }
}
