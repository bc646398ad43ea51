//! What can be read of rooms, by whom. Nothing here waits for an actor.

use super::member::MemberView;
use super::registry::Rooms;
use super::room::RoomHandle;
use super::state::State;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::limits::chat;
use crate::base::principal::Principal;
use crate::policy::{Action, no_room};
use crate::protocol::message::MessageState;
use crate::protocol::room::{Role, RoomKind, RoomView};
use crate::store::chat::{Around, BanRow, MessagePage, Page, Place, RemovedRoom, RoomRow};

/// A room as an administrator of the server sees it.
#[derive(Debug, Clone)]
pub struct RoomSummary {
    /// Name, topic, kind.
    pub row: RoomRow,
    /// How many members it has.
    pub members: u32,
    /// Its owners, by id.
    pub owners: Vec<Uid>,
}

/// How many rooms there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoomCounts {
    /// Open ones, without the archived.
    pub open: u32,
    /// Closed ones, without the archived.
    pub closed: u32,
    /// Direct ones.
    pub direct: u32,
    /// Archived ones.
    pub archived: u32,
}

/// Rooms in one answer.
#[derive(Debug)]
pub struct RoomPage {
    /// The rooms.
    pub rooms: Vec<RoomView>,
    /// Whether there are more.
    pub has_more: bool,
}

impl Rooms {
    /// Takes rooms from the end of the list and returns them as the user sees them, in about so many bytes; at
    /// least one. Rooms that the user has left meanwhile are left out.
    pub fn take_views(&self, uid: Uid, rooms: &mut Vec<RoomId>, bytes: usize) -> Vec<RoomView> {
        let (mut views, mut size) = (Vec::new(), 0);
        while size < bytes {
            let Some(room) = rooms.pop() else { break };
            if let Some(view) = self.view(room, uid).filter(|view| view.role.is_some()) {
                size += view.size();
                views.push(view);
            }
        }
        views
    }

    /// The user's rooms and the open ones they could join, by id and after `after`, in about so many bytes.
    pub fn visible_to(&self, uid: Uid, after: RoomId, bytes: usize) -> RoomPage {
        let mut all = self.all();
        all.retain(|room| room.id > after);
        all.sort_unstable_by_key(|room| room.id);
        let (mut rooms, mut size) = (Vec::new(), 0);
        for room in all {
            let state = room.state();
            let is_listed = state.row.kind == RoomKind::Open && !state.row.archived;
            if !is_listed && !state.members.contains_key(&uid) {
                continue;
            }
            if size >= bytes {
                return RoomPage { rooms, has_more: true };
            }
            let view = state.view(uid);
            size += view.size();
            rooms.push(view);
        }
        RoomPage { rooms, has_more: false }
    }

    /// Rooms to browse, by name: open ones and the user's own, but no direct ones; either the archived ones or
    /// the others. `q` is searched in name and topic.
    pub fn directory(&self, uid: Uid, q: &str, archived: bool) -> Vec<RoomView> {
        let q = q.to_lowercase();
        let view = |state: &State| {
            let row = &state.row;
            let is_listed = match row.kind {
                RoomKind::Open => true,
                RoomKind::Closed => state.members.contains_key(&uid),
                RoomKind::Dm => false,
            };
            (is_listed && row.archived == archived && matches(row, &q)).then(|| state.view(uid))
        };
        let mut views: Vec<_> = self.all().iter().filter_map(|room| view(&room.state())).collect();
        views.sort_by_cached_key(|view| sort_key(&view.name, view.id));
        views
    }

    /// All rooms but direct ones, by name, for administrators of the server.
    pub fn summaries(&self, q: &str, archived: Option<bool>) -> Vec<RoomSummary> {
        let q = q.to_lowercase();
        let summary = |state: &State| {
            let row = &state.row;
            let is_wanted = archived.is_none_or(|archived| archived == row.archived);
            (row.kind != RoomKind::Dm && is_wanted && matches(row, &q)).then(|| summarise(state))
        };
        let rooms = self.all();
        let mut found: Vec<_> = rooms.iter().filter_map(|room| summary(&room.state())).collect();
        found.sort_by_cached_key(|summary| sort_key(&summary.row.listed_name(), summary.row.id));
        found
    }

    /// One room, for administrators of the server.
    pub fn summary(&self, room: RoomId) -> Option<RoomSummary> {
        self.handle(room).map(|handle| summarise(&handle.room.state()))
    }

