//! `IMPULSE_DEMO=1`: people and a busy room for somebody who only wants to try the server.
//!
//! They are written directly into the stores before the rooms start, when nobody can be connected yet, and only
//! once. Everybody knows the password, so this is never on by default.

use std::net::{IpAddr, Ipv4Addr};

use sha2::Sha256;

use crate::auth::{Auth, NewAccount, SignInSource};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::limits::auth::ITERATIONS_RANGE;
use crate::base::random;
use crate::e2ee::pack::kdf;
use crate::protocol::message::TextBody;
use crate::protocol::presence::Status;
use crate::protocol::room::Role;
use crate::store::accounts::{AccountStore, ProfileChange};
use crate::store::chat::change::{Change, Entry};
use crate::store::chat::commit::Writer;
use crate::store::chat::{ChatStore, content};

/// The password of every demo user.
pub const PASSWORD: &str = "impulse demo";

/// The fewest rounds that a browser accepts, because these accounts protect nothing.
const ITERATIONS: u32 = *ITERATIONS_RANGE.start();

/// User name, display name, bio and status text.
const PEOPLE: [(&str, &str, &str, &str); 4] = [
    ("demo", "Demo", "That is you: have a look around.", ""),
    ("ada", "Ada Lovelace", "Notes on the engine, and on everything else.", "🎂 baking"),
    ("grace", "Grace Hopper", "It is easier to ask forgiveness than permission.", "⚓ at sea"),
    ("linus", "Linus Pauling", "The best way to have a good idea is to have many.", ""),
];

/// The conversation in General; the number is an index of `PEOPLE`.
const CONVERSATION: [(usize, &str); 16] = [
    (1, "Good morning! Has anybody tried the new build?"),
    (2, "Running since last night. *Zero* reconnects so far."),
    (3, "Same here. I pulled the plug twice, on purpose 😄"),
    (1, "And?"),
    (3, "Every message is still there. In order. Once."),
    (2, "That is what `ok` means: it is on disk before you hear of it."),
    (1, "What happens to what I write in a tunnel?"),
    (3, "It waits in the browser and goes out when the line is back."),
    (2, "Try it: switch off the network, write something, reload the page, switch it on again."),
    (1, "It arrived once. I am impressed."),
    (
        2,
        "One `seq` per room, no gaps. A client that was away says where it stopped, and gets the rest.",
    ),
    (3, "Shall we meet at three to look at the load test?"),
    (1, "Fine. I bring the cake."),
    (2, "**Cake** it is."),
    (3, "@demo, you are welcome to join. Say hello!"),
    (1, "Arrow-up edits your last message, Ctrl+K jumps to any room."),
];

/// Creates the people and their conversation, unless they exist.
///
/// # Errors
/// `unavailable`, or `internal` without a source of randomness.
pub async fn fill(auth: &Auth, accounts: &AccountStore, chat: &ChatStore) -> Result<()> {
    let mut users = Vec::new();
    for (username, display_name, bio, status_text) in PEOPLE {
        match create_user(auth, username).await {
            Ok(uid) => {
                let change = ProfileChange {
                    display_name: Some(display_name.to_owned()),
                    bio: Some(bio.to_owned()),
                    status: Some(Status { text: status_text.to_owned(), ..Status::default() }),
                    ..ProfileChange::default()
                };
                let _ = accounts.change_profile(uid, &change).await?;
                users.push(uid);
            }
            // The names are taken: the demo exists already, or people use them.
            Err(error) if error.code() == Code::Conflict => return Ok(()),
            Err(error) if error.code() == Code::RegistrationClosed => {
                tracing::warn!("no demo users were created: registration is not open");
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
    chat.create_ready_made_rooms().await?;
    let rooms = chat.rooms().await?;
    for room in rooms.iter().filter(|room| room.is_default) {
        for uid in &users {
            chat.put_member(room.id, *uid, Role::Member, 0).await?;
        }
    }
    for uid in &users {
        accounts.mark_joined(*uid).await?;
    }
    if let Some(room) = rooms.first() {
        write_conversation(chat, room.id, &users).await?;
    }
    tracing::warn!("demo users were created: sign in as {:?} with {PASSWORD:?}", PEOPLE[0].0);
    Ok(())
}

async fn create_user(auth: &Auth, username: &str) -> Result<Uid> {
    let salt: [u8; 16] = random::bytes()?;
    let rounds = tokio::task::spawn_blocking(move || {
        let salt = [b"impulse/e2ee/1/password".as_slice(), &salt].concat();
        let mut key = [0u8; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(PASSWORD.as_bytes(), &salt, ITERATIONS, &mut key);
        key
    });
    let key = rounds.await.map_err(Error::internal)?;
    let here = SignInSource { peer: IpAddr::V4(Ipv4Addr::LOCALHOST), device_cookie: "" };
    let account = NewAccount::made_here(username, salt, ITERATIONS, kdf(&key, "auth", &[]));
    Ok(auth.register(account, here).await?.uid)
}

async fn write_conversation(chat: &ChatStore, room: RoomId, users: &[Uid]) -> Result<()> {
    let mut writer = Writer::connect(chat.database()).await?;
    let mut at = crate::base::time::now_ms() - 50 * 60_000;
    let mut last = None;
    for (who, text) in CONVERSATION {
        let Some(author) = users.get(who) else { continue };
        let mentions = if text.contains("@demo") { users.first().copied() } else { None };
        let body = TextBody {
            text: text.to_owned(),
            mentions: mentions.into_iter().collect::<Vec<_>>().into(),
            ..TextBody::default()
        };
        let body = content::text_to_json(&body)?;
        let mid = Mid(random::bytes()?);
        let change = Change::New { mid, author: *author, body };
        writer.commit(&[Entry { room, change }], at).await?;
        at += 2 * 60_000 + 17_000;
        last = Some(mid);
    }
    let (Some(target), Some(author)) = (last, users.get(2)) else { return Ok(()) };
    let body = content::emoji_to_json("👍");
    let change = Change::React { mid: Mid(random::bytes()?), author: *author, target, body };
    writer.commit(&[Entry { room, change }], at).await?;
    Ok(())
}
