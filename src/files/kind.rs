//! What a file is, by its first bytes. Names and claims decide nothing that could run: only raster images, audio and
//! video are ever shown by a browser, each under the type that its bytes have.

/// What a browser may do with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A raster image of this type.
    Image(&'static str),
    /// A recording of this type.
    Audio(&'static str),
    /// A film of this type.
    Video(&'static str),
    /// A document that is saved, never shown, and whose bytes say what it is.
    Known(&'static str),
    /// Anything else.
    Unknown,
}

/// The type of a file of which nothing is known.
pub const UNKNOWN: &str = "application/octet-stream";

/// What begins with these bytes is of this kind.
const BEGINNINGS: &[(&[u8], Kind)] = &[
    (b"\x89PNG\r\n\x1a\n", Kind::Image("image/png")),
    (b"\xff\xd8\xff", Kind::Image("image/jpeg")),
    (b"GIF87a", Kind::Image("image/gif")),
    (b"GIF89a", Kind::Image("image/gif")),
    (b"fLaC", Kind::Audio("audio/flac")),
    (b"ID3", Kind::Audio("audio/mpeg")),
    (b"%PDF-", Kind::Known("application/pdf")),
    (b"PK\x03\x04", Kind::Known("application/zip")),
    (b"\x1f\x8b", Kind::Known("application/gzip")),
    (b"7z\xbc\xaf\x27\x1c", Kind::Known("application/x-7z-compressed")),
];

impl Kind {
    /// The kind of a file that begins with `head`. Some containers hold sound or pictures alike: then the claim says
    /// which.
    pub fn of(head: &[u8], claim: &str) -> Self {
        let starts = |(begin, _): &&(&[u8], Self)| head.starts_with(begin);
        if let Some((_, kind)) = BEGINNINGS.iter().find(starts) {
            return *kind;
        }
        match head {
            [b'R', b'I', b'F', b'F', _, _, _, _, rest @ ..] => riff(rest),
            [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => boxes(brand),
            [0x1a, 0x45, 0xdf, 0xa3, rest @ ..] => matroska(rest, claim),
            [b'O', b'g', b'g', b'S', rest @ ..] => ogg(rest),
            [b'B', b'M', _, _, _, _, 0, 0, 0, 0, ..] => Self::Image("image/bmp"),
            // The mark in front of a text in UTF-16.
            [0xff, 0xfe, ..] => Self::Unknown,
            [0xff, second, third, ..] => mpeg(*second, *third),
            _ => Self::Unknown,
        }
    }

    /// Whether a browser may show it.
    pub fn is_shown(self) -> bool {
        matches!(self, Self::Image(_) | Self::Audio(_) | Self::Video(_))
    }

    /// Its type, if its bytes say that.
    pub fn media_type(self) -> Option<&'static str> {
        match self {
            Self::Image(name) | Self::Audio(name) | Self::Video(name) | Self::Known(name) => {
                Some(name)
            }
            Self::Unknown => None,
        }
    }

    /// The type that people are told: what its bytes say; else what its owner says, as long as nothing follows from
    /// that.
    pub fn told(self, claim: &str) -> String {
        match self {
            // Documents of office programs are archives.
            Self::Known("application/zip") | Self::Unknown if is_harmless(claim) => {
                claim.to_ascii_lowercase()
            }
            other => other.media_type().unwrap_or(UNKNOWN).to_owned(),
        }
    }
}

/// Whether a type that somebody claims may be told to others: it is well-formed, and no program would show or run it.
fn is_harmless(claim: &str) -> bool {
    let Some((main, sub)) = claim.split_once('/') else { return false };
    let is_word = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".+-_".contains(&byte);
        !text.is_empty() && text.bytes().all(plain)
    };
    let (main, sub) = (main.to_ascii_lowercase(), sub.to_ascii_lowercase());
    let is_active = ["html", "xml", "svg", "script", "xsl", "pdf", "shockwave"];
    matches!(main.as_str(), "application" | "text" | "font" | "model" | "message")
        && is_word(&sub)
        && !is_active.iter().any(|word| sub.contains(word))
        || is_office(&main, &sub)
}

/// `…openxmlformats-officedocument…` has `xml` in it and is none.
fn is_office(main: &str, sub: &str) -> bool {
    const OFFICE: &str = "vnd.openxmlformats-officedocument.";
    let rest = sub.strip_prefix(OFFICE).unwrap_or_default();
    main == "application"
        && !rest.is_empty()
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

fn riff(rest: &[u8]) -> Kind {
    match rest {
        [b'W', b'E', b'B', b'P', ..] => Kind::Image("image/webp"),
        [b'W', b'A', b'V', b'E', ..] => Kind::Audio("audio/wav"),
        _ => Kind::Unknown,
    }
}

/// ISO base media: the brand says what is in it.
fn boxes(brand: &[u8]) -> Kind {
    match brand.get(..4).unwrap_or_default() {
        b"avif" | b"avis" => Kind::Image("image/avif"),
        b"M4A " | b"M4B " => Kind::Audio("audio/mp4"),
        b"qt  " => Kind::Video("video/quicktime"),
        b"isom" | b"iso2" | b"iso4" | b"iso5" | b"iso6" | b"mp41" | b"mp42" | b"avc1" | b"M4V "
        | b"dash" | b"MSNV" | b"3gp4" | b"3gp5" | b"3gp6" => Kind::Video("video/mp4"),
        _ => Kind::Unknown,
    }
}

fn matroska(rest: &[u8], claim: &str) -> Kind {
    let is_webm = rest.windows(4).take(64).any(|word| word == b"webm");
    match (is_webm, claim.starts_with("audio/")) {
        (true, true) => Kind::Audio("audio/webm"),
        (true, false) => Kind::Video("video/webm"),
        (false, _) => Kind::Known("application/x-matroska"),
    }
}

/// The first packet of the first stream says how it is coded.
fn ogg(rest: &[u8]) -> Kind {
    let has = |word: &[u8]| rest.windows(word.len()).take(256).any(|found| found == word);
    match has(b"\x80theora") {
        true => Kind::Video("video/ogg"),
        false if has(b"OpusHead") || has(b"\x01vorbis") || has(b"\x7fFLAC") => {
            Kind::Audio("audio/ogg")
        }
        false => Kind::Known("application/ogg"),
    }
}

/// A frame of MPEG audio, or of AAC in ADTS.
fn mpeg(second: u8, third: u8) -> Kind {
    let (is_sync, layer) = (second & 0xe0 == 0xe0, second >> 1 & 0b11);
    let version = second >> 3 & 0b11;
    match layer {
        0 if second & 0xf6 == 0xf0 => Kind::Audio("audio/aac"),
        1..=3 if is_sync && version != 1 && third >> 4 != 0xf && third >> 2 & 0b11 != 0b11 => {
            Kind::Audio("audio/mpeg")
        }
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_decide_and_neither_names_nor_claims() {
        let cases: &[(&[u8], &str, bool)] = &[
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png", true),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg", true),
            (b"GIF89a\x01\0", "image/gif", true),
            (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp", true),
            (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav", true),
            (b"RIFF\0\0\0\0AVI LIST", UNKNOWN, false),
            (b"\0\0\0\x1cftypavif\0\0", "image/avif", true),
            (b"\0\0\0\x20ftypisom\0\0", "video/mp4", true),
            (b"\0\0\0\x20ftypM4A \0\0", "audio/mp4", true),
            (b"\0\0\0\x20ftypqt  \0\0", "video/quicktime", true),
            (b"\0\0\0\x20ftypheic\0\0", UNKNOWN, false),
            (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x82\x84webm", "video/webm", true),
            (
                b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead",
                "audio/ogg",
                true,
            ),
            (b"ID3\x03\0\0\0", "audio/mpeg", true),
            (b"\xff\xfb\x90\x64", "audio/mpeg", true),
            (b"\xff\xf1\x50\x80", "audio/aac", true),
            (b"\xff\xff\xff\xff", UNKNOWN, false),
            (b"\xff\xfeW\0i\0n\0", UNKNOWN, false),
            (b"fLaC\0\0\0\x22", "audio/flac", true),
            (b"BM\x46\0\0\0\0\0\0\0\x36", "image/bmp", true),
            (b"%PDF-1.7", "application/pdf", false),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\">", UNKNOWN, false),
            (b"<!DOCTYPE html><script>", UNKNOWN, false),
            (b"", UNKNOWN, false),
            (b"\x89PN", UNKNOWN, false),
        ];
        for (head, media_type, is_shown) in cases {
            for claim in ["image/png", "image/svg+xml", "text/html", "video/mp4", "", "x"] {
                let kind = Kind::of(head, claim);
                assert_eq!((kind.told(claim).as_str(), kind.is_shown()), (*media_type, *is_shown));
            }
        }
        let webm = b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x82\x84webm";
        assert_eq!(Kind::of(webm, "audio/webm"), Kind::Audio("audio/webm"));
    }

    #[test]
    fn a_claim_is_told_if_nothing_follows_from_it() {
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        for harmless in ["text/plain", "text/csv", "application/msword", docx] {
            assert_eq!(Kind::Unknown.told(harmless), harmless);
        }
        assert_eq!(Kind::of(b"PK\x03\x04", docx).told(docx), docx);
        assert_eq!(Kind::of(b"PK\x03\x04", "text/html").told("text/html"), "application/zip");
        for active in [
            "text/html",
            "application/xhtml+xml",
            "image/svg+xml",
            "text/javascript",
            "application/xml",
            "application/pdf",
            "video/mp4",
            "text/plain; charset=x",
            "text/",
            "a\nb/c",
        ] {
            assert_eq!(Kind::Unknown.told(active), UNKNOWN, "{active}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_have_a_kind(head in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            let _ = Kind::of(&head, "audio/x");
        }
    }
}
