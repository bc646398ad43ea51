//! A client of the encryption: people with real keys in the directory, rooms with their logs and keys, batches, wraps
//! and envelopes. What browsers do in JavaScript, done a second time.

use std::collections::BTreeMap;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, OpModeS, Serializable as _};
use impulse::base::base64url;
use impulse::base::ids::Uid;
use impulse::base::random;
use impulse::base::time::now_ms;
use impulse::e2ee::directory::{self, EntryType, SignedHead};
use impulse::e2ee::pack::{Hash, kdf, number, pack};
use impulse::e2ee::padding::bucket;
use impulse::e2ee::room_log::{
    Body, Entry, EpochReason, KeyLink, Kind, RemoveReason, Role, SignedEntry, State, replay, wire,
};
use impulse::e2ee::signature::SigningKey;
use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::client::{Answer, Client, auth_of};

type X25519 = X25519HkdfSha256;
type XPublic = <X25519 as Kem>::PublicKey;
type XPrivate = <X25519 as Kem>::PrivateKey;

/// Somebody with keys, of every generation so far.
pub struct Person {
    pub client: Client,
    pub name: String,
    pub instance: [u8; 16],
    /// The newest generation; generation n is at n - 1.
    pub generation: u64,
    seeds: Vec<[u8; 32]>,
    x_private: Vec<XPrivate>,
    leaf: Option<Hash>,
    /// The identity: the leaf of the latest `create` or `reset`.
    pub root: Hash,
}

impl Person {
    /// Registers `name` with first keys. The blobs of the account are made up.
    pub async fn new(server: &TestServer, name: &str) -> Self {
        Self::register(server.address, name).await
    }

    /// The same at a server of which only the address is known.
    pub async fn register(address: std::net::SocketAddr, name: &str) -> Self {
        let mut person = Self::of(Client::register(address, name).await, name).await;
        person.make_keys().await;
        person
    }

    /// Somebody who is signed in and has no keys yet.
    pub async fn of(client: Client, name: &str) -> Self {
        let info = client.get("/api/e2ee/info").await.expect(200);
        let instance = base64url::decode_array(info["instance"].as_str().unwrap()).unwrap();
        Self {
            client,
            name: name.to_owned(),
            instance,
            generation: 0,
            seeds: Vec::new(),
            x_private: Vec::new(),
            leaf: None,
            root: [0; 32],
        }
    }

    /// The same person at a server that was started anew.
    pub fn at(self, address: std::net::SocketAddr) -> Self {
        Self { client: self.client.at(address), ..self }
    }

    /// The same person in another browser.
    pub fn with(self, client: Client) -> Self {
        Self { client, ..self }
    }

    pub fn uid(&self) -> Uid {
        self.client.uid.parse().unwrap()
    }

    pub fn key(&self) -> SigningKey {
        SigningKey::from_seed(self.seeds.last().unwrap())
    }

    fn x_public(&self, generation: u64) -> XPublic {
        X25519::sk_to_pk(&self.x_private[index(generation) - 1])
    }

    /// New keys that the old ones have signed.
    pub async fn rotate(&mut self, server: &TestServer) {
        self.append(server, EntryType::Rotate).await;
    }

    /// New keys that nothing vouches for.
    pub async fn reset(&mut self, server: &TestServer) {
        self.append(server, EntryType::Reset).await;
    }

    /// First keys, with blobs that nobody opens.
    async fn make_keys(&mut self) {
        let signed = self.next(EntryType::Create);
        let blob = |bytes: usize| base64url::encode(&vec![1; bytes]);
        let keys = json!({
            "from": 0, "ak_gen": 1, "ak_password": blob(61), "ak_recovery": null, "bundle": blob(300),
        });
        let body = json!({"auth": auth_of(&self.name), "dir": signed, "keys": keys});
        self.client.request("PUT", "/api/keys", Some(body)).await.expect(201);
    }

