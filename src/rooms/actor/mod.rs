//! One room, one task. It takes what waits in its inbox, makes it durable, then answers and publishes.
//!
//! The durable changes of a batch are staged and go to the journal in one append ([`batch`]). Whatever depends on
//! order (a subscription, a member who leaves, the answer to a repetition) first flushes what was staged before
//! it. After a commit of unknown outcome the room is *out of sync*: it reads the store again soon ([`publish`]).
//! Until then the next commit shows it: if its first `seq` does not follow what was published, the gap is read
//! from the store and published first.

mod batch;
mod commands;
mod envelopes;
mod facts;
mod files;
mod log;
mod log_audit;
mod members;
mod messages;
mod publish;
mod replay_buffer;
mod sealed;
mod settings;
mod staged;
mod subscribe;
mod typing;
mod wraps;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::base::limits::rooms as limits;
use crate::base::shutdown::stopped;
use crate::rooms::encryption::Encryption;
use crate::rooms::inbox::Input;
use crate::rooms::room::Room;
use crate::rooms::rotations::Rotations;
use crate::rooms::shared::Shared;
use crate::store::chat::change::Entry;

use facts::{Facts, Needs};
use replay_buffer::ReplayBuffer;
use staged::Staged;
use typing::Typing;

/// The task of a room.
pub(super) struct Actor {
    room: Arc<Room>,
    shared: Arc<Shared>,
    inbox: mpsc::Receiver<Input>,
    replay_buffer: ReplayBuffer,
    /// Everything up to this `seq` has been handed to the shards.
    published: u64,
    /// The outcome of a commit is unknown, and the store will be read again soon.
    is_out_of_sync: bool,
    /// The store did not answer in time: it is not queried again before this.
    store_paused_until: Option<Instant>,
    /// Changes to be made durable by the next append, and what each means.
    entries: Vec<Entry>,
    staged: Vec<Staged>,
    /// What is known of the messages of the batch.
    facts: Facts,
    /// What the batch needs to know and has not been read yet.
    needs: Needs,
    typing: Typing,
    /// The encrypted part of the room, while it is needed.
    encryption: Option<Box<Encryption>>,
    encryption_used_at: Instant,
    rotations: Rotations,
    /// A direct room that its people do not find any more.
    is_abandoned: bool,
}

impl Actor {
    pub fn new(room: Arc<Room>, inbox: mpsc::Receiver<Input>, shared: Arc<Shared>) -> Self {
        let (published, most) = {
            let row = &room.state().row;
            let sealed = limits::SEALED_REPLAY_BUFFER_BYTES;
            (
                row.last_seq,
                if row.encryption.is_some() { sealed } else { limits::REPLAY_BUFFER_BYTES },
            )
        };
        let replay_buffer = ReplayBuffer::starting_after(published, most, shared.memory.clone());
        Self {
            room,
            shared,
            inbox,
            replay_buffer,
            published,
            is_out_of_sync: false,
            store_paused_until: None,
            entries: Vec::new(),
            staged: Vec::new(),
            facts: Facts::default(),
            needs: Needs::default(),
            typing: Typing::default(),
            encryption: None,
            encryption_used_at: Instant::now(),
            rotations: Rotations::default(),
            is_abandoned: false,
        }
    }

    /// Works until the room is removed or the server stops; then finishes what was accepted.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut inputs = Vec::new();
        let stop_flag = stop.clone();
        let mut stopping = std::pin::pin!(stopped(&mut stop));
        let mut is_closed = false;
        loop {
            let stops = tokio::select! {
                biased;
                count = self.inbox.recv_many(&mut inputs, limits::BATCH) => {
                    if count == 0 {
                        break;
                    }
                    self.note_needs(&inputs);
                    for input in inputs.drain(..) {
                        self.handle(input).await;
                    }
                    self.flush().await;
                    (self.facts, self.needs) = Default::default();
                    // A room that always has something to do sees the stop here.
                    *stop_flag.borrow()
                }
                () = &mut stopping, if !is_closed => true,
            };
            if stops && !is_closed {
                is_closed = true;
                self.inbox.close();
            }
        }
    }

    async fn handle(&mut self, input: Input) {
        match input {
            Input::Post(post) => self.handle_post(post).await,
            Input::Publish(event) => self.publish(event).await,
            Input::TrimReplayBuffer => self.replay_buffer.trim(),
            Input::Log(request) => self.handle_log(request).await,
            Input::Flush(reply) => {
                self.flush().await;
                let _ = reply.send(Ok(()));
            }
            Input::Resync => {
                // A commit that fails now makes the room out of sync again.
                self.is_out_of_sync = false;
                self.flush().await;
                self.facts = Facts::default();
                self.resync().await;
            }
            Input::ChangeMember { by, uid, change, reply } => {
                self.flush().await;
                let _ = reply.send(self.change_member(by, uid, change).await);
            }
            Input::Update(change, reply) => {
                self.flush().await;
                let _ = reply.send(self.update(change).await);
            }
            Input::HideAuthor { author, hidden, reply } => {
                self.flush().await;
                let result = self.hide_author(author, hidden).await;
                self.facts = Facts::default();
                let _ = reply.send(result);
            }
            Input::TakeAway(mids, reply) => {
                self.flush().await;
                let result = self.take_away(&mids).await;
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
}
