//! Queries of a search: any text is one, and what it marks in another is in order and within it. The input is the query,
//! a line feed, and the text.

#![no_main]

use impulse::search::keys::{Keys, Place, conditions};
use impulse::search::matcher::marks;
use impulse::search::query::Query;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let (q, text) = input.split_once('\n').unwrap_or((input, input));
    let query = Query::parse(q, 60);
    let _ = conditions(&query, &Place::default());
    let length = u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX);
    let mut end = 0;
    for [from, to] in marks(&query, text, &[]).unwrap_or_default() {
        assert!(end <= from && from < to && to <= length);
        end = to;
    }
    let mut keys = Keys::default();
    keys.add_text(text, 65_536);
    assert!(keys.to_tsvector().len() < 1_000_000);
});
