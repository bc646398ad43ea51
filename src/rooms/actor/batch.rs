//! The changes of a batch: what the store knows of their messages, staging, the append, and what follows from it.

use tokio::time::{Instant, timeout};

use super::Actor;
use super::facts::{Changed, Facts, Needs};
use super::files::file_gone;
use super::messages::mid_exists;
use super::staged::{Answers, Effect, Staged};
use crate::base::error::{Code, Error, Outage, Result};
use crate::base::ids::Uid;
use crate::base::limits::rooms as limits;
use crate::rooms::delivery::Delivery;
use crate::rooms::inbox::{Input, Post, RoomCommand, Sender};
use crate::rooms::published::Published;
use crate::store::chat::Ack;
use crate::store::chat::change::{Change, Entry, Outcome};

/// What follows from a committed batch.
#[derive(Default)]
struct Followup {
    /// What is published.
    changes: Vec<Published>,
    answers: Answers,
    /// A change that later ones of the batch relied on was not made.
    is_uncertain: bool,
}

impl Actor {
    /// Notes what the batch needs to know, so that it is read by one query when the first of it is needed.
    pub(super) fn note_needs(&mut self, inputs: &[Input]) {
        for input in inputs {
            match input {
                Input::Post(Post { command: RoomCommand::Send(draft), .. }) if !draft.is_new() => {
                    self.needs.add(draft);
                }
                Input::Post(Post { command: RoomCommand::SendEnvelope(sent), .. })
                    if !sent.is_new_message() =>
                {
                    self.needs.add_sent(sent);
                }
                _ => {}
            }
        }
    }

    /// Makes sure that this is known, and with it everything the batch will need.
    ///
    /// # Errors
    /// `unavailable`. A query that fails because of a row of another command does not fail this one.
    pub(super) async fn fetch(&mut self, needs: Needs) -> Result<()> {
        let own = self.facts.missing(needs);
        if own.len() == 0 {
            return Ok(());
        }
        self.check_store()?;
        let all = self.facts.missing(own.clone().with(std::mem::take(&mut self.needs)));
        let is_more = all.len() > own.len();
        match self.query(all).await {
            Err(error) if is_more && error.code() == Code::Internal => self.query(own).await,
            answer => answer,
        }
    }

    /// Refuses what needs the store, if that did not answer a moment ago.
    pub(super) fn check_store(&self) -> Result<()> {
        if self.store_paused_until.is_some_and(|until| Instant::now() < until) {
            return Err(Error::outage(Outage::Slow, "the store did not answer a moment ago"));
        }
        Ok(())
    }

    async fn query(&mut self, needs: Needs) -> Result<()> {
        let (store, room) = (self.shared.store.clone(), self.room.id);
        let found = self.bounded(store.stored(room, &needs.mids, &needs.revisions)).await?;
        self.facts.insert_found(needs, found);
        Ok(())
    }

    /// Bounds the time of a query, so that a database that hangs does not stop the room. After a query without
    /// an answer, commands that need one are refused at once for a moment.
    pub(super) async fn bounded<T>(&mut self, query: impl Future<Output = Result<T>>) -> Result<T> {
        timeout(limits::LOOKUP, query).await.unwrap_or_else(|late| {
            self.store_paused_until = Some(Instant::now() + limits::RECONNECT);
            Err(Error::outage(Outage::Slow, late))
        })
    }

    /// Puts a change into the next append.
    pub(super) fn stage(&mut self, sender: Sender, change: Change, effect: Effect) {
        self.entries.push(Entry { room: self.room.id, change });
        self.staged.push(Staged { sender, effect });
    }

    /// Makes durable what is staged, publishes it and answers it.
    pub(super) async fn flush(&mut self) {
        self.facts.forget_pending();
        if self.entries.is_empty() {
            return;
        }
        let entries = std::mem::take(&mut self.entries);
        let staged = std::mem::take(&mut self.staged);
        match self.shared.journal.append(entries).await {
            Ok(committed) => self.on_committed(staged, &committed.outcomes, committed.at).await,
            Err(error) => {
                for Staged { sender, .. } in staged {
                    self.answer(sender, Err(error.again())).await;
                }
                self.facts = Facts::default();
                self.mark_out_of_sync();
            }
        }
    }

