//! Bodies that handlers read piece by piece, and answers that are sent as they are read, over TLS.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use impulse::base::limits::http as limits;
use impulse::http::{BodyError, Options};

use crate::client::{Client, End, config};
use crate::running::Running;
use crate::service::{FILE, Transfers, pattern, receipt};

struct Server {
    running: Running,
    transfers: Arc<Transfers>,
}

impl Server {
    async fn start() -> Self {
        let mut options = Options::default();
        options.deadlines.write = Duration::from_millis(300);
        let transfers = Arc::new(Transfers::default());
        Self { running: Running::serving(options, transfers.clone()).await, transfers }
    }

    async fn send(&self, bytes: &[u8]) -> Client {
        let mut client = Client::open(self.running.address, &config(&self.running.certified)).await;
        client.send(bytes).await;
        client
    }

    async fn until(&self, what: &str, so: impl Fn(&Transfers) -> bool) {
        for _ in 0..1_000 {
            if so(&self.transfers) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    }
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").into_bytes()
}

fn put(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("PUT {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn bodies_and_answers_go_in_pieces_over_tls_too() {
    let server = Server::start().await;
    let body = pattern(0..3_000_000);
    let bytes = [put("/up", &body), put("/up", &body[..9]), get("/")].concat();
    let (answers, end) = server.send(&bytes).await.read_to_end().await;
    assert!(answers.contains(&receipt(&body)) && answers.contains(&receipt(&body[..9])));
    assert!(answers.ends_with("hello"), "{answers}");
    assert_eq!(end, End::Announced);
    let refused = server.send(&put("/refused", &body)).await.read_to_end().await;
    assert!(refused.0.starts_with("HTTP/1.1 409 "), "{}", refused.0);
    let (answer, end) = server.send(&get("/file")).await.read_to_end().await;
    assert!(answer.len() as u64 > FILE && end == End::Announced, "{end:?}");
}

#[tokio::test]
async fn an_answer_that_is_aborted_has_no_end_that_tls_announces() {
    let server = Server::start().await;
    for path in ["/breaks", "/short", "/more"] {
        let (answer, end) = server.send(&get(path)).await.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer:.20}");
        assert_ne!(end, End::Announced, "{path}");
    }
    // Nobody reads it.
    let stalled = server.send(&get("/long")).await;
    server.until("it begins", |transfers| transfers.made.load(Ordering::SeqCst) > 4).await;
    server.until("it ends", |transfers| transfers.sources.load(Ordering::SeqCst) == 0).await;
    let made = server.transfers.made.load(Ordering::SeqCst);
    assert!(made * limits::DOWNLOAD_PIECE < 16 * 1024 * 1024, "{made} pieces for nobody");
    drop(stalled);
}

#[tokio::test]
async fn a_body_that_is_cut_is_never_taken_for_a_whole_one_over_tls() {
    let server = Server::start().await;
    let whole = put("/up", &pattern(0..500_000));
    let client = server.send(&whole[..400_000]).await;
    server.until("it is read", |transfers| transfers.read.load(Ordering::SeqCst) > 0).await;
    drop(client);
    server.until("it ends", |transfers| !transfers.bodies.lock().unwrap().is_empty()).await;
    let (read, end) = server.transfers.bodies.lock().unwrap().remove(0);
    assert_eq!(end, Err(BodyError::Gone));
    assert!(read < 500_000, "{read}");
}
