//! The audit log.

use crate::api::Api;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};

pub(super) async fn page(_api: &Api, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn verify(_api: &Api) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
