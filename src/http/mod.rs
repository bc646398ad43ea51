//! HTTP/1.1 by hand over `httparse`. It knows requests, responses and files, but no chat.
//!
//! `head` and `body` parse without I/O. `connection` drives them over a socket with deadlines, `listener`
//! accepts, `admission` bounds connections, `request_limiter` what each client requests, and
//! `transfers` what goes piece by piece. What answers
//! requests is a [`Service`]. `client` is the other side: the requests that our own programs make.

mod admission;
mod body;
mod body_feed;
mod body_reader;
mod buffered_socket;
pub mod client;
mod close;
mod coding;
mod connection;
mod connection_table;
mod cookie;
mod counters;
mod exchange;
mod handshake;
mod head;
mod headers;
mod http2;
mod json;
mod listener;
mod listener_shared;
mod options;
mod permit_state;
mod proxies;
mod range;
mod redirect;
mod refusal;
mod refusal_page;
mod request;
mod request_limiter;
mod reserve_fd;
mod response;
mod selection;
mod service;
mod site;
mod socket;
mod source;
mod standalone_page;
mod target;
mod transfers;

pub use body::{Body, Progress};
pub use body_reader::{BodyError, BodyReader};
pub use coding::Packer;
pub use counters::{HttpCounters, RefusalReason};
pub use head::{Framing, Head, Method, Version, parse};
pub use headers::Headers;
pub use http2::PriorKnowledge;
pub use listener::serve;
pub use options::{Deadlines, Options};
pub use proxies::{Transport, TrustedProxies};
pub use range::{ByteRange, byte_range};
pub use redirect::{Destination, Redirect};
pub use refusal::Refusal;
pub use refusal_page::readable;
pub use request::{Request, form_field};
pub use request_limiter::{Cost, RequestLimiter};
pub use response::{Response, Upgrade};
pub use selection::Selection;
pub use service::{BodyAuthorization, BodyPermit, Service};
pub use site::Site;
pub use socket::{Families, Listener, Socket, bind, bind_families};
pub use source::{FileSource, NextPiece, Source, Withdrawn};
pub use standalone_page::{Language, content_security_policy};
pub use transfers::Patience;
