//! What clients send to register, to sign in and to set a password, and how it is checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Result};
use crate::base::limits::api::LABEL;
use crate::base::limits::auth::ITERATIONS_RANGE;
use crate::base::text;
use crate::store::accounts::KdfParams;

/// The one algorithm a browser has for this.
pub(super) const ALGORITHM: &str = "pbkdf2-sha256";

/// How to turn a password into AUTH: the answer of `prelogin`.
#[derive(Debug, Serialize)]
pub struct Kdf {
    alg: String,
    salt: String,
    iter: u32,
}

impl Kdf {
    pub(super) fn new(params: &KdfParams) -> Self {
        let salt = URL_SAFE_NO_PAD.encode(params.salt);
        Self { alg: params.alg.clone(), salt, iter: params.iterations }
    }
}

/// The body of `register`.
#[derive(Deserialize)]
pub struct NewAccount {
    pub(super) username: String,
    pub(super) alg: String,
    pub(super) salt: String,
    pub(super) iter: u32,
    pub(super) auth: String,
    #[serde(default)]
    pub(super) setup: Option<String>,
    #[serde(default)]
    pub(super) invite: Option<String>,
    #[serde(default)]
    pub(super) device: Option<String>,
    /// The answer shall carry the session's token.
    #[serde(default)]
    pub token: bool,
}

impl NewAccount {
    /// An account the server makes by itself: `auth` as a client would have derived it.
    pub fn made_here(username: &str, salt: [u8; 16], iterations: u32, auth: [u8; 32]) -> Self {
        Self {
            username: username.to_owned(),
            alg: ALGORITHM.to_owned(),
            salt: URL_SAFE_NO_PAD.encode(salt),
            iter: iterations,
            auth: URL_SAFE_NO_PAD.encode(auth),
            setup: None,
            invite: None,
            device: None,
            token: false,
        }
    }
}

/// The body of `login`.
#[derive(Deserialize)]
pub struct Credentials {
    pub(super) username: String,
    pub(super) auth: String,
    #[serde(default)]
    pub(super) device: Option<String>,
    /// The answer shall carry the session's token.
    #[serde(default)]
    pub token: bool,
}

/// A new password as a client derived it.
#[derive(Deserialize)]
pub struct NewPassword {
    /// The algorithm.
    pub alg: String,
    /// Base64url.
    pub salt: String,
    /// Iterations.
    pub iter: u32,
    /// Base64url.
    pub auth: String,
}

/// The same, checked.
pub(super) struct CheckedPassword {
    pub kdf: KdfParams,
    pub auth: [u8; 32],
}

impl NewPassword {
    /// Refuses what no client should derive (`e2ee.md` 4.2).
    pub(super) fn check(self) -> Result<CheckedPassword> {
        if self.alg != ALGORITHM {
            return Err(Error::field("alg", "must be pbkdf2-sha256"));
        }
        let salt = decode("salt", &self.salt)?;
        if !ITERATIONS_RANGE.contains(&self.iter) {
            return Err(Error::field("iter", "must be 600000 to 5000000"));
        }
        let auth = decode("auth", &self.auth)?;
        Ok(CheckedPassword { kdf: KdfParams { alg: self.alg, salt, iterations: self.iter }, auth })
    }
}

pub(super) fn decode<const N: usize>(field: &str, text: &str) -> Result<[u8; N]> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| {
        Error::field(field, &format!("must be {N} bytes in base64url without padding"))
    })
}

/// The name of a device as it is shown in the list of sessions.
pub(super) fn check_device(device: Option<String>) -> Result<String> {
    text::line("device", &device.unwrap_or_default(), LABEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_spelling_of_bytes_in_base64url_is_taken() {
        assert_eq!(decode::<2>("salt", "_-8").unwrap(), [0xff, 0xef]);
        for other in ["_-8=", "/+8", "_-9", "_-", "_-8A", " _-8", ""] {
            let refused = decode::<2>("salt", other).unwrap_err();
            assert!(refused.message().contains("salt"), "{other:?}");
        }
    }
}
