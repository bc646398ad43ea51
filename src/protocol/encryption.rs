//! What encrypted rooms add to the wire: entries of a room's log, and keys wrapped for its members (`e2ee.md` 13.2,
//! 13.3). Bytes are base64url without padding.

use serde::{Deserialize, Serialize};

use crate::base::base64url;
use crate::base::encryption::{WRAP_BYTES, WrapId};
use crate::base::ids::Uid;

/// An entry of a log: `{"e","s"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// Its bytes.
    #[serde(rename = "e", with = "base64url::bytes")]
    pub entry: Vec<u8>,
    /// The signature of its author over them: 64 bytes, if it is one.
    #[serde(rename = "s", with = "base64url::bytes")]
    pub signature: Vec<u8>,
}

/// A key of the room, encrypted for a member: `{"epoch","uid","gen","w"}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostedWrap {
    /// The number of the key.
    pub epoch: u64,
    /// The member.
    pub uid: Uid,
    /// The generation of the member's keys.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// The bytes.
    #[serde(rename = "w", with = "base64url::array")]
    pub bytes: [u8; WRAP_BYTES],
}

/// The same for the member it is for: `{"epoch","gen","w"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnWrap {
    /// The number of the key.
    pub epoch: u64,
    /// The generation of the member's keys.
    #[serde(rename = "gen")]
    pub generation: u64,
    /// The bytes.
    #[serde(rename = "w", with = "base64url::array")]
    pub bytes: [u8; WRAP_BYTES],
}

impl PostedWrap {
    /// Whom it is for, and which key it is.
    pub fn id(&self) -> WrapId {
        let &Self { uid, epoch, generation, .. } = self;
        WrapId { uid, epoch, generation }
    }

    /// The same for the member it is for.
    pub fn own(&self) -> OwnWrap {
        let &Self { epoch, generation, bytes, .. } = self;
        OwnWrap { epoch, generation, bytes }
    }
}
