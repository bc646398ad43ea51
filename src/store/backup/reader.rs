//! Reads a backup section by section. Nothing of a section is used before its hash is right.

use std::io::Read;

use super::format::{
    BEFORE_FILES, End, HASH, HEAD, Header, Kind, MAGIC, VERSION, chained, count_rows, decompress,
    is_path, is_plain,
};
use crate::base::ids::FileId;
use crate::base::limits::backup as limits;
use crate::files::Rendition;

/// One part after the header.
#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// A piece of a table, by its index in the header.
    Rows(usize, Vec<u8>),
    /// A file of the data directory.
    File(String, Vec<u8>),
    /// A piece of a file that somebody has sent, in one of its forms.
    Sent(FileId, Rendition, Vec<u8>),
    /// All is there, and nothing follows.
    End(End),
}

/// What a whole file has.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The header.
    pub header: Header,
    /// The end.
    pub end: End,
    /// Names of the files in it.
    pub files: Vec<String>,
    /// The hash that covers it.
    pub hash: [u8; HASH],
}

/// Reads one backup.
pub struct Reader<R> {
    from: R,
    header: Header,
    hash: [u8; HASH],
    rows: Vec<u64>,
    last_table: usize,
    files: usize,
}

const TORN: &str = "it ends too early: it was not written or copied completely. Use another backup";
const DAMAGED: &str = "it is damaged. Use another backup";

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// The end of a sentence that begins with the name of the file.
    pub fn begin(mut from: R) -> Result<Self, String> {
        let mut magic = vec![0; MAGIC.len() + VERSION.len()];
        let foreign = "it is not a backup of impulse (impulse admin backup makes one)";
        match from.read_exact(&mut magic) {
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                return Err(cannot(&error));
            }
            _ if !magic.starts_with(MAGIC) => return Err(foreign.to_owned()),
            _ if !magic.ends_with(VERSION) && !magic.ends_with(BEFORE_FILES) => {
                return Err(
                    "it has a format that this version of impulse does not know: use a newer one"
                        .to_owned(),
                );
            }
            _ => {}
        }
        let mut hash = [0; HASH];
        let (kind, payload) = section(&mut from, &mut hash)?;
        let header = (kind == Kind::Header).then_some(payload).ok_or(DAMAGED)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| DAMAGED)?;
        check_header(&header)?;
        let rows = vec![0; header.tables.len()];
        Ok(Self { from, header, hash, rows, last_table: 0, files: 0 })
    }

    /// What the backup says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The next part. After [`Part::End`] nothing follows.
    ///
    /// # Errors
    /// The end of a sentence that begins with the name of the file.
    pub fn next_part(&mut self) -> Result<Part, String> {
        let (kind, payload) = section(&mut self.from, &mut self.hash)?;
        match kind {
            Kind::Header => Err(DAMAGED.to_owned()),
            Kind::Rows => self.rows(&payload),
            Kind::File => self.file(&payload),
            Kind::Sent => sent(&payload),
            Kind::End => self.end(&payload),
        }
    }

    fn rows(&mut self, payload: &[u8]) -> Result<Part, String> {
        let (table, packed) = payload.split_first_chunk().ok_or(DAMAGED)?;
        let table = usize::from(u16::from_be_bytes(*table));
        let copied = decompress(packed).ok_or(DAMAGED)?;
        let rows = self.rows.get_mut(table).filter(|_| table >= self.last_table).ok_or(DAMAGED)?;
        *rows += count_rows(&copied);
        self.last_table = table;
        Ok(Part::Rows(table, copied))
    }

    fn file(&mut self, payload: &[u8]) -> Result<Part, String> {
        self.files += 1;
        let (length, rest) = payload.split_first_chunk().ok_or(DAMAGED)?;
        let (path, packed) =
            rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(DAMAGED)?;
        let path = std::str::from_utf8(path).ok().filter(|path| is_path(path)).ok_or(DAMAGED)?;
        let content = decompress(packed).filter(|_| self.files <= limits::FILES).ok_or(DAMAGED)?;
        Ok(Part::File(path.to_owned(), content))
    }

    fn end(&mut self, payload: &[u8]) -> Result<Part, String> {
        let end: End = serde_json::from_slice(payload).map_err(|_| DAMAGED)?;
        let mut one = [0];
        let more = self.from.read(&mut one).map_err(|error| cannot(&error))?;
        if end.rows != self.rows || more > 0 {
            return Err(DAMAGED.to_owned());
        }
        Ok(Part::End(end))
    }
}

fn sent(payload: &[u8]) -> Result<Part, String> {
    let (id, rest) = payload.split_first_chunk().ok_or(DAMAGED)?;
    let (form, piece) = rest.split_first().ok_or(DAMAGED)?;
    let form = Rendition::ALL.get(usize::from(*form)).ok_or(DAMAGED)?;
    Ok(Part::Sent(FileId(*id), *form, piece.to_vec()))
}

/// Reads a whole backup and keeps nothing of it.
///
/// # Errors
/// The end of a sentence that begins with the name of the file.
pub fn check(from: impl Read, mut seen: impl FnMut(&Part)) -> Result<Checked, String> {
    let mut reader = Reader::begin(from)?;
    let mut files = Vec::new();
    loop {
        let part = reader.next_part()?;
        seen(&part);
        match part {
            Part::Rows(..) | Part::Sent(..) => {}
            Part::File(path, _) => files.push(path),
            Part::End(end) => {
                return Ok(Checked { header: reader.header, end, files, hash: reader.hash });
            }
        }
    }
}

/// One section whose hash is right.
fn section(from: &mut impl Read, hash: &mut [u8; HASH]) -> Result<(Kind, Vec<u8>), String> {
    let mut head = [0; HEAD];
    fill(from, &mut head)?;
    let [kind, length @ ..] = head;
    let length = u32::from_be_bytes(length) as usize;
    let kind = Kind::of(kind).filter(|_| length <= limits::SECTION).ok_or(DAMAGED)?;
    // No more than there is, whatever was declared.
    let mut payload = Vec::new();
    let read = from.by_ref().take(length as u64).read_to_end(&mut payload);
    if read.map_err(|error| cannot(&error))? < length {
        return Err(TORN.to_owned());
    }
    let mut written = [0; HASH];
    fill(from, &mut written)?;
    *hash = chained(hash, &head, &payload);
    if *hash != written {
        return Err(DAMAGED.to_owned());
    }
    Ok((kind, payload))
}

fn fill(from: &mut impl Read, buffer: &mut [u8]) -> Result<(), String> {
    from.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => TORN.to_owned(),
        _ => cannot(&error),
    })
}

fn cannot(error: &std::io::Error) -> String {
    format!("it cannot be read: {error}")
}

/// What is named here becomes part of statements.
fn check_header(header: &Header) -> Result<(), String> {
    let is_right = header.tables.len() <= limits::TABLES
        && header.tables.iter().all(|table| {
            header.stores.iter().any(|store| store.name == table.store)
                && is_plain(&table.name)
                && !table.columns.is_empty()
                && table.columns.iter().all(|column| is_plain(column))
        });
    if is_right { Ok(()) } else { Err(DAMAGED.to_owned()) }
}
