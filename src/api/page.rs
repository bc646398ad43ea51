//! Pages of long lists: `limit` and an opaque cursor, which is where the page before ended.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::{Value, json};

use crate::base::error::{Error, Result};
use crate::base::limits::api::{PAGE, PAGE_MAX};
use crate::http::Request;

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

    /// This page of a whole list that is sorted by `key`: its entries, the key the next page starts
    /// after, and how many entries there are.
    pub fn cut<T>(
        &self,
        all: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>, usize) {
        let total = all.len();
        let first = match &self.after {
            Some(after) => all.partition_point(|entry| key(entry) <= *after),
            None => 0,
        };
        let rest = total - first;
        let page: Vec<_> = all.into_iter().skip(first).take(self.limit).collect();
        let next = if rest > page.len() { page.last().map(key) } else { None };
        (page, next, total)
    }
}

/// The cursor behind an entry with this sort key.
pub(super) fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// The answer with a page; without `next` at the end.
pub(super) fn paged<T: Serialize>(
    field: &str,
    entries: T,
    next: Option<String>,
    total: impl Serialize,
) -> Value {
    let mut page = json!({ field: entries, "total": total });
    if let Some(next) = next {
        page["next"] = json!(next);
    }
    page
}

fn decode(text: &str) -> Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        // No key has it, and PostgreSQL takes no text with it.
        .filter(|key| !key.contains('\0'))
        .ok_or_else(|| Error::field("after", "is not a cursor of this list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let all = || (0..7).map(|n| format!("{n}")).collect::<Vec<_>>();
        let mut page = Page { limit: 3, after: None, q: String::new() };
        let mut seen = Vec::new();
        loop {
            let (entries, next, total) = page.cut(all(), Clone::clone);
            assert_eq!(total, 7);
            seen.extend(entries);
            if next.is_none() {
                break;
            }
            page.after = next;
        }
        assert_eq!(seen, all());
        // What the cursor stood on may be gone by now.
        page.after = Some("2x".into());
        assert_eq!(page.cut(all(), Clone::clone).0, ["3", "4", "5"]);
    }

    #[test]
    fn a_cursor_gives_back_its_key_and_nothing_else_is_one() {
        assert_eq!(decode(&cursor("Анна 1")).unwrap(), "Анна 1");
        for wrong in ["=", "a b", "_w", "AA"] {
            assert!(decode(wrong).is_err(), "{wrong:?}");
        }
    }
}
