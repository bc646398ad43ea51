//! The query language: words, `"exact words"`, `word*`, `-without`, and the operators `from:`, `in:`, `before:`,
//! `after:` and `has:`. Every text is a query; what is too long is cut.

use super::dates;
use super::stem::{Stems, stems};
use super::words::{Kind, words};
use crate::base::limits::search as limits;

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The words; each of these must be there.
    pub terms: Vec<Term>,
    /// By whom: any of those that are wanted, and none of the others.
    pub from: Vec<Named>,
    /// In which room: any of those that are wanted, and none of the others.
    pub rooms: Vec<Named>,
    /// What it has: all of these.
    pub has: Vec<Has>,
    /// Not created before this moment, in milliseconds since 1970.
    pub since: Option<i64>,
    /// Created before this moment.
    pub until: Option<i64>,
    /// Operators that cannot be understood, as they are written. They match nothing.
    pub unreadable: Vec<String>,
    /// Whether the text was too long: what is behind its first part does not count.
    pub is_cut: bool,
}

/// Words next to each other; mostly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The words, in order. Never empty.
    pub words: Vec<Wanted>,
    /// How they must be there.
    pub form: Form,
    /// Whether it must not be there.
    pub is_negated: bool,
}

/// Which forms of a word count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any with the same stem.
    Inflected,
    /// This one.
    Exact,
}

/// A word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What it is.
    pub kind: Kind,
    /// As it is compared.
    pub text: String,
    /// Its stems.
    pub stems: Stems,
    /// Whether it may go on.
    pub is_prefix: bool,
}

/// The name of a person or a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Whether it must be another one.
    pub is_negated: bool,
    /// The operator as it is written.
    pub written: String,
}

/// Something that a message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Has {
    /// What.
    pub what: Attached,
    /// Whether it must not have it.
    pub is_negated: bool,
}

/// What may be looked for besides words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// A file.
    File,
    /// The address of a page.
    Link,
}

/// Whether a text has the address of a page.
pub fn has_link(text: &str) -> bool {
    let follows = |rest: &str| rest.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '[');
    let starts = text.match_indices("://");
    starts.filter_map(|(at, sign)| Some((text.get(..at)?, text.get(at + sign.len()..)?))).any(
        |(before, rest)| {
            let scheme =
                before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            let is_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
            is_web && follows(rest)
        },
    )
}

impl Query {
    /// Reads a query whose days begin so many minutes before they do in UTC.
    pub fn parse(text: &str, minutes_east: i32) -> Self {
        let end = text.char_indices().nth(limits::QUERY_CHARS).map_or(text.len(), |(at, _)| at);
        let (first, rest) = text.split_at(end);
        let is_cut = !rest.trim().is_empty();
        let mut reader =
            Reader { rest: first, query: Self { is_cut, ..Self::default() }, minutes_east };
        reader.read();
        reader.query
    }

    /// Whether it asks for anything.
    pub fn is_empty(&self) -> bool {
        let Self { terms, from, rooms, has, since, until, unreadable, is_cut: _ } = self;
        let is_open = since.is_none() && until.is_none();
        is_open && [terms.len(), from.len(), rooms.len(), has.len(), unreadable.len()] == [0; 5]
    }

    fn size(&self) -> usize {
        let words: usize = self.terms.iter().map(|term| term.words.len()).sum();
        words + self.from.len() + self.rooms.len() + self.has.len() + self.unreadable.len()
    }
}

struct Reader<'a> {
    rest: &'a str,
    query: Query,
    minutes_east: i32,
}

