//! The envelope of an encrypted message, as far as the wire knows it: JSON that is stored and sent as it came. What is
//! in it is read and verified by the room (`e2ee::envelope`).

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::base::ids::Mid;

/// Whatever somebody has sent as an envelope. The room reads it.
#[derive(Debug, Clone, PartialEq)]
pub struct SentEnvelope(pub Value);

impl SentEnvelope {
    /// Whether it is a new message, if it is an envelope; everything else needs a lookup in the store.
    pub fn is_new_message(&self) -> bool {
        self.rev() == Some(0) && self.0["kind"] == "msg"
    }

    /// The revision that it names.
    pub fn rev(&self) -> Option<u32> {
        self.0["rev"].as_u64().and_then(|rev| u32::try_from(rev).ok())
    }

    /// The messages that it names: its own, and the one that a reaction is for.
    pub fn mids(&self) -> impl Iterator<Item = Mid> + '_ {
        ["mid", "ref"].into_iter().filter_map(|name| self.0[name].as_str()?.parse().ok())
    }
}

/// An envelope: `{"v","mid","rev","kind","ref"?,"epoch","by","gen","ts","ls","lh","dn","dh","blobs"?,"n"?,"c"?,"s"}`.
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope(Arc<Value>);

impl Envelope {
    /// From its JSON, if that is an envelope: it has a version, a kind and a signature.
    pub fn parse(json: &str) -> Option<Self> {
        Self::of(serde_json::from_str(json).ok()?)
    }

    /// From JSON that is parsed already, if that is an envelope.
    pub fn of(json: Value) -> Option<Self> {
        let is_envelope = json["v"].is_u64() && json["kind"].is_string() && json["s"].is_string();
        is_envelope.then(|| Self(Arc::new(json)))
    }

    /// Its JSON.
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// About how many bytes it takes: those of its texts.
    pub fn size(&self) -> usize {
        let fields = self.0.as_object().into_iter().flatten();
        fields.filter_map(|(_, value)| value.as_str()).map(str::len).sum()
    }
}

// One envelope has one JSON, which has no fractions.
impl Eq for Envelope {}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
