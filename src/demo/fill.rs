//! Fills an empty server with the people, rooms and conversations of the demo.

use super::account;
use super::cast::{Cast, DEMO, PASSWORD, PEOPLE, Seat};
use super::lines::{Line, Place, Scene};
use super::script::SCENES;
use crate::auth::Auth;
use crate::avatars::AvatarPipeline;
use crate::base::error::{Code, Result};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::principal::Principal;
use crate::base::time::now_ms;
use crate::base::{hex, random};
use crate::protocol::message::TextBody;
use crate::protocol::presence::{PresenceState, Status};
use crate::protocol::room::{Notify, Role, RoomKind};
use crate::rooms::dm_key;
use crate::store::accounts::{AccountStore, ProfileChange, UserChange};
use crate::store::chat::change::{Change, Entry, Outcome};
use crate::store::chat::commit::Writer;
use crate::store::chat::content::{digest, emoji_to_json, text_to_json};
use crate::store::chat::{ChatStore, NewRoom};

/// The stores before the rooms start, and what makes accounts and pictures.
pub struct Parts<'a> {
    /// Makes accounts.
    pub auth: &'a Auth,
    /// Profiles.
    pub accounts: &'a AccountStore,
    /// Rooms and messages.
    pub chat: &'a ChatStore,
    /// Makes pictures.
    pub avatars: &'a AvatarPipeline,
}

