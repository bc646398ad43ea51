//! Reads replays from the store, a slice at a time: of a bounded number at once, users in turn.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::delivery::Delivery;
use super::replay::{Replay, Slice, SliceEvents, SliceRequest};
use super::shared::Shared;
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::base::limits::rooms as limits;
use crate::base::memory::{Holder, Kind, Reservation};
use crate::base::shutdown::stopped;
use crate::protocol::answer;
use crate::store::chat::WithLog;

/// The way to the readers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ReplayReaders {
    /// Not bounded by itself: of a connection only the newest request waits.
    tx: mpsc::UnboundedSender<SliceRequest>,
}

impl ReplayReaders {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<SliceRequest>) {
        let (tx, requests) = mpsc::unbounded_channel();
        (Self { tx }, requests)
    }

    /// Requests a slice; it comes as [`Delivery::Slice`].
    pub fn request(&self, request: SliceRequest) {
        // The readers are gone only when the server stops, and then no connection waits for long.
        let _ = self.tx.send(request);
    }
}

/// Requests of one user.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Instant, SliceRequest)>,
    running: usize,
}

impl Queue {
    /// A connection waits only for the slice it requested last. So a client that subscribes and unsubscribes
    /// without pause while the store is slow has one request in here, and not one for each time.
    fn push(&mut self, request: SliceRequest) {
        self.waiting.retain(|(_, waiting)| waiting.conn != request.conn);
        self.waiting.push_back((Instant::now(), request));
    }
}

/// Reads slices for all users in turn; each user has a queue.
pub(super) struct Readers {
    shared: Arc<Shared>,
    queues: HashMap<Uid, Queue>,
    /// Users whose queue is not empty, in the order of their turns.
    turns: VecDeque<Uid>,
    running: JoinSet<Uid>,
}

impl Readers {
    pub fn new(shared: Arc<Shared>) -> Self {
        let (queues, turns) = (HashMap::new(), VecDeque::new());
        Self { shared, queues, turns, running: JoinSet::new() }
    }

    /// Works until the server stops.
    pub async fn run(
        mut self,
        mut requests: mpsc::UnboundedReceiver<SliceRequest>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            let is_refused = self.start();
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.push(request),
                    None => return,
                },
                Some(ended) = self.running.join_next(), if !self.running.is_empty() => {
                    if let Ok(uid) = ended {
                        self.ended(uid);
                    }
                }
                () = tokio::time::sleep(limits::RESERVE_RETRY), if is_refused => {}
                () = stopped(&mut stop) => return,
            }
        }
    }

    fn push(&mut self, request: SliceRequest) {
        let uid = request.uid;
        let queue = self.queues.entry(uid).or_default();
        if queue.waiting.is_empty() {
            self.turns.push_back(uid);
        }
        queue.push(request);
    }

    fn ended(&mut self, uid: Uid) {
        let Some(queue) = self.queues.get_mut(&uid) else { return };
        queue.running -= 1;
        if queue.running == 0 && queue.waiting.is_empty() {
            self.queues.remove(&uid);
            if self.queues.is_empty() {
                (self.queues, self.turns) = (HashMap::new(), VecDeque::new());
            }
        }
    }

    /// Starts what may be started. Whether a request waits for memory.
    fn start(&mut self) -> bool {
        let mut is_refused = false;
        for _ in 0..self.turns.len() {
            if self.running.len() >= limits::REPLAYS {
                break;
            }
            let Some(uid) = self.turns.pop_front() else { break };
            let Some(queue) = self.queues.get_mut(&uid) else { continue };
            if queue.running < limits::REPLAYS_PER_USER
                && let Some((since, request)) = queue.waiting.pop_front()
            {
                let memory = &self.shared.memory;
                let held = memory.reserve(Kind::Replays, Holder::User(uid), limits::SLICE_BYTES);
                match held {
                    Err(_) if since.elapsed() < limits::LOOKUP => {
                        queue.waiting.push_front((since, request));
                        is_refused = true;
                    }
                    held => {
                        queue.running += 1;
                        let held = held.map_err(Into::into);
                        self.running.spawn(serve(self.shared.clone(), request, held));
                    }
                }
            }
            if !queue.waiting.is_empty() {
                self.turns.push_back(uid);
            }
        }
        is_refused
    }
}

async fn serve(shared: Arc<Shared>, request: SliceRequest, held: Result<Reservation>) -> Uid {
    let SliceRequest { conn, uid, number, replay } = request;
    let (room, id) = (replay.room, replay.id.clone());
    let read = match held {
        Ok(held) => read(&shared, replay, held).await,
        Err(error) => Err(error),
    };
    let read = read.map_err(|error| {
        shared.refused.inc(error.code());
        answer::error(id.as_deref(), &error)
    });
    let slice = Slice { number, room, read };
    let _ = shared.publisher.send_to(conn, Delivery::Slice(conn, Arc::new(slice))).await;
    uid
}

async fn read(shared: &Shared, mut replay: Replay, mut held: Reservation) -> Result<SliceEvents> {
    let (room, since, rows) = (replay.room, replay.since, replay.rows());
    let log = if replay.has_log() { WithLog::Yes } else { WithLog::No };
    let read = shared.store.missed_within(room, since, rows, limits::SLICE_BYTES, log).await?;
    let events = replay.advance(&read);
    held.resize(events.iter().map(|event| event.payload.len()).sum());
    Ok(SliceEvents { events, rest: replay, held })
}

#[cfg(test)]
mod tests {
    use super::super::publication::ConnRef;
    use super::*;
    use crate::base::ids::RoomId;
    use crate::protocol::room::ReadState;

    #[test]
    fn of_a_connection_only_the_newest_request_waits() {
        let mut queue = Queue::default();
        let conn = |slot| ConnRef { shard: 0, slot, generation: 1 };
        for number in 0..1_000 {
            let replay = Replay::new(RoomId(1), 0, 9, None, ReadState::default());
            queue.push(SliceRequest { conn: conn(number as u32 % 2), uid: Uid(1), number, replay });
        }
        let waiting: Vec<_> = queue.waiting.iter().map(|(_, request)| request.number).collect();
        assert_eq!(waiting, [998, 999]);
    }
}
