//! Commands of connections: whether they are permitted, and what follows.

use tokio::time::Instant;

use super::Actor;
use super::staged::{Answers, Decision, Effect};
use crate::base::error::{Code, Error, Result};
use crate::policy::{Action, Block, ContentForm, check_form};
use crate::protocol::answer::{self, OkAnswer};
use crate::protocol::command::{Draft, DraftBody};
use crate::protocol::event::Event;
use crate::rooms::delivery::Delivery;
use crate::rooms::inbox::{Post, ReplyTo, RoomCommand, Sender};
use crate::rooms::publication::Payload;
use crate::store::chat::Ack;
use crate::store::chat::change::Change;

impl Actor {
    pub(super) async fn handle_post(&mut self, post: Post) {
        let Post { sender, command } = post;
        if let Err(error) = self.authorize(&sender, &command) {
            return match (command, sender.conn()) {
                (RoomCommand::Subscribe { .. }, Some(conn)) => {
                    let answer = self.refuse(sender.id(), &error);
                    self.send(conn, Delivery::NotSubscribed(conn, answer)).await;
                }
                _ => self.answer(sender, Err(error)).await,
            };
        }
        match command {
            RoomCommand::Typing => self.publish_typing(&sender).await,
            RoomCommand::Unsubscribe => {
                self.flush().await;
                let (Some(conn), room) = (sender.conn(), self.room.id) else { return };
                self.send(conn, Delivery::Unsubscribed(conn, room, sender.ok().encode())).await;
            }
            RoomCommand::Subscribe { since, epoch } => {
                self.flush().await;
                self.subscribe(sender, since, epoch).await;
            }
            RoomCommand::Read { seq } => self.stage_read(sender, seq).await,
            RoomCommand::Send(draft) => self.handle_draft(sender, draft).await,
            RoomCommand::SendEnvelope(sent) => self.handle_envelope(sender, sent).await,
        }
    }

    /// Whether the sender may do such a thing here at all. What depends on a message (its author, its revision)
    /// is decided later.
    fn authorize(&self, sender: &Sender, command: &RoomCommand) -> Result<()> {
        let state = self.room.state();
        let by = sender.principal();
        // A sender that may not know of the room gets the same answer as for one that does not exist.
        state.authorize(by, Action::See)?;
        let writes = match command {
            RoomCommand::Unsubscribe => return Ok(()),
            RoomCommand::Send(draft) => {
                let form = match draft.names_files() {
                    true => ContentForm::PlainWithFiles,
                    false => ContentForm::Plain,
                };
                check_form(state.facts(), form)?;
                // People may delete their own messages wherever they are.
                !matches!(draft.body, DraftBody::Delete)
            }
            // What is known already is answered as it was, whatever its sender may do now.
            RoomCommand::SendEnvelope(_) => return check_form(state.facts(), ContentForm::Sealed),
            RoomCommand::Typing => state.block_of(sender.uid) == Block::None,
            RoomCommand::Subscribe { .. } | RoomCommand::Read { .. } => false,
        };
        if !state.members.contains_key(&sender.uid) {
            return Err(Error::new(Code::NotMember, "You are not a member of this room."));
        }
        if writes {
            state.authorize(by, Action::Write)?;
        }
        match command {
            RoomCommand::Send(draft) => {
                sender.allowance.bytes_into(&self.room.bytes, draft.bytes())
            }
            _ => Ok(()),
        }
    }

    async fn publish_typing(&mut self, sender: &Sender) {
        // Somebody who is blocked is answered as ever, and nothing is published.
        let (members, block) = {
            let state = self.room.state();
            (state.members.len(), state.block_of(sender.uid))
        };
        if block == Block::None && self.typing.should_publish(sender.uid, members, Instant::now()) {
            let event = Event::Typing { room: self.room.id, uid: sender.uid };
            self.publish(event.encode()).await;
        }
        self.reply(sender, sender.ok().encode()).await;
    }

    async fn stage_read(&mut self, sender: Sender, seq: u64) {
        let seq = seq.min(self.published);
        let read = self.room.state().members.get(&sender.uid).map(|member| member.read);
        if read >= Some(seq) {
            // A read position only moves forward: nothing is to be written.
            return self.reply(&sender, sender.ok().seq(seq).encode()).await;
        }
        let change = Change::Read { uid: sender.uid, seq };
        self.stage(sender, change, Effect::Read { seq });
    }

    async fn handle_draft(&mut self, sender: Sender, draft: Draft) {
        let is_new = draft.is_new();
        // No two entries of a commit may add the same id, and a message must exist before it is changed.
        let mid = std::iter::once(draft.mid);
        if self.facts.is_added(draft.mids()) || is_new && self.facts.is_pending(mid) {
            self.flush().await;
        }
        let decision = match is_new {
            true => self.add(&sender, draft).await,
            false => self.decide(&sender, &draft).await,
        };
        match decision {
            Ok(Decision::Append(change, effect)) => {
                // A commit adds plain texts first: what comes after a message with files has to wait for it.
                let is_alone = matches!(&effect, Effect::New { draft, .. } if draft.names_files());
                self.stage(sender, change, effect);
                if is_alone || self.facts.is_large() {
                    self.flush().await;
                }
            }
            Ok(Decision::Answer(ack)) => self.answer(sender, Ok(ack)).await,
            Err(error) => self.answer(sender, Err(error)).await,
        }
    }

    /// The answer to a command that is not carried out.
    pub(super) fn refuse(&self, id: Option<&str>, error: &Error) -> Payload {
        self.shared.refused.inc(error.code());
        answer::error(id, error)
    }

    /// Answers a change of messages at once.
    pub(super) async fn answer(&self, sender: Sender, outcome: Result<Ack>) {
        let mut answers = Answers::default();
        self.add_answer(sender, outcome, &mut answers);
        self.send_answers(answers).await;
    }

    /// Adds the answer to a change of messages to those that are sent next.
    pub(super) fn add_answer(&self, sender: Sender, outcome: Result<Ack>, answers: &mut Answers) {
        match sender.reply_to {
            ReplyTo::Connection { conn, id } => {
                let payload = match outcome {
                    Ok(Ack { seq, at }) => OkAnswer::to(id.as_deref()).seq(seq).at(at).encode(),
                    Err(error) => self.refuse(id.as_deref(), &error),
                };
                answers.to_connections.push((conn, payload));
            }
            ReplyTo::Caller(reply) => {
                if let Err(error) = &outcome {
                    self.shared.refused.inc(error.code());
                }
                answers.to_callers.push((reply, outcome));
            }
        }
    }

    /// Sends answers that no publication carries.
    pub(super) async fn send_answers(&self, answers: Answers) {
        for (conn, answer) in answers.to_connections {
            self.send(conn, Delivery::Reply(conn, answer)).await;
        }
        for (reply, outcome) in answers.to_callers {
            // A caller that has gone away needs no answer.
            let _ = reply.send(outcome);
        }
    }

    /// Answers a command that changes no messages; only connections send those.
    async fn reply(&self, sender: &Sender, payload: Payload) {
        if let Some(conn) = sender.conn() {
            self.send(conn, Delivery::Reply(conn, payload)).await;
        }
    }
}
