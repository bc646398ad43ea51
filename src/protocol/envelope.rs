//! The envelope of an encrypted message, as far as the wire knows it: JSON that is stored and sent as it came. What is
//! in it is read and verified by the room (`e2ee::envelope`).

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// An envelope: `{"v","mid","rev","kind","ref"?,"epoch","by","gen","ts","ls","lh","dn","dh","blobs"?,"n"?,"c"?,"s"}`.
/// Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope(Arc<Map<String, Value>>);

impl Envelope {
    /// From its JSON, if that is an envelope: it has a version, a kind and a signature.
    pub fn parse(json: &str) -> Option<Self> {
        Self::of(serde_json::from_str(json).ok()?)
    }

    /// From JSON that is parsed already, if that is an envelope.
    pub fn of(json: Value) -> Option<Self> {
        let Value::Object(fields) = json else { return None };
        let has = |name, is: fn(&Value) -> bool| fields.get(name).is_some_and(is);
        let is_envelope =
            has("v", Value::is_u64) && has("kind", Value::is_string) && has("s", Value::is_string);
        is_envelope.then(|| Self(Arc::new(fields)))
    }

    /// About how many bytes it takes: those of its texts.
    pub fn size(&self) -> usize {
        self.0.values().filter_map(Value::as_str).map(str::len).sum()
    }
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
