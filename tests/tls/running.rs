//! A listener with TLS, and a service that remembers what it was asked.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use impulse::http::{Head, HttpCounters, Options, Request, Response, Service, bind, serve};
use impulse::tls::{Certificates, pem, server_config};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::support::tls::Certified;

/// Answers with the path and the body, and remembers both.
#[derive(Default)]
pub struct Witness(Mutex<Vec<String>>);

impl Witness {
    pub fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Service for Witness {
    fn body_limit(&self, _: &Head) -> usize {
        1_000_000
    }

    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let text = format!("{} {} {body}", request.head.path, request.secure);
        self.0.lock().unwrap().push(text.clone());
        Box::pin(async move { Response::new(200, "text/plain", text) })
    }
}

/// A listener that runs until it is dropped.
pub struct Running {
    pub address: SocketAddr,
    pub witness: Arc<Witness>,
    pub counters: Arc<HttpCounters>,
    pub certificates: Certificates,
    /// As a client needs it.
    pub certified: Certified,
    pub stop: watch::Sender<bool>,
    pub task: JoinHandle<()>,
}

impl Running {
    /// With a certificate for `chat.test` and 127.0.0.1.
    pub async fn start(options: Options) -> Self {
        let witness = Arc::new(Witness::default());
        Self { witness: witness.clone(), ..Self::serving(options, witness).await }
    }

    /// The same for another service, of which the witness sees nothing.
    pub async fn serving(options: Options, service: Arc<dyn Service>) -> Self {
        let certified = Certified::of(&["chat.test", "127.0.0.1"]);
        let (cert, key) = (certified.certificate(), certified.key());
        let first = pem::parse(cert.as_bytes(), key.as_bytes()).unwrap();
        let certificates = Certificates::new(first);
        let tls = Some(server_config(&certificates).unwrap());
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let (witness, counters) = (Arc::new(Witness::default()), options.counters.clone());
        let options = Options { tls, ..options };
        let task = tokio::spawn(serve(listener, service, options, stopped));
        Self { address, witness, counters, certificates, certified, stop, task }
    }

    /// How many handshakes ended so.
    pub fn handshakes(&self, result: &str) -> u64 {
        self.counters.handshakes().find(|(name, _)| *name == result).unwrap().1
    }
}