/// What opens and closes exact words, also as phones and other languages write it.
fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»')
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.is_empty() {
                return;
            }
            if self.query.size() >= limits::TERMS {
                self.query.is_cut = true;
                return;
            }
            let whole = self.rest;
            let negated =
                self.rest.strip_prefix('-').filter(|rest| !rest.starts_with(char::is_whitespace));
            self.rest = negated.unwrap_or(whole);
            let is_negated = negated.is_some();
            if let Some(operator) = self.take_operator() {
                let value = self.take_value();
                let written = whole.get(..whole.len() - self.rest.len()).unwrap_or_default();
                self.add_operator(operator, value, is_negated, written);
            } else if let Some(text) = self.take_quoted() {
                self.add_term(text, Form::Exact, is_negated);
            } else {
                let text = self.take_until(|c| c.is_whitespace() || is_quote(c));
                self.add_term(text, Form::Inflected, is_negated);
            }
        }
    }

    /// Takes the name of an operator, with its colon.
    fn take_operator(&mut self) -> Option<Operator> {
        let (name, rest) = self.rest.split_once(':')?;
        let operator = Operator::named(name)?;
        // With nothing behind it, it is still being typed.
        self.rest = rest;
        Some(operator)
    }

    fn take_value(&mut self) -> &'a str {
        match self.take_quoted() {
            Some(text) => text,
            None => self.take_until(char::is_whitespace),
        }
    }

    fn take_quoted(&mut self) -> Option<&'a str> {
        let rest = self.rest.strip_prefix(is_quote)?;
        self.rest = rest;
        let text = self.take_until(is_quote);
        self.rest = self.rest.strip_prefix(is_quote).unwrap_or(self.rest);
        Some(text)
    }

    fn take_until(&mut self, is_end: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        text
    }

    fn add_term(&mut self, text: &str, form: Form, is_negated: bool) {
        let mut found = words(text);
        let room = limits::TERMS.saturating_sub(self.query.size());
        if found.len() > room {
            found.truncate(room);
            self.query.is_cut = true;
        }
        let is_prefix = text.trim_end().ends_with('*');
        let last = found.len().saturating_sub(1);
        let wanted = found.into_iter().enumerate().map(|(at, word)| Wanted {
            kind: word.kind,
            stems: stems(&word.text),
            text: word.text,
            is_prefix: is_prefix && at == last && word.kind == Kind::Word,
        });
        let words: Vec<_> = wanted.collect();
        if !words.is_empty() {
            self.query.terms.push(Term { words, form, is_negated });
        }
    }

    fn add_operator(&mut self, operator: Operator, value: &str, is_negated: bool, written: &str) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        let query = &mut self.query;
        let named =
            |name: &str| Named { name: name.to_owned(), is_negated, written: written.to_owned() };
        match operator {
            Operator::From => query.from.push(named(value)),
            Operator::In => query.rooms.push(named(value)),
            Operator::Has => match Attached::named(value) {
                Some(what) => query.has.push(Has { what, is_negated }),
                None => query.unreadable.push(written.to_owned()),
            },
            Operator::Before | Operator::After => match dates::parse(value, self.minutes_east) {
                Some(span) if (operator == Operator::Before) != is_negated => {
                    let end = if is_negated { span.to } else { span.from };
                    query.until = Some(query.until.map_or(end, |until| until.min(end)));
                }
                Some(span) => {
                    let start = if is_negated { span.from } else { span.to };
                    query.since = Some(query.since.map_or(start, |since| since.max(start)));
                }
                None => query.unreadable.push(written.to_owned()),
            },
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    From,
    In,
    Before,
    After,
    Has,
}

impl Operator {
    fn named(name: &str) -> Option<Self> {
        let all = [
            ("from", Self::From),
            ("in", Self::In),
            ("before", Self::Before),
            ("after", Self::After),
            ("has", Self::Has),
        ];
        all.iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, operator)| *operator)
    }
}

