//! Rooms.

use crate::api::Api;
use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};
use crate::ids::RoomId;

pub(super) async fn page(_api: &Api, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn create(_api: &Api, _caller: &Session, _request: &Request) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn change(
    _api: &Api,
    _caller: &Session,
    _room: RoomId,
    _request: &Request,
) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn remove(_api: &Api, _caller: &Session, _room: RoomId) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn restore(_api: &Api, _caller: &Session, _room: RoomId) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
