//! Who may do what in a room: the one place that decides.
//!
//! A decision needs three things and nothing else: who acts ([`Subject`]), what the room is
//! ([`RoomFacts`]) and what is to be done ([`Action`]). What an action requires in each kind of room is a plain
//! table ([`requirement`]); the rest of this file only adds what the room's present state forbids. A subject
//! that may not know of a room gets the same answer as for one that does not exist.

use crate::base::error::{Code, Error, Result};
use crate::protocol::room::{Role, RoomKind};

/// Whoever acts, as far as rights depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Whether they have the rights of an administrator of the server.
    pub is_admin: bool,
    /// Their role in the room; none for somebody who is not a member.
    pub role: Option<Role>,
    /// Whether a moderator has muted them.
    pub is_muted: bool,
    /// Whether they are banned from the room.
    pub is_banned: bool,
    /// A block between them and the other member of a direct room of two.
    pub block: Block,
}

/// Whether one of the two members of a direct room has blocked the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Neither has.
    None,
    /// Whoever acts has blocked the other.
    Own,
    /// The other has blocked whoever acts, who must not find out.
    Others,
}

impl Block {
    /// Whether either may write to the other.
    ///
    /// # Errors
    /// `forbidden`. Whoever is blocked gets the same answer as for an account that is closed.
    pub fn check(self) -> Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Own => Err(forbidden("You have blocked this person.")),
            Self::Others => Err(unreachable_person()),
        }
    }
}

/// A room, as far as rights depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomFacts {
    /// Open, closed or direct.
    pub kind: RoomKind,
    /// Whether only its admins may write.
    pub is_read_only: bool,
    /// Whether it is archived: nobody writes, nobody joins.
    pub is_archived: bool,
    /// Whether it is a direct room of more than two, which members may leave.
    pub is_group: bool,
    /// Whether its messages are end-to-end encrypted.
    pub is_encrypted: bool,
    /// Whether it has so few members that any of them may mention all.
    pub is_small: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See that it exists, its name and its members.
    See,
    /// Read its messages.
    Read,
    /// Send, edit, react.
    Write,
    /// Mention every member at once.
    MentionAll,
    /// Delete what others wrote.
    Moderate,
    /// Join by oneself.
    Join,
    /// Leave.
    Leave,
    /// Add somebody, at once or by an invite link.
    Add,
    /// Remove a member of this role.
    Remove(Role),
    /// Ban somebody, or lift a ban; the role, if they are a member.
    Ban(Option<Role>),
    /// Mute a member of this role, or unmute one.
    Mute(Role),
    /// Give a member of the first role the second.
    ChangeRole(Role, Role),
    /// Change name and topic.
    Describe,
    /// Make, change and revoke its incoming hooks.
    ManageHooks,
    /// Let only admins write, or everybody again.
    SetReadOnly,
    /// Open a closed room, close an open one.
    SetKind,
    /// Archive it, or take that back.
    Archive,
    /// Remove it, or take that back.
    Delete,
    /// Choose whether new users join it.
    SetDefault,
}

/// How the content of a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentForm {
    /// Text that the server can read (`msg`).
    Plain,
    /// Text with files, which the server can read, too.
    PlainWithFiles,
    /// An envelope that only members can open (`env`).
    Sealed,
}

/// What a subject must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Requirement {
    /// Anybody who is signed in.
    Anyone,
    /// A member of at least this role.
    Member(Role),
    /// A member of at least this role, or an administrator of the server.
    MemberOrServer(Role),
    /// An administrator of the server.
    Server,
    /// Nobody may.
    Never,
}