    /// Appends an entry with new keys to the directory, and notes in the account that it has them.
    async fn append(&mut self, server: &TestServer, kind: EntryType) {
        let signed = self.next(kind);
        let sql = "UPDATE accounts.keys SET generation = $2 WHERE user_id = $1";
        let generation = self.generation.cast_signed();
        server.sql().await.execute(sql, &[&self.uid().0, &generation]).await.unwrap();
        let body = json!({"entries": [signed]});
        self.client.post("/api/dir/entries", body).await.expect(200);
    }

    /// The next entry, of new keys.
    fn next(&mut self, kind: EntryType) -> Value {
        let old = self.seeds.last().map(SigningKey::from_seed);
        let (x_private, x_public) = X25519::derive_keypair(&random::bytes::<32>().unwrap());
        self.seeds.push(random::bytes().unwrap());
        self.x_private.push(x_private);
        self.generation += 1;
        let entry = directory::Entry {
            uid: self.uid(),
            tag: directory::tag(&self.instance, &self.name),
            kind,
            generation: self.generation,
            ed_pub: self.key().public(),
            x_pub: x_public.to_bytes().into(),
            prev_leaf: self.leaf,
            time_ms: now(),
        };
        let bytes = entry.to_bytes(&self.instance);
        let is_continuous = kind == EntryType::Rotate;
        let sig_old = old.filter(|_| is_continuous).map(|old| old.sign(&bytes));
        let signed =
            directory::SignedEntry { sig_new: self.key().sign(&bytes), sig_old, entry: bytes };
        self.leaf = Some(signed.leaf());
        if kind.makes_root() {
            self.root = signed.leaf();
        }
        serde_json::to_value(&signed).unwrap()
    }

    /// The newest position of the directory and its hash.
    pub async fn directory(&self) -> (u64, Hash) {
        let answer = self.client.get("/api/dir?from=1000000").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let head = SignedHead::parse(&answer.body[..SignedHead::LENGTH]).unwrap();
        (head.n, head.h)
    }

    /// Encrypts the key of a room for this person.
    pub fn seal(&self, rid: &Hash, epoch: u64, kc: &Hash, key: &[u8; 32]) -> Vec<u8> {
        self.seal_for(self.generation, rid, epoch, kc, key)
    }

    /// The same for keys that are not the newest.
    pub fn seal_for(
        &self,
        generation: u64,
        rid: &Hash,
        epoch: u64,
        kc: &Hash,
        key: &[u8; 32],
    ) -> Vec<u8> {
        let info = self.wrap_info(rid, epoch, generation);
        let public = self.x_public(generation);
        let (enc, sealed) = hpke::single_shot_seal_with_rng::<AesGcm256, HkdfSha256, X25519>(
            &OpModeS::Base,
            &public,
            &info,
            key,
            kc,
            &mut rand::rng(),
        )
        .unwrap();
        [&[1], enc.to_bytes().as_slice(), &sealed].concat()
    }

    /// Opens a wrap that the server gave.
    pub fn open(&self, rid: &Hash, kc: &Hash, wrap: &Value) -> Option<[u8; 32]> {
        let bytes = base64url::decode(wrap["w"].as_str()?)?;
        let (epoch, generation) = (wrap["epoch"].as_u64()?, wrap["gen"].as_u64()?);
        let enc = <X25519 as Kem>::EncappedKey::from_bytes(bytes.get(1..33)?).ok()?;
        let private = self.x_private.get(index(generation) - 1)?;
        let key = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519>(
            &OpModeR::Base,
            private,
            &enc,
            &self.wrap_info(rid, epoch, generation),
            bytes.get(33..)?,
            kc,
        );
        let key: [u8; 32] = key.ok()?.try_into().ok()?;
        (commitment(&key, epoch) == *kc).then_some(key)
    }

    fn wrap_info(&self, rid: &Hash, epoch: u64, generation: u64) -> Vec<u8> {
        let uid = self.client.uid.as_bytes();
        pack("wrap", &[rid, &number(epoch), b"user", uid, &number(generation)])
    }
}

/// The number of something in memory.
fn index(n: u64) -> usize {
    usize::try_from(n).unwrap()
}

pub fn now() -> u64 {
    u64::try_from(now_ms()).unwrap()
}

pub fn commitment(key: &[u8; 32], epoch: u64) -> Hash {
    kdf(key, "commit", &[&number(epoch)])
}

