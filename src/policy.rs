//! Who may do what in a room: the one place that decides.
//!
//! A decision needs three things and nothing else: who asks ([`Asker`]), what kind of room it is
//! ([`Place`]) and what is to be done ([`Action`]). The [`least`] role per action and kind is a plain
//! table; everything above it only adds what the room's present state forbids. Who may not even know
//! of a room is told that there is none.

use crate::base::error::{Code, Error, Result};
use crate::protocol::room::{Role, RoomKind};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// An administrator of the server.
    pub admin: bool,
    /// What it is in the room; nothing for somebody who is not a member.
    pub role: Option<Role>,
    /// A moderator took its word for now.
    pub silenced: bool,
    /// It was sent away and may not come back.
    pub banned: bool,
    /// What stands between it and the other one of a direct room of two.
    pub block: Block,
}

/// Whether one of the two of a direct room has blocked the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Neither has.
    None,
    /// The person who acts has blocked the other.
    Own,
    /// The other has blocked the person who acts, who is not to learn it.
    Others,
}

impl Block {
    /// Whether either may write to the other.
    ///
    /// # Errors
    /// `forbidden`. Whoever is blocked hears no more than for an account that is closed.
    pub fn check(self) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Own => Err(forbidden("You have blocked this person.")),
            Self::Others => Err(unreachable_person()),
        }
    }
}

/// The room as far as rights depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Who may come in.
    pub kind: RoomKind,
    /// Only its admins write.
    pub read_only: bool,
    /// Put away: nobody writes, nobody comes in.
    pub archived: bool,
    /// More than two people: a direct room that may be left.
    pub group: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Know that it exists, its name and its members.
    See,
    /// Read its messages.
    Read,
    /// Send, edit, react.
    Write,
    /// Delete what others wrote.
    Moderate,
    /// Come in by oneself.
    Join,
    /// Go.
    Leave,
    /// Bring somebody in, at once or by an invite link.
    Add,
    /// Send a member of this role out.
    Remove(Role),
    /// Send somebody out for good (or let him come back); the role, if it is a member.
    Ban(Option<Role>),
    /// Take a member's word, or give it back.
    Silence(Role),
    /// Make a member of the first role one of the second.
    ChangeRole(Role, Role),
    /// Change name and topic.
    Describe,
    /// Let only admins write, or everybody again.
    SetReadOnly,
    /// Open a closed room, close an open one.
    SetKind,
    /// Put it away, or bring it back.
    Archive,
    /// Remove it, or take that back.
    Delete,
    /// Choose whether new users join it.
    SetDefault,
}

/// The least an asker must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Least {
    /// Anybody who is signed in.
    Anyone,
    /// A member of at least this role; `or_server` lets administrators of the server do it too.
    Role { role: Role, or_server: bool },
    /// Administrators of the server only.
    Server,
    /// Nobody.
    Never,
}

/// The table: one row per action, one column per kind.
fn least(action: Action, place: Place) -> Least {
    use Action as A;
    let only = |role| Least::Role { role, or_server: false };
    let or_server = |role| Least::Role { role, or_server: true };
    let (open, closed, direct) = match action {
        A::See => (Least::Anyone, or_server(Role::Member), only(Role::Member)),
        A::Read => (Least::Anyone, only(Role::Member), only(Role::Member)),
        A::Write => (only(Role::Member), only(Role::Member), only(Role::Member)),
        A::Moderate => (or_server(Role::Admin), or_server(Role::Admin), Least::Never),
        A::Join => (Least::Anyone, Least::Server, Least::Never),
        A::Leave if place.group => (Least::Never, Least::Never, only(Role::Member)),
        A::Leave => (only(Role::Member), only(Role::Member), Least::Never),
        A::Add => (or_server(Role::Member), or_server(Role::Admin), Least::Never),
        A::Remove(_) | A::Ban(_) | A::Silence(_) | A::Describe | A::SetReadOnly => {
            (or_server(Role::Admin), or_server(Role::Admin), Least::Never)
        }
        A::ChangeRole(..) | A::SetKind | A::Archive | A::Delete => {
            (or_server(Role::Owner), or_server(Role::Owner), Least::Never)
        }
        A::SetDefault => (Least::Server, Least::Server, Least::Never),
    };
    match place.kind {
        RoomKind::Open => open,
        RoomKind::Closed => closed,
        RoomKind::Dm => direct,
    }
}

