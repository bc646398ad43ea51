//! The server under test, the users of the connections, and the rooms. Rooms that the load test creates it
//! removes again.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::seal::Seal;
use super::secure::Secure;
use crate::base::limits::loadtest as limits;
use crate::base::random;
use crate::http::client::{Call, Client, Origin, Reply, Scheme, Trust};

/// What a server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// It is an Impulse.
    Impulse,
    /// It is another program, which sends each text to all connections of its path.
    Plain,
}

/// The server under test.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it is.
    pub address: SocketAddr,
    /// Its `Host`.
    pub authority: String,
    /// What its connections begin TLS with, if the URL is https.
    pub secure: Option<Secure>,
    client: Client,
    /// The path of its WebSocket.
    pub path: String,
    /// The tokens of the users whose connections there are.
    pub tokens: Vec<String>,
    /// What it understands.
    pub dialect: Dialect,
    /// Its process, if that is on this machine.
    pub pid: Option<u32>,
}

/// A room of the test.
#[derive(Clone, Default)]
pub struct Room {
    /// Its id.
    pub id: String,
    /// The path of the WebSocket that leads to it.
    pub path: String,
    /// Its newest sequence number.
    pub seq: u64,
    /// Who created it, as an index into the list of tokens; `None` if it was there before.
    pub creator: Option<usize>,
    /// What its envelopes name, if it is encrypted.
    pub seal: Option<Arc<Seal>>,
}

impl Target {
    /// From a URL. `ws://` and `http://` are the same, `wss://` and `https://`, too; a plain peer's path is its
    /// WebSocket.
    ///
    /// # Errors
    /// One sentence.
    pub fn at(
        url: &str,
        trust: &Trust,
        tokens: Vec<String>,
        dialect: Dialect,
    ) -> Result<Self, String> {
        let (origin, path) = Origin::parse(url)?;
        let found = (origin.host.as_str(), origin.port).to_socket_addrs();
        let found = found.ok().and_then(|mut found| found.next());
        let address = found.ok_or_else(|| format!("{} cannot be found", origin.host))?;
        let is_secure = origin.scheme == Scheme::Https;
        let secure = is_secure.then(|| Secure::new(&origin, trust)).transpose()?;
        let client = Client::of(&origin, trust);
        let authority = origin.authority();
        let path = match dialect {
            Dialect::Plain if !path.is_empty() => path,
            _ => "/ws",
        };
        let path = path.to_owned();
        Ok(Self { address, authority, secure, client, path, tokens, dialect, pid: None })
    }

    /// The token of a connection. Users take turns.
    pub fn token(&self, index: usize) -> Option<&str> {
        let index = index.checked_rem(self.tokens.len())?;
        self.tokens.get(index).map(String::as_str)
    }

