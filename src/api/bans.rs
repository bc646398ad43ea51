//! Bans.

use crate::auth::Session;
use crate::error::{Code, Error, Result};
use crate::http::Response;
use crate::ids::{RoomId, Uid};

use super::Api;

pub(super) async fn list(_api: &Api, _caller: &Session, _room: RoomId) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn ban(
    _api: &Api,
    _caller: &Session,
    _room: RoomId,
    _uid: Uid,
) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}

pub(super) async fn unban(
    _api: &Api,
    _caller: &Session,
    _room: RoomId,
    _uid: Uid,
) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
