//! The one answer to each command.

use bytes::Bytes;
use serde::Serialize;

use super::encode::to_json;
use super::room::ReadState;
use crate::base::encryption::LogHead;
use crate::base::error::{Detail, Error};
use crate::base::ids::Epoch;

/// The answer to a command that was carried out: `{"op":"ok","id":…,…}`.
#[derive(Debug, Default, Serialize)]
pub struct OkAnswer<'a> {
    op: OkName,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mentions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<LogHead>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
enum OkName {
    #[default]
    Ok,
}

impl<'a> OkAnswer<'a> {
    /// The answer to the command with this `id`.
    pub fn to(id: Option<&'a str>) -> Self {
        Self { id, ..Self::default() }
    }

    /// Adds the `seq` it is about.
    pub fn seq(mut self, seq: u64) -> Self {
        self.seq = Some(seq);
        self
    }

    /// Adds the time of a change, in milliseconds.
    pub fn at(mut self, at: i64) -> Self {
        self.at = Some(at);
        self
    }

    /// Says whether more was missed than is replayed.
    pub fn truncated(mut self, truncated: bool) -> Self {
        self.truncated = truncated;
        self
    }

    /// Says in which epoch the `seq` is.
    pub fn epoch(mut self, epoch: Epoch) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// Says what the reader has read of the room, and what is unread.
    pub fn read_state(mut self, state: ReadState) -> Self {
        self.read = Some(state.read);
        (self.unread, self.mentions) = (Some(state.unread), Some(state.mentions));
        self
    }

    /// Says how far the log of an encrypted room goes.
    pub fn log(mut self, log: Option<LogHead>) -> Self {
        self.log = log;
        self
    }

    /// The complete JSON text.
    pub fn encode(&self) -> Bytes {
        to_json(self)
    }
}

/// The answer to a command that was refused: `{"op":"err","id":…,"code":…,"message":…,"retry_ms"?,"detail"?}`.
pub fn error(id: Option<&str>, error: &Error) -> Bytes {
    #[derive(Serialize)]
    struct ErrorAnswer<'a> {
        op: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<&'a str>,
        code: &'static str,
        message: &'a str,
        #[serde(flatten)]
        detail: &'a Detail,
    }
    to_json(&ErrorAnswer {
        op: "err",
        id,
        code: error.code().as_str(),
        message: error.message(),
        detail: error.detail(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::encryption::EncryptionDetail;

    #[test]
    fn the_detail_of_an_error_stands_beside_its_code() {
        let refused = Error::with_detail(EncryptionDetail::BadTime { now: 12 });
        let frame: serde_json::Value = serde_json::from_slice(&error(Some("3"), &refused)).unwrap();
        assert_eq!((&frame["code"], &frame["detail"]["now"]), (&"bad_time".into(), &12.into()));
    }
}
