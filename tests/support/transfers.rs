//! A service whose handlers read bodies and send answers piece by piece, for tests of both versions of HTTP.

#![allow(dead_code)]

use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use impulse::base::error::{Code, Error};
use impulse::base::limits::http as limits;
use impulse::http::{
    BodyError, Cost, Head, NextPiece, Request, Response, Selection, Service, Source,
};
use tokio::sync::Semaphore;

/// Bytes that a body may have.
pub const MOST: u64 = 1 << 30;
/// The same at `/small`.
pub const SMALL: u64 = 100_000;
/// Bytes of `/file`.
pub const FILE: u64 = 1_000_000;
/// Bytes of `/long`: as many as nobody takes.
pub const LONG: u64 = 1 << 40;

/// What became of the bodies and the answers.
pub struct Transfers {
    /// How each body has ended, and how many bytes of it were read.
    pub bodies: Mutex<Vec<(u64, Result<(), BodyError>)>>,
    /// Handlers of bodies that are running.
    pub running: AtomicUsize,
    /// The most there were at once.
    pub most_running: AtomicUsize,
    /// Bytes of all bodies that were read.
    pub read: AtomicUsize,
    /// Sources that are not dropped.
    pub sources: Arc<AtomicUsize>,
    /// Pieces that sources have made.
    pub made: Arc<AtomicUsize>,
    /// Pieces that `/held` may still read.
    pub go: Semaphore,
}

impl Default for Transfers {
    fn default() -> Self {
        Self {
            bodies: Mutex::default(),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            sources: Arc::default(),
            made: Arc::default(),
            go: Semaphore::new(0),
        }
    }
}

impl Service for Transfers {
    fn body_limit(&self, _: &Head) -> usize {
        1_000
    }

    fn streams(&self, head: &Head) -> Option<u64> {
        let most = if head.path == "/small" { SMALL } else { MOST };
        (head.method.as_str() == "PUT").then_some(most)
    }

    fn cost(&self, head: &Head) -> Cost {
        match (head.method.as_str(), head.path.as_str()) {
            ("GET" | "HEAD", "/") => Cost::Light,
            ("GET" | "HEAD", "/call" | "/unbounded") => Cost::Call,
            ("GET" | "HEAD", _) => Cost::Download,
            _ => Cost::Call,
        }
    }

    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        Box::pin(async move {
            if request.head.method.as_str() != "PUT" {
                return self.download(&request);
            }
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_running.fetch_max(running, Ordering::SeqCst);
            let answer = self.upload(&request).await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            answer.unwrap_or_else(|error| Response::error(&error))
        })
    }
}

impl Transfers {
    async fn upload(&self, request: &Request) -> Result<Response, Error> {
        let conflict = || Error::new(Code::Conflict, "No.");
        let path = request.head.path.as_str();
        if path == "/refused" {
            // It has to look something up.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return Err(conflict());
        }
        let mut body = request.stream()?;
        assert!(request.stream().is_err(), "a body is read once");
        let (mut read, mut sum, mut most) = (0, 0, 0);
        let end = loop {
            if path == "/held" {
                self.go.acquire().await.unwrap().forget();
            }
            match body.next().await {
                Ok(Some(piece)) => {
                    most = most.max(piece.len());
                    read += piece.len() as u64;
                    sum = checksum(sum, &piece);
                    self.read.fetch_add(piece.len(), Ordering::SeqCst);
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if path == "/early" {
                return Err(conflict());
            }
        };
        assert!(most <= limits::PIECE, "{most}");
        assert_eq!(body.next().await.is_ok(), end.is_ok(), "an end stays what it is");
        self.bodies.lock().unwrap().push((read, end));
        end?;
        let length = body.length();
        assert!(length.is_none_or(|length| length == read), "{length:?} {read}");
        Ok(Response::new(200, "text/plain", format!("[{read} {sum}]")))
    }

    fn download(&self, request: &Request) -> Response {
        let streamed = |length, end| {
            let source = self.source(0..LONG, end);
            Response::streamed(200, "application/octet-stream", length, source)
        };
        match request.head.path.as_str() {
            "/" | "/call" => Response::new(200, "text/plain", "hello"),
            "/file" => {
                let selection = Selection::of(&request.head, "\"f\"", FILE);
                let source = selection.bytes().map(|bytes| self.source(bytes, End::AtLength));
                selection.respond("application/octet-stream", source)
            }
            "/empty" => streamed(0, End::AtLength),
            "/long" => streamed(LONG, End::AtLength),
            "/unbounded" => streamed(LONG, End::AtLength),
            "/breaks" => streamed(LONG, End::Fails(3)),
            "/short" => streamed(LONG, End::After(3)),
            "/more" => streamed(limits::DOWNLOAD_PIECE as u64 + 1, End::AtLength),
            _ => Response::empty(404),
        }
    }

    fn source(&self, left: Range<u64>, end: End) -> Pattern {
        self.sources.fetch_add(1, Ordering::SeqCst);
        let (sources, made) = (self.sources.clone(), self.made.clone());
        Pattern { left, end, given: 0, sources, made }
    }
}

/// How a source ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    AtLength,
    Fails(usize),
    After(usize),
}

/// Bytes that say where they are.
struct Pattern {
    left: Range<u64>,
    end: End,
    given: usize,
    sources: Arc<AtomicUsize>,
    made: Arc<AtomicUsize>,
}

impl Source for Pattern {
    fn next(&mut self) -> NextPiece<'_> {
        Box::pin(async {
            match self.end {
                End::Fails(after) if after == self.given => {
                    return Err(io::Error::other("a fault"));
                }
                End::After(after) if after == self.given => return Ok(None),
                _ => {}
            }
            let Range { start, end } = self.left;
            let piece = pattern(start..end.min(start + limits::DOWNLOAD_PIECE as u64));
            self.left.start += piece.len() as u64;
            self.given += 1;
            self.made.fetch_add(1, Ordering::SeqCst);
            Ok((!piece.is_empty()).then(|| Bytes::from(piece)))
        })
    }
}

impl Drop for Pattern {
    fn drop(&mut self) {
        self.sources.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The bytes at these places.
pub fn pattern(range: Range<u64>) -> Vec<u8> {
    range.map(|at| (at % 251) as u8).collect()
}

/// Of what has this checksum, with more behind it.
pub fn checksum(before: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(before, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)))
}

/// What `/up` answers to these bytes.
pub fn receipt(bytes: &[u8]) -> String {
    format!("[{} {}]", bytes.len(), checksum(0, bytes))
}
