//! Somebody who has keys, as a browser would: real signatures and entries, and blobs of the right size that nobody opens.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, mpsc};

use impulse::base::base64url;
use impulse::base::ids::Uid;
use impulse::base::random;
use impulse::base::time::now_ms;
use impulse::e2ee::account::{ProofPurpose, proof_message};
use impulse::e2ee::directory::{Entry, EntryType, SignedEntry, tag};
use impulse::e2ee::signature::SigningKey;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::TestServer;
use crate::support::client::{Answer, Client, auth_of, registration};

/// Random bytes of a box: the suite, and the rest.
pub fn blob(bytes: usize) -> String {
    let mut blob = vec![1];
    while blob.len() < bytes {
        blob.extend(random::bytes::<32>().unwrap());
    }
    blob.truncate(bytes);
    base64url::encode(&blob)
}

/// The body of a change of keys from one `ak_gen` to the next, without a recovery code.
pub fn blobs(from: u64) -> Value {
    json!({"from": from, "ak_gen": from + 1, "ak_password": blob(61), "ak_recovery": null, "bundle": blob(300)})
}

/// What an answer says of keys that were sent so.
pub fn answered(sent: &Value) -> Value {
    let or_null = |name: &str| sent.get(name).cloned().unwrap_or(Value::Null);
    json!({
        "ak_gen": sent["ak_gen"], "ak_password": sent["ak_password"], "ak_recovery": or_null("ak_recovery"),
        "bundle": sent["bundle"], "trust": or_null("trust"), "trust_rev": sent.get("trust_rev").cloned().unwrap_or(json!(0)),
    })
}

/// RAUTH of a recovery code, and what the server keeps of it.
pub fn recovery_code() -> (String, String) {
    let rauth = random::bytes::<32>().unwrap();
    (base64url::encode(&rauth), base64url::encode(&Sha256::digest(rauth)))
}

/// A server, and how to reach its database.
#[derive(Clone)]
pub struct Home {
    pub address: SocketAddr,
    pub database: String,
}

impl Home {
    /// That of a server of one's own.
    pub fn of(server: &TestServer) -> Self {
        Self { address: server.address, database: server.database.clone() }
    }

