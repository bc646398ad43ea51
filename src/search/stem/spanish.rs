//! The Spanish stemmer of Snowball, on words without accents: people leave them out when they search.
//!
//! `comió` is `comio` here, so that `io` is an ending of verbs, as is its plural for the nouns that end so, too
//! (`negocio`, `negocios`).

use super::suffix::Stemmed;

const PRONOUNS: [&str; 13] =
    ["me", "se", "sela", "selo", "selas", "selos", "la", "le", "lo", "las", "les", "los", "nos"];
const BEFORE_PRONOUNS: [&str; 5] = ["ando", "iendo", "ar", "er", "ir"];
const PLAIN: [&str; 22] = [
    "anza", "anzas", "ico", "ica", "icos", "icas", "ismo", "ismos", "able", "ables", "ible",
    "ibles", "ista", "istas", "oso", "osa", "osos", "osas", "amiento", "amientos", "imiento",
    "imientos",
];
const AFTER_IC: [&str; 10] =
    ["adora", "ador", "acion", "adoras", "adores", "aciones", "ante", "antes", "ancia", "ancias"];
const REPLACED: [(&str, &str); 6] = [
    ("logia", "log"),
    ("logias", "log"),
    ("ucion", "u"),
    ("uciones", "u"),
    ("encia", "ente"),
    ("encias", "ente"),
];
const WITH_Y: [&str; 11] =
    ["ya", "ye", "yan", "yen", "yeron", "yendo", "yo", "yas", "yes", "yais", "yamos"];
/// Endings after which the `u` of `gu` goes, too.
const AFTER_GU: [&str; 4] = ["en", "es", "eis", "emos"];
const VERB: [&str; 91] = [
    "arian", "arias", "aran", "aras", "ariais", "aria", "areis", "ariamos", "aremos", "ara", "are",
    "erian", "erias", "eran", "eras", "eriais", "eria", "ereis", "eriamos", "eremos", "era", "ere",
    "irian", "irias", "iran", "iras", "iriais", "iria", "ireis", "iriamos", "iremos", "ira", "ire",
    "aba", "ada", "ida", "ia", "iera", "ad", "ed", "id", "ase", "iese", "aste", "iste", "an",
    "aban", "ian", "ieran", "asen", "iesen", "aron", "ieron", "ado", "ido", "ando", "iendo", "io",
    "ios", "ar", "er", "ir", "as", "abas", "adas", "idas", "ias", "ieras", "ases", "ieses", "is",
    "ais", "abais", "iais", "arais", "ierais", "aseis", "ieseis", "asteis", "isteis", "ados",
    "idos", "amos", "abamos", "iamos", "imos", "aramos", "ieramos", "iesemos", "asemos", "i",
];
const RESIDUAL: [&str; 3] = ["os", "a", "o"];

fn is_vowel(c: char) -> bool {
    matches!(c, 'a' | 'e' | 'i' | 'o' | 'u')
}

/// Whether a word of the letters a to z may be Spanish. The others need no second stem in the index.
pub(super) fn is_likely(word: &str) -> bool {
    let foreign = ["th", "sh", "ph", "gh", "ck", "tion", "k", "w"];
    let is_double =
        |pair: &[u8]| matches!(pair, [a, b] if a == b && b"bdfgmpstzvxjhqy".contains(a));
    let ends_well = match word.as_bytes() {
        [.., before, b'n' | b's' | b'r' | b'l' | b'd' | b'z'] => is_vowel(char::from(*before)),
        [.., last] => is_vowel(char::from(*last)),
        [] => false,
    };
    word.len() > 3
        && ends_well
        && !foreign.iter().any(|part| word.contains(part))
        && !word.as_bytes().windows(2).any(is_double)
}

/// The stem of a word of the letters a to z.
pub(super) fn stem(word: &str) -> String {
    let w = Stemmed::new(word);
    let r1 = w.region(0, is_vowel);
    let r2 = w.region(r1, is_vowel);
    let mut word = Spanish { rv: region_of_verbs(&w), r1, r2, w };
    word.cut_pronoun();
    if !word.cut_standard() && !word.cut_verb_with_y() {
        word.cut_verb();
    }
    word.cut_residual();
    word.w.into_word()
}

fn region_of_verbs(w: &Stemmed) -> usize {
    let next = |wanted: fn(char) -> bool| {
        w.chars.iter().skip(2).position(|c| wanted(*c)).map_or(w.len(), |at| at + 3)
    };
    match w.chars.as_slice() {
        [_, second, ..] if !is_vowel(*second) => next(is_vowel),
        [first, ..] if is_vowel(*first) => next(|c| !is_vowel(c)),
        _ => w.len().min(3),
    }
}

struct Spanish {
    w: Stemmed,
    rv: usize,
    r1: usize,
    r2: usize,
}

