//! One's own account: signing in and out, the profile, sessions, tokens, and whom one has blocked.

pub mod avatar;
pub mod blocks;
pub mod keys;
pub mod me;
pub mod password;
pub mod sessions;
pub mod sign_in;
pub mod tokens;
