//! Setting a password.

use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};

use super::Api;

pub(super) async fn ticket(_api: &Api, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn prepare(_api: &Api, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn commit(_api: &Api, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn unlock(_api: &Api, _caller: &Session, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
