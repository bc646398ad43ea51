//! Live figures.

use crate::api::Api;
use crate::error::{Code, Error, Result};
use crate::http::Response;

pub(super) async fn show(_api: &Api) -> Result<Response> {
    Err(Error::new(Code::NotFound, "Not yet."))
}
