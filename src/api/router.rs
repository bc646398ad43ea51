//! Which paths exist and what may be done to them.
//!
//! Two plain matches instead of a framework: a path names a [`Resource`], a resource allows some
//! methods. So an unknown path is 404, a known one with a wrong method 405 with `Allow`, and an id
//! that is no id never reaches a handler.

use super::admin;
use crate::base::ids::{InviteId, RoomId, SessionId, Uid};
use crate::base::limits;
use crate::http::Cost;

/// A thing with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// `/health`
    Health,
    /// `/ready`
    Ready,
    /// `/metrics`
    Metrics,
    /// `/ws`
    Socket,
    /// `/api/info`
    Info,
    /// `/api/e2ee/info`
    EncryptionInfo,
    /// `/api/auth/prelogin`
    Prelogin,
    /// `/api/auth/register`
    Register,
    /// `/api/auth/login`
    Login,
    /// `/api/auth/logout`
    Logout,
    /// `/api/auth/unlock`
    Unlock,
    /// `/api/auth/ticket`
    Ticket,
    /// `/api/auth/password/prepare`
    PasswordPrepare,
    /// `/api/auth/password/commit`
    PasswordCommit,
    /// `/api/me`
    Me,
    /// `/api/me/avatar`
    MyAvatar,
    /// `/avatars/{name}-{size}.{type}`
    Avatar,
    /// `/api/sessions`
    Sessions,
    /// `/api/sessions/{id}`
    Session(SessionId),
    /// `/api/tokens`
    Tokens,
    /// `/api/tokens/{id}`
    Token(SessionId),
    /// `/api/users`
    Users,
    /// `/api/users/{id}`
    User(Uid),
    /// `/api/blocks`
    Blocks,
    /// `/api/blocks/{uid}`
    Block(Uid),
    /// `/api/rooms`
    Rooms,
    /// `/api/rooms/directory`
    Directory,
    /// `/api/rooms/{id}`
    Room(RoomId),
    /// `/api/rooms/{id}/me`
    Mine(RoomId),
    /// `/api/rooms/{id}/restore`
    Restore(RoomId),
    /// `/api/rooms/{id}/bans`
    Bans(RoomId),
    /// `/api/rooms/{id}/bans/{uid}`
    Ban(RoomId, Uid),
    /// `/api/rooms/{id}/members`
    Members(RoomId),
    /// `/api/rooms/{id}/members/{uid}`
    Member(RoomId, Uid),
    /// `/api/rooms/{id}/messages`
    Messages(RoomId),
    /// `/api/invites`
    Invites,
    /// `/api/invites/look`
    InviteLook,
    /// `/api/invites/accept`
    InviteAccept,
    /// `/api/invites/{id}`
    Invite(InviteId),
    /// `/api/admin/…`
    Admin(admin::Resource),
}

impl Resource {
    /// What a request for it costs.
    pub fn cost(self) -> Cost {
        match self {
            Self::Health => Cost::Light,
            Self::Avatar => Cost::Lookup,
            Self::Ready | Self::Metrics => Cost::Heavy,
            Self::Register | Self::Login => Cost::Queued,
            _ => Cost::Call,
        }
    }

    /// The resource at `path`, which is decoded and starts with a slash.
    pub fn find(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.strip_prefix('/')?.splitn(SEGMENTS_MAX, '/').collect();
        match segments.as_slice() {
            ["health"] => Some(Self::Health),
            ["ready"] => Some(Self::Ready),
            ["metrics"] => Some(Self::Metrics),
            ["ws"] => Some(Self::Socket),
            ["avatars", _] => Some(Self::Avatar),
            ["api", "admin", rest @ ..] => admin::Resource::find(rest).map(Self::Admin),
            ["api", rest @ ..] => Self::find_api(rest),
            _ => None,
        }
    }

