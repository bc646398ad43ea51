//! What can be seen of rooms, by whom. Nothing here waits for an actor.

use super::registry::Rooms;
use super::room::RoomHandle;
use super::state::{Member, MemberView, State};
use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::chat;
use crate::policy::{Action, no_room};
use crate::protocol::message::MessageState;
use crate::protocol::room::{Role, RoomKind, RoomView};
use crate::store::chat::{BanRow, Page, RemovedRoom, RoomRow};

/// A room as an administrator of the server sees it.
#[derive(Debug, Clone)]
pub struct RoomSummary {
    /// What it is.
    pub row: RoomRow,
    /// How many members it has.
    pub members: u32,
    /// Whose it is.
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

impl Rooms {
    /// The next of these rooms of the user's, the last one first, in about so many bytes; at least one. They are
    /// taken out of the list. Rooms that the user has left meanwhile are left out.
    pub fn next_of(&self, uid: Uid, rooms: &mut Vec<RoomId>, bytes: usize) -> Vec<RoomView> {
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

    /// The user's rooms and the open ones he could join, by id and behind `after`, in about so many bytes;
    /// and whether there are more.
    pub fn visible_to(&self, uid: Uid, after: RoomId, bytes: usize) -> (Vec<RoomView>, bool) {
        let mut rooms = self.all();
        rooms.retain(|room| room.id > after);
        rooms.sort_unstable_by_key(|room| room.id);
        let (mut views, mut size) = (Vec::new(), 0);
        for room in rooms {
            let state = room.state();
            let listed = state.row.kind == RoomKind::Open && !state.row.archived;
            if !listed && !state.members.contains_key(&uid) {
                continue;
            }
            if size >= bytes {
                return (views, true);
            }
            let view = state.view(uid);
            size += view.size();
            views.push(view);
        }
        (views, false)
    }

    /// Rooms to browse: open ones and the user's own, but no direct ones; those put away only when
    /// asked for. By name; `q` is looked for in name and topic.
    pub fn directory(&self, uid: Uid, q: &str, archived: bool) -> Vec<RoomView> {
        let q = q.to_lowercase();
        let view = |state: &State| {
            let row = &state.row;
            let listed = match row.kind {
                RoomKind::Open => true,
                RoomKind::Closed => state.members.contains_key(&uid),
                RoomKind::Dm => false,
            };
            (listed && row.archived == archived && says(row, &q)).then(|| state.view(uid))
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
            let wanted = archived.is_none_or(|archived| archived == row.archived);
            (row.kind != RoomKind::Dm && wanted && says(row, &q)).then(|| summarise(state))
        };
        let rooms = self.all();
        let mut found: Vec<_> = rooms.iter().filter_map(|room| summary(&room.state())).collect();
        found.sort_by_cached_key(|summary| sort_key(&summary.row.name, summary.row.id));
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

    /// The room, if the user may do that in it.
    ///
    /// # Errors
    /// As [`crate::policy::decide`].
    pub fn may(&self, uid: Uid, admin: bool, room: RoomId, action: Action) -> Result<RoomHandle> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        handle.room.state().may(uid, admin, action)?;
        Ok(handle)
    }

    /// The room, if the user may know that it exists.
    ///
    /// # Errors
    /// `not_found`, the same as for a room that does not.
    pub fn visible(&self, room: RoomId, uid: Uid, admin: bool) -> Result<RoomHandle> {
        self.may(uid, admin, room, Action::See)
    }

    /// A room as the user sees it, if he may.
    ///
    /// # Errors
    /// `not_found`, also for a room he may not know about.
    pub fn info(&self, room: RoomId, uid: Uid, admin: bool) -> Result<RoomView> {
        let handle = self.may(uid, admin, room, Action::See)?;
        let view = handle.room.state().view(uid);
        Ok(view)
    }

    /// The members of a room, by id.
    ///
    /// # Errors
    /// `not_found`.
    pub fn members(&self, room: RoomId, uid: Uid, admin: bool) -> Result<Vec<MemberView>> {
        let handle = self.may(uid, admin, room, Action::See)?;
        let state = handle.room.state();
        let view = |(uid, member): (&Uid, &Member)| MemberView {
            uid: *uid,
            role: member.role,
            silenced_until: member.silenced(),
            joined_at: member.joined_at,
        };
        let mut members: Vec<_> = state.members.iter().map(view).collect();
        members.sort_unstable_by_key(|member| member.uid);
        Ok(members)
    }

    /// Who may not come back into a room, newest first; for those who may let them.
    ///
    /// # Errors
    /// `not_found`, `forbidden`.
    pub fn bans(&self, room: RoomId, uid: Uid, admin: bool) -> Result<Vec<BanRow>> {
        let handle = self.may(uid, admin, room, Action::Ban(None))?;
        let mut bans: Vec<_> = handle.room.state().bans.values().copied().collect();
        bans.sort_unstable_by_key(|ban| (std::cmp::Reverse(ban.at), ban.uid));
        Ok(bans)
    }

    /// Whether the user is a member.
    pub fn is_member(&self, room: RoomId, uid: Uid) -> bool {
        self.handle(room).is_some_and(|handle| handle.room.state().members.contains_key(&uid))
    }

    pub(super) fn view(&self, room: RoomId, uid: Uid) -> Option<RoomView> {
        self.handle(room).map(|handle| handle.room.state().view(uid))
    }

    /// A page of a room's history, of at most [`chat::PAGE_BYTES`].
    ///
    /// # Errors
    /// `not_found`, `not_member`, `unavailable`.
    pub async fn history(
        &self,
        uid: Uid,
        admin: bool,
        room: RoomId,
        page: Page,
        limit: usize,
    ) -> Result<(Vec<MessageState>, bool)> {
        self.may(uid, admin, room, Action::Read)?;
        self.store.page(room, page, limit.clamp(1, chat::PAGE), chat::PAGE_BYTES).await
    }
}

/// What rooms are sorted by: the name in small letters, then the id. Also the cursor of a page.
pub fn sort_key(name: &str, id: RoomId) -> String {
    format!("{}\u{1}{:020}", name.to_lowercase(), id.0)
}

fn says(row: &RoomRow, q: &str) -> bool {
    row.name.to_lowercase().contains(q) || row.topic.to_lowercase().contains(q)
}

fn summarise(state: &State) -> RoomSummary {
    let owners = state.members.iter().filter(|(_, member)| member.role == Role::Owner);
    let mut owners: Vec<_> = owners.map(|(uid, _)| *uid).collect();
    owners.sort_unstable();
    let members = u32::try_from(state.members.len()).unwrap_or(u32::MAX);
    RoomSummary { row: state.row.clone(), members, owners }
}
