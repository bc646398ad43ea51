//! Our stemmers beside those of PostgreSQL, on the words of the client and of the documents.

use std::collections::BTreeSet;

use impulse::search::stem::stems;
use impulse::search::words::words;

use crate::support::postgres;

async fn stems_of_postgres(dictionary: &str, words: &[String]) -> Vec<Option<String>> {
    let database = postgres::database().await;
    let (client, connection) =
        tokio_postgres::connect(&database, tokio_postgres::NoTls).await.expect("connect");
    tokio::spawn(connection);
    let sql = format!("SELECT (ts_lexize('{dictionary}', w))[1] FROM unnest($1::text[]) w");
    let rows = client.query(&sql, &[&words]).await.expect("stems");
    rows.iter().map(|row| row.get(0)).collect()
}

/// The share of words that have another stem there, in a thousand; words that are dropped there do not count.
async fn differing(
    dictionary: &str,
    words: &[String],
    ours: impl Fn(&str) -> Option<String>,
) -> usize {
    let theirs = stems_of_postgres(dictionary, words).await;
    let both =
        words.iter().zip(theirs).filter_map(|(word, theirs)| Some((word, ours(word)?, theirs?)));
    let (mut all, mut other) = (0, Vec::new());
    for (word, ours, theirs) in both {
        all += 1;
        let theirs = self::words(&theirs).pop().map_or(theirs, |word| word.text);
        if ours != theirs {
            other.push(format!("{word}: {ours}, {theirs}"));
        }
    }
    assert!(all > 500, "{all}");
    println!("{dictionary}: {} of {all} differ: {other:?}", other.len());
    other.len() * 1_000 / all
}

fn vocabulary(texts: &[&str]) -> Vec<String> {
    let all: BTreeSet<_> =
        texts.iter().flat_map(|text| words(text)).map(|word| word.text).collect();
    all.into_iter().collect()
}

#[tokio::test]
async fn stems_are_those_of_snowball() {
    let latin = |word: &String| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut english = vocabulary(&[
        include_str!("../../docs/architecture.md"),
        include_str!("../../docs/protocol.md"),
        include_str!("../../docs/operations.md"),
        include_str!("../../web/locales/en.js"),
    ]);
    english.retain(latin);
    assert_eq!(differing("english_stem", &english, |word| Some(stems(word).first)).await, 0);
    let mut russian = vocabulary(&[
        include_str!("../../web/locales/ru.js"),
        include_str!("../../web/locales/admin.ru.js"),
        include_str!("../../web/locales/emoji.ru.js"),
    ]);
    russian.retain(|word| word.chars().all(|c| ('а'..='я').contains(&c)));
    // They know `ё`, which is `е` here.
    let other = differing("russian_stem", &russian, |word| Some(stems(word).first)).await;
    assert!(other < 5, "{other} of 1,000");
    let mut spanish = vocabulary(&[
        include_str!("../../web/locales/es.js"),
        include_str!("../../web/locales/admin.es.js"),
        include_str!("../../web/locales/emoji.es.js"),
    ]);
    spanish.retain(latin);
    // Words without their accents, and `io` as an ending.
    let other = differing("spanish_stem", &spanish, |word| stems(word).spanish).await;
    assert!(other < 150, "{other} of 1,000");
}
