//! One room, one task. It takes what waits, makes it durable, then answers and publishes.
//!
//! Durable changes of a batch go to the journal in one append. Whatever depends on order (a
//! subscription, a member who leaves, the answer to a repetition) first flushes what was gathered
//! before it. A commit whose outcome is unknown makes the room *suspect*: it looks into the
//! store again soon. Until then the next commit tells: if its first `seq` does not follow what was
//! published, the gap is read from the store and published first.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::changes::Decision;
use super::facts::{Changed, Facts, Needs};
use super::kept::Kept;
use super::outlet::{ConnRef, Delivery, Payload};
use super::registry::Shared;
use super::room::{Action, Input, Post, Room};
use super::typing::Typing;
use crate::base::allowance::Allowance;
use crate::base::error::{Code, Error, Outage, Result};
use crate::base::ids::Uid;
use crate::base::limits::rooms as limits;
use crate::policy::{Action as Right, Block};
use crate::protocol::answer::{self, OkAnswer};
use crate::protocol::command::{Draft, DraftBody};
use crate::protocol::event::Event;
use crate::protocol::message::MessageState;
use crate::store::chat::commit::{Entry, Outcome};

/// Returns when the server stops.
pub(super) async fn stopping(stop: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Whom a gathered change answers, and what it means once it is durable.
pub(super) struct Gathered {
    conn: ConnRef,
    id: Option<String>,
    uid: Uid,
    meaning: Meaning,
}

/// What a durable change means for the room.
pub(super) enum Meaning {
    /// A new message; the draft decides what a repetition is.
    New { message: Box<MessageState>, draft: Box<Draft> },
    /// A message has a new state.
    Changed(Changed),
    /// A read position.
    Read { seq: u64 },
}

pub(super) struct Actor {
    pub(super) room: Arc<Room>,
    pub(super) shared: Arc<Shared>,
    pub(super) inbox: mpsc::Receiver<Input>,
    pub(super) kept: Kept,
    /// All up to this `seq` has been handed to the shards.
    pub(super) published: u64,
    /// A look into the store is due: the outcome of a commit is unknown.
    pub(super) suspect: bool,
    /// The store did not answer in time: it is not asked again before this.
    silent_until: Option<Instant>,
    entries: Vec<Entry>,
    gathered: Vec<Gathered>,
    /// What is known of the messages of the batch.
    pub(super) facts: Facts,
    /// What the batch needs to know, until it has been asked for.
    pub(super) ahead: Needs,
    typing: Typing,
}

impl Actor {
    pub(super) fn new(room: Arc<Room>, inbox: mpsc::Receiver<Input>, shared: Arc<Shared>) -> Self {
        let published = room.state().row.last_seq;
        let kept = Kept::starting_after(published, shared.memory.clone());
        Self {
            room,
            shared,
            inbox,
            kept,
            published,
            suspect: false,
            silent_until: None,
            entries: Vec::new(),
            gathered: Vec::new(),
            facts: Facts::default(),
            ahead: Needs::default(),
            typing: Typing::default(),
        }
    }

    /// Works until the room is removed or the server stops; then finishes what was accepted.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut inputs = Vec::new();
        let told = stop.clone();
        let mut stopping = std::pin::pin!(stopping(&mut stop));
        let mut stops = false;
        loop {
            let is_told = tokio::select! {
                biased;
                count = self.inbox.recv_many(&mut inputs, limits::BATCH) => {
                    if count == 0 {
                        break;
                    }
                    self.look_ahead(&inputs);
                    for input in inputs.drain(..) {
                        self.take(input).await;
                    }
                    self.flush().await;
                    (self.facts, self.ahead) = Default::default();
                    // The stop is heard also where there is always something to take.
                    *told.borrow()
                }
                () = &mut stopping, if !stops => true,
            };
            if is_told && !stops {
                stops = true;
                self.inbox.close();
            }
        }
    }

    async fn take(&mut self, input: Input) {
        match input {
            Input::Post(post) => self.take_post(post).await,
            Input::Announce(payload) => self.publish(vec![payload], None).await,
            Input::Settle(reply) => {
                self.flush().await;
                let _ = reply.send(Ok(()));
            }
            Input::View(uid) => {
                self.flush().await;
                if self.room.state().members.contains_key(&uid) {
                    self.tell_view(uid).await;
                }
            }
            Input::ForgetOld => self.kept.forget_old(),
            Input::Resync => {
                self.suspect = false;
                self.flush().await;
                self.facts = Facts::default();
                self.resync().await;
            }
            Input::Member(by, uid, change, reply) => {
                self.flush().await;
                let _ = reply.send(self.change_member(by, uid, change).await);
            }
            Input::Update(change, reply) => {
                self.flush().await;
                let _ = reply.send(self.update(change).await);
            }
            Input::Hide(author, hidden, reply) => {
                self.flush().await;
                let result = self.hide_author(author, hidden).await;
                self.facts = Facts::default();
                let _ = reply.send(result);
            }
            Input::Remove(by, reply) => {
                self.flush().await;
                let result = self.remove(by).await;
                if result.is_ok() {
                    self.inbox.close();
                }
                let _ = reply.send(result);
            }
        }
    }

    async fn take_post(&mut self, post: Post) {
        if let Err(error) = self.admits(&post) {
            let answer = self.refusal(post.id.as_deref(), &error);
            return match post.action {
                Action::Subscribe { .. } => {
                    self.tell(post.conn, Delivery::NotSubscribed(post.conn, answer)).await;
                }
                _ => self.reply(post.conn, answer).await,
            };
        }
        match post.action {
            Action::Typing => {
                // Whoever is blocked is answered as ever and not heard.
                let (members, block) = {
                    let state = self.room.state();
                    (state.members.len(), state.block_of(post.uid))
                };
                if block == Block::None && self.typing.is_news(post.uid, members, Instant::now()) {
                    let event = Event::Typing { room: self.room.id, uid: post.uid };
                    self.publish(vec![event.encode()], None).await;
                }
                self.reply(post.conn, OkAnswer::to(post.id.as_deref()).encode()).await;
            }
            Action::Unsubscribe => {
                self.flush().await;
                let answer = OkAnswer::to(post.id.as_deref()).encode();
                self.tell(post.conn, Delivery::Unsubscribed(post.conn, self.room.id, answer)).await;
            }
            Action::Subscribe { since } => {
                self.flush().await;
                self.subscribe(post.conn, post.id, since).await;
            }
            Action::Read { seq } => {
                let seq = seq.min(self.published);
                let read = self.room.state().members.get(&post.uid).map(|member| member.read);
                if read >= Some(seq) {
                    // It only moves forward: nothing is to be written.
                    let answer = OkAnswer::to(post.id.as_deref()).seq(seq).encode();
                    return self.reply(post.conn, answer).await;
                }
                let change = crate::store::chat::commit::Change::Read { uid: post.uid, seq };
                self.gather(post.conn, post.id, post.uid, change, Meaning::Read { seq });
            }
            Action::SendEnvelope => {
                let text = "This room is not encrypted; send \"msg\".";
                let answer = self.refusal(post.id.as_deref(), &Error::new(Code::BadRequest, text));
                self.reply(post.conn, answer).await;
            }
            Action::Send(draft) => {
                let (uid, admin) = (post.uid, post.admin);
                self.take_draft(post.conn, post.id, uid, admin, draft, &post.allowance).await;
            }
        }
    }

    /// Whether the author of a post may do such a thing here at all. What depends on a message (whose
    /// it is, its revision) is decided later.
    fn admits(&self, post: &Post) -> Result<()> {
        let state = self.room.state();
        // Who may not know of the room hears the same as of one that does not exist.
        state.may(post.uid, post.admin, Right::See)?;
        let writes = match &post.action {
            Action::Unsubscribe => return Ok(()),
            // One's own words may be taken back wherever they are.
            Action::Send(draft) => !matches!(draft.body, DraftBody::Delete),
            Action::Typing => state.block_of(post.uid) == Block::None,
            Action::Subscribe { .. } | Action::Read { .. } | Action::SendEnvelope => false,
        };
        if !state.members.contains_key(&post.uid) {
            return Err(Error::new(Code::NotMember, "You are not a member of this room."));
        }
        if writes {
            state.may(post.uid, post.admin, Right::Write)?;
        }
        match &post.action {
            Action::Send(draft) => post.allowance.bytes_into(&self.room.bytes, draft.bytes()),
            _ => Ok(()),
        }
    }

    async fn take_draft(
        &mut self,
        conn: ConnRef,
        id: Option<String>,
        uid: Uid,
        admin: bool,
        draft: Draft,
        allowance: &Allowance,
    ) {
        let is_new = draft.is_new();
        // No two entries of a commit may add the same id, and a message is changed when it is there.
        let mid = std::iter::once(draft.mid);
        if self.facts.is_added(draft.names()) || is_new && self.facts.is_pending(mid) {
            self.flush().await;
        }
        let decision = match is_new {
            true => self.add(uid, draft),
            false => self.decide(uid, admin, &draft, allowance).await,
        };
        match decision {
            Ok(Decision::Append(change, meaning)) => {
                self.gather(conn, id, uid, change, meaning);
                if self.facts.is_large() {
                    self.flush().await;
                }
            }
            Ok(Decision::Answer(seq, at)) => {
                self.reply(conn, OkAnswer::to(id.as_deref()).seq(seq).at(at).encode()).await;
            }
            Err(error) => self.reply(conn, self.refusal(id.as_deref(), &error)).await,
        }
    }

    /// What the batch needs to know is asked for at once, when the first of it is needed.
    fn look_ahead(&mut self, inputs: &[Input]) {
        for input in inputs {
            if let Input::Post(Post { action: Action::Send(draft), .. }) = input
                && !draft.is_new()
            {
                self.ahead.add(draft);
            }
        }
    }

    /// Makes sure that this is known, and with it everything the batch will need.
    ///
    /// # Errors
    /// `unavailable`. A question that fails because of a row of another command does not fail this one.
    pub(super) async fn learn(&mut self, needs: Needs) -> Result<()> {
        let own = self.facts.missing(needs);
        if own.len() == 0 {
            return Ok(());
        }
        if self.silent_until.is_some_and(|until| Instant::now() < until) {
            return Err(Error::outage(Outage::Slow, "the store did not answer a moment ago"));
        }
        let all = self.facts.missing(own.clone().with(std::mem::take(&mut self.ahead)));
        let is_more = all.len() > own.len();
        match self.ask(all).await {
            Err(error) if is_more && error.code() == Code::Internal => self.ask(own).await,
            answer => answer,
        }
    }

    async fn ask(&mut self, needs: Needs) -> Result<()> {
        let (store, room) = (self.shared.store.clone(), self.room.id);
        let (rows, acks) = self.bounded(store.stored(room, &needs.mids, &needs.revisions)).await?;
        self.facts.learn(needs, rows, acks);
        Ok(())
    }

    /// Asks the store, but not for ever: a database that hangs must not silence the room. After a
    /// question without an answer, commands that need one are refused at once for a moment.
    pub(super) async fn bounded<T>(
        &mut self,
        asking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        timeout(limits::LOOKUP, asking).await.unwrap_or_else(|late| {
            self.silent_until = Some(Instant::now() + limits::RECONNECT);
            Err(Error::outage(Outage::Slow, late))
        })
    }

    fn gather(
        &mut self,
        conn: ConnRef,
        id: Option<String>,
        uid: Uid,
        change: crate::store::chat::commit::Change,
        meaning: Meaning,
    ) {
        self.entries.push(Entry { room: self.room.id, change });
        self.gathered.push(Gathered { conn, id, uid, meaning });
    }

    /// Makes what was gathered durable, publishes it, answers it.
    pub(super) async fn flush(&mut self) {
        self.facts.forget_pending();
        if self.entries.is_empty() {
            return;
        }
        let entries = std::mem::take(&mut self.entries);
        let gathered = std::mem::take(&mut self.gathered);
        match self.shared.journal.append(entries).await {
            Ok(committed) => self.settle(gathered, &committed.outcomes, committed.at).await,
            Err(error) => {
                for one in gathered {
                    self.reply(one.conn, self.refusal(one.id.as_deref(), &error)).await;
                }
                self.facts = Facts::default();
                self.doubt();
            }
        }
    }

    async fn settle(&mut self, gathered: Vec<Gathered>, outcomes: &[Outcome], at: i64) {
        let mut fresh = Vec::new();
        // Whether what was published is all that was committed.
        let mut is_certain = true;
        let mut answers = Vec::with_capacity(gathered.len());
        for (one, outcome) in gathered.iter().zip(outcomes) {
            if let (Meaning::New { draft, .. }, Outcome::Refused) = (&one.meaning, outcome) {
                self.ahead.add(draft);
            }
        }
        for (one, outcome) in gathered.into_iter().zip(outcomes) {
            let Outcome::Done { seq } = *outcome else {
                is_certain &= !matches!(one.meaning, Meaning::Changed(_));
                let answer = self.refused(&one).await;
                answers.push((one.conn, answer));
                continue;
            };
            let ok = OkAnswer::to(one.id.as_deref());
            match one.meaning {
                Meaning::New { mut message, .. } => {
                    (message.seq, message.created_seq) = (seq, seq);
                    (message.at, message.created_at) = (at, at);
                    fresh.push(*message);
                    self.typing.end(one.uid);
                    answers.push((one.conn, ok.seq(seq).at(at).encode()));
                }
                Meaning::Changed(Changed { message, is_edited }) => {
                    match message {
                        Some(mut message) => {
                            (message.seq, message.at) = (seq, at);
                            if is_edited {
                                message.edited_at = message.edited_at.map(|_| at);
                            }
                            fresh.push(*message);
                        }
                        None => is_certain = false,
                    }
                    answers.push((one.conn, ok.seq(seq).at(at).encode()));
                }
                Meaning::Read { seq } => {
                    self.note_read(one.uid, seq).await;
                    answers.push((one.conn, ok.seq(seq).encode()));
                }
            }
        }
        if !is_certain {
            // A change that those after it counted on was not made: what is stored counts.
            tracing::warn!(room = %self.room.id, "a change was decided otherwise by the database");
            self.facts = Facts::default();
            fresh.clear();
            self.resync().await;
        }
        self.announce(fresh, answers).await;
    }

    async fn note_read(&mut self, uid: Uid, seq: u64) {
        let event = {
            let mut state = self.room.state_mut();
            let Some(member) = state.members.get_mut(&uid) else { return };
            if member.read >= seq {
                return;
            }
            member.read = seq;
            let (unread, mentions) = state.unread(uid, seq);
            Event::Read { room: self.room.id, seq, unread, mentions }.encode()
        };
        self.broadcast(Delivery::ToUser(uid, event)).await;
    }

    pub(super) async fn tell(&self, conn: ConnRef, delivery: Delivery) {
        let _ = self.shared.outlet.to(conn, delivery).await;
    }

    /// The answer to a command that is not carried out.
    fn refusal(&self, id: Option<&str>, error: &Error) -> Payload {
        self.shared.refused.inc(error.code());
        answer::error(id, error)
    }

    async fn reply(&self, conn: ConnRef, payload: Payload) {
        self.tell(conn, Delivery::Reply(conn, payload)).await;
    }

    /// The answer to a change that the database refused: a repetition, or a conflict.
    async fn refused(&mut self, one: &Gathered) -> Payload {
        let result = match &one.meaning {
            Meaning::New { draft, .. } => self.existing(one.uid, draft).await,
            _ => Err(Error::new(Code::RevConflict, "The message has changed meanwhile.")),
        };
        match result {
            Ok((seq, at)) => OkAnswer::to(one.id.as_deref()).seq(seq).at(at).encode(),
            Err(error) => self.refusal(one.id.as_deref(), &error),
        }
    }
}
