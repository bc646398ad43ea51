//! The keys of the index: what a message is filed under, and which keys a query asks for.
//!
//! Several messages of a room are filed together, so the keys only say where a match may be. They are complete: what
//! the [matcher](super::matcher) finds in a text has the keys that the query asks for. A key is a stem; of a run
//! without spaces each pair of neighbouring characters and its last one; an emoji; or a property of the message, which
//! begins with a character that no word has.

use std::collections::BTreeSet;

use super::query::{Attached, Query, Term, Wanted};
use super::stem::stems;
use super::words::{Kind, words};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::search as limits;

/// The keys of some messages.
#[derive(Debug, Default)]
pub struct Keys(BTreeSet<String>);

impl Keys {
    /// Adds those of a text of one message, up to the bytes that a message may take: the number of bytes still left.
    pub fn add_text(&mut self, text: &str, mut bytes: usize) -> usize {
        for word in words(text) {
            for key in keys_of(word.kind, &word.text) {
                if key.len() > bytes {
                    return 0;
                }
                if !self.0.contains(&key) {
                    bytes -= key.len();
                    self.0.insert(key);
                }
            }
        }
        bytes
    }

    /// Adds the author of a message.
    pub fn add_author(&mut self, author: Uid) {
        self.0.insert(author_key(author));
    }

    /// Adds the room of the messages.
    pub fn add_room(&mut self, room: RoomId) {
        self.0.insert(room_key(room));
    }

    /// Adds what a message has.
    pub fn add_attached(&mut self, what: Attached) {
        self.0.insert(attached_key(what).to_owned());
    }

    /// As PostgreSQL reads a `tsvector`.
    pub fn to_tsvector(&self) -> String {
        let quoted: Vec<_> = self.0.iter().map(|key| quoted(key)).collect();
        quoted.join(" ")
    }
}

/// What a query asks the index for, as PostgreSQL reads a `tsquery`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Everything it asks for; nothing if any message may match.
    pub all: Option<String>,
    /// The part that an index finds quickly; nothing if there is none.
    pub selective: Option<String>,
}

/// Whom and where a query looks for, once names are known.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// By any of these; by anybody if there is none.
    pub authors: Vec<Uid>,
    /// In any of these; if there is none, the index is not asked for rooms.
    pub rooms: Vec<RoomId>,
}

/// What a query asks the index for.
pub fn conditions(query: &Query, place: &Place) -> Conditions {
    let (mut selective, mut broad) = (Vec::new(), Vec::new());
    for wanted in query.terms.iter().filter(|term| !term.is_negated).flat_map(wanted_keys) {
        if wanted.is_broad {
            broad.push(wanted.condition)
        } else {
            selective.push(wanted.condition)
        }
    }
    for has in query.has.iter().filter(|has| !has.is_negated) {
        selective.push(quoted(attached_key(has.what)));
    }
    selective.extend(any(place.authors.iter().map(|author| quoted(&author_key(*author)))));
    let rooms = any(place.rooms.iter().map(|room| quoted(&room_key(*room))));
    // A room alone is many messages.
    if selective.is_empty() {
        broad.extend(rooms)
    } else {
        selective.extend(rooms)
    }
    let all: Vec<_> = selective.iter().chain(&broad).cloned().collect();
    let joined = |parts: Vec<String>| if parts.is_empty() { None } else { Some(parts.join(" & ")) };
    Conditions { all: joined(all), selective: joined(selective) }
}

struct WantedKey {
    condition: String,
    /// Whether so many messages have it that an index is no help.
    is_broad: bool,
}

fn wanted_keys(term: &Term) -> impl Iterator<Item = WantedKey> + '_ {
    term.words.iter().flat_map(|wanted| match wanted.kind {
        Kind::Word => vec![of_word(wanted)],
        Kind::Symbol => vec![plain(quoted(&wanted.text))],
        Kind::Run => of_run(&wanted.text),
    })
}

fn plain(condition: String) -> WantedKey {
    WantedKey { condition, is_broad: false }
}

fn of_word(wanted: &Wanted) -> WantedKey {
    let mut any_of: BTreeSet<String> =
        stem_keys(&wanted.text).map(|key| quoted(&packed(&key))).collect();
    if wanted.is_prefix {
        any_of.insert(format!("{}:*", quoted(&packed(&wanted.text))));
        any_of.extend(shorter_stems(&wanted.text).map(|key| quoted(&packed(&key))));
    }
    let is_broad = wanted.is_prefix && wanted.text.chars().count() < limits::PREFIX_CHARS;
    WantedKey { condition: any(any_of.into_iter()).unwrap_or_default(), is_broad }
}

fn of_run(run: &str) -> Vec<WantedKey> {
    let chars: Vec<char> = run.chars().collect();
    if let [one] = chars.as_slice() {
        return vec![plain(format!("{}:*", quoted(&one.to_string())))];
    }
    let pairs: BTreeSet<String> = chars
        .windows(2)
        .take(limits::TERMS)
        .map(|pair| quoted(&pair.iter().collect::<String>()))
        .collect();
    pairs.into_iter().map(plain).collect()
}

