//! Pictures in the folder: what has arrived is looked at, rid of what is about a picture and not of it, and drawn smaller.
//! Everything here is for threads that may block.

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::disk::{create_new, make_folder, remove, sync_folder};
use super::space::Draft;
use super::{FileStore, Kind, Rendition};
use crate::base::crash_point::crash_point;
use crate::base::ids::FileId;
use crate::base::limits::{files as limits, pictures as bounds};
use crate::pictures::{Anatomy, Bounds, Format, Part, Undecodable, decode, dissect, smaller};

/// Whether a picture keeps what is about it: where and when it was taken, by which camera, and whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metadata {
    /// It stays.
    Kept,
    /// It goes.
    Removed,
}

/// Whether a file of this type is a picture whose metadata goes, unless that is kept, and whose smaller forms are drawn.
pub fn has_metadata(media_type: &str) -> bool {
    Format::of(media_type).is_some()
}

/// What a file is, now that all of it is there.
#[derive(Debug)]
pub struct Arrived {
    /// By its first bytes.
    pub kind: Kind,
    /// Whether it begins as a picture that may be drawn.
    pub is_picture: bool,
    /// How many bytes were there at first.
    pub came: u64,
    /// How many are left of them.
    pub size: u64,
    /// The SHA-256 of those.
    pub sha256: [u8; 32],
    /// Width and height of a picture whose structure is whole.
    pub pixels: Option<(u32, u32)>,
    /// Where it is.
    place: PathBuf,
}

impl FileStore {
    /// Looks at all of what has arrived of a file. Without its metadata a picture is another file, which is then on disk,
    /// too. May be repeated, also after a crash.
    ///
    /// # Errors
    /// Those of the system.
    pub fn examine(&self, id: FileId, claim: &str, metadata: Metadata) -> io::Result<Arrived> {
        let settled = self.path(id, Rendition::Original);
        // What has its name was looked at before that.
        let is_settled = settled.exists();
        let place = if is_settled { settled } else { self.arriving(id) };
        let mut file = File::open(&place)?;
        let came = file.metadata()?.len();
        let mut head = Vec::new();
        (&file).take(limits::HEAD as u64).read_to_end(&mut head)?;
        let mut kind = Kind::of(&head, claim);
        let anatomy = match kind.media_type().and_then(Format::of) {
            Some(format) => {
                file.seek(SeekFrom::Start(0))?;
                Some(dissect(format, BufReader::new(&file), came)?)
            }
            None => None,
        };
        let is_picture = anatomy.is_some();
        if metadata == Metadata::Removed && anatomy.as_ref().is_some_and(|found| found.has_unread) {
            // A browser may still show it, with all that its owner believes to be gone: as a file nobody does.
            kind = Kind::Unknown;
        }
        let (pixels, parts) = anatomy
            .map_or((None, None), |Anatomy { pixels, without_metadata, .. }| {
                (pixels, without_metadata)
            });
        let parts = parts.filter(|_| metadata == Metadata::Removed && !is_settled);
        let (place, sha256) = match parts {
            None => {
                let sha256 = copy(&mut file, &[Part::Kept(0..came)], &mut io::sink())?;
                (place, sha256)
            }
            Some(parts) => {
                let cleaned = self.cleaned(id);
                let mut draft = self.new_draft(&cleaned)?;
                let sha256 = copy(&mut file, &parts, &mut draft)?;
                draft.file.sync_all()?;
                crash_point("cleaned");
                (cleaned, sha256)
            }
        };
        let size = fs::metadata(&place)?.len();
        Ok(Arrived { kind, is_picture, came, size, sha256, pixels, place })
    }

    /// Gives a file that was looked at its name; from then on it is there, also after a power cut. May be repeated.
    ///
    /// # Errors
    /// Those of the system.
    pub fn settle(&self, id: FileId, arrived: &Arrived) -> io::Result<()> {
        let to = self.path(id, Rendition::Original);
        let folder = to.parent().unwrap_or(Path::new("."));
        self.make_shard(folder)?;
        if arrived.place != to {
            fs::rename(&arrived.place, &to)?;
        }
        crash_point("renamed");
        sync_folder(folder)?;
        self.forget_arrival(id)
    }

    /// Erases what came, where that is not what stays: a picture with its metadata.
    ///
    /// # Errors
    /// Those of the system.
    pub fn forget_arrival(&self, id: FileId) -> io::Result<()> {
        for rest in [self.arriving(id), self.cleaned(id)] {
            remove(&rest)?;
        }
        Ok(())
    }

    /// Draws the smaller forms of a picture that was looked at, as far as it is larger than they are; its width and
    /// height, or nothing if it cannot be decoded, or only by taking too much.
    ///
    /// # Errors
    /// Those of the system.
    pub fn draw_arrived(&self, id: FileId, arrived: &Arrived) -> io::Result<Option<(u32, u32)>> {
        self.draw(id, &arrived.place, arrived.kind.media_type().unwrap_or_default())
    }

    /// The same for a picture that has its name.
    ///
    /// # Errors
    /// Those of the system.
    pub fn draw_again(&self, id: FileId, media_type: &str) -> io::Result<Option<(u32, u32)>> {
        self.draw(id, &self.path(id, Rendition::Original), media_type)
    }