    /// One server for all tests that can share it, with its administrator. It ends with the program.
    pub fn shared() -> (&'static Self, &'static Client) {
        static SHARED: LazyLock<(Home, Client)> = LazyLock::new(|| {
            let (give, take) = mpsc::channel();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(async {
                    let server = TestServer::start().await;
                    give.send((Home::of(&server), server.admin().await)).unwrap();
                    std::future::pending::<()>().await;
                });
            });
            take.recv().unwrap()
        });
        (&SHARED.0, &SHARED.1)
    }

    /// A connection to the database.
    pub async fn sql(&self) -> tokio_postgres::Client {
        let (client, connection) =
            tokio_postgres::connect(&self.database, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

/// The keys of somebody, and the entry of the directory that names them.
#[derive(Clone, Copy)]
pub struct Identity {
    seed: [u8; 32],
    generation: u64,
    leaf: Option<[u8; 32]>,
}

impl Identity {
    /// The signing key.
    pub fn key(&self) -> SigningKey {
        SigningKey::from_seed(&self.seed)
    }
}

/// Somebody with keys.
pub struct Person {
    pub client: Client,
    pub name: String,
    /// What stands for the password.
    pub password: String,
    pub instance: [u8; 16],
    /// The newest of the person's own entries.
    pub identity: Identity,
    /// The keys as they were sent last.
    pub keys: Value,
    sql: tokio_postgres::Client,
}

impl Person {
    /// Registers somebody whose name begins so and whose password is `name`, and who has no keys yet.
    pub async fn without_keys(home: &Home, name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let username = format!("{name}{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut client = Client::new(home.address);
        let mut body = registration(&username);
        body["auth"] = json!(auth_of(name));
        let answer = client.post("/api/auth/register", body).await;
        client.keep_cookie(&answer);
        client.uid = answer.expect(201)["uid"].as_str().unwrap().to_owned();
        let info = client.get("/api/e2ee/info").await.expect(200);
        let instance = base64url::decode_array(info["instance"].as_str().unwrap()).unwrap();
        let identity = Identity { seed: [0; 32], generation: 0, leaf: None };
        Self {
            client,
            name: username,
            password: name.to_owned(),
            instance,
            identity,
            keys: Value::Null,
            sql: home.sql().await,
        }
    }

    /// The same, with the first keys.
    pub async fn new(home: &Home, name: &str) -> Self {
        let mut person = Self::without_keys(home, name).await;
        let body = person.first_keys();
        person.client.request("PUT", "/api/keys", Some(body.clone())).await.expect(201);
        person.took(&body);
        person
    }

    pub fn uid(&self) -> Uid {
        self.client.uid.parse().unwrap()
    }

    pub fn auth(&self) -> String {
        auth_of(&self.password)
    }

    /// An entry by new keys; the person goes on with them at once.
    pub fn next_entry(&mut self, kind: EntryType) -> Value {
        let old = self.identity;
        let (seed, generation) = (random::bytes().unwrap(), old.generation + 1);
        let key = SigningKey::from_seed(&seed);
        let mut x_pub = random::bytes::<32>().unwrap();
        x_pub[31] &= 0x7f;
        let entry = Entry {
            uid: self.uid(),
            tag: tag(&self.instance, &self.name),
            kind,
            generation,
            ed_pub: key.public(),
            x_pub,
            prev_leaf: old.leaf,
            time_ms: now_ms().unsigned_abs(),
        };
        let bytes = entry.to_bytes(&self.instance);
        let sig_old = (kind == EntryType::Rotate).then(|| old.key().sign(&bytes));
        let signed = SignedEntry { sig_new: key.sign(&bytes), sig_old, entry: bytes };
        self.identity = Identity { seed, generation, leaf: Some(signed.leaf()) };
        serde_json::to_value(&signed).unwrap()
    }

    /// The body of `PUT /api/keys`.
    pub fn first_keys(&mut self) -> Value {
        let dir = self.next_entry(EntryType::Create);
        json!({"auth": self.auth(), "dir": dir, "keys": blobs(0)})
    }

    /// The body of `rotate` or `reset`.
    pub fn other_keys(&mut self, kind: EntryType) -> Value {
        let from = self.ak_gen();
        let dir = self.next_entry(kind);
        json!({"auth": self.auth(), "dir": dir, "keys": blobs(from)})
    }

    pub fn ak_gen(&self) -> u64 {
        self.keys["ak_gen"].as_u64().unwrap_or(0)
    }

    /// The server has taken this body.
    pub fn took(&mut self, body: &Value) {
        self.keys = answered(&body["keys"]);
    }

    /// A challenge of the session.
    pub async fn challenge(&self) -> String {
        let answer = self.client.get("/api/keys/challenge").await.expect(200);
        answer["challenge"].as_str().unwrap().to_owned()
    }

    /// The proof of the current key.
    pub fn proof(&self, purpose: ProofPurpose, challenge: &str) -> String {
        let challenge = base64url::decode_array(challenge).unwrap();
        let message = proof_message(&self.instance, self.uid(), purpose, &challenge);
        base64url::encode(&self.identity.key().sign(&message))
    }

    /// The body of `rewrap`.
    pub async fn rewrapped(&self) -> Value {
        let challenge = self.challenge().await;
        let proof = self.proof(ProofPurpose::Rewrap, &challenge);
        json!({"auth": self.auth(), "keys": blobs(self.ak_gen()), "challenge": challenge, "proof": proof})
    }

    /// The body of `commit` for a new password, with the keys under it.
    pub async fn committed(&self, pending: &str, challenge: String) -> Value {
        let proof = self.proof(ProofPurpose::Password, &challenge);
        json!({"pending": pending, "keys": blobs(self.ak_gen()), "challenge": challenge, "proof": proof})
    }

    /// Prepares the password of `name`; its secret.
    pub async fn prepared(&self, by: Value, name: &str) -> String {
        let answer = prepare(&self.client, by, name).await.expect(200);
        answer["pending"].as_str().unwrap().to_owned()
    }

    /// What the store has now for the present password: as `unlock` answers, without computing a password.
    pub async fn stored(&self) -> Value {
        let query = "SELECT k.ak_gen, s.ak_password, k.ak_recovery, k.bundle, k.trust, k.trust_rev
             FROM accounts.keys k JOIN accounts.auth_slots s ON s.user_id = k.user_id
             WHERE k.user_id = $1 AND s.kind = 'current'";
        let Some(row) = self.sql.query_opt(query, &[&self.uid().0]).await.unwrap() else {
            return Value::Null;
        };
        let blob = |at| row.get::<_, Option<&[u8]>>(at).map(base64url::encode);
        json!({
            "ak_gen": row.get::<_, i64>(0), "ak_password": blob(1), "ak_recovery": blob(2), "bundle": blob(3),
            "trust": blob(4), "trust_rev": row.get::<_, i64>(5),
        })
    }

    /// How many rows of a table are this person's.
    pub async fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM accounts.{table} WHERE user_id = $1");
        self.sql.query_one(&query, &[&self.uid().0]).await.unwrap().get(0)
    }

    /// Changes this person's rows, `$1`, by SQL.
    pub async fn alter(&self, statement: &str) {
        self.sql.execute(statement, &[&self.uid().0]).await.unwrap();
    }

    /// What `unlock` answers now.
    pub async fn unlocked(&self) -> Value {
        self.client.post("/api/auth/unlock", json!({"auth": self.auth()})).await.expect(200)
    }

    /// What signing in with this password answers, as a new browser.
    pub async fn login_with(&self, password: &str) -> Answer {
        self.browser_with(password).await.0
    }

    /// Signs in with this password as a new browser.
    pub async fn browser_with(&self, password: &str) -> (Answer, Client) {
        let device = "Firefox on Linux";
        let body = json!({"username": self.name, "auth": auth_of(password), "device": device});
        let mut client = Client::new(self.client.address);
        let answer = client.post("/api/auth/login", body).await;
        client.keep_cookie(&answer);
        client.uid = self.client.uid.clone();
        (answer, client)
    }
}

/// Asks for the password of `name` to be prepared.
pub async fn prepare(client: &Client, by: Value, name: &str) -> Answer {
    let body = json!({
        "by": by, "alg": "pbkdf2-sha256", "salt": base64url::encode(&[5; 16]), "iter": 1_000_000,
        "auth": auth_of(name),
    });
    client.post("/api/auth/password/prepare", body).await
}