/// The table: one row per action, one column per kind.
fn requirement(action: Action, room: RoomFacts) -> Requirement {
    use Action as A;
    use Requirement::{Anyone, Member, MemberOrServer, Never, Server};
    if room.is_encrypted {
        return encrypted_requirement(action, room.kind);
    }
    let (open, closed, direct) = match action {
        A::See => (Anyone, MemberOrServer(Role::Member), Member(Role::Member)),
        A::Read => (Anyone, Member(Role::Member), Member(Role::Member)),
        A::Write => (Member(Role::Member), Member(Role::Member), Member(Role::Member)),
        A::MentionAll if room.is_small => (Member(Role::Member), Member(Role::Member), Never),
        A::MentionAll => (Member(Role::Admin), Member(Role::Admin), Never),
        A::Moderate => (MemberOrServer(Role::Admin), MemberOrServer(Role::Admin), Never),
        A::Join => (Anyone, Server, Never),
        A::Leave if room.is_group => (Never, Never, Member(Role::Member)),
        A::Leave => (Member(Role::Member), Member(Role::Member), Never),
        A::Add => (MemberOrServer(Role::Member), MemberOrServer(Role::Admin), Never),
        A::Remove(_) | A::Ban(_) | A::Mute(_) | A::Describe | A::ManageHooks | A::SetReadOnly => {
            (MemberOrServer(Role::Admin), MemberOrServer(Role::Admin), Never)
        }
        A::ChangeRole(..) | A::SetKind | A::Archive | A::Delete => {
            (MemberOrServer(Role::Owner), MemberOrServer(Role::Owner), Never)
        }
        A::SetDefault => (Server, Server, Never),
    };
    match room.kind {
        RoomKind::Open => open,
        RoomKind::Closed => closed,
        RoomKind::Dm => direct,
    }
}

/// The last column of the table: encrypted rooms, closed or direct. What changes their members, their name or their
/// roles is an entry of their log, which members sign; nobody does that by a call, and administrators of the server do
/// not at all (`e2ee.md` 13.7).
fn encrypted_requirement(action: Action, kind: RoomKind) -> Requirement {
    use Action as A;
    use Requirement::{Member, MemberOrServer, Never};
    let (closed, direct) = match action {
        A::See => (MemberOrServer(Role::Member), Member(Role::Member)),
        A::Read | A::Write => (Member(Role::Member), Member(Role::Member)),
        A::Moderate => (Member(Role::Admin), Never),
        A::Mute(_) | A::SetReadOnly => (MemberOrServer(Role::Admin), Never),
        A::Archive | A::Delete => (MemberOrServer(Role::Owner), Never),
        A::MentionAll
        | A::Join
        | A::Leave
        | A::Add
        | A::Remove(_)
        | A::Ban(_)
        | A::ChangeRole(..)
        | A::Describe
        | A::ManageHooks
        | A::SetKind
        | A::SetDefault => (Never, Never),
    };
    if kind == RoomKind::Dm { direct } else { closed }
}

/// Whether `subject` may do `action` in `room`.
///
/// # Errors
/// `not_found` for a room the subject may not know of, `not_member`, or `forbidden` with the reason.
pub fn decide(subject: Subject, room: RoomFacts, action: Action) -> Result<()> {
    if action != Action::See && decide(subject, room, Action::See).is_err() {
        return Err(no_room());
    }
    match requirement(action, room) {
        Requirement::Anyone => {}
        Requirement::MemberOrServer(_) | Requirement::Server if subject.is_admin => {}
        Requirement::Member(role) | Requirement::MemberOrServer(role)
            if subject.role.is_some_and(|own| own >= role) => {}
        Requirement::Member(_) | Requirement::MemberOrServer(_) if action == Action::See => {
            return Err(no_room());
        }
        Requirement::Member(_) | Requirement::MemberOrServer(_) if subject.role.is_none() => {
            return Err(Error::new(Code::NotMember, "You are not a member of this room."));
        }
        _ => return Err(forbidden(refusal(action, room))),
    }
    outranks(subject, action)?;
    allowed_now(subject, room, action)
}

/// Whether the room takes content of this form. Every command that changes messages is checked, whoever sends it, so
/// that no text is ever stored in an encrypted room.
///
/// # Errors
/// `bad_request`; `files_encrypted_room`.
pub fn check_form(room: RoomFacts, form: ContentForm) -> Result<()> {
    let text = match (room.is_encrypted, form) {
        (false, ContentForm::Plain | ContentForm::PlainWithFiles) => return Ok(()),
        (true, ContentForm::Sealed) => return Ok(()),
        (true, ContentForm::PlainWithFiles) => {
            let text = "This room is encrypted and takes no files that the server can read.";
            return Err(Error::new(Code::FilesEncryptedRoom, text));
        }
        (false, ContentForm::Sealed) => "This room is not encrypted; send \"msg\".",
        (true, ContentForm::Plain) => "This room is encrypted; send \"env\".",
    };
    Err(Error::new(Code::BadRequest, text))
}

