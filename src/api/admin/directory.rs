//! The directory of keys after a restore: what an administrator sees of it, and decides (`e2ee.md` 11.4).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::context::{AdminCall, Call};
use crate::base::base64url;
use crate::base::error::Result;
use crate::http::Response;
use crate::service::{Dropped, InTheWay, Report, RivalReport};

/// `GET /api/admin/directory`
pub async fn show(call: AdminCall<'_>) -> Result<Response> {
    Ok(answer(&call.services.directory.report().await?))
}

#[derive(Deserialize)]
struct Open {
    #[serde(default)]
    keep_ours: bool,
}

/// `POST /api/admin/directory/open`: it takes new entries again.
pub async fn open(Call { services, caller, request, .. }: AdminCall<'_>) -> Result<Response> {
    let Open { keep_ours } = request.json_if_any()?;
    Ok(answer(&services.directory.open(caller.principal, keep_ours).await?))
}

/// `POST /api/admin/directory/adopt`: the other chain takes the place of ours.
pub async fn adopt(Call { services, caller, .. }: AdminCall<'_>) -> Result<Response> {
    Ok(answer(&services.directory.adopt(caller.principal).await?))
}

fn answer(report: &Report) -> Response {
    let report = json!({
        "state": report.state.as_str(),
        "n": report.n,
        "h": base64url::encode(&report.h),
        "missing": report.missing,
        "rival": report.rival.as_ref().map(rival),
        "in_the_way": report.in_the_way.iter().map(in_the_way).collect::<Vec<_>>(),
    });
    Response::json(200, &report)
}

fn rival(rival: &RivalReport) -> Value {
    json!({
        "n": rival.n,
        "h": base64url::encode(&rival.h),
        "signed_at": rival.signed_at,
        "parts_at": rival.parts_at,
        "theirs": rival.theirs,
        "ours": rival.ours,
        "dropped": rival.dropped.iter().map(dropped).collect::<Vec<_>>(),
    })
}

fn dropped(Dropped { n, uid, name, kind }: &Dropped) -> Value {
    json!({"n": n, "uid": uid, "name": name, "type": kind.map(|kind| kind.as_str())})
}

fn in_the_way(InTheWay { uid, username, n }: &InTheWay) -> Value {
    json!({"uid": uid, "username": username, "n": n})
}
