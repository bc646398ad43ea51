//! Messages of scripts, which have no connection: each is a command of the room like those of a socket, costs its
//! user the same, and is answered when it is durable.

use std::sync::Arc;

use serde::Serialize;

use crate::auth::Auth;
use crate::base::allowance::Allowances;
use crate::base::emoji;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::limits::{delivery, service as limits, users};
use crate::base::principal::Principal;
use crate::base::random;
use crate::delivery::cost_of_bytes;
use crate::protocol::command::{Draft, DraftBody};
use crate::protocol::envelope::SentEnvelope;
use crate::protocol::message::{Content, MessageState, TextBody};
use crate::protocol::script::{ScriptEdit, ScriptMessage};
use crate::rooms::Rooms;
use crate::store::chat::Ack;

/// What a call does to messages, as far as its cost depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posting {
    /// It writes a new message.
    New,
    /// It changes one, which needs a lookup.
    Change,
}

/// A message that is durable.
#[derive(Debug, Serialize)]
pub struct Posted {
    id: Mid,
    mid: Mid,
    room: RoomId,
    seq: u64,
    at: i64,
}

/// Writes messages for scripts.
pub struct Messages {
    rooms: Rooms,
    allowances: Arc<Allowances>,
    auth: Arc<Auth>,
}

impl Messages {
    /// Into these rooms.
    pub fn new(rooms: Rooms, allowances: Arc<Allowances>, auth: Arc<Auth>) -> Self {
        Self { rooms, allowances, auth }
    }

