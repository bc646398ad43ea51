//! Somebody with keys as the directory knows them: real signatures over entries of any kind, right or wrong.

use impulse::base::base64url;
use impulse::base::ids::Uid;
use impulse::base::random;
use impulse::base::time::now_ms;
use impulse::e2ee::directory::{Entry, EntryType, Row, SignedEntry, SignedHead, node, tag};
use impulse::e2ee::signature::SigningKey;
use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::client::{Answer, Client};

pub fn number(now: i64) -> u64 {
    u64::try_from(now).unwrap()
}

/// A person and the keys of the present generation.
pub struct Signer {
    pub client: Client,
    pub name: String,
    pub instance: [u8; 16],
    pub generation: u64,
    pub seed: [u8; 32],
    pub x_pub: [u8; 32],
    pub leaf: Option<[u8; 32]>,
}

impl Signer {
    /// Registers `name`, who has no entry yet.
    pub async fn without_keys(server: &TestServer, name: &str) -> Self {
        Self::of(server.user(name).await, name).await
    }

    /// Somebody who is signed in.
    pub async fn of(client: Client, name: &str) -> Self {
        let info = client.get("/api/info").await.expect(200);
        let instance = base64url::decode_array(info["instance"].as_str().unwrap()).unwrap();
        let (seed, x_pub) = (random::bytes().unwrap(), x_public());
        Self { client, name: name.to_owned(), instance, generation: 0, seed, x_pub, leaf: None }
    }

    /// Registers `name` with first keys in the directory. Those of the account are made up.
    pub async fn with_keys(server: &TestServer, name: &str) -> Self {
        let mut signer = Self::without_keys(server, name).await;
        signer.make_keys(server).await;
        signer
    }

    /// First keys.
    pub async fn make_keys(&mut self, server: &TestServer) -> u64 {
        // And those that this person will rotate to.
        self.has_account_keys(server, 99).await;
        let entry = self.entry(EntryType::Create);
        let signed = self.signed(&entry);
        self.appends(&[signed]).await
    }

    /// Gives the account keys of this generation, as a browser of this person would have.
    pub async fn has_account_keys(&self, server: &TestServer, generation: i64) {
        let sql = "INSERT INTO accounts.keys (user_id, ak_gen, generation, bundle, trust_rev)
                   VALUES ($1, 1, $2, 'x', 0) ON CONFLICT (user_id) DO UPDATE SET generation = $2";
        server.sql().await.execute(sql, &[&self.uid().0, &generation]).await.unwrap();
    }

    pub fn uid(&self) -> Uid {
        self.client.uid.parse().unwrap()
    }

    pub fn key(&self) -> SigningKey {
        SigningKey::from_seed(&self.seed)
    }

    /// The next entry of this kind: new keys for what needs some.
    pub fn entry(&mut self, kind: EntryType) -> Entry {
        if matches!(kind, EntryType::Rotate | EntryType::Reset) {
            (self.seed, self.x_pub) = (random::bytes().unwrap(), x_public());
        }
        let next = u64::from(kind != EntryType::Rename);
        Entry {
            uid: self.uid(),
            tag: tag(&self.instance, &self.name),
            kind,
            generation: self.generation + next,
            ed_pub: self.key().public(),
            x_pub: self.x_pub,
            prev_leaf: self.leaf,
            time_ms: number(now_ms()),
        }
    }

    /// Signed by the present key.
    pub fn signed(&self, entry: &Entry) -> SignedEntry {
        let bytes = entry.to_bytes(&self.instance);
        SignedEntry { sig_new: self.key().sign(&bytes), sig_old: None, entry: bytes }
    }

    /// A `rotate` that the key before has signed, too.
    pub fn rotate(&mut self) -> SignedEntry {
        let before = self.key();
        let entry = self.entry(EntryType::Rotate);
        let signed = self.signed(&entry);
        SignedEntry { sig_old: Some(before.sign(&signed.entry)), ..signed }
    }

