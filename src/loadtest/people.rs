//! People with keys, and the encrypted room they are in. Only a browser's session may have keys, so they register as
//! browsers do. What is encrypted for them opens to nobody: no server can tell.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::seal::{Position, Seal};
use super::target::{Room, Target, random_name};
use crate::base::encryption::WRAP_BYTES;
use crate::base::ids::Uid;
use crate::base::{base64url, random};
use crate::e2ee::directory::{Entry, EntryType, Instance, SignedEntry, tag};
use crate::e2ee::pack::Hash;
use crate::e2ee::room_log::{self, Body, Role};
use crate::e2ee::signature::SigningKey;
use crate::http::client::Reply;

/// Somebody with keys.
pub struct Person {
    uid: Uid,
    /// The user's name.
    pub name: String,
    key: SigningKey,
    root: Hash,
    cookie: String,
}

impl Person {
    /// Registers somebody, by the code of the setup link or by none, and gives them keys.
    ///
    /// # Errors
    /// The server's sentence.
    pub async fn register(target: &Target, setup: Option<&str>) -> Result<Self, String> {
        let (name, auth) = (random_name()?, base64url::encode(&bytes::<32>()?));
        let mut body = json!({
            "username": name,
            "alg": "pbkdf2-sha256",
            "salt": base64url::encode(&bytes::<16>()?),
            "iter": 1_000_000,
            "auth": auth,
            "device": "load test",
        });
        if let Some(setup) = setup {
            body["setup"] = json!(setup);
        }
        let reply = target.request("POST", "/api/auth/register", &[], &body).await?;
        let answer = answer_of(&reply)?;
        let uid = answer["uid"].as_str().and_then(|uid| uid.parse().ok());
        let uid = uid.ok_or("the server registered nobody")?;
        let key = SigningKey::from_seed(&bytes()?);
        let cookie = cookie_of(&reply);
        let mut person = Self { uid, name, key, root: [0; 32], cookie };
        person.make_keys(target, &auth).await?;
        Ok(person)
    }

    async fn make_keys(&mut self, target: &Target, auth: &str) -> Result<(), String> {
        let info = target.request("GET", "/api/e2ee/info", &[], &Value::Null).await?;
        let instance = answer_of(&info)?["instance"].as_str().and_then(base64url::decode_array);
        let instance: Instance = instance.ok_or("the server has no instance")?;
        let entry = Entry {
            uid: self.uid,
            tag: tag(&instance, &self.name),
            kind: EntryType::Create,
            generation: 1,
            ed_pub: self.key.public(),
            x_pub: bytes()?,
            prev_leaf: None,
            time_ms: now_ms(),
        };
        let entry = entry.to_bytes(&instance);
        let sig_new = self.key.sign(&entry);
        let signed = SignedEntry { entry, sig_new, sig_old: None };
        self.root = signed.leaf();
        let keys = json!({
            "from": 0,
            "ak_gen": 1,
            "ak_password": sealed::<61>()?,
            "ak_recovery": null,
            "bundle": sealed::<256>()?,
        });
        let body = json!({"auth": auth, "dir": signed, "keys": keys});
        self.call(target, "PUT", "/api/keys", &body).await.map(drop)
    }

    async fn call(
        &self,
        target: &Target,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<Value, String> {
        let origin = target.origin();
        let headers = [("Cookie", self.cookie.as_str()), ("Origin", origin.as_str())];
        answer_of(&target.request(method, path, &headers, body).await?)
    }

    /// The first entries of a log.
    fn log(
        &self,
        directory: Position,
        bodies: impl Iterator<Item = Body>,
    ) -> Vec<room_log::SignedEntry> {
        let mut entries: Vec<room_log::SignedEntry> = Vec::new();
        for (seq, body) in (0..).zip(bodies) {
            let entry = room_log::Entry {
                rid: entries.first().map(room_log::SignedEntry::hash),
                seq,
                prev_hash: entries.last().map(room_log::SignedEntry::hash),
                actor: self.uid,
                actor_generation: 1,
                time_ms: now_ms(),
                dn: directory.n,
                dh: directory.hash,
                body,
            };
            let entry = entry.to_bytes();
            let sig = self.key.sign(&entry);
            entries.push(room_log::SignedEntry { entry, sig });
        }
        entries
    }

    async fn position(&self, target: &Target) -> Result<Position, String> {
        let headers = [("Cookie", self.cookie.as_str())];
        let reply = target.request("GET", "/api/dir?from=1", &headers, &Value::Null).await?;
        let (n, rest) = reply.body.split_first_chunk::<8>().ok_or("the directory is cut")?;
        let hash = rest.first_chunk::<32>().ok_or("the directory is cut")?;
        Ok(Position { n: u64::from_be_bytes(*n), hash: *hash })
    }
}

/// Makes an encrypted direct chat of these people, into which the first of them writes.
///
/// # Errors
/// The server's sentence.
pub async fn make_room(target: &Target, people: Vec<Person>) -> Result<Room, String> {
    let [writer, others @ ..] = people.as_slice() else {
        return Err("nobody is there".to_owned());
    };
    let directory = writer.position(target).await?;
    let (kc, first) = (bytes()?, others.len() as u64);
    let (root, nonce) = (writer.root, bytes()?);
    let create = Body::Create { nonce, root, kind: room_log::Kind::Dm, first, kc };
    let role = Role::Member;
    let adds = others.iter().map(|other| Body::Add { uid: other.uid, root: other.root, role });
    let entries = writer.log(directory, std::iter::once(create).chain(adds));
    let wrap = |person: &Person| {
        let w = sealed::<WRAP_BYTES>()?;
        Ok(json!({"epoch": 1, "uid": person.uid, "gen": 1, "w": w}))
    };
    let wraps: Vec<_> = people.iter().map(wrap).collect::<Result<_, String>>()?;
    let body = json!({"e2ee": {"entries": entries, "wraps": wraps}});
    let room = writer.call(target, "POST", "/api/rooms", &body).await?;
    let id = room["id"].as_str().ok_or("the server made a room without an id")?.to_owned();
    let hash = |entry: Option<&room_log::SignedEntry>| entry.map(room_log::SignedEntry::hash);
    let rid = hash(entries.first()).unwrap_or_default();
    let log = Position { n: first, hash: hash(entries.last()).unwrap_or_default() };
    let writer = people.into_iter().next().ok_or("nobody is there")?;
    let (by, key) = (writer.uid, writer.key);
    let seal = Arc::new(Seal { rid, kc, log, directory, by, key });
    let (path, seq) = (target.path.clone(), room["seq"].as_u64().unwrap_or(0));
    Ok(Room { id, path, seq, creator: None, seal: Some(seal) })
}

/// The body of a reply that is no refusal.
fn answer_of(reply: &Reply) -> Result<Value, String> {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if (200..300).contains(&reply.status) {
        return Ok(body);
    }
    Err(body["error"]["message"].as_str().unwrap_or("the server refused").to_owned())
}

fn cookie_of(reply: &Reply) -> String {
    let set = reply.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let set = set.filter_map(|(_, value)| std::str::from_utf8(value).ok());
    let pairs: Vec<_> = set.filter_map(|value| value.split(';').next()).collect();
    pairs.join("; ")
}

/// Random bytes.
fn bytes<const N: usize>() -> Result<[u8; N], String> {
    random::bytes().map_err(|error| error.to_string())
}

/// What looks like something encrypted.
fn sealed<const N: usize>() -> Result<String, String> {
    let mut bytes = bytes::<N>()?;
    if let Some(suite) = bytes.first_mut() {
        *suite = 1;
    }
    Ok(base64url::encode(&bytes))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
