//! The envelope of an encrypted message. The server stores it and sends it as it came; only members of its room
//! can open it.

use serde::Serialize;
use serde_json::{Map, Value};

/// An envelope: `{"v","mid","rev","kind","epoch","by","gen","ts","ls","lh","dn","dh","n","c","s"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Envelope(Map<String, Value>);

impl Envelope {
    /// From its JSON, if that is an envelope: it has a version, a kind and a signature.
    pub fn parse(json: &str) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(json).ok()?;
        let has = |name, is: fn(&Value) -> bool| fields.get(name).is_some_and(is);
        let is_envelope =
            has("v", Value::is_u64) && has("kind", Value::is_string) && has("s", Value::is_string);
        is_envelope.then_some(Self(fields))
    }

    /// About how many bytes it takes: those of its texts.
    pub fn size(&self) -> usize {
        self.0.values().filter_map(Value::as_str).map(str::len).sum()
    }
}
