//! A request with its body, as handlers get it.

use std::net::SocketAddr;
use std::sync::Mutex;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::body_reader::BodyReader;
use super::head::Head;
use super::proxies::Client;
use super::target::percent_decode;
use super::{cookie, json};
use crate::base::error::{Code, Error};
use crate::base::lock::MutexExt as _;

/// A request. Handlers get it when its body is complete, or before a byte of it is read if they read it themselves.
#[derive(Debug)]
pub struct Request {
    /// Method, path, header fields.
    pub head: Head,
    /// The decoded body; empty if the handler reads it.
    pub body: Bytes,
    /// The body that the handler reads, until it has taken it.
    pub(super) reader: Mutex<Option<BodyReader>>,
    /// The client: as a trusted proxy says, or the other end of the connection.
    pub peer: SocketAddr,
    /// Whether the client speaks TLS, to us or to a trusted proxy.
    pub secure: bool,
}

/// The first field of that name in a form or a query, decoded.
pub fn form_field(form: &str, name: &str) -> Option<String> {
    form.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key == name { percent_decode(value, true) } else { None }
    })
}

impl Request {
    /// A request of that client whose body is to be read.
    pub(super) fn from_head(head: Head, client: &Client) -> Self {
        Self::new(head, client.address, client.secure)
    }

    /// A request of that client without a body.
    pub fn new(head: Head, peer: SocketAddr, secure: bool) -> Self {
        Self { head, body: Bytes::new(), reader: Mutex::new(None), peer, secure }
    }

    /// The body, to be read piece by piece. Only once, and only where the service says that its handler does.
    ///
    /// # Errors
    /// `internal` otherwise.
    pub fn stream(&self) -> Result<BodyReader, Error> {
        let reader = self.reader.lock_unpoisoned().take();
        reader.ok_or_else(|| Error::internal("there is no body to be read piece by piece"))
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)
    }

    /// A cookie by its exact name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.head.headers.all("cookie").find_map(|header| cookie::find(header, name))
    }

    /// A query parameter, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        form_field(self.head.query.as_deref()?, name)
    }

    /// The media type of the body, in small letters and without its parameters; empty if it has none.
    pub fn media_type(&self) -> String {
        let kind = self.header("content-type").unwrap_or_default();
        kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The body as text.
    ///
    /// # Errors
    /// `unsupported_type` if it says that it is not UTF-8 or is compressed, `bad_request` if it is not UTF-8.
    pub fn text(&self) -> Result<&str, Error> {
        json::check_form(&self.head.headers)?;
        let text = std::str::from_utf8(&self.body);
        text.map_err(|_| Error::new(Code::BadRequest, "The body is not UTF-8."))
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `unsupported_type` unless it says `application/json` and is not compressed, `bad_request`
    /// naming the field that is missing or mistyped.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        json::read(&self.head.headers, &self.body)
    }

    /// The same where a body may be left out: none, whatever its type is said to be, is `{}`.
    ///
    /// # Errors
    /// Those of [`json`](Self::json) for a body that is there.
    pub fn json_if_any<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if self.body.is_empty() { json::read_none() } else { self.json() }
    }
}
