//! A file in the forms in which it is served.

use std::io::Write as _;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::base::hex;
use crate::http::coding::accepts;
use crate::http::head::Head;
use crate::http::response::Response;
use crate::http::selection::is_known;

/// A file in its three forms; the compressed ones only where they are smaller.
pub(super) struct File {
    content_type: String,
    etag: String,
    plain: Bytes,
    brotli: Option<Bytes>,
    gzip: Option<Bytes>,
}

/// Whether a file is compressed, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Compressed,
}

impl File {
    pub fn prepare(name: &str, plain: Bytes, form: Form) -> Self {
        let guess = mime_guess::from_path(name).first_or_octet_stream();
        let is_text = guess.type_() == "text"
            || ["javascript", "json", "manifest+json"].contains(&guess.subtype().as_str())
            || guess.essence_str() == "image/svg+xml";
        let content_type =
            if is_text { format!("{guess}; charset=utf-8") } else { guess.to_string() };
        let etag = hex::encode(&Sha256::digest(&plain)[..12]);
        let smaller = |bytes: Vec<u8>| (bytes.len() < plain.len()).then(|| Bytes::from(bytes));
        let compress = form == Form::Compressed && is_text;
        let brotli = if compress { brotli(&plain).and_then(smaller) } else { None };
        let gzip = if compress { gzip(&plain).and_then(smaller) } else { None };
        Self { content_type, etag, plain, brotli, gzip }
    }

    /// The answer with the file, or with the word that the client has it.
    pub fn respond(&self, head: &Head) -> Response {
        let (encoding, body) = self.choose(head);
        let etag = match encoding {
            Some(encoding) => format!("\"{}-{encoding}\"", self.etag),
            None => format!("\"{}\"", self.etag),
        };
        let response = if is_known(head, &etag) {
            Response::empty(304)
        } else {
            Response::new(200, &self.content_type, body)
        };
        let response = match encoding {
            Some(encoding) if response.status() == 200 => {
                response.header("Content-Encoding", encoding)
            }
            _ => response,
        };
        response.header("ETag", etag).header("Vary", "Accept-Encoding")
    }

    fn choose(&self, head: &Head) -> (Option<&'static str>, Bytes) {
        match (&self.brotli, &self.gzip) {
            (Some(brotli), _) if accepts(head, "br") => (Some("br"), brotli.clone()),
            (_, Some(gzip)) if accepts(head, "gzip") => (Some("gzip"), gzip.clone()),
            _ => (None, self.plain.clone()),
        }
    }
}

fn brotli(plain: &[u8]) -> Option<Vec<u8>> {
    let mut packed = brotli::CompressorWriter::new(Vec::new(), 4096, 9, 22);
    packed.write_all(plain).ok()?;
    Some(packed.into_inner())
}

fn gzip(plain: &[u8]) -> Option<Vec<u8>> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(plain).ok()?;
    packed.finish().ok()
}