/// Acting on a member takes a higher role than theirs; administrators of the server may act on owners, too.
fn outranks(subject: Subject, action: Action) -> Result<()> {
    let target = match action {
        Action::Remove(role) | Action::Mute(role) | Action::Ban(Some(role)) => role,
        _ => return Ok(()),
    };
    if subject.is_admin || subject.role.is_some_and(|own| own > target) {
        return Ok(());
    }
    Err(forbidden("This member has as much to say here as you."))
}

/// What the room's present state forbids, whoever has the right.
fn allowed_now(subject: Subject, room: RoomFacts, action: Action) -> Result<()> {
    match action {
        Action::Write | Action::Join | Action::Add if room.is_archived => {
            Err(forbidden("This room is archived."))
        }
        Action::Join if subject.is_banned => Err(forbidden("You were banned from this room.")),
        Action::Write if subject.is_muted => {
            Err(forbidden("A moderator has muted you in this room."))
        }
        Action::Write if room.is_read_only && subject.role < Some(Role::Admin) => {
            Err(forbidden("Only admins of this room may write here."))
        }
        Action::Write => subject.block.check(),
        _ => Ok(()),
    }
}

/// The answer to calls that change what the log of an encrypted room says.
const SELF_GOVERNED: &str = "Members of an encrypted room change it themselves.";

fn refusal(action: Action, room: RoomFacts) -> &'static str {
    use Action as A;
    match action {
        A::Join
        | A::Leave
        | A::Add
        | A::Remove(_)
        | A::Ban(_)
        | A::ChangeRole(..)
        | A::Describe
        | A::SetKind
        | A::SetDefault
            if room.is_encrypted =>
        {
            SELF_GOVERNED
        }
        Action::ManageHooks if room.is_encrypted => {
            "Nothing but its members writes in an encrypted room."
        }
        Action::MentionAll if room.kind == RoomKind::Dm => {
            "Everybody cannot be mentioned in a direct room."
        }
        Action::MentionAll => "In a room of this size only its admins may mention everybody.",
        Action::Leave => "A direct room of two cannot be left. It can be hidden.",
        Action::Add => "Only admins of the room may add people.",
        Action::Join => "This room takes members by invitation only.",
        Action::Remove(_) => "You may not remove members here.",
        Action::Ban(_) => "You may not ban anybody here.",
        Action::Mute(_) => "You may not mute members here.",
        Action::ChangeRole(..) => "Only an owner of the room may change roles.",
        Action::Moderate => "Only its author or an admin may delete a message.",
        Action::SetDefault => "Only admins choose the rooms that everybody joins.",
        _ => "You may not change this room.",
    }
}

fn forbidden(text: &'static str) -> Error {
    Error::new(Code::Forbidden, text)
}

/// The answer for somebody who cannot be written to, whatever the reason.
pub fn unreachable_person() -> Error {
    forbidden("This person cannot be written to.")
}

/// The answer for somebody who cannot be added to a room, whatever the reason.
pub fn unwilling_person() -> Error {
    forbidden("This person cannot be added to this room.")
}

