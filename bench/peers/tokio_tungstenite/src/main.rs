//! A broadcast server as most are written in Rust: tokio, tokio-tungstenite, a task for each
//! connection and a `tokio::sync::broadcast` channel for each room.
//!
//!     tokio_tungstenite PORT     everybody on a path gets what anybody on it says

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Rooms = Arc<Mutex<HashMap<String, broadcast::Sender<Utf8Bytes>>>>;

/// Messages a member may be behind before it is cut off.
const BEHIND: usize = 1024;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let port: u16 = std::env::args().nth(1).ok_or("usage: tokio_tungstenite PORT")?.parse()?;
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(([127, 0, 0, 1], port).into())?;
    let listener = socket.listen(4096)?;
    println!("ready");
    let rooms = Rooms::default();
    loop {
        let (stream, _) = listener.accept().await?;
        let rooms = rooms.clone();
        tokio::spawn(async move {
            // A client that goes away or misbehaves ends its own task only.
            let _ = serve(stream, rooms).await;
        });
    }
}

async fn serve(stream: TcpStream, rooms: Rooms) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut joined = None;
    // The type of the error is tungstenite's, and big; it is never made here.
    #[allow(clippy::result_large_err)]
    let join = |request: &Request, response: Response| {
        let mut rooms = rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.entry(request.uri().path().to_owned());
        let room = room.or_insert_with(|| broadcast::channel(BEHIND).0).clone();
        // Before the client is told that it is in: nothing that comes after may be missed.
        joined = Some((room.subscribe(), room));
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, join).await?;
    let (mut news, room) = joined.ok_or("no request was seen")?;
    loop {
        tokio::select! {
            text = news.recv() => socket.send(Message::Text(text?)).await?,
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => drop(room.send(text)),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => {}
            },
        }
    }
}
