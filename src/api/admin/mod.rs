//! What administrators of the server do, in the browser and from the command line alike.
//!
//! Everything here asks for an administrator first, in one place ([`answer`]); what was done goes
//! into the audit log.

mod audit;
mod invites;
mod resource;
mod rooms;
mod settings;
mod stats;
mod users;

pub(super) use resource::Resource;
pub use stats::Figures;
pub(super) use users::Messages;

use serde_json::json;

use crate::auth::Session;
use crate::base::error::{Code, Error, Result};
use crate::http::{Request, Response};

use super::{Api, wrong_method};

/// The answer to an administrator.
///
/// # Errors
/// `forbidden` for anybody else.
pub(super) async fn answer(
    api: &Api,
    caller: &Session,
    method: &str,
    resource: Resource,
    request: &Request,
) -> Result<Response> {
    use Resource as R;
    if !caller.admin {
        return Err(Error::new(Code::Forbidden, "Only admins of the server may do this."));
    }
    let permit = match (method, resource) {
        ("GET", _) => None,
        // Rooms and invitations ask where the act is.
        (_, R::Rooms | R::Room(_) | R::RoomRestore(_) | R::Invites | R::Invite(_) | R::Purge) => {
            None
        }
        _ => Some(api.permit(caller)?),
    };
    let answer = carry_out(api, caller, method, resource, request).await;
    if let (Some(permit), Ok(_)) = (permit, &answer) {
        permit.use_up();
    }
    answer
}

async fn carry_out(
    api: &Api,
    caller: &Session,
    method: &str,
    resource: Resource,
    request: &Request,
) -> Result<Response> {
    use Resource as R;
    match (method, resource) {
        ("GET", R::Users) => users::page(api, request).await,
        ("POST", R::Users) => users::create(api, caller, request).await,
        ("GET", R::User(uid)) => users::show(api, uid).await,
        ("PATCH", R::User(uid)) => users::change(api, caller, uid, request).await,
        ("DELETE", R::User(uid)) => users::remove(api, caller, uid, request).await,
        ("POST", R::UserRestore(uid)) => users::restore(api, caller, uid).await,
        ("POST", R::UserReset(uid)) => users::reset(api, caller, uid, request).await,
        ("DELETE", R::UserSessions(uid)) => users::end_sessions(api, caller, uid).await,
        ("GET", R::Rooms) => rooms::page(api, request).await,
        ("POST", R::Rooms) => rooms::create(api, caller, request).await,
        ("PATCH", R::Room(room)) => rooms::change(api, caller, room, request).await,
        ("DELETE", R::Room(room)) => rooms::remove(api, caller, room).await,
        ("POST", R::RoomRestore(room)) => rooms::restore(api, caller, room).await,
        ("GET", R::Invites) => invites::page(api, caller, request).await,
        ("POST", R::Invites) => super::invites::create(api, caller, request).await,
        ("DELETE", R::Invite(id)) => super::invites::revoke(api, caller, id).await,
        ("GET", R::Settings) => settings::show(api),
        ("PATCH", R::Settings) => settings::change(api, caller, request).await,
        ("GET", R::Audit) => audit::page(api, request).await,
        ("GET", R::AuditVerify) => audit::verify(api).await,
        ("GET", R::Stats) => stats::show(api).await,
        ("POST", R::Purge) => {
            let purged = api.purge().await?;
            Ok(Response::json(200, &json!({"users": purged.users, "rooms": purged.rooms})))
        }
        _ => Ok(wrong_method(super::Resource::Admin(resource))),
    }
}