    fn draw(&self, id: FileId, place: &Path, media_type: &str) -> io::Result<Option<(u32, u32)>> {
        let Some(format) = Format::of(media_type) else { return Ok(None) };
        let file = File::open(place)?;
        let length = file.metadata()?.len();
        let anatomy = dissect(format, BufReader::new(&file), length)?;
        let may_be = Bounds { edge: bounds::EDGE, pixels: bounds::PIXELS, memory: bounds::MEMORY };
        let Some(pixels) = anatomy.pixels.filter(|pixels| may_be.allow(*pixels)) else {
            return Ok(None);
        };
        if length > bounds::BYTES {
            return Ok(None);
        }
        (&file).seek(SeekFrom::Start(0))?;
        let decoded = match decode(format, BufReader::new(&file), length, may_be) {
            Ok(decoded) => decoded,
            Err(Undecodable::Io(error)) => return Err(error),
            Err(error) => {
                tracing::debug!(file = %id, ?error, "a picture is not shown");
                return Ok(None);
            }
        };
        let forms = Rendition::ALL.into_iter().filter_map(|form| Some((form.edge()?, form)));
        let forms: Vec<_> = forms.filter(|(edge, _)| pixels.0.max(pixels.1) > *edge).collect();
        if anatomy.is_animated && length <= bounds::ANIMATION {
            for (_, form) in forms {
                self.keep_form(id, form, Form::Same(place))?;
            }
            return Ok(Some(pixels));
        }
        let edges: Vec<_> = forms.iter().map(|(edge, _)| *edge).collect();
        for (edge, bytes) in smaller(decoded, &edges).map_err(io::Error::other)? {
            let form = forms.iter().find(|(of, _)| *of == edge).map(|(_, form)| *form);
            if let Some(form) = form {
                self.keep_form(id, form, Form::Drawn(&bytes))?;
            }
        }
        crash_point("drawn");
        Ok(Some(pixels))
    }

    /// Puts a form of a picture in its place, whole or not at all.
    fn keep_form(&self, id: FileId, form: Rendition, bytes: Form<'_>) -> io::Result<()> {
        let (to, draft) = (self.path(id, form), self.draft(id, form));
        self.make_shard(to.parent().unwrap_or(Path::new(".")))?;
        match bytes {
            Form::Drawn(bytes) => {
                let mut draft = self.new_draft(&draft)?;
                draft.write_all(bytes)?;
                draft.file.sync_all()?;
            }
            Form::Same(place) => {
                remove(&draft)?;
                // Not every file system can give a file two names.
                if fs::hard_link(place, &draft).is_err() {
                    let mut draft = self.new_draft(&draft)?;
                    io::copy(&mut File::open(place)?, &mut draft)?;
                    draft.file.sync_all()?;
                }
            }
        }
        fs::rename(&draft, &to)
    }

    /// A new file for what is made of a picture.
    fn new_draft(&self, path: &Path) -> io::Result<Draft> {
        Ok(Draft { file: create_new(path)?, reserve: self.reserve })
    }

    fn make_shard(&self, folder: &Path) -> io::Result<()> {
        if folder.exists() {
            return Ok(());
        }
        make_folder(folder)?;
        sync_folder(self.root())
    }
}

/// What a form of a picture has in it.
enum Form<'a> {
    /// These bytes.
    Drawn(&'a [u8]),
    /// Those of this file.
    Same(&'a Path),
}

/// Copies pieces of a file; the SHA-256 of them.
fn copy(file: &mut File, parts: &[Part], to: &mut impl io::Write) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; 64 * 1024];
    for part in parts {
        let range = match part {
            Part::New(bytes) => {
                hash.update(bytes);
                to.write_all(bytes)?;
                continue;
            }
            Part::Kept(range) => range,
        };
        file.seek(SeekFrom::Start(range.start))?;
        let mut left = part.length();
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            let read = file.read(piece.get_mut(..most).unwrap_or_default())?;
            let read = piece.get(..read).filter(|read| !read.is_empty());
            let read = read.ok_or(ErrorKind::UnexpectedEof)?;
            hash.update(read);
            to.write_all(read)?;
            left -= read.len() as u64;
        }
    }
    Ok(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_too_many_bytes_is_not_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::at(folder.path().join("files"));
        store.prepare([1; 16]).unwrap();
        let id = FileId([7; 16]);
        let mut gif = io::Cursor::new(Vec::new());
        image::RgbImage::new(500, 2).write_to(&mut gif, image::ImageFormat::Gif).unwrap();
        let gif = gif.into_inner();
        let (frame, end) = gif.split_at(gif.len() - 1);
        // It has a comment, and more about its colours than pixels.
        let piece = [&[0xff][..], &[7; 255]].concat();
        for (pieces, is_drawn) in
            [(9, true), (usize::try_from(bounds::BYTES).unwrap() / 256, false)]
        {
            let colours = piece.repeat(pieces);
            let whole = [frame, b"!\xfe\x01x\0!\xff\x0bICCRGBG1012", &colours, &[0], end].concat();
            fs::write(store.arriving(id), &whole).unwrap();
            let arrived = store.examine(id, "", Metadata::Removed).unwrap();
            assert_eq!((arrived.came, arrived.size), (whole.len() as u64, whole.len() as u64 - 5));
            assert_eq!(arrived.pixels, Some((500, 2)));
            assert_eq!(store.draw_arrived(id, &arrived).unwrap().is_some(), is_drawn);
            assert_eq!(store.open_here(id, Rendition::Edge480).is_ok(), is_drawn);
            store.settle(id, &arrived).unwrap();
            assert!(!store.arriving(id).exists() && !store.cleaned(id).exists());
            for form in Rendition::ALL {
                remove(&store.path(id, form)).unwrap();
            }
        }
    }
}
