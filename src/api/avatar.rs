//! Pictures of people.

use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};

use super::Api;

pub(super) async fn put(_api: &Api, _caller: &Session, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn remove(_api: &Api, _caller: &Session) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn file(_api: &Api, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