    async fn call(
        &self,
        token: usize,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, String> {
        let client = self.client.clone().with_token(self.token(token));
        client.call(method, path, body).await
    }

    /// A room that is there already. All users join it.
    ///
    /// # Errors
    /// The server's sentence.
    pub async fn room(&self, id: &str) -> Result<Room, String> {
        self.join(id, 0).await?;
        let seq = self.call(0, "GET", &format!("/api/rooms/{id}"), None).await?["seq"].as_u64();
        let (path, seq) = (self.path.clone(), seq.unwrap_or(0));
        Ok(Room { id: id.to_owned(), path, seq, creator: None, seal: None })
    }

    /// Creates `count` rooms. All users are in a single room; of several, each belongs to one user, who gets
    /// no events of the others.
    ///
    /// # Errors
    /// The server's sentence.
    pub async fn create_rooms(&self, count: usize) -> Result<Vec<Room>, String> {
        if self.dialect == Dialect::Plain {
            let path =
                |n| if count == 1 { self.path.clone() } else { format!("{}/{n}", self.path) };
            return Ok((1..=count).map(|n| Room { path: path(n), ..Room::default() }).collect());
        }
        let mut rooms = Vec::new();
        for n in 0..count {
            let body = json!({"name": format!("Load test {}", random::<6>()?), "kind": "open"});
            let room = self.call(n, "POST", "/api/rooms", Some(body)).await?;
            let id = room["id"].as_str().ok_or("the server made a room without an id")?.to_owned();
            let (path, seq) = (self.path.clone(), room["seq"].as_u64().unwrap_or(0));
            rooms.push(Room { id, path, seq, creator: Some(n), seal: None });
        }
        if let [room] = rooms.as_slice() {
            self.join(&room.id, 1).await?;
        }
        Ok(rooms)
    }

    /// The users from the one with index `first` on join a room.
    async fn join(&self, id: &str, first: usize) -> Result<(), String> {
        for token in first..self.tokens.len() {
            let me = self.call(token, "GET", "/api/me", None).await?;
            let body = json!({"uid": me["uid"]});
            let path = format!("/api/rooms/{id}/members");
            match self.call(token, "POST", &path, Some(body)).await {
                Ok(_) => {}
                // A member who is refused is in the room already.
                Err(_) if self.call(token, "GET", &path, None).await.is_ok() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes what [`Target::create_rooms`] created.
    pub async fn remove_rooms(&self, rooms: &[Room]) {
        for room in rooms {
            if let Some(creator) = room.creator {
                let path = format!("/api/rooms/{}", room.id);
                if let Err(error) = self.call(creator, "DELETE", &path, None).await {
                    eprintln!("the room {} stays behind: {error}", room.id);
                }
            }
        }
    }

    /// The newest sequence number of a room.
    ///
    /// # Errors
    /// The server's sentence.
    pub async fn newest(&self, room: &Room) -> Result<u64, String> {
        let token = room.creator.unwrap_or(0);
        let view = self.call(token, "GET", &format!("/api/rooms/{}", room.id), None).await?;
        view["seq"].as_u64().ok_or_else(|| "the server gave a room without seq".to_owned())
    }

    /// Adds users as an admin, whose token must be the first one; their names. They have no passwords, whose
    /// hashing would take long.
    ///
    /// # Errors
    /// The server's sentence.
    pub async fn add_users(&self, count: usize) -> Result<Vec<String>, String> {
        let mut tasks = JoinSet::new();
        let mut names = Vec::with_capacity(count);
        for _ in 0..count {
            if tasks.len() >= limits::ADDING_USERS {
                names.extend(finished(&mut tasks).await?);
            }
            let (target, name) = (self.clone(), random_name()?);
            tasks.spawn(async move {
                let body = json!({"username": name});
                target.call(0, "POST", "/api/admin/users", Some(body)).await.map(|_| name)
            });
        }
        while !tasks.is_empty() {
            names.extend(finished(&mut tasks).await?);
        }
        Ok(names)
    }

    /// Sends a request with a JSON body and these header fields.
    ///
    /// # Errors
    /// No reply came.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> Result<Reply, String> {
        let headers = [&[("Content-Type", "application/json")], headers].concat();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let call = Call { method, path, headers: &headers, body: body.as_bytes() };
        self.client.request(call).await.map_err(|failure| failure.to_string())
    }

    /// The origin of its pages.
    pub fn origin(&self) -> String {
        let scheme = if self.secure.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Lets everybody register.
    ///
    /// # Errors
    /// The server's sentence.
    pub async fn open_registration(&self) -> Result<(), String> {
        let body = json!({"registration": "open"});
        self.call(0, "PATCH", "/api/admin/settings", Some(body)).await.map(drop)
    }

    /// Registers the first user, who becomes admin by the code of the setup link; the name.
    ///
    /// # Errors
    /// The server's sentence.
    pub async fn register_admin(&self, setup: &str) -> Result<String, String> {
        let name = random_name()?;
        let body = json!({
            "username": name,
            "alg": "pbkdf2-sha256",
            "salt": random::<16>()?,
            "iter": 1_000_000,
            "auth": random::<32>()?,
            "device": "load test",
            "setup": setup,
        });
        self.call(0, "POST", "/api/auth/register", Some(body)).await?;
        Ok(name)
    }
}

async fn finished(tasks: &mut JoinSet<Result<String, String>>) -> Result<Option<String>, String> {
    let done = tasks.join_next().await;
    done.map(|done| done.map_err(|error| error.to_string())?).transpose()
}

pub(super) fn random_name() -> Result<String, String> {
    Ok(format!("load-{}", random::<9>()?.to_ascii_lowercase().replace(['-', '_'], "0")))
}

fn random<const N: usize>() -> Result<String, String> {
    let value = random::bytes::<N>().map_err(|error| error.to_string())?;
    Ok(URL_SAFE_NO_PAD.encode(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_server_and_a_plain_one_its_path_too() {
        let trust = Trust::any();
        let at = |url, dialect| Target::at(url, &trust, vec![], dialect);
        let target = at("http://127.0.0.1:8080/", Dialect::Impulse).unwrap();
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("127.0.0.1:8080", "/ws"));
        assert!(target.secure.is_none());
        let target = at("ws://127.0.0.1/room/1", Dialect::Plain).unwrap();
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("127.0.0.1", "/room/1"));
        let target = at("https://127.0.0.1:8443", Dialect::Impulse).unwrap();
        assert!(target.secure.is_some() && target.address.port() == 8443);
        let error = at("127.0.0.1:8080", Dialect::Impulse).unwrap_err();
        assert!(error.contains("http://"), "{error}");
    }
}
