//! HTTP/2: what is served, what is refused, and what a client that means harm gets.

mod deadlines;
mod floods;
mod requests;
mod transfers;
mod wire;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use impulse::base::limits::http as limits;
use impulse::base::memory::{Kind, MemoryBudget};
use impulse::http::{
    Cost, Deadlines, Head, Options, PriorKnowledge, Request, RequestLimiter, Response, Service,
};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::wire::Wire;

/// Bytes of `/big`.
pub const BIG: usize = 1_000_000;
/// Bytes that a body may have.
pub const BODY: usize = 64 * 1024;
/// The same of `/upload`.
pub const UPLOAD: usize = 4 * 1024 * 1024;

/// Answers by the path.
#[derive(Default)]
pub struct Answers {
    /// Requests that a handler has begun with.
    pub begun: AtomicUsize,
    pub running: AtomicUsize,
    pub most_running: AtomicUsize,
    /// What `/wait` waits for.
    pub go: Notify,
    /// What `/shared` answers.
    shared: Bytes,
}

impl Service for Answers {
    fn body_limit(&self, head: &Head) -> usize {
        if head.path == "/upload" { UPLOAD } else { BODY }
    }

    fn cost(&self, head: &Head) -> Cost {
        if head.path.starts_with("/call") { Cost::Call } else { Cost::Light }
    }

    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_running.fetch_max(running, Ordering::SeqCst);
        Box::pin(async move {
            let response = self.answer(&request).await;
            self.running.fetch_sub(1, Ordering::SeqCst);
            response
        })
    }
}

impl Answers {
    async fn answer(&self, request: &Request) -> Response {
        let text = |body: String| Response::new(200, "text/plain", body);
        match request.head.path.as_str() {
            "/" | "/call" => text("hello".to_owned()),
            "/none" => Response::empty(204),
            "/same" => Response::empty(304).header("ETag", "\"1\""),
            "/empty" => text(String::new()),
            "/big" => Response::new(200, "text/plain", vec![b'x'; BIG]),
            "/shared" => Response::new(200, "text/plain", self.shared.clone()),
            "/length" | "/upload" => text(request.body.len().to_string()),
            "/seen" => {
                let get = |name: &str| request.header(name).unwrap_or_default();
                let cookie = request.cookie("b").unwrap_or_default();
                let query = request.query("q").unwrap_or_default();
                text(format!("{} {} {cookie} {query}", get("host"), get("cookie")))
            }
            "/wait" | "/call/wait" => {
                self.go.notified().await;
                text("waited".to_owned())
            }
            "/upgrade" => Response::needs_http_1_1(),
            "/take" => Response::upgrade(|_, _| {}),
            "/connection" => Response::new(400, "text/plain", "no")
                .header("Upgrade", "websocket")
                .header("Connection", "close"),
            "/panic" => panic!("a fault in a handler"),
            _ => Response::empty(404),
        }
    }
}

/// One that answers by the path.
pub type Server = Host<Answers>;

/// A server of HTTP/2 on a free port.
pub struct Host<S> {
    pub address: SocketAddr,
    pub answers: Arc<S>,
    pub options: Options,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    /// With shorter deadlines.
    pub async fn hasty(change: impl FnOnce(&mut Deadlines)) -> Self {
        let mut options = Options::default();
        change(&mut options.deadlines);
        Self::start_with(options).await
    }

    pub async fn start_with(options: Options) -> Self {
        let shared = vec![b'x'; BIG].into();
        Self::start_service(Answers { shared, ..Answers::default() }, options).await
    }
}

impl<S: Service> Host<S> {
    pub async fn start_service(answers: S, options: Options) -> Self {
        let answers = Arc::new(answers);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, mut stopped) = watch::channel(false);
        let http = PriorKnowledge::new(answers.clone(), options.clone(), stopped.clone());
        let serving = tokio::spawn(async move {
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (stream, peer) = accepted.unwrap();
                        stream.set_nodelay(true).unwrap();
                        // As a listener with TLS does.
                        let socket = socket2::SockRef::from(&stream);
                        socket.set_tcp_notsent_lowat(limits::STREAMED_UNSENT).unwrap();
                        tokio::spawn(http.serve(stream, peer));
                    }
                    _ = stopped.wait_for(|stop| *stop) => break,
                }
            }
            http.ended().await;
        });
        Self { address, answers, options, stop, serving }
    }

    pub async fn wire(&self) -> Wire {
        Wire::open(self.address, &[]).await
    }

    /// A client that is a library.
    pub async fn client(&self) -> h2::client::SendRequest<Bytes> {
        let stream = tokio::net::TcpStream::connect(self.address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async {
            let _ = connection.await;
        });
        client.ready().await.unwrap()
    }

    /// Whether somebody else is served, and how fast.
    pub async fn serves(&self) -> Duration {
        let began = std::time::Instant::now();
        let mut wire = self.wire().await;
        wire.send(&wire::get(1, "/")).await;
        assert_eq!(wire.of_kind(wire::HEADERS).await.status(), 200);
        began.elapsed()
    }

    pub fn held(&self, kind: Kind) -> usize {
        self.options.memory.used(kind)
    }

    /// Waits until that is so.
    pub async fn until(&self, what: &str, mut so: impl FnMut(&Self) -> bool) {
        for _ in 0..1_000 {
            if so(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never: {what}");
    }

    pub fn begin_stop(&self) {
        self.stop.send_replace(true);
    }

    pub async fn stopped(self) {
        tokio::time::timeout(Duration::from_secs(5), self.serving).await.unwrap().unwrap();
    }
}

/// Limits that are as small as the test needs.
pub fn with_memory(bytes: usize) -> Options {
    Options { memory: MemoryBudget::new(bytes), ..Options::default() }
}

/// A client with so many times the usual rate.
pub fn with_rate(scale: f64) -> Options {
    Options { limiter: Arc::new(RequestLimiter::new(scale)), ..Options::default() }
}
