//! Invite links.

use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};
use crate::ids::InviteId;

use super::Api;

pub(super) async fn look(_api: &Api, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn list(_api: &Api, _caller: &Session) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn create(_api: &Api, _caller: &Session, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn accept(_api: &Api, _caller: &Session, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn revoke(_api: &Api, _caller: &Session, _id: InviteId) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
