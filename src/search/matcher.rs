//! Whether a query's words are in a message, and where.

use super::query::{Form, Query, Term, Wanted};
use super::words::{Kind, Word, words};
use crate::base::limits::search::MARKS;

/// A part of a text that matches: from here up to there, in UTF-16 code units.
pub type Mark = [u32; 2];

/// Where the words of a query are in a message: the marks of its text, in order and without overlap, if all that are
/// wanted are there and none that is not. `others` are further texts, such as the names of files.
pub fn marks(query: &Query, text: &str, others: &[&str]) -> Option<Vec<Mark>> {
    if query.terms.is_empty() {
        return Some(Vec::new());
    }
    let text = words(text);
    let others: Vec<_> = others.iter().map(|other| words(other)).collect();
    let mut marks = Vec::new();
    for term in &query.terms {
        let is_there = match term.is_negated {
            true => places(term, &text).next().is_some(),
            false => {
                let before = marks.len();
                marks.extend(places(term, &text).take(MARKS));
                marks.len() > before
            }
        };
        let is_there = is_there || others.iter().any(|other| places(term, other).next().is_some());
        if is_there == term.is_negated {
            return None;
        }
    }
    Some(joined(marks))
}

/// In order, those that overlap joined, and not too many.
fn joined(mut marks: Vec<Mark>) -> Vec<Mark> {
    marks.sort_unstable();
    let mut joined: Vec<Mark> = Vec::new();
    for [from, to] in marks {
        match joined.last_mut() {
            Some([_, end]) if from < *end => *end = to.max(*end),
            _ => joined.push([from, to]),
        }
    }
    joined.truncate(MARKS);
    joined
}

/// Where a term is in a text.
fn places<'a>(term: &'a Term, text: &'a [Word]) -> Box<dyn Iterator<Item = Mark> + 'a> {
    if let [wanted] = term.words.as_slice()
        && wanted.kind == Kind::Run
    {
        let runs = text.iter().filter(|word| word.kind == Kind::Run);
        return Box::new(runs.flat_map(|run| parts(run, &wanted.text)));
    }
    Box::new(text.windows(term.words.len()).filter_map(|window| place(term, window)))
}

/// Where these characters are in a run.
fn parts<'a>(run: &'a Word, wanted: &'a str) -> impl Iterator<Item = Mark> + 'a {
    let length = wanted.chars().count();
    let mut place = (0, 0);
    run.text.match_indices(wanted).map(move |(at, _)| {
        // Where a match is in characters: counted on from the one before.
        let (bytes, chars) = place;
        let first = chars + run.text.get(bytes..at).unwrap_or_default().chars().count();
        place = (at, first);
        let (from, to) = run.part(first, length);
        [from, to]
    })
}

/// The place of a term if it is these words.
fn place(term: &Term, window: &[Word]) -> Option<Mark> {
    let last = term.words.len() - 1;
    let fits = |(at, (wanted, word)): (usize, (&Wanted, &Word))| {
        wanted.kind == word.kind
            && match wanted.kind {
                Kind::Word => is_form(wanted, term.form, word),
                Kind::Symbol => wanted.text == word.text,
                Kind::Run if at == 0 => word.text.ends_with(&wanted.text),
                Kind::Run if at == last => word.text.starts_with(&wanted.text),
                Kind::Run => word.text == wanted.text,
            }
    };
    if !term.words.iter().zip(window).enumerate().all(fits) {
        return None;
    }
    let (first, end) = (window.first()?, window.last()?);
    let length = |wanted: &Wanted| wanted.text.chars().count();
    let from = match term.words.first()? {
        wanted if wanted.kind == Kind::Run => {
            first.part(first.places.len().saturating_sub(length(wanted)), length(wanted)).0
        }
        _ => first.from,
    };
    let to = match term.words.last()? {
        wanted if wanted.kind == Kind::Run => end.part(0, length(wanted)).1,
        _ => end.to,
    };
    Some([from, to])
}

/// Whether a word counts as the one that is looked for.
fn is_form(wanted: &Wanted, form: Form, word: &Word) -> bool {
    let text = word.text.as_str();
    if text == wanted.text || (wanted.is_prefix && text.starts_with(&wanted.text)) {
        return true;
    }
    // Forms of a word have their first letter in common.
    form == Form::Inflected
        && text.chars().next() == wanted.text.chars().next()
        && word.stems().are_related(&wanted.stems)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with its marks in brackets; nothing if the query does not match.
    fn marked(query: &str, text: &str) -> Option<String> {
        let units: Vec<u16> = text.encode_utf16().collect();
        let (mut shown, mut at) = (String::new(), 0);
        let cut =
            |from: u32, to: u32| String::from_utf16(&units[from as usize..to as usize]).unwrap();
        for [from, to] in marks(&Query::parse(query, 0), text, &["report.pdf"])? {
            shown += &format!("{}[{}]", cut(at, from), cut(from, to));
            at = to;
        }
        Some(shown + &cut(at, units.len() as u32))
    }

    #[test]
    fn what_matches_is_marked_as_it_is_written() {
        for (query, text, expected) in [
            ("meeting", "Two Meetings, no meat", Some("Two [Meetings], no meat")),
            ("resume", "my résumé 😀 Resumes", Some("my [résumé] 😀 [Resumes]")),
            ("meet*", "meetup met", Some("[meetup] met")),
            ("\"two meetings\"", "two meetings, Two meeting", Some("[two meetings], Two meeting")),
            ("\"two meeting\"", "two meetings", None),
            ("e-mails", "an e mail, an email", Some("an [e mail], an email")),
            ("beans -peas", "beans and pea", None),
            ("beans -peas", "beans", Some("[beans]")),
            ("-peas", "beans", Some("beans")),
            ("report", "see this", Some("see this")),
            ("-report", "see this", None),
            ("京都", "東京都京都", Some("東[京都][京都]")),
            ("京", "東京都", Some("東[京]都")),
            ("tokyo東京", "Tokyo東京都", Some("[Tokyo東京]都")),
            ("\"東京 2024 年\"", "新東京 2024年です", Some("新[東京 2024年]です")),
            ("👩", "👩\u{200d}👧!", Some("[👩\u{200d}]👧!")),
            ("two two", "two", Some("[two]")),
            ("встреча", "после встречи", Some("после [встречи]")),
            ("hablar", "estaba hablando", Some("estaba [hablando]")),
            ("cafe", "a cafe\u{301} ", Some("a [cafe\u{301}] ")),
            ("x", "y", None),
        ] {
            assert_eq!(marked(query, text).as_deref(), expected, "{query} in {text}");
        }
    }

    #[test]
    fn a_text_has_so_many_marks_at_most() {
        let query = Query::parse("a b", 0);
        let found = marks(&query, &"a b ".repeat(MARKS), &[]).unwrap();
        assert_eq!(found.len(), MARKS);
    }
}
