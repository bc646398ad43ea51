//! The room directory.

use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};

use super::Api;

pub(super) fn page(_api: &Api, _caller: &Session, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