/// An encrypted room as somebody knows who has all its keys.
#[derive(Clone)]
pub struct Room {
    pub id: String,
    pub state: State,
    /// The keys, the first one first.
    pub keys: Vec<[u8; 32]>,
}

/// A batch that is about to be sent.
#[derive(Clone)]
pub struct Batch {
    pub after: Value,
    pub entries: Vec<SignedEntry>,
    pub wraps: Vec<Value>,
    /// The room after it.
    pub room: Room,
}

impl Batch {
    /// The body of `POST …/log`.
    pub fn body(&self) -> Value {
        json!({"head": self.after, "entries": self.entries, "wraps": self.wraps})
    }

    /// The body of `POST /api/rooms`.
    pub fn founding(&self) -> Value {
        json!({"e2ee": {"entries": self.entries, "wraps": self.wraps}})
    }
}

impl Room {
    /// The founding batch of a direct chat of these people; the first one makes it.
    pub async fn founding(people: &[&Person]) -> Batch {
        let others: Vec<_> = people.iter().skip(1).map(|one| (one.uid(), one.root)).collect();
        let batch = Self::founding_of(people[0], &others, now()).await;
        let wraps = people.iter().map(|one| batch.room.wrap_for(one)).collect();
        Batch { wraps, ..batch }
    }

    /// The same with any identities at any time, and with no wraps.
    pub async fn founding_of(creator: &Person, others: &[(Uid, Hash)], time_ms: u64) -> Batch {
        let added = others.iter();
        let added =
            added.map(|(uid, root)| Body::Add { uid: *uid, root: *root, role: Role::Member });
        Self::founded(creator, Kind::Dm, added.collect(), time_ms).await
    }

    /// The founding batch of a room of any kind, with these entries after the first.
    pub async fn founded(creator: &Person, kind: Kind, rest: Vec<Body>, time_ms: u64) -> Batch {
        let key = random::bytes().unwrap();
        let mut room = Self { id: String::new(), state: State::default(), keys: vec![key] };
        let (nonce, root, kc) = (random::bytes().unwrap(), creator.root, commitment(&key, 1));
        let create = Body::Create { nonce, root, kind, first: rest.len() as u64, kc };
        let bodies: Vec<_> = std::iter::once(create).chain(rest).collect();
        let entries = room.sign_all(creator, &bodies, creator.directory().await, time_ms);
        Batch { after: Value::Null, entries, wraps: Vec::new(), room }
    }

    /// Makes a direct chat of these people.
    pub async fn create(people: &[&Person]) -> Self {
        let batch = Self::founding(people).await;
        let answer = people[0].client.post("/api/rooms", batch.founding()).await.expect(201);
        Self { id: answer["id"].as_str().unwrap().to_owned(), ..batch.room }
    }

    pub fn rid(&self) -> Hash {
        self.state.rid
    }

    pub fn epoch(&self) -> u64 {
        self.state.epoch()
    }

    pub fn kc(&self) -> Hash {
        commitment(self.keys.last().unwrap(), self.epoch())
    }

    /// `{"seq","hash"}` of the newest entry.
    pub fn head(&self) -> Value {
        json!({"seq": self.state.seq(), "hash": base64url::encode(&self.state.head)})
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/api/rooms/{}{rest}", self.id)
    }

    /// The present key for a person, as it is posted.
    pub fn wrap_for(&self, person: &Person) -> Value {
        let (epoch, kc) = (self.epoch(), self.kc());
        let sealed = person.seal(&self.rid(), epoch, &kc, self.keys.last().unwrap());
        wrap(person, epoch, person.generation, &sealed)
    }

    /// The next entries, of this actor at this time and position of the directory. The room goes on with them.
    pub fn sign_all(
        &mut self,
        actor: &Person,
        bodies: &[Body],
        (dn, dh): (u64, Hash),
        time_ms: u64,
    ) -> Vec<SignedEntry> {
        let time_ms = time_ms.max(self.state.time_ms);
        let sign = |body: &Body| {
            let is_first = self.state.is_empty();
            let entry = Entry {
                rid: (!is_first).then_some(self.state.rid),
                seq: self.state.next_seq,
                prev_hash: (!is_first).then_some(self.state.head),
                actor: actor.uid(),
                actor_generation: actor.generation,
                time_ms,
                dn,
                dh,
                body: body.clone(),
            };
            let entry = entry.to_bytes();
            let signed = SignedEntry { sig: actor.key().sign(&entry), entry };
            replay(&mut self.state, &signed).unwrap();
            signed
        };
        bodies.iter().map(sign).collect()
    }

