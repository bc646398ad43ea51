//! What is found in a picture on the way through it, and which of its bytes stay.

use std::ops::Range;

use super::source::Fault;
use crate::base::limits::pictures as limits;

/// A piece of a picture without its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// These bytes of the file.
    Kept(Range<u64>),
    /// Bytes instead of some of it.
    New(Vec<u8>),
}

/// What is found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Width and height as they are stored.
    pub pixels: Option<(u32, u32)>,
    /// Which way up it is, as in Exif.
    pub orientation: Option<u8>,
    /// Pictures in it, each shown for a while.
    pub frames: u64,
    /// What stays.
    pub parts: Vec<Part>,
    /// Whether that is something else than the file.
    pub has_changed: bool,
    /// Up to where it is decided.
    pub decided: u64,
}

impl Found {
    /// What is between the last decision and here stays.
    pub fn keep(&mut self, to: u64) -> Result<(), Fault> {
        if to <= self.decided {
            return Ok(());
        }
        match self.parts.last_mut() {
            Some(Part::Kept(last)) if last.end == self.decided => last.end = to,
            _ => self.add(Part::Kept(self.decided..to))?,
        }
        self.decided = to;
        Ok(())
    }

    /// What is between the last decision and here goes, and this comes instead.
    pub fn replace(&mut self, to: u64, by: Vec<u8>) -> Result<(), Fault> {
        self.has_changed = true;
        self.decided = to;
        match by.is_empty() {
            true => Ok(()),
            false => self.add(Part::New(by)),
        }
    }

    /// What is between the last decision and here goes.
    pub fn remove(&mut self, to: u64) {
        self.has_changed |= to > self.decided;
        self.decided = to;
    }

    /// A block of metadata that ends here: it goes, or is replaced by one that says which way up the picture is, which
    /// `wrap` makes a part of such a file. Only the first one counts.
    pub fn metadata(
        &mut self,
        to: u64,
        block: &[u8],
        wrap: impl Fn(&[u8]) -> Vec<u8>,
    ) -> Result<(), Fault> {
        if self.orientation.is_some() {
            self.remove(to);
            return Ok(());
        }
        self.orientation = Some(super::exif::orientation(block));
        match super::exif::rest_of(block) {
            Some(rest) if rest == block && to - self.decided == wrap(&rest).len() as u64 => {
                self.keep(to)
            }
            Some(rest) => self.replace(to, wrap(&rest)),
            None => {
                self.remove(to);
                Ok(())
            }
        }
    }

    /// The picture has this size. It is said once.
    pub fn measured(&mut self, width: u32, height: u32) -> Result<(), Fault> {
        if width == 0 || height == 0 || self.pixels.is_some() {
            return Err(Fault::Broken);
        }
        self.pixels = Some((width, height));
        Ok(())
    }

    /// The rest of what cannot be read any further stays as it is.
    pub fn keep_rest(&mut self, to: u64) {
        if to > self.decided {
            self.parts.push(Part::Kept(self.decided..to));
            self.decided = to;
        }
    }

    fn add(&mut self, part: Part) -> Result<(), Fault> {
        if self.parts.len() >= limits::PARTS {
            return Err(Fault::Broken);
        }
        self.parts.push(part);
        Ok(())
    }
}

impl Part {
    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        match self {
            Self::Kept(range) => range.end.saturating_sub(range.start),
            Self::New(bytes) => bytes.len() as u64,
        }
    }
}
