//! Who you are: passwords, sessions, tokens, rate limits.
//!
//! The server never sees a password. A client sends AUTH, which costs it a million rounds; the
//! server hashes that with Argon2id and stores a verifier of the result (`e2ee.md` 4.2, 4.3).
//! A client that knows it gets a token of 256 random bits, of which only the SHA-256 is stored.

mod account_keys;
mod attempt_queue;
mod credentials;
mod device_cookie;
mod fair_queue;
mod invite;
mod login_throttle;
mod password_change;
mod password_hasher;
mod rate_limit;
mod registration;
mod secret;
mod session;
mod session_cache;
mod sessions;
mod sign_in;
mod state;
mod ticket;
mod token;

pub use crate::store::accounts::{
    AccountKeys, AllowedBy, Invite, InviteFilter, Maker, Scope, SessionInfo, SessionKind, Switched,
    TicketRecord,
};
pub use account_keys::{NewKeys, Recovered, trust_store};
pub use credentials::{Credentials, Kdf, NewAccount, NewPassword};
pub use invite::InviteWish;
pub use password_change::{Prepared, Proof, Unlocked};
pub use password_hasher::HasherLoad;
pub use rate_limit::RateLimit;
pub use secret::{digest, new_token};
pub use session::Session;
pub use sign_in::{SignInSource, SignedIn};
pub use state::Auth;
pub use ticket::IssuedTicket;
pub use token::{IssuedToken, TokenWish};
