//! The index of messages, as an administrator sees it.

use serde_json::{Value, json};

use crate::api::context::AdminCall;
use crate::base::error::Result;
use crate::http::Response;
use crate::service::Services;

/// `GET /api/admin/search`
pub async fn show(call: AdminCall<'_>) -> Result<Response> {
    Ok(Response::json(200, &report(call.services).await?))
}

/// `POST /api/admin/search/rebuild`: everything is filed anew, while searches go on.
pub async fn rebuild(call: AdminCall<'_>) -> Result<Response> {
    call.services.search.filing().rebuild().await?;
    Ok(Response::json(202, &report(call.services).await?))
}

async fn report(services: &Services) -> Result<Value> {
    let report = services.search.filing().report().await?;
    let rebuilding = report.rebuilding.map(|one| json!({"done": one.done, "of": one.of}));
    Ok(json!({"rooms": report.rooms, "behind": report.behind, "rebuilding": rebuilding}))
}