impl Spanish {
    fn cut_pronoun(&mut self) {
        let Some(pronoun) = self.w.longest_from(self.rv, &PRONOUNS) else { return };
        let end = self.w.start_of(pronoun);
        let is_form = |form: &&&str| {
            self.w.ends_before(end, form) && end.saturating_sub(form.len()) >= self.rv
        };
        let follows_u = |end: usize| self.w.before(end, 6) == Some('u');
        let is_yendo = self.w.ends_before(end, "yendo") && follows_u(end) && end >= self.rv + 5;
        if BEFORE_PRONOUNS.iter().find(is_form).is_some() || is_yendo {
            self.w.cut(pronoun);
        }
    }

    fn cut_standard(&mut self) -> bool {
        let others = ["amente", "mente", "idad", "idades", "iva", "ivo", "ivas", "ivos"];
        let lists: [&[&'static str]; 3] = [&PLAIN, &AFTER_IC, &others];
        let replaced = REPLACED.map(|(suffix, _)| suffix);
        let all = lists.iter().copied().chain([replaced.as_slice()]);
        let longest = all.filter_map(|list| self.w.longest(list)).max_by_key(|suffix| suffix.len());
        let Some(suffix) = longest else { return false };
        let start = self.w.start_of(suffix);
        if start < (if suffix == "amente" { self.r1 } else { self.r2 }) {
            return false;
        }
        let by = REPLACED.iter().find(|(from, _)| *from == suffix).map_or("", |(_, by)| *by);
        self.w.replace(suffix, by);
        match suffix {
            "amente" if self.w.cut_from(self.r2, "iv") => {
                self.w.cut_from(self.r2, "at");
            }
            "amente" => self.cut_one_of(&["os", "ic", "ad"]),
            "mente" => self.cut_one_of(&["ante", "able", "ible"]),
            "idad" | "idades" => self.cut_one_of(&["abil", "ic", "iv"]),
            "iva" | "ivo" | "ivas" | "ivos" => self.cut_one_of(&["at"]),
            _ if AFTER_IC.contains(&suffix) => self.cut_one_of(&["ic"]),
            _ => {}
        }
        true
    }

    fn cut_one_of(&mut self, suffixes: &[&str]) {
        if let Some(suffix) = self.w.longest(suffixes) {
            self.w.cut_from(self.r2, suffix);
        }
    }

    fn cut_verb_with_y(&mut self) -> bool {
        let Some(suffix) = self.w.longest_from(self.rv, &WITH_Y) else { return false };
        let follows_u = self.w.before(self.w.start_of(suffix), 1) == Some('u');
        if follows_u {
            self.w.cut(suffix);
        }
        follows_u
    }

    fn cut_verb(&mut self) {
        let verb = self.w.longest_from(self.rv, &VERB);
        let after_gu = self.w.longest_from(self.rv, &AFTER_GU);
        match (verb, after_gu) {
            (Some(verb), Some(other)) if other.len() < verb.len() => self.w.cut(verb),
            (_, Some(suffix)) => {
                self.w.cut(suffix);
                if self.w.ends_with("gu") {
                    self.w.cut("u");
                }
            }
            (Some(verb), None) => self.w.cut(verb),
            (None, None) => {}
        }
    }

    fn cut_residual(&mut self) {
        if let Some(suffix) = self.w.longest_from(self.rv, &RESIDUAL) {
            self.w.cut(suffix);
        } else if self.w.cut_from(self.rv, "e") && self.w.ends_with("gu") {
            self.w.cut_from(self.rv, "u");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_likely, stem};

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for forms in [
            &["hablar", "hablo", "hable", "hablamos", "hablando", "hablaron", "hablaba", "hablarle"]
                as &[&str],
            &["reunion", "reuniones"],
            &["gato", "gata", "gatos", "gatas"],
            &["cancion", "canciones"],
            &["informacion", "informaciones", "informar"],
            &["negocio", "negocios"],
            &["comio", "comer", "comimos", "comiendo"],
            &["claramente", "claro", "clara"],
            &["historia", "historias"],
            &["pagues", "pagar", "pague"],
        ] {
            let stems: Vec<_> = forms.iter().map(|form| stem(form)).collect();
            assert!(stems.iter().all(|one| *one == stems[0]), "{stems:?}");
        }
    }

    #[test]
    fn a_word_that_cannot_be_spanish_is_none() {
        for word in ["reuniones", "gatos", "perro", "calle", "accion", "innovar", "leer"] {
            assert!(is_likely(word), "{word}");
        }
        for word in
            ["meeting", "working", "nation", "button", "that", "week", "the", "kiwi", "meetings"]
        {
            assert!(!is_likely(word), "{word}");
        }
    }
}