    /// A batch of these entries, without wraps.
    pub async fn batch(&self, actor: &Person, bodies: &[Body]) -> Batch {
        let directory = actor.directory().await;
        let mut room = self.clone();
        let entries = room.sign_all(actor, bodies, directory, now());
        Batch { after: self.head(), entries, wraps: Vec::new(), room }
    }

    /// A batch with a new key for these members, after these entries.
    pub async fn rotation(
        &self,
        actor: &Person,
        before: &[Body],
        skip: &[Uid],
        members: &[&Person],
    ) -> Batch {
        let directory = actor.directory().await;
        let mut room = self.clone();
        let (key, n) = (random::bytes().unwrap(), self.epoch() + 1);
        let kc = commitment(&key, n);
        let links = vec![link(&self.rid(), n, &key, self.epoch(), self.keys.last().unwrap())];
        let epoch = Body::Epoch { n, kc, links, skip: skip.to_vec(), reason: EpochReason::Manual };
        let bodies: Vec<_> = before.iter().cloned().chain([epoch]).collect();
        let entries = room.sign_all(actor, &bodies, directory, now());
        room.keys.push(key);
        let wraps = members.iter().map(|member| room.wrap_for(member)).collect();
        Batch { after: self.head(), entries, wraps, room }
    }

    /// A new key, at another time than now.
    pub async fn signed_at(&self, actor: &Person, time_ms: u64, members: &[&Person]) -> Batch {
        let batch = self.rotation(actor, &[], &[], members).await;
        let entry = Entry::parse(&batch.entries[0].entry).unwrap();
        let mut room = Self { state: self.state.clone(), ..batch.room.clone() };
        let directory = (entry.dn, entry.dh);
        let entries = room.sign_all(actor, &[entry.body], directory, time_ms);
        Batch { entries, room, ..batch }
    }

    /// Sends a batch.
    pub async fn post(&self, actor: &Person, batch: &Batch) -> Answer {
        actor.client.post(&self.path("/log"), batch.body()).await
    }

    /// The same with success; the room goes on with it.
    pub async fn append(&mut self, actor: &Person, batch: Batch) -> Value {
        let answer = self.post(actor, &batch).await.expect(200);
        *self = batch.room;
        assert_eq!(answer["head"], self.head());
        answer
    }

    /// A new key for these members.
    pub async fn rotate(&mut self, actor: &Person, members: &[&Person]) -> Value {
        let batch = self.rotation(actor, &[], &[], members).await;
        self.append(actor, batch).await
    }

    /// The entry by which somebody leaves.
    pub fn leave(person: &Person) -> Body {
        Body::Remove { uid: person.uid(), reason: RemoveReason::Left }
    }

