//! What a refusal about files tells programs: its `detail`.

use serde::Serialize;

use super::code::Code;

/// Whose share of the store is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quota {
    /// What one person may keep.
    Person,
    /// What the messages of one room may have.
    Room,
    /// What all of them may keep together.
    Server,
    /// How many files of one person may wait for their message.
    Unsent,
}

/// What is wrong, for programs. Each has a code of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FileDetail {
    /// The file is too large.
    TooLarge {
        /// The size of the largest one that is taken, in bytes.
        max: u64,
    },
    /// More bytes come than were announced.
    TooMany {
        /// How many were, in bytes.
        max: u64,
    },
    /// Something is full.
    QuotaFull {
        /// Whose share.
        of: Quota,
    },
    /// The bytes begin elsewhere.
    WrongOffset {
        /// Where they have to.
        offset: u64,
    },
}

impl FileDetail {
    /// The code that goes with it.
    pub fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => Code::TooLarge,
            Self::QuotaFull { .. } => Code::QuotaFull,
            Self::WrongOffset { .. } => Code::WrongOffset,
        }
    }

    /// The sentence that goes with it.
    pub fn sentence(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "This file is larger than this server takes.",
            Self::TooMany { .. } => "These are more bytes than were announced.",
            Self::QuotaFull { of: Quota::Person } => {
                "Your files take as much space as one person may have."
            }
            Self::QuotaFull { of: Quota::Room } => {
                "The files of this room take as much space as one room may have."
            }
            Self::QuotaFull { of: Quota::Server } => {
                "The files on this server take as much space as they may."
            }
            Self::QuotaFull { of: Quota::Unsent } => {
                "Too many of your files wait to be sent. Send or discard some first."
            }
            Self::WrongOffset { .. } => "The upload goes on at another place.",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::error::Error;

    #[test]
    fn a_detail_brings_its_code_and_its_fields() {
        let cases = [
            (FileDetail::TooLarge { max: 5 }, "too_large", json!({"max": 5})),
            (FileDetail::TooMany { max: 5 }, "too_large", json!({"max": 5})),
            (FileDetail::QuotaFull { of: Quota::Room }, "quota_full", json!({"of": "room"})),
            (FileDetail::WrongOffset { offset: 7 }, "wrong_offset", json!({"offset": 7})),
        ];
        for (detail, code, wanted) in cases {
            let error = Error::with_detail(detail);
            assert_eq!(error.code().as_str(), code);
            assert_eq!(serde_json::to_value(error.detail()).unwrap(), json!({"detail": wanted}));
        }
    }
}
