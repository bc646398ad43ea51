//! One room, one task. It takes what waits, makes it durable, then answers and publishes.
//!
//! Durable changes of a batch go to the journal in one append. Whatever depends on order (a
//! subscription, a member who leaves, a second change of the same message) first flushes what was
//! gathered before it. A commit whose outcome is unknown makes the room *suspect*: it looks into the
//! store again soon. Until then the next commit tells: if its first `seq` does not follow what was
//! published, the gap is read from the store and published first.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::changes::Decision;
use super::kept::Kept;
use super::outlet::{ConnRef, Delivery, Payload};
use super::registry::Shared;
use super::room::{Action, Input, Post, Room};
use crate::error::{Code, Error, Result};
use crate::ids::{Mid, Uid};
use crate::limits::rooms as limits;
use crate::policy::Action as Right;
use crate::protocol::command::{Draft, DraftBody};
use crate::protocol::event::{Event, Ok as OkAnswer, err};
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
    /// The message `target` has a new state.
    Changed { target: Mid },
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
    touched: HashSet<Mid>,
}

impl Actor {
    pub(super) fn new(room: Arc<Room>, inbox: mpsc::Receiver<Input>, shared: Arc<Shared>) -> Self {
        let published = room.state().row.last_seq;
        Self {
            room,
            shared,
            inbox,
            kept: Kept::starting_after(published),
            published,
            suspect: false,
            silent_until: None,
            entries: Vec::new(),
            gathered: Vec::new(),
            touched: HashSet::new(),
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
                    for input in inputs.drain(..) {
                        self.take(input).await;
                    }
                    self.flush().await;
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
            Input::Resync => {
                self.suspect = false;
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
                let _ = reply.send(self.hide_author(author, hidden).await);
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
                let event = Event::Typing { room: self.room.id, uid: post.uid };
                self.publish(vec![event.encode()], None).await;
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
                let change = crate::store::chat::commit::Change::Read { uid: post.uid, seq };
                self.gather(post.conn, post.id, post.uid, change, Meaning::Read { seq });
            }
            Action::Send(draft) => {
                self.take_draft(post.conn, post.id, post.uid, post.admin, draft).await;
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
            Action::Typing => true,
            Action::Subscribe { .. } | Action::Read { .. } => false,
        };
        if !state.members.contains_key(&post.uid) {
            return Err(Error::new(Code::NotMember, "You are not a member of this room."));
        }
        if writes { state.may(post.uid, post.admin, Right::Write) } else { Ok(()) }
    }

    async fn take_draft(
        &mut self,
        conn: ConnRef,
        id: Option<String>,
        uid: Uid,
        admin: bool,
        draft: Draft,
    ) {
        if Self::names(&draft).any(|mid| self.touched.contains(&mid)) {
            self.flush().await;
        }
        self.touched.extend(Self::names(&draft));
        // A new message needs no look into the store.
        let asks = draft.rev > 0 || !matches!(draft.body, DraftBody::Text(_));
        let silent = asks && self.silent_until.is_some_and(|until| Instant::now() < until);
        let decision = if silent {
            Err(Error::unavailable("the store did not answer a moment ago"))
        } else {
            self.decide(uid, admin, draft).await
        };
        match decision {
            Ok(Decision::Append(change, meaning)) => self.gather(conn, id, uid, change, meaning),
            Ok(Decision::Answer(seq, at)) => {
                self.reply(conn, OkAnswer::to(id.as_deref()).seq(seq).at(at).encode()).await;
            }
            Err(error) => self.reply(conn, self.refusal(id.as_deref(), &error)).await,
        }
    }

    /// Asks the store, but not for ever: a database that hangs must not silence the room. After a
    /// question without an answer, commands that need one are refused at once for a moment.
    pub(super) async fn bounded<T>(
        &mut self,
        asking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        timeout(limits::LOOKUP, asking).await.unwrap_or_else(|late| {
            self.silent_until = Some(Instant::now() + limits::RECONNECT);
            Err(Error::unavailable(late))
        })
    }

    /// Reserves a message for the change being decided. False: it was taken, and what took it has
    /// been flushed, so that the decision must be made again.
    pub(super) async fn claim(&mut self, target: Mid) -> bool {
        if self.touched.insert(target) {
            return true;
        }
        self.flush().await;
        false
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
    async fn flush(&mut self) {
        self.touched.clear();
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
                self.doubt();
            }
        }
    }

    async fn settle(&mut self, gathered: Vec<Gathered>, outcomes: &[Outcome], at: i64) {
        let mut fresh = Vec::new();
        let mut changed = Vec::new();
        let mut answers = Vec::with_capacity(gathered.len());
        for (one, outcome) in gathered.into_iter().zip(outcomes) {
            let Outcome::Done { seq } = *outcome else {
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
                    answers.push((one.conn, ok.seq(seq).at(at).encode()));
                }
                Meaning::Changed { target } => {
                    changed.push(target);
                    answers.push((one.conn, ok.seq(seq).at(at).encode()));
                }
                Meaning::Read { seq } => {
                    self.note_read(one.uid, seq).await;
                    answers.push((one.conn, ok.seq(seq).encode()));
                }
            }
        }
        if !changed.is_empty() {
            let store = self.shared.store.clone();
            match self.bounded(store.states(self.room.id, &changed)).await {
                Ok(states) => fresh.extend(states),
                // Durable, but its present state cannot be read now: published a moment later.
                Err(_) => self.doubt(),
            }
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
        err(id, error)
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
