//! The files of a message, as clients name them and as everybody sees them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::Fields;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::FileId;
use crate::base::limits::chat as limits;

/// A file of a message: `{"id","name","type","size","width"?,"height"?,"alt"?}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageFile {
    /// Its id.
    pub id: FileId,
    /// Its name, which is safe to be shown.
    pub name: String,
    /// Its media type, as its bytes say.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// How wide it is in pixels, if it is a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// How high it is in pixels, if it is a picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// What it shows, in the words of who sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt: Option<String>,
}

impl MessageFile {
    /// About how many bytes it takes.
    pub fn size_in_memory(&self) -> usize {
        let alt = self.alt.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.name.len() + self.media_type.len() + alt
    }
}

/// A file as an author names it: `{"id","alt"?}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// The file.
    pub id: FileId,
    /// What it shows.
    pub alt: Option<String>,
}

impl NamedFile {
    /// Whether this is how a message has the file.
    pub fn names(&self, file: &MessageFile) -> bool {
        self.id == file.id && self.alt == file.alt
    }
}

/// The files in the field `f`; none if it is absent, which leaves those of an edited message as they are.
pub(super) fn named_files(fields: &Fields<'_>) -> Result<Option<Vec<NamedFile>>> {
    if !fields.has("f") {
        return Ok(None);
    }
    let mut files: Vec<NamedFile> = Vec::new();
    for value in fields.array("f", limits::FILES)? {
        let file = named_file(value)?;
        if files.iter().any(|known| known.id == file.id) {
            return Err(Error::field("f", "names a file twice"));
        }
        files.push(file);
    }
    Ok(Some(files))
}

fn named_file(value: &Value) -> Result<NamedFile> {
    let is_no_list = || Error::field("f", "is a list of files: {\"id\",\"alt\"?}");
    let object = value.as_object().ok_or_else(is_no_list)?;
    let fields = Fields(object);
    let id = fields.text("id").ok().and_then(|id| id.parse().ok()).ok_or_else(is_no_list)?;
    if !fields.has("alt") {
        return Ok(NamedFile { id, alt: None });
    }
    // No character takes more than four bytes.
    let alt = fields.clean_text("alt", limits::ALT * 4)?.trim();
    if alt.chars().count() > limits::ALT {
        let sentence = format!("Field \"alt\" is longer than {} characters.", limits::ALT);
        return Err(Error::new(Code::TooLarge, sentence));
    }
    Ok(NamedFile { id, alt: (!alt.is_empty()).then(|| alt.to_owned()) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn read(f: Value) -> Result<Option<Vec<NamedFile>>> {
        let object: Map<_, _> = std::iter::once(("f".to_owned(), f)).collect();
        named_files(&Fields(&object))
    }

    #[test]
    fn files_are_named_once_by_their_ids_with_or_without_words() {
        let id = FileId([3; 16]);
        let alt = |alt: Value| {
            let read = read(json!([{"id": id, "alt": alt}])).unwrap().unwrap();
            read[0].alt.clone()
        };
        assert_eq!(alt(json!(" a cat ")), Some("a cat".to_owned()));
        assert_eq!((alt(json!("  ")), alt(json!(null))), (None, None));
        assert_eq!(read(json!(null)).unwrap(), None);
        assert_eq!(read(json!([])).unwrap(), Some(Vec::new()));
        let most: Vec<_> =
            (0..limits::FILES as u8).map(|n| json!({"id": FileId([n; 16])})).collect();
        assert_eq!(read(json!(most)).unwrap().unwrap().len(), limits::FILES);
    }

    #[test]
    fn what_names_no_file_is_refused() {
        let id = FileId([3; 16]);
        for wrong in [
            json!({}),
            json!("x"),
            json!(["x"]),
            json!([{}]),
            json!([{"id": 7}]),
            json!([{"id": "7"}]),
            json!([{"id": id}, {"id": id}]),
            json!([{"id": id, "alt": 7}]),
            json!([{"id": id, "alt": "a\u{0}"}]),
            json!([{"id": id, "alt": "ä".repeat(limits::ALT + 1)}]),
            json!(
                (0..=limits::FILES as u8)
                    .map(|n| json!({"id": FileId([n; 16])}))
                    .collect::<Vec<_>>()
            ),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(read(json!([{"id": id, "alt": "ä".repeat(limits::ALT)}])).is_ok());
    }
}
