//! A message as a script sends it over HTTP: the fields of `msg` in `msg.send`, of which only the text is needed.

use serde_json::{Map, Value};

use super::command::{TextOf, text_body};
use super::fields::Fields;
use super::file::NamedFile;
use super::mentions::Mentions;
use super::message::TextBody;
use crate::base::error::{Error, Result};
use crate::base::ids::Mid;
use crate::base::limits::chat as limits;

/// A new message.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptMessage {
    /// The id that the script has chosen, if it has.
    pub mid: Option<Mid>,
    /// Text, mentions and what it replies to.
    pub body: TextBody,
    /// Its files.
    pub files: Vec<NamedFile>,
}

/// A new text for a message. What is not named stays as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptEdit {
    /// The revision that it makes; the next one if none is named.
    pub rev: Option<u32>,
    /// The text.
    pub text: String,
    /// Another message to reply to, or none.
    pub reply_to: Option<Option<Mid>>,
    /// Other mentions.
    pub mentions: Option<Mentions>,
    /// The files that stay.
    pub files: Option<Vec<NamedFile>>,
}

impl ScriptMessage {
    /// Reads the fields of a JSON object. The text is `t`, or `text` as other chats call it.
    ///
    /// # Errors
    /// `bad_request` naming the field, `too_large`.
    pub fn of_json(fields: &Map<String, Value>) -> Result<Self> {
        let fields = Fields(fields);
        check_kind(&fields)?;
        if fields.has("rev") && fields.number("rev")? != 0 {
            return Err(Error::field("rev", "of a new message is 0; change one with PATCH"));
        }
        let mid = if fields.has("mid") { Some(fields.mid("mid")?) } else { None };
        let (body, files) = text_body(&fields, text_field(&fields), TextOf::New)?;
        Ok(Self { mid, body, files: files.unwrap_or_default() })
    }

    /// A message that is nothing but text.
    ///
    /// # Errors
    /// `bad_request`, `too_large`.
    pub fn of_text(text: &str) -> Result<Self> {
        Self::of_json(&only_text(text))
    }
}

impl ScriptEdit {
    /// Reads the fields of a JSON object.
    ///
    /// # Errors
    /// `bad_request` naming the field, `too_large`.
    pub fn of_json(object: &Map<String, Value>) -> Result<Self> {
        let fields = Fields(object);
        check_kind(&fields)?;
        let rev = if fields.has("rev") { Some(rev_of(fields.number("rev")?)?) } else { None };
        let (body, files) = text_body(&fields, text_field(&fields), TextOf::Edit)?;
        let TextBody { text, reply_to, mentions, .. } = body;
        let reply_to = object.contains_key("re").then_some(reply_to);
        let mentions = object.contains_key("m").then_some(mentions);
        Ok(Self { rev, text, reply_to, mentions, files })
    }

    /// A new text, and nothing else.
    ///
    /// # Errors
    /// `bad_request`, `too_large`.
    pub fn of_text(text: &str) -> Result<Self> {
        Self::of_json(&only_text(text))
    }

    /// The content of a message that has this one now, without its files.
    pub fn applied_to(&self, present: Option<&TextBody>) -> TextBody {
        let present = present.cloned().unwrap_or_default();
        TextBody {
            text: self.text.clone(),
            reply_to: self.reply_to.unwrap_or(present.reply_to),
            mentions: self.mentions.clone().unwrap_or(present.mentions),
            files: Vec::new(),
        }
    }
}

/// A revision that a change may make.
///
/// # Errors
/// `bad_request`.
pub fn rev_of(number: u64) -> Result<u32> {
    let rev = u32::try_from(number).ok().filter(|rev| (1..=limits::REV).contains(rev));
    rev.ok_or_else(|| Error::field("rev", "of a change is at least 1"))
}

fn check_kind(fields: &Fields<'_>) -> Result<()> {
    if fields.has("kind") && fields.text("kind")? != "msg" {
        let rule = "is \"msg\" here; deleting and reacting have calls of their own";
        return Err(Error::field("kind", rule));
    }
    Ok(())
}

fn text_field(fields: &Fields<'_>) -> &'static str {
    if !fields.has("t") && fields.has("text") { "text" } else { "t" }
}

fn only_text(text: &str) -> Map<String, Value> {
    std::iter::once(("t".to_owned(), Value::from(text))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Uid;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn a_text_is_enough_and_everything_of_msg_send_may_be_there() {
        let mid = "AAAAAAAAAAAAAAAAAAAAAA";
        let plain = ScriptMessage::of_text("deployed").unwrap();
        assert_eq!((plain.mid, plain.body.text.as_str()), (None, "deployed"));
        let whole =
            json!({"mid": mid, "rev": 0, "kind": "msg", "t": "x", "re": mid, "m": ["2", "all"]});
        let whole = ScriptMessage::of_json(&object(whole)).unwrap();
        assert!(whole.mid.is_some() && whole.body.reply_to.is_some() && whole.body.mentions.all);
        let other = ScriptMessage::of_json(&object(json!({"text": "hello"}))).unwrap();
        assert_eq!(other.body.text, "hello");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (wrong, field) in [
            (json!({}), "t"),
            (json!({"t": 1}), "t"),
            (json!({"t": " "}), "t"),
            (json!({"t": "a\u{0}"}), "t"),
            (json!({"text": []}), "text"),
            (json!({"t": "x", "m": [1]}), "m"),
            (json!({"t": "x", "re": "y"}), "re"),
            (json!({"t": "x", "mid": "y"}), "mid"),
            (json!({"t": "x", "rev": 1}), "rev"),
            (json!({"t": "x", "kind": "del"}), "kind"),
            (json!({"t": "x", "f": [1]}), "f"),
        ] {
            let error = ScriptMessage::of_json(&object(wrong.clone())).unwrap_err();
            assert!(error.message().contains(&format!("\"{field}\"")), "{wrong}: {error:?}");
        }
        assert!(ScriptEdit::of_json(&object(json!({"t": "x", "rev": 0}))).is_err());
    }

    #[test]
    fn an_edit_leaves_what_it_does_not_name() {
        let reply_to = Some(Mid([7; 16]));
        let mentions = vec![Uid(2)].into();
        let present = TextBody { text: "old".into(), reply_to, mentions, ..TextBody::default() };
        let edit = |value| ScriptEdit::of_json(&object(value)).unwrap().applied_to(Some(&present));
        assert_eq!(edit(json!({"t": "new"})), TextBody { text: "new".into(), ..present.clone() });
        let bare = edit(json!({"t": "new", "re": null, "m": []}));
        assert_eq!(bare, TextBody { text: "new".into(), ..TextBody::default() });
    }
}
