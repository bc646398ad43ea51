//! Which paths exist under `/api/admin`.

use crate::base::ids::{InviteId, RoomId, Uid};

/// A thing with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// `users`
    Users,
    /// `users/{id}`
    User(Uid),
    /// `users/{id}/restore`
    UserRestore(Uid),
    /// `users/{id}/reset`
    UserReset(Uid),
    /// `users/{id}/sessions`
    UserSessions(Uid),
    /// `rooms`
    Rooms,
    /// `rooms/{id}`
    Room(RoomId),
    /// `rooms/{id}/restore`
    RoomRestore(RoomId),
    /// `invites`
    Invites,
    /// `invites/{id}`
    Invite(InviteId),
    /// `settings`
    Settings,
    /// `audit`
    Audit,
    /// `audit/verify`
    AuditVerify,
    /// `stats`
    Stats,
    /// `purge`
    Purge,
}

impl Resource {
    /// The resource behind `/api/admin/` and these segments.
    pub fn find(segments: &[&str]) -> Option<Self> {
        Some(match segments {
            ["users"] => Self::Users,
            ["users", id] => Self::User(id.parse().ok()?),
            ["users", id, "restore"] => Self::UserRestore(id.parse().ok()?),
            ["users", id, "reset"] => Self::UserReset(id.parse().ok()?),
            ["users", id, "sessions"] => Self::UserSessions(id.parse().ok()?),
            ["rooms"] => Self::Rooms,
            ["rooms", id] => Self::Room(id.parse().ok()?),
            ["rooms", id, "restore"] => Self::RoomRestore(id.parse().ok()?),
            ["invites"] => Self::Invites,
            ["invites", id] => Self::Invite(id.parse().ok()?),
            ["settings"] => Self::Settings,
            ["audit"] => Self::Audit,
            ["audit", "verify"] => Self::AuditVerify,
            ["stats"] => Self::Stats,
            ["purge"] => Self::Purge,
            _ => return None,
        })
    }

    /// What `Allow` says.
    pub fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Users | Self::Rooms | Self::Invites => &["GET", "HEAD", "POST"],
            Self::User(_) => &["GET", "HEAD", "PATCH", "DELETE"],
            Self::UserRestore(_) | Self::UserReset(_) | Self::RoomRestore(_) | Self::Purge => {
                &["POST"]
            }
            Self::UserSessions(_) | Self::Invite(_) => &["DELETE"],
            Self::Room(_) => &["PATCH", "DELETE"],
            Self::Settings => &["GET", "HEAD", "PATCH"],
            Self::Audit | Self::AuditVerify | Self::Stats => &["GET", "HEAD"],
        }
    }
}
