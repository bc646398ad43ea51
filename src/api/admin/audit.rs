//! The audit log: a page of it, back in time, and whether its chain holds.

use serde_json::{Value, json};

use crate::api::context::{AdminCall, Call};
use crate::base::error::{Error, Result};
use crate::base::hex;
use crate::base::limits::api::{PAGE, PAGE_MAX};
use crate::base::time;
use crate::http::Response;
use crate::store::accounts::{AuditFilter, AuditRow};

/// `GET /api/admin/audit?q=&action=&actor=&target=&before=N&limit=`
pub async fn page(Call { services, request, .. }: AdminCall<'_>) -> Result<Response> {
    let number = |name: &str, otherwise: i64| match request.query(name) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| Error::field(name, "is not a number")),
    };
    let text = |name: &str| request.query(name).unwrap_or_default().trim().to_owned();
    let default = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let limit = usize::try_from(number("limit", default)?).unwrap_or(0).clamp(1, PAGE_MAX);
    let actor = request.query("actor").map(|uid| uid.parse());
    let actor = actor.transpose().map_err(|_| Error::field("actor", "is not an id"))?;
    let filter =
        AuditFilter { q: text("q"), action: text("action"), actor, target: text("target") };
    let (rows, more) = services.audit.page(&filter, number("before", i64::MAX)?, limit).await?;
    let entries: Vec<_> = rows.iter().map(entry).collect();
    Ok(Response::json(200, &json!({"entries": entries, "more": more})))
}

/// `GET /api/admin/audit/verify`
pub async fn verify(call: AdminCall<'_>) -> Result<Response> {
    let check = call.services.audit.verify().await?;
    let mut answer = json!({
        "ok": check.broken_at.is_none(),
        "entries": check.entries,
        "head": hex::encode(&check.head),
    });
    if let Some(n) = check.broken_at {
        answer["broken_at"] = json!(n);
    }
    Ok(Response::json(200, &answer))
}

fn entry(row: &AuditRow) -> Value {
    // What was written as JSON reads as JSON; a row that somebody wrote by hand must not break the page.
    let detail = serde_json::from_str(&row.detail).map_or_else(|_| json!({}), Value::Object);
    json!({
        "n": row.n,
        "at": time::stored(row.at),
        "actor": {"uid": row.actor, "name": row.actor_name},
        "action": row.action,
        "target": {"kind": row.target_kind, "id": row.target_id, "name": row.target_name},
        "detail": detail,
        "hash": hex::encode(&row.hash),
    })
}
