//! The commands a client may send on the socket, and how a frame becomes a [`Command`].
//!
//! A frame that is not a command is a *command fault*: it is answered with `err` (carrying the
//! frame's `id` whenever one could be read) and the connection stays open. Parsing costs one
//! `serde_json` value; unknown fields are ignored, missing or mistyped ones are named.

use serde_json::Value;

use super::envelope::SentEnvelope;
use super::fields::Fields;
use super::file::{NamedFile, named_files};
use super::mentions::Mentions;
use super::message::TextBody;
use super::presence::{PresenceState, StatusText};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Epoch, Mid, RoomId, Uid};
use crate::base::limits::{chat as limits, users};
use crate::base::{emoji, text, time};

/// A client's frame: the command and the `id` its one answer echoes.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Echoed in the answer; at most [`crate::base::limits::chat::COMMAND_ID`] characters.
    pub id: Option<String>,
    /// What to do.
    pub command: Command,
}

/// A command of a client.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Follow a room: everything after `since`, then live.
    Subscribe {
        /// The room.
        room: RoomId,
        /// The last `seq` the client has.
        since: u64,
        /// The epoch in which it got that.
        epoch: Option<Epoch>,
    },
    /// Stop following.
    Unsubscribe {
        /// The room.
        room: RoomId,
    },
    /// A durable change of a room's messages.
    Send {
        /// The room.
        room: RoomId,
        /// The change.
        draft: Draft,
    },
    /// A durable change of an encrypted room's messages. The room decides whether it takes envelopes, and reads this
    /// one.
    SendEnvelope {
        /// The room.
        room: RoomId,
        /// The envelope as it came.
        envelope: SentEnvelope,
    },
    /// The user is writing; expires after five seconds.
    Typing {
        /// The room.
        room: RoomId,
    },
    /// The user has read up to `seq`.
    Read {
        /// The room.
        room: RoomId,
        /// The newest `seq` read.
        seq: u64,
    },
    /// The presence the user wants to be shown with.
    Presence {
        /// The state.
        state: PresenceState,
        /// A new status text; without one the present text stays.
        text: Option<StatusText>,
    },
    /// The client wants an answer, to see that the connection is alive.
    Ping,
}

impl Command {
    /// Whether it needs the right to write.
    pub fn writes(&self) -> bool {
        match self {
            Self::Subscribe { .. } | Self::Unsubscribe { .. } | Self::Ping => false,
            Self::Send { .. }
            | Self::SendEnvelope { .. }
            | Self::Typing { .. }
            | Self::Read { .. }
            | Self::Presence { .. } => true,
        }
    }
}

/// A message as its author sends it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Chosen by the author's client; the same on every retry.
    pub mid: Mid,
    /// 0 for a new message, one more for each edit and for the deletion.
    pub rev: u32,
    /// What the change is.
    pub body: DraftBody,
}

impl Draft {
    /// Whether something must be looked up in the store for it, as for all but a new message of text alone.
    pub fn needs_lookup(&self) -> bool {
        self.rev > 0 || !matches!(self.body, DraftBody::Text(..)) || self.names_files()
    }

    /// Whether it names files.
    pub fn names_files(&self) -> bool {
        matches!(&self.body, DraftBody::Text(_, Some(files)) if !files.is_empty())
    }

    /// About how many bytes it takes in memory and on disk.
    pub fn bytes(&self) -> usize {
        let own = match &self.body {
            DraftBody::Text(body, files) => {
                let words = files.iter().flatten().filter_map(|file| file.alt.as_ref());
                let files = words.map(String::len).sum::<usize>();
                body.text.len() + body.mentions.len() * size_of::<Uid>() + files
            }
            DraftBody::React { emoji, .. } => emoji.len(),
            DraftBody::Delete => 0,
        };
        own + users::CHANGE_BYTES
    }
}

/// What a draft does.
#[derive(Debug, Clone, PartialEq)]
pub enum DraftBody {
    /// `kind:"msg"`: new text, or an edit of it; and the files it has (`f`). An edit that names none leaves them.
    Text(TextBody, Option<Vec<NamedFile>>),
    /// `kind:"del"`: of a message, or taking a reaction back.
    Delete,
    /// `kind:"react"`: a reaction to another message.
    React {
        /// The message reacted to (`ref`).
        target: Mid,
        /// The emoji (`e`).
        emoji: String,
    },
}

/// Why a frame is not a command: the `id` to echo, if it had one, and the error.
#[derive(Debug)]
pub struct Fault {
    /// The frame's `id`.
    pub id: Option<String>,
    /// What is wrong with it.
    pub error: Error,
}

