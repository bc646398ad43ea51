//! What administrators of the server do, in the browser and from the command line alike. `router` lets nobody
//! else in here, and every act goes into the audit log.

pub mod audit;
pub mod directory;
pub mod files;
pub mod invites;
pub mod rooms;
pub mod search;
pub mod settings;
pub mod users;

use serde_json::json;

use super::context::AdminCall;
use crate::base::error::Result;
use crate::http::Response;

/// `GET /api/admin/stats`
pub async fn stats(call: AdminCall<'_>) -> Result<Response> {
    Ok(Response::json(200, &call.services.stats.report().await))
}

/// `POST /api/admin/purge`
pub async fn purge(call: AdminCall<'_>) -> Result<Response> {
    let purged = call.services.purge.run().await?;
    Ok(Response::json(200, &json!({"users": purged.users, "rooms": purged.rooms})))
}
