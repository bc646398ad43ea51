//! Encrypted rooms: their making, their signed logs, and the wraps of their keys (`e2ee.md` 13.2).

use serde::Deserialize;
use serde_json::json;

use crate::api::context::Call;
use crate::base::encryption::{EncryptionDetail, LogHead};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::RoomId;
use crate::base::limits::users::CHANGE_BYTES;
use crate::e2ee::room_log::{SignedEntry, wire};
use crate::http::Response;
use crate::policy::unreachable_person;
use crate::protocol::encryption::{LogEntry, PostedWrap};
use crate::rooms::Proposal;
use crate::settings::Encryption;

/// `{"entries":[{"e","s"}…],"wraps":[{"epoch","uid","gen","w"}…]}`: a batch of entries, with the keys that it brings.
#[derive(Deserialize)]
pub struct Batch {
    entries: Vec<LogEntry>,
    #[serde(default)]
    wraps: Vec<PostedWrap>,
}

impl Batch {
    /// The entries, whose signatures have the length of one.
    fn signed(&self) -> Result<Vec<SignedEntry>> {
        let signed = |(index, entry): (usize, &LogEntry)| {
            let sig = entry.signature.as_slice().try_into();
            let sig = sig.map_err(|_| {
                Error::with_detail(EncryptionDetail::BadEntry { index, rule: "form" })
            })?;
            Ok(SignedEntry { entry: entry.entry.clone(), sig })
        };
        self.entries.iter().enumerate().map(signed).collect()
    }

    /// About how many bytes it takes on disk.
    fn bytes(&self) -> usize {
        let entries = self.entries.iter();
        let entries: usize =
            entries.map(|one| one.entry.len() + one.signature.len() + CHANGE_BYTES).sum();
        entries + bytes_of(&self.wraps)
    }
}

fn bytes_of(wraps: &[PostedWrap]) -> usize {
    wraps.iter().map(|wrap| wrap.bytes.len() + CHANGE_BYTES).sum()
}

/// `POST /api/rooms` with `e2ee`: makes an encrypted direct chat by its founding entries. One that exists for the same
/// people is answered with 200.
pub async fn create(call: &Call<'_>, batch: Batch) -> Result<Response> {
    let Call { services, caller, .. } = call;
    if services.auth.settings().current().encryption == Encryption::Off {
        let text = "This server makes no encrypted rooms.";
        return Err(Error::new(Code::Forbidden, text));
    }
    services.allowances.of(caller.uid).bytes(batch.bytes())?;
    let after = LogHead { seq: 0, hash: [0; 32] };
    let entries = batch.signed()?;
    let founding = Proposal { by: caller.uid, after, entries, wraps: batch.wraps };
    let people = founding.people();
    for uid in people.iter().filter(|uid| **uid != caller.uid) {
        match services.profiles.active(*uid).await {
            Err(error) if error.code() == Code::NotFound => {
                services.profiles.existing(*uid).await?;
                return Err(unreachable_person());
            }
            other => other?,
        };
    }
    let created = services.room_changes.create_encrypted(&call.actor(), founding).await?;
    Ok(Response::json(if created.is_new { 201 } else { 200 }, &created.view))
}

/// `GET /api/rooms/{id}/log?from=SEQ`: for each entry `u64(batch) ‖ u64(at) ‖ lp(E) ‖ sig`, as many as fit one answer;
/// the rest by `from` again. Members only.
pub async fn log(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let from = match request.query("from") {
        None => 0,
        Some(from) => from.parse().map_err(|_| Error::field("from", "must be a number"))?,
    };
    let rows = services.rooms.log(caller.principal(), room, from).await?;
    let mut bytes = Vec::new();
    for row in rows {
        let at = row.at.unsigned_abs();
        wire::write(&mut bytes, row.batch, at, &row.logged.entry, &row.logged.signature);
    }
    Ok(Response::new(200, "application/octet-stream", bytes))
}

#[derive(Deserialize)]
struct Append {
    head: LogHead,
    #[serde(flatten)]
    batch: Batch,
}

/// `POST /api/rooms/{id}/log`: `{"seq","head":{"seq","hash"}}`. All of the batch, or nothing.
pub async fn append(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = &call;
    let Append { head, batch } = request.json()?;
    services.allowances.of(caller.uid).bytes(batch.bytes())?;
    let entries = batch.signed()?;
    let proposal = Proposal { by: caller.uid, after: head, entries, wraps: batch.wraps };
    let appended = services.room_changes.append_to_log(*room, proposal).await?;
    Ok(Response::json(200, &json!({"seq": appended.seq, "head": appended.head})))
}

/// `GET /api/rooms/{id}/wraps?before=EPOCH`: the caller's own, and what is to be done about the key.
pub async fn wraps(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let before = request.query("before").map(|before| {
        before.parse().map_err(|_| Error::field("before", "must be the number of a key"))
    });
    let (own, key) = services.rooms.wraps(caller.principal(), room, before.transpose()?).await?;
    let answer = json!({
        "wraps": own,
        "epoch": key.epoch,
        "shut": key.shut,
        "needed": key.needed,
        "why": key.why,
    });
    Ok(Response::json(200, &answer))
}

#[derive(Deserialize)]
struct Wraps {
    wraps: Vec<PostedWrap>,
}

/// `POST /api/rooms/{id}/wraps`: `{"taken"}`. What is not needed is ignored.
pub async fn add_wraps(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let Wraps { wraps } = request.json()?;
    services.allowances.of(caller.uid).bytes(bytes_of(&wraps))?;
    let taken = services.rooms.add_wraps(caller.principal(), room, wraps).await?;
    Ok(Response::json(200, &json!({"taken": taken})))
}

#[derive(Deserialize)]
struct BadWrap {
    epoch: u64,
    #[serde(rename = "gen")]
    generation: u64,
}

/// `POST /api/rooms/{id}/wraps/bad`: the caller's wrap does not open. It is removed, and needed again.
pub async fn report_wrap(call: Call<'_, RoomId>) -> Result<Response> {
    let Call { services, caller, request, ids: room, .. } = call;
    let BadWrap { epoch, generation } = request.json()?;
    services.allowances.of(caller.uid).bad_wrap()?;
    services.rooms.report_wrap(caller.principal(), room, epoch, generation).await?;
    Ok(Response::empty(204))
}