impl Request {
    /// Reads one text frame.
    ///
    /// # Errors
    /// A [`Fault`] naming the field that is missing, mistyped or out of range.
    pub fn parse(frame: &str) -> std::result::Result<Self, Box<Fault>> {
        let bad = |id, error| Box::new(Fault { id, error });
        if frame.len() > limits::COMMAND {
            return Err(bad(None, Error::new(Code::TooLarge, "The frame is too large.")));
        }
        let value: Value = serde_json::from_str(frame)
            .map_err(|_| bad(None, Error::new(Code::BadRequest, "The frame is not JSON.")))?;
        let Value::Object(mut fields) = value else {
            return Err(bad(None, Error::new(Code::BadRequest, "The frame is not an object.")));
        };
        let envelope = fields.remove("env").filter(|json| !json.is_null()).map(SentEnvelope);
        let fields = Fields(&fields);
        let id = fields.command_id().map_err(|error| bad(None, error))?;
        match command(&fields, envelope) {
            Ok(command) => Ok(Self { id, command }),
            Err(error) => Err(bad(id, error)),
        }
    }
}

fn command(fields: &Fields<'_>, envelope: Option<SentEnvelope>) -> Result<Command> {
    Ok(match fields.text("op")? {
        "room.subscribe" => Command::Subscribe {
            room: fields.room()?,
            since: if fields.has("since") { fields.number("since")? } else { 0 },
            epoch: fields.epoch()?,
        },
        "room.unsubscribe" => Command::Unsubscribe { room: fields.room()? },
        "msg.send" => {
            let room = fields.room()?;
            match envelope {
                Some(envelope) => Command::SendEnvelope { room, envelope },
                None => Command::Send { room, draft: draft(&fields.object("msg")?)? },
            }
        }
        "typing" => Command::Typing { room: fields.room()? },
        "read" => Command::Read { room: fields.room()?, seq: fields.number("seq")? },
        "presence" => {
            Command::Presence { state: presence_state(fields)?, text: status_text(fields)? }
        }
        "ping" => Command::Ping,
        _ => return Err(Error::new(Code::BadRequest, "Unknown \"op\".")),
    })
}

fn draft(fields: &Fields<'_>) -> Result<Draft> {
    let mid = fields.mid("mid")?;
    let rev = u32::try_from(fields.number("rev")?)
        .ok()
        .filter(|rev| *rev <= limits::REV)
        .ok_or_else(|| Error::field("rev", "is too large"))?;
    let body = match fields.text("kind")? {
        "msg" => {
            let (body, files) =
                text_body(fields, "t", if rev == 0 { TextOf::New } else { TextOf::Edit })?;
            DraftBody::Text(body, files)
        }
        "del" if rev == 0 => return Err(Error::field("rev", "of a deletion is at least 1")),
        "del" => DraftBody::Delete,
        "react" if rev > 0 => return Err(Error::field("rev", "of a reaction is 0")),
        "react" => DraftBody::React { target: fields.mid("ref")?, emoji: emoji(fields)? },
        _ => return Err(Error::field("kind", "is \"msg\", \"del\" or \"react\"")),
    };
    Ok(Draft { mid, rev, body })
}

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextOf {
    /// A new message.
    New,
    /// An edit. If it names no files, the message may have some, and so no text.
    Edit,
}

/// A text in the field of this name, and what belongs to it. Only a message with files may have no text.
pub(super) fn text_body(
    fields: &Fields<'_>,
    name: &str,
    of: TextOf,
) -> Result<(TextBody, Option<Vec<NamedFile>>)> {
    let files = named_files(fields)?;
    let may_be_empty = match &files {
        Some(files) => !files.is_empty(),
        None => of == TextOf::Edit,
    };
    let text = match files.is_some() && may_be_empty && !fields.has(name) {
        true => "",
        false => fields.clean_text(name, limits::TEXT)?,
    };
    let reply_to = if fields.has("re") { Some(fields.mid("re")?) } else { None };
    let written = fields.array("m", limits::MENTIONS)?.iter().map(Value::as_str);
    let mentions = Mentions::parse(written)
        .ok_or_else(|| Error::field("m", "is a list of user ids, or has \"all\""))?;
    if !(text.is_empty() && may_be_empty) {
        check_seen(name, text)?;
    }
    Ok((TextBody { text: text.to_owned(), reply_to, mentions, files: Vec::new() }, files))
}

/// Refuses a text of which nothing would be seen.
///
/// # Errors
/// `bad_request` naming the field.
pub fn check_seen(name: &str, text: &str) -> Result<()> {
    if text::is_seen(text) {
        return Ok(());
    }
    Err(Error::field(name, "must have something to be seen"))
}

