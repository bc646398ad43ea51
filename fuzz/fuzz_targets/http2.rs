//! HTTP/2: any bytes after the preface, cut anywhere, never panic, and the connection ends with them.
#![no_main]

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use impulse::http::{Head, Options, PriorKnowledge, Request, Response, Service};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

struct Echo;

impl Service for Echo {
    fn body_limit(&self, _: &Head) -> usize {
        1_024
    }

    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        assert!(request.head.path.starts_with('/') && request.body.len() <= 1_024);
        assert_eq!(request.head.headers.all("host").count(), 1);
        Box::pin(async move { Response::new(200, "text/plain", request.body) })
    }
}

async fn serve(step: usize, bytes: &[u8]) {
    let (_stop, stopped) = watch::channel(false);
    let http = PriorKnowledge::new(Arc::new(Echo), Options::default(), stopped);
    let (near, far) = tokio::io::duplex(64 * 1024);
    let serving = tokio::spawn(http.serve(far, "127.0.0.1:1".parse().unwrap()));
    let (mut read, mut write) = tokio::io::split(near);
    let reading = tokio::spawn(async move { read.read_to_end(&mut Vec::new()).await });
    let _ = write.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    for chunk in bytes.chunks(step.max(1)) {
        if write.write_all(chunk).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let _ = write.shutdown().await;
    let ended = tokio::time::timeout(Duration::from_secs(60), async {
        serving.await.unwrap();
        http.ended().await;
        let _ = reading.await;
    });
    ended.await.expect("it ends with its client");
}

fuzz_target!(|data: (u8, Vec<u8>)| {
    let (step, bytes) = data;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(serve(usize::from(step), &bytes));
});