/// Whether `asker` may do `action` in `place`.
///
/// # Errors
/// `not_found` for a room the asker may not know of, `not_member`, or `forbidden` with the reason.
pub fn decide(asker: Asker, place: Place, action: Action) -> Result<()> {
    if action != Action::See && decide(asker, place, Action::See).is_err() {
        return Err(no_room());
    }
    match least(action, place) {
        Least::Anyone => {}
        Least::Role { or_server: true, .. } | Least::Server if asker.admin => {}
        Least::Role { role, .. } if asker.role.is_some_and(|own| own >= role) => {}
        Least::Role { .. } if action == Action::See => return Err(no_room()),
        Least::Role { .. } if asker.role.is_none() => {
            return Err(Error::new(Code::NotMember, "You are not a member of this room."));
        }
        Least::Role { .. } | Least::Server | Least::Never => {
            return Err(forbidden(refusal(action)));
        }
    }
    outranks(asker, action)?;
    allowed_now(asker, place, action)
}

/// Members may only be touched by somebody above them; owners by administrators of the server.
fn outranks(asker: Asker, action: Action) -> Result<()> {
    let target = match action {
        Action::Remove(role) | Action::Silence(role) | Action::Ban(Some(role)) => role,
        _ => return Ok(()),
    };
    if asker.admin || asker.role.is_some_and(|own| own > target) {
        return Ok(());
    }
    Err(forbidden("This member has as much to say here as you."))
}

/// What the room's present state forbids to whoever else had the right.
fn allowed_now(asker: Asker, place: Place, action: Action) -> Result<()> {
    match action {
        Action::Write | Action::Join | Action::Add if place.archived => {
            Err(forbidden("This room is archived."))
        }
        Action::Join if asker.banned => Err(forbidden("You were banned from this room.")),
        Action::Write if asker.silenced => {
            Err(forbidden("A moderator has muted you in this room."))
        }
        Action::Write if place.read_only && asker.role < Some(Role::Admin) => {
            Err(forbidden("Only admins of this room may write here."))
        }
        Action::Write => asker.block.check(),
        _ => Ok(()),
    }
}

fn refusal(action: Action) -> &'static str {
    match action {
        Action::Leave => "A direct room of two cannot be left. It can be hidden.",
        Action::Add => "Only admins of the room may add people.",
        Action::Join => "This room takes members by invitation only.",
        Action::Remove(_) => "You may not remove members here.",
        Action::Ban(_) => "You may not ban anybody here.",
        Action::Silence(_) => "You may not mute members here.",
        Action::ChangeRole(..) => "Only an owner of the room may change roles.",
        Action::Moderate => "Only its author or an admin may delete a message.",
        Action::SetDefault => "Only admins choose the rooms that everybody joins.",
        _ => "You may not change this room.",
    }
}

fn forbidden(text: &'static str) -> Error {
    Error::new(Code::Forbidden, text)
}

/// The answer for somebody to whom one cannot write, whatever the reason.
pub fn unreachable_person() -> Error {
    forbidden("This person cannot be written to.")
}

/// The answer for somebody who cannot be brought into a room, whatever the reason.
pub fn unwilling_person() -> Error {
    forbidden("This person cannot be added to this room.")
}

