//! Looks at one encrypted room after the other, at random: whether its log is one, whether the members are those of the
//! log, and who lacks the key (`e2ee.md` 15.9). What is found is an error of the server, or of its disk.

use rand::seq::IteratorRandom as _;

use super::inbox::LogRequest;
use super::registry::Rooms;
use crate::base::error::{Error, Result};
use crate::base::ids::RoomId;
use crate::base::limits::encryption as limits;
use crate::e2ee::room_log::{SignedEntry, State, apply};
use crate::store::chat::LogRow;

impl Rooms {
    /// Compares one encrypted room, taken at random, with its log. Members who lack the key are announced.
    ///
    /// # Errors
    /// `internal` with what differs; `unavailable`.
    pub async fn audit_any_log(&self) -> Result<()> {
        let all = self.all();
        let encrypted = all.iter().filter(|room| room.state().row.encryption.is_some());
        let one = encrypted.choose(&mut rand::rng()).map(|room| room.id);
        match one {
            Some(room) => self.audit_log(room).await,
            None => Ok(()),
        }
    }

    /// The same for this room. The log is read and verified apart from the room, which waits only for the comparison.
    ///
    /// # Errors
    /// The same; `not_found`.
    pub async fn audit_log(&self, room: RoomId) -> Result<()> {
        let handle = self.encrypted(room)?;
        if !self.shared.directory.read().missing().is_empty() {
            // After a restore signatures cannot be verified until clients have brought back the keys.
            return Ok(());
        }
        let mut log = State::default();
        loop {
            let (from, slice) = (log.next_seq, limits::AUDIT_SLICE);
            let rows = self.store.log(room, from, slice, limits::LOG_PAGE_BYTES).await?;
            if rows.is_empty() {
                break;
            }
            let directory = self.shared.directory.clone();
            let verifying = tokio::task::spawn_blocking(move || {
                verify(&mut log, rows, &directory.read().chain).map(|()| log)
            });
            log = verifying.await.map_err(Error::internal)??;
        }
        handle.ask(|reply| LogRequest::Audit(Box::new(log), reply)).await
    }
}

fn verify(
    log: &mut State,
    rows: Vec<LogRow>,
    directory: &crate::e2ee::directory::Chain,
) -> Result<()> {
    for LogRow { seq, logged, .. } in rows {
        let signed = SignedEntry { entry: logged.entry, sig: logged.signature };
        let applied = apply(log, &signed, directory).map_err(|refusal| {
            Error::internal(format!("entry {seq} of a stored log is refused: {}", refusal.as_str()))
        })?;
        if applied.hash != logged.hash {
            return Err(Error::internal(format!("entry {seq} of a stored log has another hash")));
        }
    }
    Ok(())
}
