//! In place of `bucket` in a program that was built without it: there is never one.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::ops::Range;

use bytes::Bytes;

use super::Rendition;
use super::refusal::Refusal;
use crate::base::error::Result;
use crate::base::ids::FileId;
use crate::config::BucketPlace;

/// Nothing.
#[derive(Debug, Clone)]
pub struct Bucket(Infallible);

/// Nothing.
#[derive(Debug)]
pub struct BucketReader(Infallible);

#[allow(missing_docs, clippy::unused_async)]
impl Bucket {
    pub fn open(_: &BucketPlace<'_>) -> std::result::Result<Self, String> {
        Err("--files-s3: this program was built without it (`cargo build --features s3`)".into())
    }

    pub fn shown(&self) -> &str {
        match self.0 {}
    }

    pub fn size_max(&self) -> u64 {
        match self.0 {}
    }

    pub async fn prepare(&self, _: [u8; 16]) -> Result<()> {
        match self.0 {}
    }

    pub async fn check(&self) -> std::result::Result<(), String> {
        match self.0 {}
    }

    pub async fn put(&self, _: FileId, _: Rendition, _: File) -> Result<()> {
        match self.0 {}
    }

    pub async fn size(&self, _: FileId, _: Rendition) -> std::result::Result<u64, Refusal> {
        match self.0 {}
    }

    pub fn read(&self, _: FileId, _: Rendition, _: Range<u64>) -> BucketReader {
        match self.0 {}
    }

    pub async fn remove(&self, _: FileId) -> Result<()> {
        match self.0 {}
    }

    pub async fn list(&self, _: Option<FileId>, _: usize) -> Result<Vec<FileId>> {
        match self.0 {}
    }
}

#[allow(missing_docs, clippy::unused_async)]
impl BucketReader {
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        match self.0 {}
    }
}