    /// Asks for entries to be appended.
    pub async fn posts(&self, entries: &[SignedEntry]) -> Answer {
        let entries: Vec<Value> = entries.iter().map(wire).collect();
        self.client.post("/api/dir/entries", json!({"entries": entries})).await
    }

    /// The same with success; the newest position.
    pub async fn appends(&mut self, entries: &[SignedEntry]) -> u64 {
        let n = self.posts(entries).await.expect(200)["n"].as_u64().unwrap();
        self.took(entries.last().unwrap());
        n
    }

    /// That an entry stands.
    pub fn took(&mut self, signed: &SignedEntry) {
        self.leaf = Some(signed.leaf());
        self.generation = Entry::parse(&self.instance, &signed.entry).unwrap().generation;
    }

    /// Refused for this rule, which the whole list of entries is.
    pub async fn refused(&self, entries: &[SignedEntry], index: usize, rule: &str) {
        let answer = self.posts(entries).await;
        let error = answer.json()["error"].clone();
        answer.refused(400, "bad_entry");
        assert_eq!(error["detail"], json!({"index": index, "rule": rule}));
    }
}

/// Any X25519 public key that is no special one.
fn x_public() -> [u8; 32] {
    let mut key: [u8; 32] = random::bytes().unwrap();
    key[31] &= 0x3f;
    key
}

/// An entry in JSON.
pub fn wire(signed: &SignedEntry) -> Value {
    let mut wire = json!({
        "e": base64url::encode(&signed.entry),
        "sn": base64url::encode(&signed.sig_new),
    });
    if let Some(old) = &signed.sig_old {
        wire["so"] = json!(base64url::encode(old));
    }
    wire
}

/// The directory as a client reads it.
#[derive(Debug, Clone)]
pub struct Read {
    pub head: SignedHead,
    pub rows: Vec<Row>,
}

impl Read {
    /// All of it; the chain holds and this server has signed the head.
    pub async fn all(client: &Client) -> Self {
        let read = Self::from(client, 1).await;
        let info = client.get("/api/e2ee/info").await.expect(200);
        let bytes = |name: &str| base64url::decode(info[name].as_str().unwrap()).unwrap();
        let instance: [u8; 16] = bytes("instance").try_into().unwrap();
        assert!(read.head.is_by(&bytes("dir_key").try_into().unwrap(), &instance));
        let mut hash = impulse::e2ee::directory::first_hash(&instance);
        for (n, row) in (1..).zip(&read.rows) {
            hash = node(&hash, n, row);
        }
        assert_eq!((read.head.n, read.head.h), (read.rows.len() as u64, hash));
        read
    }

    /// From one position on.
    pub async fn from(client: &Client, from: u64) -> Self {
        let answer = client.get(&format!("/api/dir?from={from}")).await;
        assert_eq!((answer.status, answer.body.len() % Row::LENGTH), (200, 0), "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        let (head, rows) = answer.body.split_at(SignedHead::LENGTH);
        Self { head: SignedHead::parse(head).unwrap(), rows: Row::parse_all(rows).unwrap() }
    }

    /// The body that brings the positions from `from` on back, without entries.
    pub fn again(&self, from: u64) -> Value {
        let lost = self.rows.iter().skip(usize::try_from(from - 1).unwrap());
        let rows: Vec<u8> = lost.flat_map(Row::to_bytes).collect();
        let SignedHead { n, h, t, sig } = self.head;
        json!({
            "head": {"n": n, "h": base64url::encode(&h), "t": t, "sig": base64url::encode(&sig)},
            "from": from,
            "rows": base64url::encode(&rows),
            "entries": [],
        })
    }
}

/// The entries of these people, as `dir/again` wants them.
pub async fn entries_of(client: &Client, signers: &[&Signer]) -> Vec<Value> {
    let uids: Vec<&str> = signers.iter().map(|signer| signer.client.uid.as_str()).collect();
    let path = format!("/api/dir/entries?uids={}", uids.join(","));
    client.get(&path).await.expect(200)["entries"].as_array().unwrap().clone()
}
