//! Writes the sections of a backup, in their order.

use std::io::Write;

use super::format::{End, HASH, Header, Kind, MAGIC, VERSION, chained, compress, count_rows, head};
use crate::base::ids::FileId;
use crate::base::limits::backup as limits;

/// Writes one backup. [`finish`](Self::finish) must be called: without its last section a file is torn.
pub struct Writer<W> {
    to: W,
    hash: [u8; HASH],
    rows: Vec<u64>,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// Those of the file.
    pub fn begin(mut to: W, header: &Header) -> std::io::Result<Self> {
        to.write_all(MAGIC)?;
        to.write_all(VERSION)?;
        let bytes = (MAGIC.len() + VERSION.len()) as u64;
        let rows = vec![0; header.tables.len()];
        let mut writer = Self { to, hash: [0; HASH], rows, bytes };
        writer.section(Kind::Header, &serde_json::to_vec(header)?)?;
        Ok(writer)
    }

    /// Writes a piece of a table, of at most [`limits::CHUNK`].
    ///
    /// # Errors
    /// Those of the file.
    pub fn rows(&mut self, table: u16, copied: &[u8]) -> std::io::Result<()> {
        if let Some(rows) = self.rows.get_mut(usize::from(table)) {
            *rows += count_rows(copied);
        }
        let mut payload = table.to_be_bytes().to_vec();
        payload.extend(compress(copied)?);
        self.section(Kind::Rows, &payload)
    }

    /// Writes a small file of the data directory.
    ///
    /// # Errors
    /// Those of the file.
    pub fn file(&mut self, path: &str, content: &[u8]) -> std::io::Result<()> {
        let length = u16::try_from(path.len()).map_err(std::io::Error::other)?;
        let mut payload = length.to_be_bytes().to_vec();
        payload.extend(path.as_bytes());
        payload.extend(compress(content)?);
        self.section(Kind::File, &payload)
    }

    /// Writes a piece of a file that somebody has sent, of at most [`limits::CHUNK`]. They follow each other.
    ///
    /// # Errors
    /// Those of the file.
    pub fn sent(&mut self, id: FileId, form: u8, piece: &[u8]) -> std::io::Result<()> {
        self.section(Kind::Sent, &[&id.0[..], &[form], piece].concat())
    }

    /// Writes the end; how many bytes that makes in all, and the hash that covers them.
    ///
    /// # Errors
    /// Those of the file.
    pub fn finish(mut self, end: End) -> std::io::Result<(W, u64, [u8; HASH], Vec<u64>)> {
        let end = End { rows: self.rows.clone(), ..end };
        self.section(Kind::End, &serde_json::to_vec(&end)?)?;
        self.to.flush()?;
        Ok((self.to, self.bytes, self.hash, end.rows))
    }

    fn section(&mut self, kind: Kind, payload: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= limits::SECTION);
        let head =
            head(kind, length.ok_or_else(|| std::io::Error::other("a section is too long"))?);
        self.hash = chained(&self.hash, &head, payload);
        self.to.write_all(&head)?;
        self.to.write_all(payload)?;
        self.to.write_all(&self.hash)?;
        self.bytes += (head.len() + payload.len() + HASH) as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_no_reader_would_take_is_not_written() {
        let header = Header {
            made_at: 0,
            version: String::new(),
            epoch: String::new(),
            is_one_snapshot: true,
            stores: Vec::new(),
            tables: Vec::new(),
        };
        let mut writer = Writer::begin(Vec::new(), &header).unwrap();
        writer.section(Kind::Rows, &vec![0; limits::SECTION]).unwrap();
        let length = writer.to.len();
        assert!(writer.section(Kind::Rows, &vec![0; limits::SECTION + 1]).is_err());
        assert_eq!(writer.to.len(), length);
    }
}
