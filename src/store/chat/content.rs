//! The contents of messages and reactions as they are stored: written from our own types, read back into them.
//!
//! JSON comes out of the database as text and is parsed row by row. So a row that cannot be read
//! (edited by hand, or written by a program that took more) is one row, and never fails a query.

use serde::Deserialize;
use serde_json::error::Category;
use sha2::{Digest, Sha256};

use crate::base::emoji;
use crate::base::error::{Error, Result};
use crate::base::ids::Mid;
use crate::protocol::envelope::Envelope;
use crate::protocol::mentions::Mentions;
use crate::protocol::message::{Content, Gone, Sealed, SealedReaction, TextBody};

/// Why stored content cannot be read; never the content itself.
pub(super) type Cause = &'static str;

/// What somebody has reacted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReactionContent {
    /// An emoji that the server can read.
    Emoji(String),
    /// An envelope.
    Sealed(SealedReaction),
    /// What is stored cannot be read.
    Unreadable,
}

impl ReactionContent {
    /// The emoji, if the server can read it.
    pub fn emoji(&self) -> Option<&str> {
        match self {
            Self::Emoji(emoji) => Some(emoji),
            Self::Sealed(_) | Self::Unreadable => None,
        }
    }

    /// The envelope, in an encrypted room.
    pub fn sealed(&self) -> Option<&SealedReaction> {
        match self {
            Self::Sealed(sealed) => Some(sealed),
            Self::Emoji(_) | Self::Unreadable => None,
        }
    }

    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        match self {
            Self::Emoji(emoji) => emoji.len(),
            Self::Sealed(sealed) => sealed.envelope.size(),
            Self::Unreadable => 0,
        }
    }
}

/// A text as it is stored: `{"t","re"?,"m"?,"f"?}`.
///
/// # Errors
/// `internal`; a text of strings and ids always encodes.
pub fn text_to_json(body: &TextBody) -> Result<String> {
    serde_json::to_string(body).map_err(Error::internal)
}

/// A reaction as it is stored: `{"e"}`.
pub fn emoji_to_json(emoji: &str) -> String {
    serde_json::json!({ "e": emoji }).to_string()
}

/// A message as it is stored, as far as its content depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredBody<'a> {
    /// Its content as JSON, unless that was erased.
    pub json: Option<&'a str>,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// Whether it is hidden, because the account of its author was removed.
    pub is_hidden: bool,
    /// Why the server has taken it away, if it has.
    pub gone: Option<Gone>,
    /// The number of its present revision in its room.
    pub rev_seq: u64,
}

impl StoredBody<'_> {
    /// The content that everybody sees.
    pub fn content(self) -> std::result::Result<Content, Cause> {
        let Self { json, is_deleted, is_hidden, gone, rev_seq } = self;
        if let Some(why) = gone {
            return Ok(Content::Gone { why, rev_seq });
        }
        let Some(json) = json else { return Ok(Content::Deleted) };
        if !is_deleted && !is_hidden {
            return content_of(json, rev_seq);
        }
        Ok(match Envelope::parse(json) {
            Some(envelope) if is_deleted => Content::SealedDeleted { envelope, rev_seq },
            Some(_) => Content::Gone { why: Gone::Account, rev_seq },
            None => Content::Deleted,
        })
    }
}

/// The content of a stored message whose present revision has the number `rev_seq` in its room.
fn content_of(json: &str, rev_seq: u64) -> std::result::Result<Content, Cause> {
    match text_of(json) {
        Ok(body) => Ok(Content::Plain(body)),
        Err(cause) => {
            let envelope = Envelope::parse(json).ok_or(cause)?;
            Ok(Content::Sealed(Sealed { envelope, rev_seq, reacts: None }))
        }
    }
}

/// An envelope as it is stored: as it came.
///
/// # Errors
/// `internal`; JSON always encodes.
pub fn envelope_to_json(envelope: &Envelope) -> Result<String> {
    serde_json::to_string(envelope).map_err(Error::internal)
}

