//! Many people at once, made without as many passwords.

use super::client::Client;

/// Makes users with a token each, members of the rooms `rooms_of` gives for the n-th of them, from
/// 1 on. A server that runs already does not know of them: start it after this.
pub async fn crowd(database: &str, how_many: i64, rooms_of: impl Fn(i64) -> &'static [i64]) {
    let (sql, connection) =
        tokio_postgres::connect(database, tokio_postgres::NoTls).await.expect("connect");
    tokio::spawn(connection);
    let user = "INSERT INTO accounts.users (username, username_key, created_at, has_joined)
                VALUES ($1, $1, 1, true) RETURNING id";
    let token = "INSERT INTO accounts.sessions (user_id, kind, digest, created_at, seen_at)
                 VALUES ($1, 'token', $2, $3, $3)";
    let member = "INSERT INTO chat.members (room_id, user_id, role, joined_at)
                  SELECT room, $1, 'member', 1 FROM unnest($2::bigint[]) AS room";
    for n in 1..=how_many {
        let (name, digest) = (format!("guest{n}"), impulse::auth::digest(&format!("token{n}")));
        let uid: i64 = sql.query_one(user, &[&name]).await.expect("a user").get(0);
        let now = impulse::base::time::now_ms();
        sql.execute(token, &[&uid, &digest.as_slice(), &now]).await.expect("a token");
        sql.execute(member, &[&uid, &rooms_of(n)]).await.expect("rooms");
    }
}

/// The n-th of the crowd.
pub fn guest(address: std::net::SocketAddr, n: usize) -> Client {
    Client::new(address).with_token(&format!("token{n}"))
}
