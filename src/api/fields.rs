//! Fields of requests that several handlers read.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::base::error::{Error, Result};
use crate::base::limits::api as limits;

/// For a field that stays as it is when absent and is cleared by `null`. With
/// `#[serde(default, deserialize_with = "present")]` on an `Option<Option<T>>` any value is `Some`, also `null`.
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// How long something lives by its `expires_in_s`: absent for as long as usual, `null` for ever (`None`).
///
/// # Errors
/// `bad_request` outside of what is allowed.
pub(super) fn lifetime(
    expires_in_s: Option<Option<u64>>,
    usual: Duration,
    allowed: RangeInclusive<Duration>,
) -> Result<Option<Duration>> {
    match expires_in_s.map(|wanted| wanted.map(Duration::from_secs)) {
        None => Ok(Some(usual)),
        Some(None) => Ok(None),
        Some(Some(wanted)) if allowed.contains(&wanted) => Ok(Some(wanted)),
        Some(Some(_)) => {
            Err(Error::field("expires_in_s", "must be a minute to a year in seconds, or null"))
        }
    }
}

/// Whether it can be a language tag such as `en` or `pt-BR`, or is empty.
pub(super) fn is_language_tag(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.len() <= limits::LOCALE && text.bytes().all(is_plain)
}