/// The content of a stored reaction whose present revision has the number `rev_seq` in its room.
pub(super) fn reaction_of(json: &str, rev_seq: u64) -> std::result::Result<ReactionContent, Cause> {
    match emoji_of(json) {
        Ok(emoji) => Ok(ReactionContent::Emoji(emoji)),
        Err(cause) => {
            let envelope = Envelope::parse(json).ok_or(cause)?;
            Ok(ReactionContent::Sealed(SealedReaction { rev_seq, envelope }))
        }
    }
}

/// The text of a stored message, and its files. What a program before there were files kept in their place is left out.
fn text_of(json: &str) -> std::result::Result<TextBody, Cause> {
    let body = parse(json).or_else(|_| parse(json).map(WithoutFiles::into))?;
    let TextBody { text, files, .. } = &body;
    if text.trim().is_empty() && files.is_empty() { Err("it has no text") } else { Ok(body) }
}

/// A text whose files cannot be read.
#[derive(Deserialize)]
struct WithoutFiles {
    t: String,
    re: Option<Mid>,
    #[serde(default)]
    m: Mentions,
}

impl From<WithoutFiles> for TextBody {
    fn from(WithoutFiles { t, re, m }: WithoutFiles) -> Self {
        Self { text: t, reply_to: re, mentions: m, files: Vec::new() }
    }
}

/// The emoji of a stored reaction, in its one form: earlier programs kept it as it was sent.
fn emoji_of(json: &str) -> std::result::Result<String, Cause> {
    #[derive(Deserialize)]
    struct Emoji {
        e: String,
    }
    parse(json).map(|Emoji { e }| emoji::qualified(&e).map_or(e, str::to_owned))
}

fn parse<'de, T: Deserialize<'de>>(json: &'de str) -> std::result::Result<T, Cause> {
    // The fields of a struct may also come as a list, but we never write one.
    if !json.starts_with('{') {
        return Err("it is no object");
    }
    serde_json::from_str(json).map_err(cause)
}

/// The error itself may quote what somebody wrote, which is nothing for a log.
fn cause(error: serde_json::Error) -> Cause {
    match error.classify() {
        Category::Data => "a field is missing or of another type",
        Category::Syntax | Category::Eof | Category::Io => "it cannot be parsed",
    }
}

/// Distinguishes a repetition from another content without keeping the content. These bytes are compared
/// with those of earlier versions, so they are written field by field and never change. Files are not among them: an
/// edit that leaves them does not name them.
pub fn digest(body: &TextBody) -> [u8; 32] {
    let mut bytes = b"{\"t\":".to_vec();
    push_json(&mut bytes, &body.text);
    if let Some(mid) = body.reply_to {
        bytes.extend_from_slice(b",\"re\":");
        push_json(&mut bytes, &mid);
    }
    if !body.mentions.is_empty() {
        bytes.extend_from_slice(b",\"m\":");
        push_json(&mut bytes, &body.mentions);
    }
    bytes.push(b'}');
    Sha256::digest(bytes).into()
}

