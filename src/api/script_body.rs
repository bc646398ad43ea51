//! The body of a message that a script sends: JSON, or nothing but its text.

use serde_json::{Map, Value};

use crate::base::error::{Code, Error, Result};
use crate::http::Request;

/// What a script has sent.
pub(super) enum ScriptBody<'a> {
    /// An object.
    Json(Map<String, Value>),
    /// The text of a message.
    Text(&'a str),
    /// What `curl -d` says is a form. It is a text like any other unless the call knows better.
    Form(&'a str),
}

impl<'a> ScriptBody<'a> {
    /// Reads the body by its `Content-Type`; without one it is text.
    ///
    /// # Errors
    /// `unsupported_type`, `bad_request`.
    pub fn of(request: &'a Request) -> Result<Self> {
        match request.media_type().as_str() {
            "application/json" => request.json().map(Self::Json),
            "text/plain" | "" => text(request).map(Self::Text),
            "application/x-www-form-urlencoded" => text(request).map(Self::Form),
            _ => {
                let sentence = "The body must be application/json or text/plain.";
                Err(Error::new(Code::UnsupportedType, sentence))
            }
        }
    }
}

/// The body without the line ends that `echo` and files put behind it.
fn text(request: &Request) -> Result<&str> {
    Ok(request.text()?.trim_end_matches(['\r', '\n']))
}