impl Attached {
    fn named(name: &str) -> Option<Self> {
        let all = [("file", Self::File), ("link", Self::Link)];
        all.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, what)| *what)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Query {
        Query::parse(text, 0)
    }

    /// Terms as `-"two words"`, `word*`; inflected ones without quotes.
    fn shown(text: &str) -> Vec<String> {
        let show = |term: &Term| {
            let words: Vec<_> = term.words.iter().map(|word| word.text.as_str()).collect();
            let star = if term.words.last().is_some_and(|word| word.is_prefix) { "*" } else { "" };
            let quote = if term.form == Form::Exact { "\"" } else { "" };
            let minus = if term.is_negated { "-" } else { "" };
            format!("{minus}{quote}{}{star}{quote}", words.join(" "))
        };
        parse(text).terms.iter().map(show).collect()
    }

    #[test]
    fn words_quotes_stars_and_minus_are_read_and_everything_is_a_query() {
        for (text, expected) in [
            ("beans peas", &["beans", "peas"] as &[&str]),
            ("\"green beans\" -\"old peas\"", &["\"green beans\"", "-\"old peas\""]),
            ("“green beans” «зелёные»", &["\"green beans\"", "\"зеленые\""]),
            ("bea*", &["bea*"]),
            ("\"green bea*\"", &["\"green bea*\""]),
            ("-beans e-mail - x", &["-beans", "e mail", "x"]),
            ("\"open to the end", &["\"open to the end\""]),
            ("OR OR", &["or", "or"]),
            ("(a OR b) AND NOT c", &["a", "or", "b", "and", "not", "c"]),
            ("foo:bar", &["foo bar"]),
            ("from: in:", &[]),
            ("%", &[]),
            ("\"\" \"*\" - -- *", &[]),
            ("👍", &["👍"]),
            ("سلام عليكم", &["سلام", "عليكم"]),
            ("東京*", &["東京"]),
            ("a\u{0}b", &["a b"]),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert!(parse(" % \"\" ").is_empty() && !parse("in:x").is_empty());
    }

    #[test]
    fn operators_are_read_in_any_case_and_what_they_do_not_know_is_named() {
        let query =
            parse("FROM:@anna -from:\"Bob B\" in:\"two words\" has:File -has:link has:pizza beans");
        let names = |named: &[Named]| -> Vec<(String, bool)> {
            named.iter().map(|one| (one.name.clone(), one.is_negated)).collect()
        };
        assert_eq!(names(&query.from), [("@anna".into(), false), ("Bob B".into(), true)]);
        assert_eq!(names(&query.rooms), [("two words".into(), false)]);
        let has = |what, is_negated| Has { what, is_negated };
        assert_eq!(query.has, [has(Attached::File, false), has(Attached::Link, true)]);
        assert_eq!(query.unreadable, ["has:pizza"]);
        assert_eq!(query.from[1].written, "-from:\"Bob B\"");
        assert_eq!(query.terms.len(), 1);
    }

    #[test]
    fn days_are_left_out_on_both_sides_and_the_narrowest_span_counts() {
        let day = |text| dates::parse(text, 0).unwrap();
        let query = parse("after:2026-05-01 before:2026-06 before:2027");
        assert_eq!(query.since, Some(day("2026-05-01").to));
        assert_eq!(query.until, Some(day("2026-06").from));
        let query = parse("-before:2026-05-01 -after:2026-05-31");
        assert_eq!(query.since, Some(day("2026-05-01").from));
        assert_eq!(query.until, Some(day("2026-05-31").to));
        assert_eq!(parse("before:soon").unreadable, ["before:soon"]);
    }

    #[test]
    fn a_query_is_cut_at_so_many_characters_and_words() {
        let words = |n: usize| vec!["w"; n].join(" ");
        let most = parse(&words(limits::TERMS));
        assert_eq!((most.terms.len(), most.is_cut), (limits::TERMS, false));
        let more = parse(&words(limits::TERMS + 1));
        assert_eq!((more.terms.len(), more.is_cut), (limits::TERMS, true));
        let joined = parse(&vec!["w"; 10_000].join("-"));
        assert_eq!((joined.terms[0].words.len(), joined.is_cut), (limits::TERMS, true));
        let long = parse(&"é".repeat(limits::QUERY_CHARS));
        assert_eq!((long.terms[0].words[0].text.len(), long.is_cut), (limits::QUERY_CHARS, false));
        assert!(parse(&"é".repeat(limits::QUERY_CHARS + 1)).is_cut);
        assert!(!parse(&format!("x{}", " ".repeat(limits::QUERY_CHARS))).is_cut);
        assert!(parse(&"\"".repeat(1_000_000)).is_cut);
    }

    #[test]
    fn a_link_is_the_address_of_a_page() {
        for text in ["see https://example.org", "(HTTP://x)", "http://[::1]/", "ahttps http://x"] {
            assert!(has_link(text), "{text}");
        }
        for text in ["https://", "ftp://x", "xhttp://y", "http:/x", "https:// x", "://x"] {
            assert!(!has_link(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_text_is_a_query_within_its_bounds(text in ".*", east in -900i32..900) {
            let query = Query::parse(&text, east);
            prop_assert!(query.size() <= limits::TERMS);
            for term in &query.terms {
                prop_assert!(!term.words.is_empty());
                prop_assert!(term.words.iter().all(|word| !word.text.is_empty()));
            }
        }

        #[test]
        fn operators_anywhere_in_a_query_are_read(
            parts in prop::collection::vec("(-)?((from|in|has|before|after):)?(\"[a-z ]{0,6}\"?|[a-zа-я東京0-9*-]{0,6})", 0..12)
        ) {
            let query = Query::parse(&parts.join(" "), 0);
            prop_assert!(query.size() <= limits::TERMS);
        }
    }
}
