//! Answers that are compressed when they are made, for clients that take it.
//!
//! One coding at its lowest level: JSON repeats its keys, so this is most of what there is to save. A long answer is
//! compressed beside the threads that answer, as many at once as there are permits; beyond that it goes out as it is.
//!
//! The length of a compressed answer tells something of what is in it (BREACH), so answers with a secret must not be
//! compressed, which the caller decides, and every compressed answer has a header of random length.

use std::io::Write as _;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::head::Head;
use super::response::Response;
use crate::base::limits::http as limits;
use crate::base::random;

/// Compresses answers.
pub struct Packer {
    permits: Semaphore,
}

impl Packer {
    /// Nothing is being compressed yet.
    pub fn new() -> Self {
        Self { permits: Semaphore::new(limits::PACKED_AT_ONCE) }
    }

    /// The same answer, compressed if that is worth it and the client takes it.
    pub async fn pack(&self, response: Response, head: &Head) -> Response {
        let is_json = response.get("Content-Type") == Some("application/json");
        let length = response.body().len();
        if response.status() != 200 || !is_json || length < limits::PACKED_FROM {
            return response;
        }
        let response = response.header("Vary", "Accept-Encoding");
        if !accepts(head, "gzip") {
            return response;
        }
        let body = response.body().clone();
        let packed = if length <= limits::PACKED_HERE {
            gzip(&body)
        } else {
            let Ok(_permit) = self.permits.try_acquire() else { return response };
            tokio::task::spawn_blocking(move || gzip(&body)).await.unwrap_or_default()
        };
        match packed {
            Some(packed) if packed.len() < length => response.packed("gzip", packed),
            _ => response,
        }
    }
}

impl Default for Packer {
    fn default() -> Self {
        Self::new()
    }
}

fn gzip(plain: &[u8]) -> Option<Bytes> {
    // A name without meaning, so that the length says less of the content.
    let name = vec![b'-'; random::number() as usize % (limits::PACKED_PADDING + 1)];
    let builder = flate2::GzBuilder::new().filename(name);
    let mut packed = builder.write(Vec::new(), flate2::Compression::fast());
    packed.write_all(plain).ok()?;
    packed.finish().ok().map(Bytes::from)
}

/// Whether a client takes a coding.
pub(super) fn accepts(head: &Head, coding: &str) -> bool {
    head.headers.all("accept-encoding").flat_map(|list| list.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        let quality =
            parts.find_map(|part| part.strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('='));
        is_named && quality.is_none_or(|q| q.trim().parse::<f32>().is_ok_and(|q| q > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::http::parse;

    fn head(fields: &str) -> Head {
        let text = format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
        parse(text.as_bytes()).unwrap().unwrap().0
    }

    fn pack(packer: &Packer, length: usize, fields: &str) -> Response {
        let body = serde_json::json!({"text": "a".repeat(length - 11)});
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let response = Response::json(200, &body);
        assert_eq!(response.body().len(), length);
        runtime.block_on(packer.pack(response, &head(fields)))
    }

    #[test]
    fn a_coding_of_quality_zero_is_not_accepted() {
        let head = head("Accept-Encoding: br;q=0, gzip;q=0.5\r\n");
        assert!(!accepts(&head, "br") && accepts(&head, "gzip") && !accepts(&head, "deflate"));
        for refused in ["gzip;Q=0", "gzip ; x=1 ; q = 0.0", "gzip;q=nan", "gzip;q=no"] {
            let head = self::head(&format!("Accept-Encoding: {refused}\r\n"));
            assert!(!accepts(&head, "gzip"), "{refused}");
        }
    }

    #[test]
    fn long_answers_are_compressed_and_come_back_as_they_were() {
        const GZIP: &str = "Accept-Encoding: br, gzip\r\n";
        let packer = Packer::new();
        for length in [limits::PACKED_FROM, limits::PACKED_HERE, limits::PACKED_HERE + 1] {
            let response = pack(&packer, length, GZIP);
            assert_eq!(response.get("content-encoding"), Some("gzip"), "{length}");
            assert_eq!(response.get("vary"), Some("Accept-Encoding"));
            assert!(response.body().len() < length / 2);
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&response.body()[..]).read_to_end(&mut plain).unwrap();
            assert_eq!(plain.len(), length);
        }
        let small = pack(&packer, limits::PACKED_FROM - 1, GZIP);
        assert_eq!((small.get("content-encoding"), small.get("vary")), (None, None));
        let refused = pack(&packer, limits::PACKED_FROM, "Accept-Encoding: gzip;q=0\r\n");
        assert_eq!(refused.get("content-encoding"), None);
        assert_eq!(refused.get("vary"), Some("Accept-Encoding"));
    }

    #[test]
    fn beyond_the_permits_a_long_answer_goes_out_as_it_is() {
        let packer = Packer::new();
        let _all = packer.permits.try_acquire_many(limits::PACKED_AT_ONCE as u32).unwrap();
        let gzip = "Accept-Encoding: gzip\r\n";
        assert_eq!(pack(&packer, limits::PACKED_HERE + 1, gzip).get("content-encoding"), None);
        assert!(pack(&packer, limits::PACKED_HERE, gzip).get("content-encoding").is_some());
    }

    #[test]
    fn the_length_of_a_compressed_answer_varies() {
        let packer = Packer::new();
        let lengths = (0..20).map(|_| pack(&packer, 4_000, "Accept-Encoding: gzip\r\n"));
        let lengths: std::collections::BTreeSet<_> =
            lengths.map(|response| response.body().len()).collect();
        assert!(lengths.len() > 1);
        let spread = lengths.last().unwrap() - lengths.first().unwrap();
        assert!(spread <= limits::PACKED_PADDING);
    }
}