/// The answer for a room that does not exist or must not be known of.
pub fn no_room() -> Error {
    Error::new(Code::NotFound, "There is no such room.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [RoomKind; 3] = [RoomKind::Open, RoomKind::Closed, RoomKind::Dm];
    /// Stranger, member, room admin, owner; the same four as administrators of the server.
    const ROLES: [Option<Role>; 4] =
        [None, Some(Role::Member), Some(Role::Admin), Some(Role::Owner)];

    fn place(kind: RoomKind) -> Place {
        Place { kind, read_only: false, archived: false, group: false }
    }

    fn asker(role: Option<Role>, admin: bool) -> Asker {
        Asker { admin, role, silenced: false, banned: false, block: Block::None }
    }

    /// One letter per asker: `y` yes, `n` no, `?` "no such room", `m` "not a member".
    fn row(kind: RoomKind, action: Action) -> String {
        let letter =
            |admin: bool, role: Option<Role>| match decide(asker(role, admin), place(kind), action)
            {
                Ok(()) => 'y',
                Err(error) if error.code() == Code::NotFound => '?',
                Err(error) if error.code() == Code::NotMember => 'm',
                Err(_) => 'n',
            };
        let of = |admin: bool| ROLES.iter().map(|role| letter(admin, *role)).collect::<String>();
        format!("{} {}", of(false), of(true))
    }

    #[test]
    fn every_role_and_every_action_is_as_the_table_says() {
        use Action as A;
        use Role::{Admin, Member, Owner};
        let table: &[(A, [&str; 3])] = &[
            //                          open         closed       direct
            (A::See, ["yyyy yyyy", "?yyy yyyy", "?yyy ?yyy"]),
            (A::Read, ["yyyy yyyy", "?yyy myyy", "?yyy ?yyy"]),
            (A::Write, ["myyy myyy", "?yyy myyy", "?yyy ?yyy"]),
            (A::Moderate, ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn"]),
            (A::Join, ["yyyy yyyy", "?nnn yyyy", "?nnn ?nnn"]),
            (A::Leave, ["myyy myyy", "?yyy myyy", "?nnn ?nnn"]),
            (A::Add, ["myyy yyyy", "?nyy yyyy", "?nnn ?nnn"]),
            (A::Remove(Member), ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn"]),
            (A::Remove(Admin), ["mnny yyyy", "?nny yyyy", "?nnn ?nnn"]),
            (A::Remove(Owner), ["mnnn yyyy", "?nnn yyyy", "?nnn ?nnn"]),
            (A::Ban(None), ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn"]),
            (A::Ban(Some(Admin)), ["mnny yyyy", "?nny yyyy", "?nnn ?nnn"]),
            (A::Silence(Member), ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn"]),
            (A::Silence(Owner), ["mnnn yyyy", "?nnn yyyy", "?nnn ?nnn"]),
            (A::ChangeRole(Member, Admin), ["mnny yyyy", "?nny yyyy", "?nnn ?nnn"]),
            (A::ChangeRole(Owner, Member), ["mnny yyyy", "?nny yyyy", "?nnn ?nnn"]),
            (A::Describe, ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn"]),
            (A::SetReadOnly, ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn"]),
            (A::SetKind, ["mnny yyyy", "?nny yyyy", "?nnn ?nnn"]),
            (A::Archive, ["mnny yyyy", "?nny yyyy", "?nnn ?nnn"]),
            (A::Delete, ["mnny yyyy", "?nny yyyy", "?nnn ?nnn"]),
            (A::SetDefault, ["nnnn yyyy", "?nnn yyyy", "?nnn ?nnn"]),
        ];
        for (action, expected) in table {
            for (kind, expected) in KINDS.iter().zip(expected) {
                assert_eq!(&row(*kind, *action), expected, "{action:?} in {kind:?}");
            }
        }
    }

    #[test]
    fn in_a_read_only_room_only_its_admins_write() {
        let place = Place { read_only: true, ..place(RoomKind::Open) };
        let write = |role, admin| decide(asker(role, admin), place, Action::Write).is_ok();
        assert!(!write(Some(Role::Member), false) && !write(Some(Role::Member), true));
        assert!(write(Some(Role::Admin), false) && write(Some(Role::Owner), false));
    }

    #[test]
    fn an_archived_room_is_read_but_takes_nothing() {
        let place = Place { archived: true, ..place(RoomKind::Open) };
        let owner = asker(Some(Role::Owner), true);
        for action in [Action::Write, Action::Join, Action::Add] {
            assert!(decide(owner, place, action).is_err(), "{action:?}");
        }
        for action in [Action::See, Action::Read, Action::Leave, Action::Archive, Action::Delete] {
            assert!(decide(owner, place, action).is_ok(), "{action:?}");
        }
    }

    #[test]
    fn the_silenced_do_not_write_and_the_banned_do_not_join() {
        let silenced = Asker { silenced: true, ..asker(Some(Role::Owner), true) };
        assert!(decide(silenced, place(RoomKind::Open), Action::Write).is_err());
        assert!(decide(silenced, place(RoomKind::Open), Action::Read).is_ok());
        let banned = Asker { banned: true, ..asker(None, false) };
        assert!(decide(banned, place(RoomKind::Open), Action::Join).is_err());
    }

    #[test]
    fn a_block_takes_the_word_of_both_and_neither_the_reading_nor_the_deleting() {
        for block in [Block::Own, Block::Others] {
            let asker = Asker { block, ..asker(Some(Role::Member), true) };
            let refused = decide(asker, place(RoomKind::Dm), Action::Write).unwrap_err();
            assert_eq!(refused.code(), Code::Forbidden);
            assert_eq!(refused.message().contains("blocked"), block == Block::Own);
            assert!(decide(asker, place(RoomKind::Dm), Action::Read).is_ok());
        }
    }

    #[test]
    fn a_group_may_be_left_and_a_pair_may_not() {
        let group = Place { group: true, ..place(RoomKind::Dm) };
        let member = asker(Some(Role::Member), false);
        assert!(decide(member, group, Action::Leave).is_ok());
        assert!(decide(member, place(RoomKind::Dm), Action::Leave).is_err());
    }
}