/// A string, an id or a list of ids; none of them can fail to be written to memory.
fn push_json(bytes: &mut Vec<u8>, value: &impl serde::Serialize) {
    if let Err(error) = serde_json::to_writer(bytes, value) {
        tracing::error!(%error, "a field could not be encoded");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hex;
    use crate::base::ids::{FileId, Uid};
    use crate::protocol::file::MessageFile;

    #[test]
    fn the_digest_of_a_message_is_that_of_these_bytes_for_ever() {
        let body = |text: &str, reply_to, mentions: Vec<Uid>| TextBody {
            text: text.to_owned(),
            reply_to,
            mentions: mentions.into(),
            files: Vec::new(),
        };
        let cases = [
            (
                body("hi", None, vec![]),
                r#"{"t":"hi"}"#,
                "dce0e33a7c43f7b1021ab4c38ec5e095d5cea506918c49ceb3b315a9eb69b976",
            ),
            (
                body("a \"b\"\\\n\u{1}\u{7f}é👍\u{2028}", None, vec![]),
                "{\"t\":\"a \\\"b\\\"\\\\\\n\\u0001\u{7f}é👍\u{2028}\"}",
                "24dea0f45d954b574025635b50bf27a2ae77aaf9c1d8fda98e63cc2fec74becc",
            ),
            (
                body("hi", Some(Mid([1; 16])), vec![]),
                r#"{"t":"hi","re":"AQEBAQEBAQEBAQEBAQEBAQ"}"#,
                "0d27d5d166e495c05a900ac84ebe364f2ae503d4e4ab1e33791c824292f8d568",
            ),
            (
                body("hi", Some(Mid([0xff; 16])), vec![Uid(7), Uid(i64::MAX)]),
                r#"{"t":"hi","re":"_____________________w","m":["7","9223372036854775807"]}"#,
                "a2fd60542c071f2ae1797b8cc54dbfe53789c299b0ace1c6115ccd500dd78698",
            ),
        ];
        for (body, bytes, expected) in cases {
            assert_eq!(hex::encode(&Sha256::digest(bytes)), expected, "{bytes}");
            assert_eq!(hex::encode(&digest(&body)), expected, "{bytes}");
        }
    }

    #[test]
    fn stored_content_of_another_form_is_not_read() {
        for json in [
            "",
            "null",
            "5",
            "[]",
            r#"["x"]"#,
            "{}",
            r#"{"t":5}"#,
            r#"{"t":null}"#,
            r#"{"t":"  "}"#,
            r#"{"t":"x","re":"short"}"#,
            r#"{"t":"x","m":[7]}"#,
            r#"{"t":"x","m":["0"]}"#,
            r#"{"t":"x","m":["-1"]}"#,
            r#"{"t":"x","m":["9223372036854775808"]}"#,
            r#"{"t":"x","m":{}}"#,
        ] {
            assert!(content_of(json, 1).is_err(), "{json}");
        }
        for json in ["null", "{}", r#"{"e":5}"#, r#"{"e":null}"#, r#"["e"]"#] {
            assert!(emoji_of(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_envelope_is_read_as_one_and_nothing_like_it() {
        let json = r#"{"v":1,"mid":"AQEBAQEBAQEBAQEBAQEBAQ","rev":0,"kind":"msg","n":"n","c":"c","s":"s"}"#;
        let content = content_of(json, 7).unwrap();
        let envelope = Envelope::parse(json).unwrap();
        assert_eq!(envelope.size(), "AQEBAQEBAQEBAQEBAQEBAQmsgncs".len());
        assert_eq!(content, Content::Sealed(Sealed { envelope, rev_seq: 7, reacts: None }));
        assert!(content.mentions().is_none() && !content.is_deleted());
        for missing in
            [r#"{"kind":"msg","s":"s"}"#, r#"{"v":1,"s":"s"}"#, r#"{"v":1,"kind":"msg"}"#]
        {
            assert!(content_of(missing, 7).is_err(), "{missing}");
        }
    }

    #[test]
    fn files_come_back_as_they_were_and_a_message_may_be_nothing_else() {
        let file = MessageFile {
            id: FileId([7; 16]),
            name: "cat.png".into(),
            media_type: "image/png".into(),
            size: 70,
            width: Some(4),
            height: Some(3),
            alt: Some("a cat".into()),
        };
        let other = MessageFile { width: None, height: None, alt: None, ..file.clone() };
        for text in ["", "look"] {
            let files = vec![file.clone(), other.clone()];
            let body = TextBody { text: text.into(), files, ..TextBody::default() };
            let json = text_to_json(&body).unwrap();
            assert_eq!(text_of(&json).unwrap(), body, "{json}");
            let without = TextBody { files: Vec::new(), ..body.clone() };
            assert_eq!(digest(&body), digest(&without));
        }
        assert!(text_of(r#"{"t":"","f":[]}"#).is_err());
    }

    #[test]
    fn a_text_that_an_earlier_program_kept_something_beside_is_read() {
        let number = format!("{}0", "17976931348623157".repeat(20));
        for f in [r#"[{"id":"9"}]"#, "[]", &format!(r#"[{{"v":{number}}}]"#)] {
            let body = text_of(&format!(r#"{{"f":{f},"t":"x"}}"#)).unwrap();
            assert_eq!(body, TextBody { text: "x".into(), ..TextBody::default() });
        }
    }
}
