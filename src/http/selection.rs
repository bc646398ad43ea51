//! What a request for a file gets: all of it, a part, or the word that it has it already (RFC 9110, 13 and 14).

use std::ops::Range;

use super::head::Head;
use super::range::{ByteRange, byte_range};
use super::response::Response;
use super::source::Source;
use crate::base::error::{Code, Error};

/// What a request for a file gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    etag: String,
    length: u64,
    is_head: bool,
    selected: Selected,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Selected {
    Whole,
    Part(Range<u64>),
    NotModified,
    Unsatisfiable,
}

impl Selection {
    /// What a request selects of a file with this `ETag`, in its quotes, and so many bytes.
    pub fn of(head: &Head, etag: &str, length: u64) -> Self {
        let is_head = head.method.as_str() == "HEAD";
        let selected = if is_known(head, etag) {
            Selected::NotModified
        } else if is_head || !is_range_valid(head, etag) {
            Selected::Whole
        } else {
            selected(head, length)
        };
        Self { etag: etag.to_owned(), length, is_head, selected }
    }

    /// The bytes that are to be sent; none for `HEAD` and where the answer has none of them.
    pub fn bytes(&self) -> Option<Range<u64>> {
        match &self.selected {
            Selected::Whole if !self.is_head => Some(0..self.length),
            Selected::Part(part) => Some(part.clone()),
            Selected::Whole | Selected::NotModified | Selected::Unsatisfiable => None,
        }
    }

    /// The answer: 200, 206, 304 or 416. The source has those bytes.
    pub fn respond<S: Source + 'static>(self, content_type: &str, source: Option<S>) -> Response {
        let source = source.map(|source| Box::new(source) as Box<dyn Source>);
        let Self { etag, length, .. } = self;
        let response = match self.selected {
            Selected::Whole => Response::announced(200, content_type, length, source),
            Selected::Part(Range { start, end }) => {
                let range = format!("bytes {start}-{}/{length}", end.saturating_sub(1));
                Response::announced(206, content_type, end.saturating_sub(start), source)
                    .header("Content-Range", range)
            }
            Selected::NotModified => Response::empty(304),
            Selected::Unsatisfiable => {
                let error = Error::new(Code::BadRange, "The file has no such bytes.");
                let response = Response::error(&error);
                return response.header("Content-Range", format!("bytes */{length}"));
            }
        };
        response.header("ETag", etag).header("Accept-Ranges", "bytes")
    }
}

/// Whether the client has what has this `ETag`.
pub(super) fn is_known(head: &Head, etag: &str) -> bool {
    head.headers.all("if-none-match").flat_map(|list| list.split(',')).any(|known| {
        let known = known.trim();
        known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
    })
}

/// Whether the part that the client has, if it says so, is of the same file. A time says too little.
fn is_range_valid(head: &Head, etag: &str) -> bool {
    head.headers.get("if-range").is_none_or(|known| known == etag)
}

fn selected(head: &Head, length: u64) -> Selected {
    let mut fields = head.headers.all("range");
    match (fields.next(), fields.next()) {
        (Some(field), None) => match byte_range(field, length) {
            ByteRange::Whole => Selected::Whole,
            ByteRange::Part(part) => Selected::Part(part),
            ByteRange::Unsatisfiable => Selected::Unsatisfiable,
        },
        _ => Selected::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::FileSource;
    use crate::http::head::parse;

    fn select(method: &str, fields: &str) -> (Option<Range<u64>>, Response) {
        let text = format!("{method} / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        let head = parse(text.as_bytes()).unwrap().unwrap().0;
        let selection = Selection::of(&head, "\"a\"", 100);
        (selection.bytes(), selection.respond("image/png", None::<FileSource>))
    }

    #[test]
    fn conditions_come_before_ranges() {
        const PART: &str = "Range: bytes=10-19\r\n";
        let all = Some(0..100);
        for (method, fields, bytes, status) in [
            ("GET", "", all.clone(), 200),
            ("HEAD", "", None, 200),
            ("GET", PART, Some(10..20), 206),
            ("HEAD", PART, None, 200),
            ("GET", "Range: bytes=100-\r\n", None, 416),
            ("GET", "Range: bytes=1-2\r\nRange: bytes=3-4\r\n", all.clone(), 200),
            ("GET", &format!("{PART}If-Range: \"a\"\r\n"), Some(10..20), 206),
            ("GET", &format!("{PART}If-Range: \"b\"\r\n"), all.clone(), 200),
            ("GET", &format!("{PART}If-Range: W/\"a\"\r\n"), all.clone(), 200),
            (
                "GET",
                &format!("{PART}If-Range: Mon, 30 Nov 2026 12:00:00 GMT\r\n"),
                all.clone(),
                200,
            ),
            ("GET", &format!("{PART}If-None-Match: \"a\"\r\n"), None, 304),
            ("GET", "If-None-Match: \"b\", W/\"a\"\r\n", None, 304),
            ("HEAD", "If-None-Match: *\r\n", None, 304),
            ("GET", "If-None-Match: \"b\"\r\n", all, 200),
        ] {
            let (selected, response) = select(method, fields);
            assert_eq!((selected, response.status()), (bytes, status), "{method} {fields}");
        }
    }

    #[test]
    fn an_answer_says_what_it_is_a_part_of() {
        let head = |fields| {
            let response = select("GET", fields).1.encode(true, true);
            String::from_utf8(response).unwrap()
        };
        let whole = head("");
        assert!(whole.contains("Content-Length: 100\r\n") && !whole.contains("Content-Range"));
        assert!(whole.contains("Accept-Ranges: bytes\r\n") && whole.contains("ETag: \"a\"\r\n"));
        let part = head("Range: bytes=-10\r\n");
        assert!(part.starts_with("HTTP/1.1 206 Partial Content\r\n"), "{part}");
        assert!(part.contains("Content-Length: 10\r\n"), "{part}");
        assert!(part.contains("Content-Range: bytes 90-99/100\r\n"), "{part}");
        let none = head("Range: bytes=200-\r\n");
        assert!(none.starts_with("HTTP/1.1 416 Range Not Satisfiable\r\n"), "{none}");
        assert!(none.contains("Content-Range: bytes */100\r\n"), "{none}");
        let known = head("If-None-Match: \"a\"\r\n");
        assert!(known.contains("ETag: \"a\"\r\n") && !known.contains("Content-Length"), "{known}");
    }
}
