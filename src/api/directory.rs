//! The directory of keys over HTTP (`e2ee.md` 13.2): rows in binary, entries as JSON, and what clients bring back after
//! a restore.

use serde::Deserialize;
use serde_json::{Value, json};

use super::context::Call;
use crate::base::base64url;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::directory as limits;
use crate::e2ee::directory::{Row, SignedEntry, SignedHead};
use crate::e2ee::pack::Hash;
use crate::http::Response;
use crate::service::{Offered, OfferedEntry};
use crate::store::accounts::NamedEntry;

/// `GET /api/dir?from=N`: the signed head and up to 10,000 rows from position N on, 112 and 56 bytes each.
pub async fn rows(Call { services, request, .. }: Call<'_>) -> Result<Response> {
    let from = request.query("from").map_or(Ok(1), |text| text.parse::<u64>());
    let from = from.ok().filter(|from| *from > 0);
    let from = from.ok_or_else(|| Error::field("from", "is not a position"))?;
    let directory = services.directory.shared().read();
    let mut body = directory.head().to_bytes().to_vec();
    body.extend(directory.chain.rows(from, limits::ROWS));
    Ok(Response::new(200, "application/octet-stream", body).header("Cache-Control", "no-store"))
}

/// `GET /api/dir/entries?uids=42,43`: all entries of these people.
pub async fn entries(Call { services, request, .. }: Call<'_>) -> Result<Response> {
    let wanted = request.query("uids").unwrap_or_default();
    let uids: Vec<Uid> = wanted
        .split(',')
        .map(|uid| uid.parse().map_err(|_| Error::field("uids", "is not a list of ids")))
        .take(limits::PEOPLE + 1)
        .collect::<Result<_>>()?;
    if uids.len() > limits::PEOPLE {
        let text =
            format!("Entries of at most {} people can be asked for at once.", limits::PEOPLE);
        return Err(Error::new(Code::TooLarge, text));
    }
    let entries = services.directory.entries_of(&uids).await?;
    let entries: Vec<Value> = entries.iter().map(told).collect();
    Ok(Response::json(200, &json!({"entries": entries})))
}

fn told(entry: &NamedEntry) -> Value {
    let mut told = json!({
        "n": entry.n,
        "uid": entry.uid,
        "e": base64url::encode(&entry.signed.entry),
        "sn": base64url::encode(&entry.signed.sig_new),
    });
    if let Some(old) = &entry.signed.sig_old {
        told["so"] = json!(base64url::encode(old));
    }
    if let Some(name) = &entry.name {
        told["name"] = json!(name);
    }
    told
}

#[derive(Deserialize)]
struct Append {
    entries: Vec<SignedEntry>,
}

/// `POST /api/dir/entries`: a new name in the directory, and own entries that a restore has lost.
pub async fn append(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let Append { entries } = request.json()?;
    if entries.is_empty() || entries.len() > limits::APPENDED as usize {
        let rule = format!("must have 1 to {} entries", limits::APPENDED);
        return Err(Error::field("entries", &rule));
    }
    let n = services.directory.append_own(caller.uid, &entries).await?;
    Ok(Response::json(200, &json!({"n": n})))
}

#[derive(Deserialize)]
struct Again {
    head: Head,
    from: u64,
    rows: String,
    #[serde(default)]
    entries: Vec<AgainEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    n: u64,
    #[serde(with = "base64url::array")]
    h: Hash,
    t: u64,
    #[serde(with = "base64url::array")]
    sig: [u8; 64],
}

#[derive(Deserialize)]
struct AgainEntry {
    n: u64,
    name: Option<String>,
    #[serde(rename = "e", with = "base64url::bytes")]
    entry: Vec<u8>,
    #[serde(rename = "sn", with = "base64url::array")]
    sig_new: [u8; 64],
    so: Option<String>,
}

impl AgainEntry {
    fn offered(self) -> Result<OfferedEntry> {
        let Self { n, name, entry, sig_new, so } = self;
        let sig_old = match so.as_deref() {
            None | Some("") => None,
            Some(text) => Some(base64url::decode_array(text).ok_or_else(|| {
                Error::field("so", "must be 64 bytes as base64url without padding")
            })?),
        };
        Ok(OfferedEntry { n, signed: SignedEntry { entry, sig_new, sig_old }, name })
    }
}

/// `POST /api/dir/again`: what a restore has lost.
pub async fn again(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let Again { head, from, rows, entries } = request.json()?;
    let Head { n, h, t, sig } = head;
    let rows = base64url::decode(&rows).and_then(|rows| Row::parse_all(&rows).ok());
    let rows = rows.ok_or_else(|| Error::field("rows", "must be rows of 56 bytes as base64url"))?;
    let entries = entries.into_iter().map(AgainEntry::offered).collect::<Result<_>>()?;
    let offered = Offered { head: SignedHead { n, h, t, sig }, from, rows, entries };
    let taken = services.directory.again(caller.id, offered).await?;
    Ok(Response::json(200, &json!({"n": taken.n, "missing": taken.missing})))
}