fn emoji(fields: &Fields<'_>) -> Result<String> {
    let text = fields.clean_text("e", limits::EMOJI)?;
    let emoji = emoji::qualified(text).ok_or_else(|| Error::field("e", "is one emoji"))?;
    Ok(emoji.to_owned())
}

fn presence_state(fields: &Fields<'_>) -> Result<PresenceState> {
    match fields.text("state")? {
        "online" => Ok(PresenceState::Online),
        "away" => Ok(PresenceState::Away),
        "dnd" => Ok(PresenceState::Dnd),
        _ => Err(Error::field("state", "is \"online\", \"away\" or \"dnd\"")),
    }
}

fn status_text(fields: &Fields<'_>) -> Result<Option<StatusText>> {
    if !fields.has("text") {
        return Ok(None);
    }
    let text = text::line("text", fields.text("text")?, limits::STATUS)?;
    let until = if fields.has("until") { Some(fields.number("until")?) } else { None };
    let until = until.map(|until| i64::try_from(until).unwrap_or(i64::MAX));
    let until = until.map(|until| time::shown("until", until)).transpose()?;
    Ok(Some(StatusText { text, until }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    fn refused(frame: &str) -> (Option<String>, &'static str, String) {
        let fault = Request::parse(frame).expect_err(frame);
        (fault.id, fault.error.code().as_str(), fault.error.message().to_owned())
    }

    #[test]
    fn a_message_with_everything_is_read() {
        let frame = format!(
            r#"{{"op":"msg.send","id":"c1","room":"7","x":1,"msg":{{"mid":"{MID}","rev":0,"kind":"msg",
               "t":"hi","re":"{MID}","m":["1","2","1"],"f":[]}}}}"#
        );
        let request = Request::parse(&frame).unwrap();
        assert_eq!(request.id.as_deref(), Some("c1"));
        let Command::Send { room, draft } = request.command else { panic!() };
        assert_eq!(room, RoomId(7));
        let DraftBody::Text(body, files) = draft.body else { panic!() };
        assert_eq!(body.mentions, vec![Uid(1), Uid(2)].into());
        assert_eq!((body.text.as_str(), files), ("hi", Some(Vec::new())));
    }

    #[test]
    fn each_refusal_names_its_field_and_echoes_the_id() {
        let cases = [
            (r#"{"id":"a"}"#.to_owned(), "op"),
            (r#"{"id":"a","op":1}"#.to_owned(), "op"),
            (r#"{"id":"a","op":"dance"}"#.to_owned(), "op"),
            (r#"{"id":"a","op":"typing","room":7}"#.to_owned(), "room"),
            (r#"{"id":"a","op":"typing","room":"07"}"#.to_owned(), "room"),
            (r#"{"id":"a","op":"read","room":"7","seq":-1}"#.to_owned(), "seq"),
            (r#"{"id":"a","op":"read","room":"7","seq":1.5}"#.to_owned(), "seq"),
            (format!(r#"{{"id":"a","op":"read","room":"7","seq":{}}}"#, limits::NUMBER + 1), "seq"),
            (r#"{"id":"a","op":"presence","state":"offline"}"#.to_owned(), "state"),
            (r#"{"id":"a","op":"msg.send","room":"7"}"#.to_owned(), "msg"),
            (r#"{"id":"a","op":"msg.send","room":"7","msg":[]}"#.to_owned(), "msg"),
        ];
        for (frame, field) in cases {
            let (id, code, message) = refused(&frame);
            assert_eq!((id.as_deref(), code), (Some("a"), "bad_request"), "{frame}");
            assert!(message.contains(&format!("\"{field}\"")), "{message}");
        }
    }

    #[test]
    fn a_number_may_be_as_large_as_javascript_counts() {
        let frame = format!(r#"{{"op":"read","room":"7","seq":{}}}"#, limits::NUMBER);
        let command = Command::Read { room: RoomId(7), seq: limits::NUMBER };
        assert_eq!(Request::parse(&frame).unwrap().command, command);
    }

    #[test]
    fn an_envelope_is_a_command_whatever_the_room_is() {
        let frame = r#"{"op":"msg.send","room":"7","env":{"v":1}}"#;
        let envelope = SentEnvelope(serde_json::json!({"v": 1}));
        let command = Command::SendEnvelope { room: RoomId(7), envelope };
        assert_eq!(Request::parse(frame).unwrap().command, command);
    }

    #[test]
    fn a_message_of_nothing_but_files_is_one_and_an_edit_may_leave_its_files() {
        let file = r#"[{"id":"BAAAAAAAAAAAAAAAAAAAAA","alt":"a cat"}]"#;
        let read = |rest: &str| {
            let msg = format!(r#"{{"mid":"{MID}","kind":"msg",{rest}}}"#);
            let frame = format!(r#"{{"op":"msg.send","room":"7","msg":{msg}}}"#);
            Request::parse(&frame).map(|request| match request.command {
                Command::Send {
                    draft: Draft { body: DraftBody::Text(body, files), .. }, ..
                } => (body.text, files.map(|files| files.len())),
                other => panic!("{other:?}"),
            })
        };
        for new in [format!(r#""rev":0,"f":{file}"#), format!(r#""rev":0,"t":"","f":{file}"#)] {
            assert_eq!(read(&new).unwrap(), (String::new(), Some(1)));
        }
        assert_eq!(read(r#""rev":1,"t":"""#).unwrap(), (String::new(), None));
        for wrong in [r#""rev":0,"t":"""#, r#""rev":1"#, r#""rev":1,"t":"","f":[]"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read(&format!(r#""rev":0,"t":"\u200b","f":{file}"#)).is_err());
    }

    #[test]
    fn bad_drafts_are_refused() {
        let draft = |rest: &str| {
            refused(&format!(r#"{{"op":"msg.send","room":"7","msg":{{"mid":"{MID}",{rest}}}}}"#)).1
        };
        for rest in [
            r#""rev":0"#,
            r#""kind":"msg","t":"x""#,
            r#""rev":0,"kind":"msg""#,
            r#""rev":0,"kind":"msg","t":"  ""#,
            r#""rev":0,"kind":"msg","t":"\u0000""#,
            r#""rev":0,"kind":"msg","t":"\u200b""#,
            r#""rev":1,"kind":"msg","t":"\u3164 \u0007""#,
            r#""rev":0,"kind":"del""#,
            r#""rev":1,"kind":"react","ref":"AAAAAAAAAAAAAAAAAAAAAA","e":"👍""#,
            r#""rev":0,"kind":"react","ref":"x","e":"👍""#,
            r#""rev":0,"kind":"react","ref":"AAAAAAAAAAAAAAAAAAAAAA","e":"""#,
            r#""rev":0,"kind":"react","ref":"AAAAAAAAAAAAAAAAAAAAAA","e":"hello""#,
            r#""rev":0,"kind":"react","ref":"AAAAAAAAAAAAAAAAAAAAAA","e":"1""#,
            r#""rev":0,"kind":"react","ref":"AAAAAAAAAAAAAAAAAAAAAA","e":"👍👍""#,
            r#""rev":4294967296,"kind":"msg","t":"x""#,
            r#""rev":0,"kind":"msg","t":"x","m":["a"]"#,
            r#""rev":0,"kind":"msg","t":"x","f":["a"]"#,
            r#""rev":0,"kind":"msg","t":"x","f":[{"v":1.7976931348623157e308}]"#,
            r#""rev":0,"kind":"msg","t":"x","f":{}"#,
        ] {
            assert_eq!(draft(rest), "bad_request", "{rest}");
        }
        let long = "x".repeat(limits::TEXT + 1);
        assert_eq!(draft(&format!(r#""rev":0,"kind":"msg","t":"{long}""#)), "too_large");
    }

    #[test]
    fn a_reaction_is_the_one_form_of_its_emoji() {
        let msg = format!(r#"{{"mid":"{MID}","rev":0,"kind":"react","ref":"{MID}","e":"❤"}}"#);
        let frame = format!(r#"{{"op":"msg.send","room":"7","msg":{msg}}}"#);
        let Command::Send { draft, .. } = Request::parse(&frame).unwrap().command else { panic!() };
        let DraftBody::React { emoji, .. } = draft.body else { panic!() };
        assert_eq!(emoji, "❤\u{fe0f}");
    }

    #[test]
    fn what_is_not_an_object_is_answered_without_an_id() {
        for frame in ["", "{", "[]", "1", "\"x\"", "{\"id\":5,\"op\":\"ping\"}"] {
            assert_eq!(refused(frame).0, None, "{frame}");
        }
        let long = format!(r#"{{"op":"ping","id":"{}"}}"#, "x".repeat(33));
        assert_eq!(refused(&long).1, "bad_request");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(frame in ".{0,200}") {
            let _ = Request::parse(&frame);
        }

        #[test]
        fn no_json_shape_makes_the_parser_panic(
            op in prop::sample::select(vec!["room.subscribe", "msg.send", "typing", "read", "presence"]),
            room in ".{0,4}", seq in any::<i64>(), kind in "msg|del|react|x", text in ".{0,20}",
        ) {
            let frame = serde_json::json!({"op": op, "room": room, "seq": seq, "since": seq,
                "state": text, "msg": {"mid": text, "rev": seq, "kind": kind, "t": text, "e": text}});
            let _ = Request::parse(&frame.to_string());
        }
    }
}
