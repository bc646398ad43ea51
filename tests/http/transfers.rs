//! Bodies that handlers read piece by piece, and answers that are sent as they are read.

#![allow(dead_code, unused_imports)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use impulse::base::limits::http as limits;
use impulse::base::memory::Kind;
use impulse::http::{BodyError, Deadlines, Options, RequestLimiter};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::transfers_service::{FILE, MOST, Transfers, pattern, receipt};
use crate::{Running, options, read_to_end, start_service, statuses};

struct Server {
    running: Running,
    transfers: Arc<Transfers>,
}

async fn start(options: Options) -> Server {
    let transfers = Arc::new(Transfers::default());
    Server { running: start_service(transfers.clone(), options).await, transfers }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.running.address).await.unwrap()
    }

    /// Sends this and reads until the end.
    async fn exchange(&self, bytes: &[u8]) -> String {
        crate::exchange(self.running.address, bytes).await
    }

    /// Waits until that is so.
    async fn until(&self, what: &str, so: impl Fn(&Transfers) -> bool) {
        for _ in 0..500 {
            if so(&self.transfers) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    }

    /// How the only body has ended.
    async fn body(&self) -> (u64, Result<(), BodyError>) {
        self.until("a body ends", |transfers| !transfers.bodies.lock().unwrap().is_empty()).await;
        self.transfers.bodies.lock().unwrap().remove(0)
    }
}

fn put(path: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    [format!("PUT {path} HTTP/1.1\r\nHost: h\r\n{fields}\r\n").as_bytes(), body].concat()
}

fn length(body: &[u8]) -> String {
    format!("Content-Length: {}\r\n", body.len())
}

const CLOSE: &str = "Connection: close\r\n";
const LAST: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

/// A body in chunks of that size.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let chunks = body
        .chunks(size)
        .map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    [chunks.collect::<Vec<_>>().concat(), b"0\r\n\r\n".to_vec()].concat()
}

#[tokio::test]
async fn a_body_is_read_piece_by_piece_and_the_next_request_follows_it() {
    let server = start(options()).await;
    let body = pattern(0..3_000_000);
    let mut bytes = Vec::new();
    for part in [&body[..], &body[..1], &[], &body[..limits::PIECE], &body[..limits::PIECE + 1]] {
        bytes.extend(put("/up", &length(part), part));
        bytes.extend(put("/up", "Transfer-Encoding: chunked\r\n", &chunked(part, 7_001)));
    }
    bytes.extend(put("/up", "Transfer-Encoding: chunked\r\n", &chunked(&body[..2_000], 1)));
    bytes.extend_from_slice(LAST);
    let answers = server.exchange(&bytes).await;
    assert_eq!(statuses(&answers), ["200"; 12]);
    for part in [&body[..], &body[..1], &[], &body[..limits::PIECE], &body[..limits::PIECE + 1]] {
        assert_eq!(answers.matches(&receipt(part)).count(), 2, "{}", part.len());
    }
    assert!(answers.contains(&receipt(&body[..2_000])));
}
