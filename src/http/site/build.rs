//! One state of the client's files: what they are, how they are joined, and the name that both give it.

use bytes::Bytes;
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use super::link::{Files, link};
use crate::base::hex;

/// In the page, the place of the name of the build.
const PLACE: &str = "/v/BUILD/";
/// The page.
pub(super) const PAGE: &str = "index.html";

#[derive(RustEmbed)]
#[folder = "web/"]
struct Embedded;

/// One state of the files.
pub(super) struct Build {
    /// Changes with every name and every byte of the files.
    pub id: String,
    /// The files as they are written.
    pub files: Files,
    /// Those that differ below the address of the build.
    linked: Files,
}

impl Build {
    /// The files of now: those of the program, in debug builds those on disk. `known` is given back if nothing has
    /// changed.
    pub fn read() -> Self {
        let mut hash = Sha256::new();
        let mut files = Files::new();
        let mut names: Vec<_> = Embedded::iter().collect();
        names.sort_unstable();
        for name in names {
            // A file on disk may be gone by now.
            let Some(file) = Embedded::get(&name) else { continue };
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(file.metadata.sha256_hash());
            let bytes = match file.data {
                std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
            };
            files.insert(name.into_owned(), bytes);
        }
        let id = hex::encode(&hash.finalize()[..8]);
        Self { id, files, linked: Files::new() }
    }

    /// With the modules joined, and the page naming the build.
    pub fn linked(mut self) -> Self {
        match link(&self.files) {
            Ok(linked) => self.linked = linked,
            Err(error) => tracing::error!(error, "the modules are served one by one"),
        }
        if let Some(page) = self.files.get(PAGE).and_then(|page| std::str::from_utf8(page).ok()) {
            let page = page.replace(PLACE, &format!("/v/{}/", self.id));
            self.files.insert(PAGE.to_owned(), page.into());
        }
        self
    }

    /// A file below the address of the build.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.linked.get(name).or_else(|| self.files.get(name))
    }

    /// Every file below the address of the build.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        let unlinked = self.files.iter().filter(|(name, _)| !self.linked.contains_key(*name));
        self.linked.iter().chain(unlinked).map(|(name, bytes)| (name.as_str(), bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_joined_are_served_as_they_are_at_the_same_address() {
        let page = "<script type=\"module\" src=\"/v/BUILD/app.js\"></script>";
        for (app, is_joined) in [("export const a = 1;\n", true), ("export default 1;\n", false)] {
            let texts = [(PAGE, page), ("app.js", app), ("css/app.css", "a {}\n")];
            let files: Files = texts.map(|(name, text)| (name.to_owned(), text.into())).into();
            let build = Build { id: "0123456789abcdef".to_owned(), files, linked: Files::new() };
            let build = build.linked();
            let page = build.get(PAGE).unwrap();
            assert!(page.ends_with(b"src=\"/v/0123456789abcdef/app.js\"></script>"));
            assert_eq!(build.get("app.js").unwrap() == app, !is_joined);
            assert_eq!(build.get("app.js.map").is_some(), is_joined);
            let names: Vec<_> = build.all().map(|(name, _)| name).collect();
            assert_eq!(names.len(), if is_joined { 4 } else { 3 }, "{names:?}");
        }
    }
}