    /// Rooms that were removed and can be restored, newest removal first.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn removed(&self) -> Result<Vec<RemovedRoom>> {
        self.store.removed_rooms().await
    }

    /// How many rooms there are.
    pub fn counts(&self) -> RoomCounts {
        let mut counts = RoomCounts::default();
        for room in self.all() {
            let state = room.state();
            let count = match state.row.kind {
                RoomKind::Dm => &mut counts.direct,
                _ if state.row.archived => &mut counts.archived,
                RoomKind::Open => &mut counts.open,
                RoomKind::Closed => &mut counts.closed,
            };
            *count += 1;
        }
        counts
    }

    /// The room, if `by` may do that in it.
    ///
    /// # Errors
    /// As [`crate::policy::decide`].
    pub fn authorize(&self, by: Principal, room: RoomId, action: Action) -> Result<RoomHandle> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        handle.room.state().authorize(by, action)?;
        Ok(handle)
    }

    /// The room, if `by` may know that it exists.
    ///
    /// # Errors
    /// `not_found`, the same as for a room that does not exist.
    pub fn visible(&self, by: Principal, room: RoomId) -> Result<RoomHandle> {
        self.authorize(by, room, Action::See)
    }

    /// The room as `by` sees it.
    ///
    /// # Errors
    /// `not_found`, also for a room they may not know of.
    pub fn info(&self, by: Principal, room: RoomId) -> Result<RoomView> {
        let handle = self.visible(by, room)?;
        let view = handle.room.state().view_for(by);
        Ok(view)
    }

    /// The members of a room, by id.
    ///
    /// # Errors
    /// `not_found`.
    pub fn members(&self, by: Principal, room: RoomId) -> Result<Vec<MemberView>> {
        let handle = self.visible(by, room)?;
        let state = handle.room.state();
        let members = state.members.iter().map(|(uid, member)| MemberView::new(*uid, member));
        let mut members: Vec<_> = members.collect();
        members.sort_unstable_by_key(|member| member.uid);
        Ok(members)
    }

    /// The bans of a room, newest first, for those who may lift them.
    ///
    /// # Errors
    /// `not_found`, `forbidden`.
    pub fn bans(&self, by: Principal, room: RoomId) -> Result<Vec<BanRow>> {
        let handle = self.authorize(by, room, Action::Ban(None))?;
        let mut bans: Vec<_> = handle.room.state().bans.values().copied().collect();
        bans.sort_unstable_by_key(|ban| (std::cmp::Reverse(ban.at), ban.uid));
        Ok(bans)
    }

    /// Whether the user is a member.
    pub fn is_member(&self, room: RoomId, uid: Uid) -> bool {
        self.handle(room).is_some_and(|handle| handle.room.state().members.contains_key(&uid))
    }

    /// Whether the user is the bot of a hook.
    pub fn is_bot(&self, uid: Uid) -> bool {
        self.shared.is_bot(uid)
    }

    /// The room as the user sees it, whoever that is.
    pub fn view(&self, room: RoomId, uid: Uid) -> Option<RoomView> {
        self.handle(room).map(|handle| handle.room.state().view(uid))
    }

    /// Whether the user, who blocks the same people as then, sees the room otherwise than `sent`.
    pub fn looks_other(&self, uid: Uid, sent: &RoomView) -> bool {
        self.handle(sent.id).is_none_or(|handle| handle.room.state().looks_other(uid, sent))
    }

    /// A page of a room's history, of at most [`chat::PAGE_BYTES`].
    ///
    /// # Errors
    /// `not_found`, `not_member`, `unavailable`.
    pub async fn history(
        &self,
        by: Principal,
        room: RoomId,
        page: Page,
        limit: usize,
    ) -> Result<MessagePage> {
        let limit = self.authorize(by, room, Action::Read)?.page_limit(limit);
        self.store.page(room, page, limit, chat::PAGE_BYTES).await
    }

    /// One message as it is now, also a deleted one.
    ///
    /// # Errors
    /// `not_found`, `not_member`, `unavailable`.
    pub async fn message(&self, by: Principal, room: RoomId, mid: Mid) -> Result<MessageState> {
        let found = self.history_around(by, room, Place::Message(mid), 1).await?.before;
        let found = found.messages.into_iter().next_back().filter(|message| message.mid == mid);
        found.ok_or_else(|| Error::new(Code::NotFound, "There is no such message."))
    }

    /// The page of a room's history around a place, of at most [`chat::PAGE_BYTES`].
    ///
    /// # Errors
    /// `not_found`, also for a message that is not there; `not_member`, `unavailable`.
    pub async fn history_around(
        &self,
        by: Principal,
        room: RoomId,
        place: Place,
        limit: usize,
    ) -> Result<Around> {
        let limit = self.authorize(by, room, Action::Read)?.page_limit(limit);
        self.store.around(room, place, limit, chat::PAGE_BYTES).await
    }
}

impl RoomHandle {
    /// How many messages a page has at most for which somebody asks for so many.
    fn page_limit(&self, asked: usize) -> usize {
        let is_encrypted = self.room.state().row.encryption.is_some();
        asked.clamp(1, if is_encrypted { chat::SEALED_PAGE } else { chat::PAGE })
    }
}

/// The key by which rooms are sorted: the name in lower case, then the id. Also the cursor of a page.
pub fn sort_key(name: &str, id: RoomId) -> String {
    format!("{}\u{1}{:020}", name.to_lowercase(), id.0)
}

fn matches(row: &RoomRow, q: &str) -> bool {
    row.listed_name().to_lowercase().contains(q) || row.topic.to_lowercase().contains(q)
}

fn summarise(state: &State) -> RoomSummary {
    let owners = state.members.iter().filter(|(_, member)| member.role == Role::Owner);
    let mut owners: Vec<_> = owners.map(|(uid, _)| *uid).collect();
    owners.sort_unstable();
    let members = u32::try_from(state.members.len()).unwrap_or(u32::MAX);
    RoomSummary { row: state.row.clone(), members, owners }
}