/// Makes the demo on an empty server; none on any other.
///
/// # Errors
/// `unavailable`, or `internal` without a source of randomness.
pub async fn fill(parts: Parts<'_>) -> Result<Option<Cast>> {
    let counts = parts.accounts.user_counts().await?;
    if counts.active + counts.disabled + counts.removed > 0 {
        tracing::warn!("no demo on a server that people use already");
        return Ok(None);
    }
    let cast = match account::create_all(parts.auth, parts.accounts).await {
        Ok(cast) => cast,
        Err(error) if error.code() == Code::RegistrationClosed => {
            tracing::warn!("no demo users were created: registration is not open");
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    describe_people(&parts, &cast).await?;
    parts.chat.create_ready_made_rooms().await?;
    let mut writer = Writer::connect(parts.chat.database()).await?;
    for scene in &SCENES {
        let room = room_of(parts.chat, scene, &cast).await?;
        play(&mut writer, room, scene, &cast).await?;
        if let Some(uid) = cast.uid(DEMO).filter(|_| scene.is_favourite) {
            parts.chat.prefer(room, uid, true, Notify::Usual).await?;
        }
    }
    // At the end, so that a demo without an administrator is one that was interrupted.
    if let Some(uid) = cast.uid(DEMO) {
        let promotion = [UserChange::Promote];
        let _ = parts.accounts.change_user(Principal::Operator, uid, &promotion).await?;
        parts.auth.end_setup();
    }
    tracing::warn!(
        "demo users were created: sign in as {:?} with {PASSWORD:?}",
        PEOPLE[DEMO].username
    );
    Ok(Some(cast))
}

/// Names, pictures and statuses.
async fn describe_people(parts: &Parts<'_>, cast: &Cast) -> Result<()> {
    let Parts { accounts, avatars, .. } = parts;
    for (uid, person) in cast.people() {
        // "Away" belongs to a connection and not to the account.
        let state = match person.seat {
            Seat::At(PresenceState::Dnd) => PresenceState::Dnd,
            _ => PresenceState::Online,
        };
        let change = ProfileChange {
            display_name: Some(person.name.to_owned()),
            bio: Some(person.bio.to_owned()),
            status: Some(Status { state, text: person.status.to_owned(), until: None }),
            ..ProfileChange::default()
        };
        let _ = accounts.change_profile(uid, &change).await?;
        let picture = avatars.make("image/png", person.face.draw()?.into()).await?;
        let name = format!("{}.{}", hex::encode(&random::bytes::<16>()?), picture.extension);
        accounts.put_avatar(uid, &name, picture.content_type, &picture.squares).await?;
        accounts.mark_joined(uid).await?;
    }
    Ok(())
}

/// The room of a scene, with its members.
async fn room_of(chat: &ChatStore, scene: &Scene, cast: &Cast) -> Result<RoomId> {
    let uids: Vec<Uid> = scene.members.iter().filter_map(|person| cast.uid(*person)).collect();
    let (name, topic, kind) = match scene.place {
        Place::ReadyMade(name) => {
            let rooms = chat.rooms().await?;
            if let Some(room) = rooms.iter().find(|room| room.name == name) {
                for uid in uids {
                    chat.put_member(room.id, uid, Role::Member, 0).await?;
                }
                return Ok(room.id);
            }
            (name, "", RoomKind::Open)
        }
        Place::Room { name, topic, kind } => (name, topic, kind),
        Place::Direct => ("", "", RoomKind::Dm),
    };
    let is_direct = kind == RoomKind::Dm;
    let dm_key = match uids.as_slice() {
        [first, others @ ..] if is_direct => Some(dm_key(*first, others)?),
        _ => None,
    };
    let role = |number| if number == 0 && !is_direct { Role::Owner } else { Role::Member };
    let new = NewRoom {
        name: name.to_owned(),
        topic: topic.to_owned(),
        kind,
        is_default: false,
        dm_key,
        members: uids.iter().enumerate().map(|(number, uid)| (*uid, role(number))).collect(),
    };
    Ok(chat.create_room(&new).await?.id)
}

/// Writes what was said, and who has read how far.
async fn play(writer: &mut Writer, room: RoomId, scene: &Scene, cast: &Cast) -> Result<()> {
    let now = now_ms();
    let (mut mids, mut seqs) = (Vec::new(), vec![0]);
    for talk in scene.talks {
        let mut at = now - talk.ago * 60_000;
        for (number, line) in talk.lines.iter().enumerate() {
            if number > 0 {
                at += line.takes();
            }
            let Some(author) = cast.uid(line.by) else { continue };
            let replies_to = line.replies_up.and_then(|up| mids.get(mids.len().checked_sub(up)?));
            let written = write_line(writer, room, (author, line), replies_to.copied(), cast, at);
            let (mid, seq) = written.await?;
            mids.push(mid);
            seqs.push(seq);
        }
    }
    let mut entries = Vec::new();
    for person in scene.members {
        let unread = if *person == DEMO { scene.unread } else { 0 };
        let (Some(uid), Some(seq)) = (cast.uid(*person), seqs.iter().rev().nth(unread)) else {
            continue;
        };
        entries.push(Entry { room, change: Change::Read { uid, seq: *seq } });
    }
    writer.commit(&entries, now).await?;
    Ok(())
}

/// Writes one message with its edit and reactions; its id, and the number of the last of these changes.
async fn write_line(
    writer: &mut Writer,
    room: RoomId,
    (author, line): (Uid, &Line),
    reply_to: Option<Mid>,
    cast: &Cast,
    at: i64,
) -> Result<(Mid, u64)> {
    let body = |text: &str| TextBody {
        text: text.to_owned(),
        reply_to,
        mentions: cast
            .people()
            .filter(|(_, person)| is_mentioned(person.username, text))
            .map(|(uid, _)| uid)
            .collect::<Vec<_>>()
            .into(),
        files: Vec::new(),
    };
    let mid = Mid(random::bytes()?);
    let first = body(line.at_first.unwrap_or(line.text));
    let (text, files) = (text_to_json(&first)?, Vec::new());
    let mut changes = vec![Change::New { mid, author, body: text, files }];
    if line.at_first.is_some() {
        let (body, replaced) = (text_to_json(&body(line.text))?, Some(digest(&first)));
        changes.push(Change::Edit { mid, rev: 1, body, replaced, files: Vec::new() });
    }
    for (by, emoji) in line.reactions {
        let Some(author) = cast.uid(*by) else { continue };
        let body = emoji_to_json(emoji);
        changes.push(Change::React { mid: Mid(random::bytes()?), author, target: mid, body });
    }
    let mut last = 0;
    for (number, change) in (0..).zip(changes) {
        let outcomes = writer.commit(&[Entry { room, change }], at + number * 4_000).await?;
        if let Some(Outcome::Done { seq }) = outcomes.first() {
            last = *seq;
        }
    }
    Ok((mid, last))
}

fn is_mentioned(username: &str, text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || c == ',')
        .any(|word| word.strip_prefix('@') == Some(username))
}
