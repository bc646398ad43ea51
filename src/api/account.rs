//! Leaving for good.

use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};

use super::Api;

pub(super) async fn delete(_api: &Api, _caller: &Session, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