/// Any of these, in brackets; nothing if there is none.
fn any(conditions: impl Iterator<Item = String>) -> Option<String> {
    let all: Vec<_> = conditions.collect();
    match all.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(format!("({})", all.join(" | "))),
    }
}

fn keys_of(kind: Kind, text: &str) -> Vec<String> {
    match kind {
        Kind::Symbol => vec![text.to_owned()],
        Kind::Run => {
            let chars: Vec<char> = text.chars().collect();
            let pairs = chars.windows(2).map(|pair| pair.iter().collect());
            pairs.chain(chars.last().map(char::to_string)).collect()
        }
        Kind::Word => {
            let mut keys: Vec<_> = stem_keys(text).collect();
            if !keys.iter().any(|key| reaches(text, key)) {
                keys.push(text.to_owned());
            }
            keys.iter().map(|key| packed(key)).collect()
        }
    }
}

/// The stems of a word that are its keys.
fn stem_keys(word: &str) -> impl Iterator<Item = String> {
    let stems = stems(word);
    stems.keys().collect::<Vec<_>>().into_iter()
}

/// A stem as a key: its first characters, the letters of the Russian alphabet as characters of one byte, which no word has.
fn packed(stem: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`~";
    let pack = |c: char| {
        let letter =
            u32::from(c).checked_sub(u32::from('а')).and_then(|at| usize::try_from(at).ok());
        letter.and_then(|at| LETTERS.get(at)).map_or(c, |byte| char::from(*byte))
    };
    stem.chars().take(limits::KEY_CHARS).map(pack).collect()
}

/// Stems that are shorter than a part of a word although the word begins with it: `runni` is the beginning of
/// `running`, whose stem is `run`. Also those whose last letter is another one: `hopi`, `hope`.
fn shorter_stems(part: &str) -> impl Iterator<Item = String> + '_ {
    let chars: Vec<char> = part.chars().collect();
    let mut found = Vec::new();
    for at in 2..chars.len() {
        let (stem, ending) = chars.split_at(at);
        if may_end(stem, ending) {
            let stem: String = stem.iter().collect();
            if ending.first() == Some(&'y') {
                found.push(format!("{stem}i"));
            }
            if stem.is_ascii() {
                found.push(format!("{stem}e"));
            }
            found.push(stem);
        }
    }
    found.into_iter()
}

/// Whether every beginning of a word finds this key by [`shorter_stems`] or because the key begins so, too.
fn reaches(word: &str, key: &str) -> bool {
    let chars: Vec<char> = word.chars().collect();
    let is_base = |base: &str| {
        let ending = chars.get(base.chars().count()..).unwrap_or_default();
        let stem: Vec<char> = base.chars().collect();
        word.starts_with(base) && (ending.is_empty() || (stem.len() > 1 && may_end(&stem, ending)))
    };
    if is_base(key) {
        return true;
    }
    let Some(base) = key.strip_suffix(['i', 'e']) else { return false };
    let next = chars.get(base.chars().count());
    is_base(base) && (key.ends_with('e') || next == Some(&'y'))
}

/// Whether an ending with this beginning may be one that a stemmer drops from a word.
fn may_end(stem: &[char], ending: &[char]) -> bool {
    const LATIN: &str = "ab ac ad ai al am an ar as at bi e ed ee ei em en er es fu ia ib ic id ie im in io ir is it iv iz \
                         la le li lo ly me ne no og or os ou s se te ti ue ya ye yo y";
    const CYRILLIC: &str = "аеиоуыэюяйьвнлтсшщмх";
    let (Some(last), Some(first)) = (stem.last(), ending.first()) else { return false };
    if !first.is_ascii() {
        return CYRILLIC.contains(*first);
    }
    if stem.len() < 3 && !matches!(first, 'i' | 'e' | 's' | 'y') {
        return false;
    }
    let start: String = ending.iter().take(2).collect();
    let is_known = |known: &str| known.starts_with(&start) || (known.len() == 1 && known == start);
    first == last || LATIN.split_ascii_whitespace().any(is_known)
}

fn author_key(author: Uid) -> String {
    format!("@{author}")
}

fn room_key(room: RoomId) -> String {
    format!("#{room}")
}

fn attached_key(what: Attached) -> &'static str {
    match what {
        Attached::File => "+file",
        Attached::Link => "+link",
    }
}

/// A key in the syntax of PostgreSQL. No word has a quote or a backslash; a key that had one would still be one key.
fn quoted(key: &str) -> String {
    format!("'{}'", key.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::search::matcher::marks;

    fn keys(text: &str) -> Keys {
        let mut keys = Keys::default();
        keys.add_text(text, limits::KEY_BYTES);
        keys
    }

    /// Whether messages with these keys may match, as PostgreSQL would say: `&` of `|` of keys.
    fn may_match(condition: Option<&str>, keys: &Keys) -> bool {
        let is_there = |key: &str| match key.strip_suffix(":*") {
            Some(prefix) => {
                let prefix = prefix.trim_matches('\'');
                keys.0.iter().any(|key| key.starts_with(prefix))
            }
            None => keys.0.contains(key.trim_matches('\'')),
        };
        let is_any_there = |part: &str| part.trim_matches(['(', ')']).split(" | ").any(is_there);
        condition.is_none_or(|all| all.split(" & ").all(is_any_there))
    }

    fn asked(query: &str) -> Conditions {
        conditions(&Query::parse(query, 0), &Place::default())
    }

    #[test]
    fn a_message_is_filed_under_stems_pairs_of_characters_and_properties() {
        let mut keys = keys("Meetings 東京都 👍 встречи");
        keys.add_author(Uid(7));
        keys.add_room(RoomId(3));
        keys.add_attached(Attached::Link);
        let expected = "'#3' '+link' '@7' 'CRSQFX' 'meet' '京都' '東京' '都' '👍'";
        assert_eq!(keys.to_tsvector(), expected);
    }

    #[test]
    fn a_query_asks_for_the_keys_of_its_words_and_not_for_what_it_does_not_want() {
        let of = |query| asked(query).all.unwrap_or_default();
        assert_eq!(of("meetings -peas"), "'meet'");
        assert_eq!(of("televisiones"), "'televisi'");
        assert_eq!(of("\"東京都 x\""), "'京都' & '東京' & 'x'");
        assert_eq!(of("東"), "'東':*");
        assert_eq!(of("has:link"), "'+link'");
        assert_eq!(asked("-peas"), Conditions::default());
        let short = asked("ab* beans");
        assert!(short.all.unwrap().contains("'ab':*"));
        assert!(!short.selective.unwrap().contains("'ab':*"));
        assert_eq!(asked("ab*").selective, None);
        let place = Place { authors: vec![Uid(1), Uid(2)], rooms: vec![RoomId(3)] };
        let placed = conditions(&Query::parse("x", 0), &place).selective.unwrap();
        assert_eq!(placed, "'x' & ('@1' | '@2') & '#3'");
        let room = Place { rooms: vec![RoomId(3)], ..Place::default() };
        assert_eq!(conditions(&Query::default(), &room).selective, None);
    }

    #[test]
    fn the_keys_of_a_message_are_bounded() {
        let many: Vec<_> = (0..100_000).map(|n| n.to_string()).collect();
        let keys = keys(&many.join(" "));
        let bytes: usize = keys.0.iter().map(String::len).sum();
        assert!(bytes <= limits::KEY_BYTES && bytes > limits::KEY_BYTES - 10);
        let word = "x".repeat(2_000);
        assert!(self::keys(&word).0.iter().all(|key| key.chars().count() <= limits::KEY_CHARS));
    }

    /// Words of the texts of the client and of the documents, in three languages.
    fn vocabulary() -> BTreeSet<String> {
        let texts = [
            include_str!("../../web/locales/en.js"),
            include_str!("../../web/locales/ru.js"),
            include_str!("../../web/locales/es.js"),
            include_str!("../../docs/architecture.md"),
        ];
        texts.iter().flat_map(|text| words(text)).map(|word| word.text).collect()
    }

    #[test]
    fn every_beginning_of_a_word_and_every_form_that_matches_it_is_asked_for() {
        let vocabulary = vocabulary();
        assert!(vocabulary.len() > 1_500, "{}", vocabulary.len());
        let mut extra = 0;
        for word in &vocabulary {
            let keys = keys(word);
            extra += usize::from(keys.0.contains(word) && keys.0.len() > 1);
            for (at, _) in word.char_indices().skip(1) {
                let begun = format!("{}*", &word[..at]);
                assert!(
                    may_match(asked(&begun).all.as_deref(), &keys),
                    "{begun} of {word}: {:?}",
                    keys.0
                );
            }
        }
        assert!(extra < vocabulary.len() / 3, "{extra} of {}", vocabulary.len());
        // Forms of each other have a key in common that is asked for.
        let words: Vec<_> = vocabulary.iter().collect();
        for pair in words.windows(2) {
            let [one, other] = pair else { continue };
            let query = Query::parse(one, 0);
            if marks(&query, other, &[]).is_some() {
                assert!(may_match(asked(one).all.as_deref(), &keys(other)), "{one} in {other}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_matches_is_asked_for(
            text in "([a-zA-Z]{1,9}(s|ing|ed|es|ly|ation)?|[а-яё]{1,9}|[東京都日本語がカ각]{1,4}|[0-9]{1,3}|👍| |'|-|é|\\*){0,12}",
            from in 0usize..40, length in 1usize..20,
            star in prop::bool::ANY,
        ) {
            let part: String = text.chars().skip(from).take(length).collect();
            for query in [format!("{part}{}", if star { "*" } else { "" }), format!("\"{part}\"")] {
                let query = Query::parse(&query, 0);
                if query.terms.iter().all(|term| !term.is_negated) && marks(&query, &text, &[]).is_some() {
                    let condition = conditions(&query, &Place::default()).all;
                    prop_assert!(may_match(condition.as_deref(), &keys(&text)), "{condition:?}");
                }
            }
        }
    }
}
