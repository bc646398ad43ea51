//! Frames to JSON.

use bytes::Bytes;
use serde::Serialize;

use crate::base::limits::chat as limits;

/// Encodes a frame. Serialising to memory fails only for a map key that is not a string and for a number
/// that is not finite; no frame has either.
pub(super) fn to_json(value: &impl Serialize) -> Bytes {
    let mut json = Vec::with_capacity(limits::FRAME);
    match serde_json::to_writer(&mut json, value) {
        Ok(()) => json.into(),
        Err(error) => {
            tracing::error!(%error, "a frame could not be encoded");
            Bytes::from_static(br#"{"op":"err","code":"internal","message":"Encoding failed."}"#)
        }
    }
}
