//! A file that is read by its structure, never beyond its end and never whole into memory.

use std::io::{self, BufRead, ErrorKind, Seek};

/// Why a file is not read on.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not what it says, or ends too early.
    Broken,
    /// It cannot be read.
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Broken,
            _ => Self::Io(error),
        }
    }
}

/// A file and a place in it.
pub(super) struct Source<R> {
    reader: R,
    at: u64,
    length: u64,
}

impl<R: BufRead + Seek> Source<R> {
    /// At the beginning of a file of so many bytes.
    pub fn new(reader: R, length: u64) -> Self {
        Self { reader, at: 0, length }
    }

    /// The place in bytes.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// How long the file is.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The next bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, Fault> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// The first `most` of the next so many bytes; the rest of them is passed over.
    pub fn start_of(&mut self, length: u64, most: usize) -> Result<Vec<u8>, Fault> {
        self.check(length)?;
        let read = usize::try_from(length).unwrap_or(usize::MAX).min(most);
        let mut bytes = vec![0; read];
        self.reader.read_exact(&mut bytes)?;
        self.at += read as u64;
        self.skip(length - read as u64)?;
        Ok(bytes)
    }

    /// Passes over so many bytes, which must be there.
    pub fn skip(&mut self, length: u64) -> Result<(), Fault> {
        self.check(length)?;
        self.reader.seek_relative(i64::try_from(length).map_err(|_| Fault::Broken)?)?;
        self.at += length;
        Ok(())
    }

    /// Passes over everything up to this byte and over itself.
    pub fn skip_past(&mut self, byte: u8) -> Result<(), Fault> {
        loop {
            let there = self.reader.fill_buf()?;
            if there.is_empty() {
                return Err(Fault::Broken);
            }
            let (passed, found) = match memchr::memchr(byte, there) {
                Some(place) => (place + 1, true),
                None => (there.len(), false),
            };
            self.reader.consume(passed);
            self.at += passed as u64;
            if found {
                return Ok(());
            }
        }
    }

    /// Whether so many bytes are still to come.
    pub fn has(&self, length: u64) -> bool {
        self.at.checked_add(length).is_some_and(|end| end <= self.length)
    }

    fn check(&self, length: u64) -> Result<(), Fault> {
        if self.has(length) { Ok(()) } else { Err(Fault::Broken) }
    }
}