    /// Charges the user with one more command of so many bytes, before they are parsed.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn charge(&self, by: Principal, bytes: usize, posting: Posting) -> Result<()> {
        let Principal::User { uid, .. } = by else { return Ok(()) };
        let allowance = self.allowances.of(uid);
        let lookup = if posting == Posting::Change { delivery::LOOKUP_COST - 1.0 } else { 0.0 };
        allowance.command(cost_of_bytes(bytes) + lookup)?;
        allowance.bytes(bytes + users::CHANGE_BYTES)
    }

    /// Writes a new message. With the same `key` it is the same message however often it is sent.
    ///
    /// # Errors
    /// Those of a command; `conflict` if the key was used for another message.
    pub async fn post(
        &self,
        by: Principal,
        room: RoomId,
        message: ScriptMessage,
        key: Option<&str>,
    ) -> Result<Posted> {
        let ScriptMessage { mid, body, files } = message;
        if !files.is_empty() {
            self.allowances.of(user(by)?).command(delivery::LOOKUP_COST - 1.0)?;
        }
        let mid = match (mid, key) {
            (Some(_), Some(_)) => {
                return Err(Error::field("mid", "excludes an Idempotency-Key"));
            }
            (Some(mid), None) => mid,
            (None, Some(key)) => self.mid_of_key(user(by)?, room, key)?,
            (None, None) => Mid(random::bytes()?),
        };
        let draft = Draft { mid, rev: 0, body: DraftBody::Text(body, Some(files)) };
        let Ack { seq, at } = self.submit(by, room, draft).await.map_err(|error| {
            if key.is_some() && error.code() == Code::MidExists {
                let text = "This Idempotency-Key was used for another message.";
                return Error::new(Code::Conflict, text);
            }
            error
        })?;
        Ok(Posted { id: mid, mid, room, seq, at })
    }

    /// Changes the messages of an encrypted room by an envelope.
    ///
    /// # Errors
    /// Those of a command.
    pub async fn post_envelope(
        &self,
        by: Principal,
        room: RoomId,
        envelope: SentEnvelope,
    ) -> Result<Posted> {
        let allowance = self.allowances.of(user(by)?);
        if !envelope.is_new_message() {
            allowance.command(delivery::LOOKUP_COST - 1.0)?;
        }
        let mid = envelope.mids().next();
        let ack = self.rooms.submit_envelope(by, allowance, room, envelope).await?;
        // A room that has taken it has read its id.
        let mid = mid.ok_or_else(|| Error::internal("an envelope without an id"))?;
        Ok(Posted { id: mid, mid, room, seq: ack.seq, at: ack.at })
    }

    /// Gives a message another text; its revision then.
    ///
    /// # Errors
    /// Those of a command.
    pub async fn edit(
        &self,
        by: Principal,
        room: RoomId,
        mid: Mid,
        edit: ScriptEdit,
    ) -> Result<(u32, Ack)> {
        self.at_next_rev(by, room, mid, edit.rev, |present, rev| {
            let plain = match &present.content {
                Content::Plain(body) => Some(body),
                Content::Deleted if edit.rev.is_none() => {
                    return Err(Error::new(Code::Conflict, "This message was deleted."));
                }
                _ => None,
            };
            let body = edit.applied_to(plain);
            let is_present = |present: &TextBody| {
                let files = edit.files.as_ref().is_none_or(|files| present.has_files(files));
                files && present.says_the_same(&body)
            };
            let is_so = edit.rev.is_none() && by.is(present.by) && plain.is_some_and(is_present);
            let body = DraftBody::Text(body, edit.files.clone());
            Ok((!is_so).then_some(Draft { mid, rev, body }))
        })
        .await
    }

    /// Deletes a message.
    ///
    /// # Errors
    /// Those of a command.
    pub async fn delete(
        &self,
        by: Principal,
        room: RoomId,
        mid: Mid,
        rev: Option<u32>,
    ) -> Result<()> {
        let deletion = |present: &MessageState, next| {
            let is_so = rev.is_none() && present.content.is_deleted();
            let rev = if is_so { present.rev } else { next };
            Ok(Some(Draft { mid, rev, body: DraftBody::Delete }))
        };
        self.at_next_rev(by, room, mid, rev, deletion).await.map(drop)
    }

    /// Reacts to a message, unless the user has with this emoji already.
    ///
    /// # Errors
    /// Those of a command.
    pub async fn react(&self, by: Principal, room: RoomId, target: Mid, text: &str) -> Result<()> {
        let emoji = qualified(text)?.to_owned();
        let body = DraftBody::React { target, emoji };
        let draft = Draft { mid: Mid(random::bytes()?), rev: 0, body };
        match self.submit(by, room, draft).await {
            Err(error) if error.code() == Code::Conflict => Ok(()),
            other => other.map(drop),
        }
    }

    /// Takes a reaction of the user back, if there is one.
    ///
    /// # Errors
    /// Those of a command.
    pub async fn unreact(&self, by: Principal, room: RoomId, mid: Mid, text: &str) -> Result<()> {
        let (uid, emoji) = (user(by)?, qualified(text)?);
        let message = self.rooms.message(by, room, mid).await?;
        let mut reactions = message.reactions.iter();
        let Some(own) = reactions.find(|one| one.by == uid && one.emoji == emoji) else {
            return Ok(());
        };
        let draft = Draft { mid: own.mid, rev: 1, body: DraftBody::Delete };
        self.submit(by, room, draft).await.map(drop)
    }

    /// Changes a message as it is now: if somebody else is faster, as it is then. With a `rev` of the caller's
    /// choice that is a conflict. Nothing is done without a draft.
    async fn at_next_rev(
        &self,
        by: Principal,
        room: RoomId,
        mid: Mid,
        rev: Option<u32>,
        draft: impl Fn(&MessageState, u32) -> Result<Option<Draft>>,
    ) -> Result<(u32, Ack)> {
        for _ in 0..limits::CHANGE_ATTEMPTS {
            let present = self.rooms.message(by, room, mid).await?;
            let Some(draft) = draft(&present, rev.unwrap_or(present.rev + 1))? else {
                return Ok((present.rev, Ack { seq: present.seq, at: present.at }));
            };
            let rev_made = draft.rev;
            match self.submit(by, room, draft).await {
                Err(error) if rev.is_none() && error.code() == Code::RevConflict => {}
                other => return other.map(|ack| (rev_made, ack)),
            }
        }
        Err(Error::new(Code::RevConflict, "The message changes too fast. Please try again."))
    }

    async fn submit(&self, by: Principal, room: RoomId, draft: Draft) -> Result<Ack> {
        let allowance = self.allowances.of(user(by)?);
        self.rooms.submit(by, allowance, room, draft).await
    }

    /// The id of the message with this key of a user. It is the same after a restart, and nobody else can find it out
    /// and take it first.
    fn mid_of_key(&self, uid: Uid, room: RoomId, key: &str) -> Result<Mid> {
        let parts = [&uid.0.to_be_bytes()[..], &room.0.to_be_bytes(), key.as_bytes()];
        let derived = self.auth.derive("idempotency-key", &parts)?;
        let mid = derived.first_chunk::<16>().ok_or_else(|| Error::internal("a short digest"))?;
        Ok(Mid(*mid))
    }
}

fn user(by: Principal) -> Result<Uid> {
    by.uid().ok_or_else(|| Error::new(Code::Forbidden, "Only users write messages."))
}

fn qualified(text: &str) -> Result<&'static str> {
    emoji::qualified(text).ok_or_else(|| Error::field("emoji", "is one emoji"))
}