    async fn on_committed(&mut self, staged: Vec<Staged>, outcomes: &[Outcome], at: i64) {
        let mut followup = Followup::default();
        followup.answers.to_connections.reserve(staged.len());
        for (one, outcome) in staged.iter().zip(outcomes) {
            if let (Effect::New { draft, .. }, Outcome::Refused) = (&one.effect, outcome) {
                self.needs.add(draft);
            }
        }
        for (one, outcome) in staged.into_iter().zip(outcomes) {
            match *outcome {
                Outcome::Done { seq } => self.apply(one, seq, at, &mut followup).await,
                Outcome::Refused => {
                    followup.is_uncertain |= one.effect.changes_what_is_stored();
                    let outcome = self.outcome_of_refused(&one).await;
                    self.add_answer(one.sender, outcome, &mut followup.answers);
                }
            }
        }
        if followup.is_uncertain {
            // What is stored counts.
            tracing::warn!(room = %self.room.id, "a change was decided otherwise by the database");
            self.facts = Facts::default();
            followup.changes.clear();
            self.resync().await;
        }
        self.publish_committed(followup.changes, followup.answers).await;
    }

    /// A change is durable as number `seq`.
    async fn apply(&mut self, staged: Staged, seq: u64, at: i64, followup: &mut Followup) {
        let Staged { sender, effect } = staged;
        match effect {
            Effect::New { mut message, .. } => {
                (message.seq, message.created_seq) = (seq, seq);
                (message.at, message.created_at) = (at, at);
                followup.changes.push(Published::whole(*message));
                self.typing.end(sender.uid);
            }
            Effect::Changed(Changed { message, is_edited }) => match message {
                Some(mut message) => {
                    (message.seq, message.at) = (seq, at);
                    if is_edited {
                        message.edited_at = message.edited_at.map(|_| at);
                    }
                    followup.changes.push(Published::whole(*message));
                }
                None => followup.is_uncertain = true,
            },
            Effect::Sealed(effect) => {
                if effect.is_new_message() {
                    self.typing.end(sender.uid);
                }
                if let Some(encryption) = &mut self.encryption {
                    encryption.note_sent(sender.uid, effect.draft.envelope.epoch);
                }
                followup.changes.push(effect.publish(seq, at));
            }
            Effect::Read { seq } => {
                self.note_read(sender.uid, seq).await;
                let answer = sender.ok().seq(seq).encode();
                followup.answers.to_connections.extend(sender.conn().map(|conn| (conn, answer)));
                return;
            }
        }
        self.add_answer(sender, Ok(Ack { seq, at }), &mut followup.answers);
    }

    async fn note_read(&mut self, uid: Uid, seq: u64) {
        {
            let mut state = self.room.state_mut();
            let Some(member) = state.members.get_mut(&uid) else { return };
            if member.read >= seq {
                return;
            }
            member.read = seq;
        }
        self.broadcast(Delivery::ReadState(uid, self.room.id)).await;
    }

    /// What a change comes to that the database refused: a repetition, or a conflict.
    async fn outcome_of_refused(&mut self, staged: &Staged) -> Result<Ack> {
        match &staged.effect {
            Effect::New { draft, .. } => {
                let answer = self.first_answer(staged.sender.uid, draft).await;
                answer.map_err(|error| match error.code() {
                    Code::NotFound if draft.names_files() => file_gone(),
                    _ => error,
                })
            }
            Effect::Sealed(effect) if effect.is_new_message() => {
                let known = self.known_first(&effect.draft).await?;
                known.ok_or_else(mid_exists)
            }
            _ => Err(Error::new(Code::RevConflict, "The message has changed meanwhile.")),
        }
    }
}