    fn find_api(segments: &[&str]) -> Option<Self> {
        Some(match segments {
            ["info"] => Self::Info,
            ["e2ee", "info"] => Self::EncryptionInfo,
            ["auth", "prelogin"] => Self::Prelogin,
            ["auth", "register"] => Self::Register,
            ["auth", "login"] => Self::Login,
            ["auth", "logout"] => Self::Logout,
            ["auth", "unlock"] => Self::Unlock,
            ["auth", "ticket"] => Self::Ticket,
            ["auth", "password", "prepare"] => Self::PasswordPrepare,
            ["auth", "password", "commit"] => Self::PasswordCommit,
            ["me"] => Self::Me,
            ["me", "avatar"] => Self::MyAvatar,
            ["sessions"] => Self::Sessions,
            ["sessions", id] => Self::Session(id.parse().ok()?),
            ["tokens"] => Self::Tokens,
            ["tokens", id] => Self::Token(id.parse().ok()?),
            ["users"] => Self::Users,
            ["users", id] => Self::User(id.parse().ok()?),
            ["blocks"] => Self::Blocks,
            ["blocks", uid] => Self::Block(uid.parse().ok()?),
            ["rooms"] => Self::Rooms,
            ["rooms", "directory"] => Self::Directory,
            ["rooms", id] => Self::Room(id.parse().ok()?),
            ["rooms", id, "me"] => Self::Mine(id.parse().ok()?),
            ["rooms", id, "restore"] => Self::Restore(id.parse().ok()?),
            ["rooms", id, "bans"] => Self::Bans(id.parse().ok()?),
            ["rooms", id, "bans", uid] => Self::Ban(id.parse().ok()?, uid.parse().ok()?),
            ["rooms", id, "members"] => Self::Members(id.parse().ok()?),
            ["rooms", id, "members", uid] => Self::Member(id.parse().ok()?, uid.parse().ok()?),
            ["rooms", id, "messages"] => Self::Messages(id.parse().ok()?),
            ["invites"] => Self::Invites,
            ["invites", "look"] => Self::InviteLook,
            ["invites", "accept"] => Self::InviteAccept,
            ["invites", id] => Self::Invite(id.parse().ok()?),
            _ => return None,
        })
    }

    /// What `Allow` says. `HEAD` goes wherever `GET` goes.
    pub fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Health
            | Self::Ready
            | Self::Metrics
            | Self::Info
            | Self::EncryptionInfo
            | Self::Avatar
            | Self::Directory
            | Self::Blocks
            | Self::Bans(_)
            | Self::Users
            | Self::User(_)
            | Self::Messages(_) => &["GET", "HEAD"],
            Self::Socket => &["GET"],
            Self::Prelogin
            | Self::Register
            | Self::Login
            | Self::Logout
            | Self::Unlock
            | Self::Ticket
            | Self::PasswordPrepare
            | Self::PasswordCommit
            | Self::Restore(_)
            | Self::InviteLook
            | Self::InviteAccept => &["POST"],
            Self::Me => &["GET", "HEAD", "PATCH", "DELETE"],
            Self::MyAvatar => &["PUT", "DELETE"],
            Self::Mine(_) => &["PATCH"],
            Self::Ban(..) | Self::Block(_) => &["PUT", "DELETE"],
            Self::Sessions => &["GET", "HEAD", "DELETE"],
            Self::Session(_) | Self::Token(_) | Self::Invite(_) => &["DELETE"],
            Self::Tokens | Self::Rooms | Self::Members(_) | Self::Invites => {
                &["GET", "HEAD", "POST"]
            }
            Self::Admin(resource) => resource.methods(),
            Self::Room(_) => &["GET", "HEAD", "PATCH", "DELETE"],
            Self::Member(..) => &["PATCH", "DELETE"],
        }
    }

    /// Largest body this resource reads. What takes none still drains a small one.
    pub fn body_limit(self) -> usize {
        match self {
            Self::Rooms | Self::Room(_) | Self::Members(_) | Self::Me => limits::http::BODY,
            Self::MyAvatar => limits::api::AVATAR_BODY,
            _ => limits::api::SMALL_BODY,
        }
    }
}

/// One more than the longest path has, so that a longer one matches nothing.
const SEGMENTS_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_resource() {
        assert_eq!(Resource::find("/health"), Some(Resource::Health));
        assert_eq!(Resource::find("/api/rooms/7"), Some(Resource::Room(RoomId(7))));
        assert_eq!(Resource::find("/api/rooms/directory"), Some(Resource::Directory));
        assert_eq!(
            Resource::find("/api/admin/users/9/restore"),
            Some(Resource::Admin(admin::Resource::UserRestore(Uid(9))))
        );
        assert_eq!(
            Resource::find("/api/rooms/7/members/9"),
            Some(Resource::Member(RoomId(7), Uid(9)))
        );
    }

    #[test]
    fn who_waits_to_sign_in_takes_no_place_of_other_calls() {
        let cost = |path| Resource::find(path).unwrap().cost();
        assert_eq!(cost("/api/auth/login"), Cost::Queued);
        assert_eq!(cost("/api/auth/register"), Cost::Queued);
        assert_eq!(cost("/api/auth/prelogin"), Cost::Call);
    }

    #[test]
    fn near_misses_name_nothing() {
        for path in [
            "",
            "/",
            "/api",
            "/api/",
            "/api/rooms/",
            "/api/admin",
            "/api/admin/users/x",
            "/avatars/a/b",
            "/api/rooms/07",
            "/api/rooms/-1",
            "/api/rooms/x",
            "/api/rooms/7/members/9/",
            "/api/rooms/7/members/9/more/and/more",
            "/API/rooms",
            "/health/",
        ] {
            assert_eq!(Resource::find(path), None, "{path}");
        }
    }
}