    /// The log as a member reads it.
    pub async fn log(&self, reader: &Person, from: u64) -> Vec<wire::Record> {
        let answer = reader.client.get(&self.path(&format!("/log?from={from}"))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
        wire::Record::parse_all(&answer.body).unwrap()
    }

    /// `GET …/wraps`
    pub async fn wraps(&self, reader: &Person) -> Value {
        reader.client.get(&self.path("/wraps")).await.expect(200)
    }

    /// An envelope around a plaintext, by somebody who has read all there is.
    #[allow(dead_code)]
    pub async fn envelope(&self, author: &Person, mid: &str, kind: &str, plain: &Value) -> Value {
        let (dn, dh) = author.directory().await;
        let fields =
            Envelope { mid, rev: 0, kind, reference: None, dn, dh, generation: author.generation };
        self.seal(author, &fields, Some(plain))
    }

    /// The same with fields of one's own choice; without a plaintext it is a `del`.
    #[allow(dead_code)]
    pub fn seal(&self, author: &Person, fields: &Envelope<'_>, plain: Option<&Value>) -> Value {
        let decode = |text: &str| base64url::decode(text).unwrap();
        let (mid, epoch, kc, ts) = (decode(fields.mid), self.epoch(), self.kc(), now());
        let (ls, lh) = (self.state.seq(), self.state.head);
        let reference = fields.reference.map(decode).unwrap_or_default();
        let aad = pack(
            "env",
            &[
                &self.rid(),
                &mid,
                &number(fields.rev),
                fields.kind.as_bytes(),
                &reference,
                &number(epoch),
                &kc,
                author.client.uid.as_bytes(),
                &number(fields.generation),
                &number(ts),
                &number(ls),
                &lh,
                &number(fields.dn),
                &fields.dh,
                &[],
            ],
        );
        let (nonce, sealed) = match plain {
            None => (Vec::new(), Vec::new()),
            Some(plain) => {
                let nonce: [u8; 12] = random::bytes().unwrap();
                let key = kdf(self.keys.last().unwrap(), "msg", &[&self.rid(), &number(epoch)]);
                (nonce.to_vec(), encrypt(&key, &nonce, &pad(plain.to_string().as_bytes()), &aad))
            }
        };
        let signature = author.key().sign(&pack("env-sig", &[&aad, &nonce, &sealed]));
        let mut envelope = json!({
            "v": 1, "mid": fields.mid, "rev": fields.rev, "kind": fields.kind, "epoch": epoch,
            "by": author.client.uid, "gen": fields.generation, "ts": ts, "ls": ls, "lh": base64url::encode(&lh),
            "dn": fields.dn, "dh": base64url::encode(&fields.dh), "s": base64url::encode(&signature),
        });
        if plain.is_some() {
            envelope["n"] = json!(base64url::encode(&nonce));
            envelope["c"] = json!(base64url::encode(&sealed));
        }
        if let Some(reference) = fields.reference {
            envelope["ref"] = json!(reference);
        }
        envelope
    }
}

/// The fields of an envelope that its author chooses.
pub struct Envelope<'a> {
    pub mid: &'a str,
    pub rev: u64,
    pub kind: &'a str,
    pub reference: Option<&'a str>,
    pub dn: u64,
    pub dh: Hash,
    pub generation: u64,
}

/// A wrap in the JSON of a request.
pub fn wrap(person: &Person, epoch: u64, generation: u64, bytes: &[u8]) -> Value {
    json!({"epoch": epoch, "uid": person.client.uid, "gen": generation, "w": base64url::encode(bytes)})
}

/// The key of an earlier epoch under that of epoch `n`.
pub fn link(rid: &Hash, n: u64, key: &[u8; 32], epoch: u64, earlier: &[u8; 32]) -> KeyLink {
    let nonce = random::bytes().unwrap();
    let hist = kdf(key, "hist", &[rid, &number(n)]);
    let kc = commitment(earlier, epoch);
    let aad = pack("hist-aad", &[rid, &number(n), &number(epoch), &kc]);
    let sealed = encrypt(&hist, &nonce, earlier, &aad).try_into().unwrap();
    KeyLink { epoch, nonce, sealed }
}

fn encrypt(key: &[u8; 32], nonce: &[u8; 12], msg: &[u8], aad: &[u8]) -> Vec<u8> {
    Aes256Gcm::new(&(*key).into()).encrypt(&(*nonce).into(), Payload { msg, aad }).unwrap()
}

fn pad(plain: &[u8]) -> Vec<u8> {
    let mut padded = u32::try_from(plain.len()).unwrap().to_be_bytes().to_vec();
    padded.extend_from_slice(plain);
    padded.resize(bucket(padded.len()), 0);
    padded
}

/// The uids in a list, as the server writes them.
pub fn uids(people: &[&Person]) -> Value {
    people.iter().map(|person| json!(person.client.uid)).collect()
}

/// Log records by the room's change that brought them.
pub fn batches(records: &[wire::Record]) -> BTreeMap<u64, usize> {
    let mut batches = BTreeMap::new();
    for record in records {
        *batches.entry(record.batch).or_default() += 1;
    }
    batches
}
