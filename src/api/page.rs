//! Pages of long lists: `limit` and an opaque cursor, which is where the page before ended.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Result};
use crate::http::Request;
use crate::limits::api::{PAGE, PAGE_MAX};

/// Which page a caller wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// How many entries.
    pub limit: usize,
    /// The sort key of the last entry the caller has.
    pub after: Option<String>,
    /// What the entries must contain.
    pub q: String,
}

impl Page {
    /// Reads `limit`, `after` and `q`.
    ///
    /// # Errors
    /// `bad_request` naming the parameter.
    pub fn of(request: &Request) -> Result<Self> {
        let limit = match request.query("limit") {
            None => PAGE,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=PAGE_MAX).contains(&limit) => limit,
                _ => return Err(Error::field("limit", &format!("must be 1 to {PAGE_MAX}"))),
            },
        };
        let after = request.query("after").map(|text| decode(&text)).transpose()?;
        let q = request.query("q").unwrap_or_default().trim().to_owned();
        if q.chars().count() > PAGE_MAX {
            return Err(Error::field("q", "is too long"));
        }
        Ok(Self { limit, after, q })
    }
}

/// The cursor behind an entry with this sort key.
pub(super) fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

fn decode(text: &str) -> Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Error::field("after", "is not a cursor of this list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_back_its_key_and_nothing_else_is_one() {
        assert_eq!(decode(&cursor("Анна 1")).unwrap(), "Анна 1");
        for wrong in ["=", "a b", "_w"] {
            assert!(decode(wrong).is_err(), "{wrong:?}");
        }
    }
}
