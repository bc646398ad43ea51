//! Settings.

use crate::api::Api;
use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};

pub(super) fn show(_api: &Api) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn change(_api: &Api, _caller: &Session, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
