//! What a refusal about encrypted rooms, keys or the directory tells programs: the `detail` of `e2ee.md` 13.5.

use serde::{Deserialize, Serialize};

use super::base64url;
use super::code::Code;
use super::ids::Uid;

/// The newest entry of a room's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogHead {
    /// Its number in the log.
    pub seq: u64,
    /// Its hash.
    #[serde(with = "base64url::array")]
    pub hash: [u8; 32],
}

/// Bytes of a wrap, a key of a room that is encrypted for one member: a byte for the suite, an encapsulated key, and 32
/// bytes with their tag.
pub const WRAP_BYTES: usize = 81;

/// Which wrap: whom it is for, and which key is in it. There is one of each. `{"uid","epoch","gen"}`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct WrapId {
    /// The member.
    pub uid: Uid,
    /// The number of the room's key.
    pub epoch: u64,
    /// The generation of the member's own keys, which opens it.
    #[serde(rename = "gen")]
    pub generation: u64,
}

/// Why a room needs a new key before the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RotationReason {
    /// Somebody left or was removed.
    Left,
    /// The keys of a member changed.
    Keys,
    /// The account of somebody who has the key is shut.
    Shut,
    /// The key has encrypted as many messages as it may.
    Full,
}

/// What is wrong, for programs. Each has a code of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EncryptionDetail {
    /// The message is under an older key of the room.
    EpochStale {
        /// The epoch of the newest key.
        epoch: u64,
        /// The log that says so.
        head: LogHead,
    },
    /// The room needs a new key first.
    RotationRequired {
        /// The reason.
        why: RotationReason,
        /// Members whose account is shut and who have the current key.
        shut: Vec<Uid>,
        /// The newest entry of the log.
        head: LogHead,
    },
    /// The log has gone on.
    LogConflict {
        /// Its newest entry.
        head: LogHead,
    },
    /// The keys that came with a batch are not for exactly those who are entitled to one.
    MembersChanged {
        /// Who needs one.
        missing: Vec<Uid>,
        /// Whose is not wanted.
        extra: Vec<Uid>,
        /// The newest position of the directory.
        dn: u64,
    },
    /// The signature is by an older generation of the author's keys.
    GenStale {
        /// The newest one.
        #[serde(rename = "gen")]
        generation: u64,
    },
    /// The account's keys were changed elsewhere.
    KeysConflict {
        /// Their number.
        ak_gen: u64,
        /// The number of the trust store.
        trust_rev: u64,
    },
    /// Two lists of keys differ.
    DirConflict {
        /// A position of the server's list.
        n: u64,
        /// Its hash there.
        #[serde(with = "base64url::array")]
        h: [u8; 32],
    },
    /// An entry of a log, or of the directory, breaks a rule.
    BadEntry {
        /// Which of the entries sent.
        index: usize,
        /// The rule, as `e2ee.md` 5.1 and 6.3 name it.
        rule: &'static str,
    },
    /// A signature does not verify.
    BadSignature {
        /// Which of the entries sent; absent if it was none.
        #[serde(skip_serializing_if = "Option::is_none")]
        index: Option<usize>,
    },
    /// The time of an entry is not now.
    BadTime {
        /// The server's clock, in milliseconds.
        now: u64,
    },
}

impl EncryptionDetail {
    /// The code that goes with it.
    pub fn code(&self) -> Code {
        match self {
            Self::EpochStale { .. } => Code::EpochStale,
            Self::RotationRequired { .. } => Code::RotationRequired,
            Self::LogConflict { .. } => Code::LogConflict,
            Self::MembersChanged { .. } => Code::MembersChanged,
            Self::GenStale { .. } => Code::GenStale,
            Self::KeysConflict { .. } => Code::KeysConflict,
            Self::DirConflict { .. } => Code::DirConflict,
            Self::BadEntry { .. } => Code::BadEntry,
            Self::BadSignature { .. } => Code::BadSignature,
            Self::BadTime { .. } => Code::BadTime,
        }
    }

    /// The sentence that goes with it.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::EpochStale { .. } => "This room has a newer key.",
            Self::RotationRequired { .. } => "This room needs a new key before the next message.",
            Self::LogConflict { .. } => "Somebody else changed this room first.",
            Self::MembersChanged { .. } => "The members of this room, or their keys, have changed.",
            Self::GenStale { .. } => "Your keys were changed in another browser.",
            Self::KeysConflict { .. } => {
                "The keys of this account were changed in another browser."
            }
            Self::DirConflict { .. } => "This server has another list of keys.",
            Self::BadEntry { .. } => "This change of the room or of the keys is not allowed.",
            Self::BadSignature { .. } => "A signature is not right.",
            Self::BadTime { .. } => "The clock of this device differs too much from the server's.",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::error::Error;

    #[test]
    fn a_detail_brings_its_code_and_stands_under_its_own_name() {
        let head = LogHead { seq: 14, hash: [0; 32] };
        let zeros = "A".repeat(43);
        let (shut, why) = (vec![Uid(45)], RotationReason::Shut);
        let (missing, extra) = (vec![Uid(7)], vec![]);
        let head_json = json!({"seq": 14, "hash": zeros});
        let cases = [
            (
                EncryptionDetail::EpochStale { epoch: 8, head },
                "epoch_stale",
                json!({"epoch": 8, "head": head_json}),
            ),
            (
                EncryptionDetail::RotationRequired { why, shut, head },
                "rotation_required",
                json!({"why": "shut", "shut": ["45"], "head": head_json}),
            ),
            (EncryptionDetail::LogConflict { head }, "log_conflict", json!({"head": head_json})),
            (
                EncryptionDetail::MembersChanged { missing, extra, dn: 5 },
                "members_changed",
                json!({"missing": ["7"], "extra": [], "dn": 5}),
            ),
            (EncryptionDetail::GenStale { generation: 2 }, "gen_stale", json!({"gen": 2})),
            (
                EncryptionDetail::KeysConflict { ak_gen: 3, trust_rev: 4 },
                "keys_conflict",
                json!({"ak_gen": 3, "trust_rev": 4}),
            ),
            (
                EncryptionDetail::DirConflict { n: 9, h: [0; 32] },
                "dir_conflict",
                json!({"n": 9, "h": zeros}),
            ),
            (
                EncryptionDetail::BadEntry { index: 1, rule: "role" },
                "bad_entry",
                json!({"index": 1, "rule": "role"}),
            ),
            (
                EncryptionDetail::BadSignature { index: Some(2) },
                "bad_signature",
                json!({"index": 2}),
            ),
            (EncryptionDetail::BadTime { now: 12 }, "bad_time", json!({"now": 12})),
        ];
        for (detail, code, wanted) in cases {
            let error = Error::with_detail(detail);
            assert_eq!(error.code().as_str(), code);
            assert_eq!(serde_json::to_value(error.detail()).unwrap(), json!({"detail": wanted}));
            assert_eq!(error.again().detail(), error.detail());
        }
    }
}