/// Whether the server itself, or its operator, may do `action` in `room`: anything, but not what only the log of an
/// encrypted room can.
///
/// # Errors
/// `forbidden`.
pub fn decide_for_server(room: RoomFacts, action: Action) -> Result<()> {
    let is_refused =
        room.is_encrypted && encrypted_requirement(action, room.kind) == Requirement::Never;
    if is_refused { Err(forbidden(refusal(action, room))) } else { Ok(()) }
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

    fn room(kind: RoomKind) -> RoomFacts {
        RoomFacts {
            kind,
            is_read_only: false,
            is_archived: false,
            is_group: false,
            is_encrypted: false,
            is_small: false,
        }
    }

    fn subject(role: Option<Role>, is_admin: bool) -> Subject {
        Subject { is_admin, role, is_muted: false, is_banned: false, block: Block::None }
    }

    /// What no call does in an encrypted room, only an entry of its log.
    const NOBODY: &str = "?nnn nnnn";

    /// One letter per subject: `y` yes, `n` no, `?` "no such room", `m` "not a member".
    fn row(room: RoomFacts, action: Action) -> String {
        let letter = |is_admin: bool, role: Option<Role>| match decide(
            subject(role, is_admin),
            room,
            action,
        ) {
            Ok(()) => 'y',
            Err(error) if error.code() == Code::NotFound => '?',
            Err(error) if error.code() == Code::NotMember => 'm',
            Err(_) => 'n',
        };
        let of = |is_admin| ROLES.iter().map(|role| letter(is_admin, *role)).collect::<String>();
        format!("{} {}", of(false), of(true))
    }

    #[test]
    fn every_role_and_every_action_is_as_the_table_says() {
        use Action as A;
        use Role::{Admin, Member, Owner};
        let table: &[(A, [&str; 5])] = &[
            //                          open         closed       direct       encrypted    the same, direct
            (A::See, ["yyyy yyyy", "?yyy yyyy", "?yyy ?yyy", "?yyy yyyy", "?yyy ?yyy"]),
            (A::Read, ["yyyy yyyy", "?yyy myyy", "?yyy ?yyy", "?yyy myyy", "?yyy ?yyy"]),
            (A::Write, ["myyy myyy", "?yyy myyy", "?yyy ?yyy", "?yyy myyy", "?yyy ?yyy"]),
            (A::MentionAll, ["mnyy mnyy", "?nyy mnyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::Moderate, ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn", "?nyy mnyy", "?nnn ?nnn"]),
            (A::Join, ["yyyy yyyy", "?nnn yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::Leave, ["myyy myyy", "?yyy myyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::Add, ["myyy yyyy", "?nyy yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::Remove(Member), ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::Remove(Admin), ["mnny yyyy", "?nny yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::Remove(Owner), ["mnnn yyyy", "?nnn yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::Ban(None), ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::Ban(Some(Admin)), ["mnny yyyy", "?nny yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::Mute(Member), ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn", "?nyy yyyy", "?nnn ?nnn"]),
            (A::Mute(Owner), ["mnnn yyyy", "?nnn yyyy", "?nnn ?nnn", "?nnn yyyy", "?nnn ?nnn"]),
            (
                A::ChangeRole(Member, Admin),
                ["mnny yyyy", "?nny yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"],
            ),
            (
                A::ChangeRole(Owner, Member),
                ["mnny yyyy", "?nny yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"],
            ),
            (A::Describe, ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::ManageHooks, ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::SetReadOnly, ["mnyy yyyy", "?nyy yyyy", "?nnn ?nnn", "?nyy yyyy", "?nnn ?nnn"]),
            (A::SetKind, ["mnny yyyy", "?nny yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
            (A::Archive, ["mnny yyyy", "?nny yyyy", "?nnn ?nnn", "?nny yyyy", "?nnn ?nnn"]),
            (A::Delete, ["mnny yyyy", "?nny yyyy", "?nnn ?nnn", "?nny yyyy", "?nnn ?nnn"]),
            (A::SetDefault, ["nnnn yyyy", "?nnn yyyy", "?nnn ?nnn", NOBODY, "?nnn ?nnn"]),
        ];
        for (action, expected) in table {
            let encrypted = |kind| RoomFacts { is_encrypted: true, ..room(kind) };
            let columns =
                KINDS.map(room).into_iter().chain([RoomKind::Closed, RoomKind::Dm].map(encrypted));
            for (room, expected) in columns.zip(expected) {
                assert_eq!(&row(room, *action), expected, "{action:?} in {room:?}");
            }
        }
    }

    #[test]
    fn a_call_that_changes_an_encrypted_room_says_who_does() {
        let room = RoomFacts { is_encrypted: true, is_group: true, ..room(RoomKind::Dm) };
        for action in [Action::Leave, Action::Add, Action::Remove(Role::Member), Action::Describe] {
            let refused = decide(subject(Some(Role::Member), true), room, action).unwrap_err();
            assert_eq!(refused.message(), SELF_GOVERNED);
        }
        let server = |is_encrypted, action| {
            decide_for_server(RoomFacts { is_encrypted, kind: RoomKind::Closed, ..room }, action)
        };
        assert_eq!(server(true, Action::Add).unwrap_err().message(), SELF_GOVERNED);
        assert!(server(false, Action::Add).is_ok() && server(true, Action::Archive).is_ok());
    }

    #[test]
    fn in_a_read_only_room_only_its_admins_write() {
        let room = RoomFacts { is_read_only: true, ..room(RoomKind::Open) };
        let write = |role, is_admin| decide(subject(role, is_admin), room, Action::Write).is_ok();
        assert!(!write(Some(Role::Member), false) && !write(Some(Role::Member), true));
        assert!(write(Some(Role::Admin), false) && write(Some(Role::Owner), false));
    }

    #[test]
    fn an_archived_room_can_be_read_and_takes_neither_messages_nor_members() {
        let room = RoomFacts { is_archived: true, ..room(RoomKind::Open) };
        let owner = subject(Some(Role::Owner), true);
        for action in [Action::Write, Action::Join, Action::Add] {
            assert!(decide(owner, room, action).is_err(), "{action:?}");
        }
        for action in [Action::See, Action::Read, Action::Leave, Action::Archive, Action::Delete] {
            assert!(decide(owner, room, action).is_ok(), "{action:?}");
        }
    }

    #[test]
    fn the_muted_do_not_write_and_the_banned_do_not_join() {
        let muted = Subject { is_muted: true, ..subject(Some(Role::Owner), true) };
        assert!(decide(muted, room(RoomKind::Open), Action::Write).is_err());
        assert!(decide(muted, room(RoomKind::Open), Action::Read).is_ok());
        let banned = Subject { is_banned: true, ..subject(None, false) };
        assert!(decide(banned, room(RoomKind::Open), Action::Join).is_err());
    }

    #[test]
    fn a_block_keeps_both_from_writing_but_not_from_reading() {
        for block in [Block::Own, Block::Others] {
            let subject = Subject { block, ..subject(Some(Role::Member), true) };
            let refused = decide(subject, room(RoomKind::Dm), Action::Write).unwrap_err();
            assert_eq!(refused.code(), Code::Forbidden);
            assert_eq!(refused.message().contains("blocked"), block == Block::Own);
            assert!(decide(subject, room(RoomKind::Dm), Action::Read).is_ok());
        }
    }

    #[test]
    fn in_a_small_room_every_member_may_mention_all_and_in_a_direct_room_nobody() {
        let answers = KINDS.map(|kind| {
            let room = RoomFacts { is_small: true, ..room(kind) };
            ROLES.map(|role| decide(subject(role, false), room, Action::MentionAll).is_ok())
        });
        let (members, nobody) = ([false, true, true, true], [false; 4]);
        assert_eq!(answers, [members, members, nobody]);
    }

    #[test]
    fn a_group_may_be_left_and_a_pair_may_not() {
        let group = RoomFacts { is_group: true, ..room(RoomKind::Dm) };
        let member = subject(Some(Role::Member), false);
        assert!(decide(member, group, Action::Leave).is_ok());
        assert!(decide(member, room(RoomKind::Dm), Action::Leave).is_err());
    }

    #[test]
    fn text_belongs_into_plain_rooms_only_and_an_envelope_into_encrypted_ones_only() {
        for kind in KINDS {
            let refused = |is_encrypted, form| {
                let room = RoomFacts { is_encrypted, ..room(kind) };
                check_form(room, form).err().map(|error| error.message().to_owned())
            };
            assert_eq!(refused(false, ContentForm::Plain), None);
            let text = refused(false, ContentForm::Sealed).unwrap();
            assert_eq!(text, "This room is not encrypted; send \"msg\".");
            assert!(refused(true, ContentForm::Plain).unwrap().contains("send \"env\""));
            assert_eq!(refused(true, ContentForm::Sealed), None);
        }
    }
}
