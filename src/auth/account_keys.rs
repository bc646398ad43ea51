//! What clients send to change their keys, how it is checked, and the two ways in without the password: a challenge
//! signed with the current key, and the recovery code (`e2ee.md` 4.4, 4.5, 13.1).
//!
//! What is in the blobs only browsers know. Here they have a length and a first byte.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::credentials::decode;
use super::password_hasher::matches;
use super::secret::{digest, new_token};
use super::state::{Auth, client_network};
use crate::base::base64url;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::chat::NUMBER;
use crate::base::limits::keys as limits;
use crate::base::names;
use crate::base::time::{millis, now_ms};
use crate::store::accounts::{AccountKeys, KeyChange, RecoveryRecord};

/// The `keys` of a change.
#[derive(Deserialize)]
pub struct NewKeys {
    from: u64,
    ak_gen: u64,
    ak_password: String,
    // `null` takes the recovery code away, so it is not the same as nothing.
    #[serde(deserialize_with = "Option::deserialize")]
    ak_recovery: Option<String>,
    bundle: String,
    trust: Option<String>,
    trust_rev: Option<u64>,
}

impl NewKeys {
    /// Refuses what has another size than its kind has, another suite, or numbers that do not rise. `rauth_digest`
    /// comes with a new recovery code.
    ///
    /// # Errors
    /// `bad_request` naming the field, `too_large`.
    pub fn check(self, rauth_digest: Option<&str>) -> Result<KeyChange> {
        let Self { from, ak_gen, ak_password, ak_recovery, bundle, trust, trust_rev } = self;
        if ak_gen <= from || ak_gen > NUMBER {
            return Err(Error::field("ak_gen", "must be greater than \"from\" and below 2^53"));
        }
        let exactly = |bytes| bytes..=bytes;
        let recovery = exactly(limits::AK_RECOVERY);
        let trust = match (trust, trust_rev) {
            (None, None) => None,
            (Some(blob), Some(rev)) => {
                Some((rev, trust_store(("trust_rev", rev), ("trust", &blob))?))
            }
            _ => return Err(Error::field("trust_rev", "goes together with \"trust\"")),
        };
        Ok(KeyChange {
            from,
            ak_gen,
            ak_password: blob("ak_password", &ak_password, exactly(limits::AK_PASSWORD))?,
            ak_recovery: ak_recovery
                .map(|text| blob("ak_recovery", &text, recovery))
                .transpose()?,
            rauth_digest: rauth_digest.map(|text| decode("rauth_digest", text)).transpose()?,
            bundle: blob("bundle", &bundle, limits::BOX..=limits::BUNDLE)?,
            trust,
        })
    }
}

/// A trust store with its number, each after the name that its field has in the request.
///
/// # Errors
/// `bad_request`, `too_large`.
pub fn trust_store((rev_field, rev): (&str, u64), (field, text): (&str, &str)) -> Result<Vec<u8>> {
    if !(1..=NUMBER).contains(&rev) {
        return Err(Error::field(rev_field, "must be 1 to 2^53 - 1"));
    }
    blob(field, text, limits::BOX..=limits::TRUST)
}

fn blob(field: &str, text: &str, bytes: RangeInclusive<usize>) -> Result<Vec<u8>> {
    let blob = base64url::decode(text)
        .ok_or_else(|| Error::field(field, "must be base64url without padding"))?;
    if blob.len() > *bytes.end() {
        return Err(Error::new(Code::TooLarge, format!("Field \"{field}\" is too long.")));
    }
    if !bytes.contains(&blob.len()) {
        return Err(Error::field(field, "is too short"));
    }
    // Everything that is encrypted begins with its suite.
    if blob.first() != Some(&1) {
        return Err(Error::field(field, "is of a suite that this server does not know"));
    }
    Ok(blob)
}

/// What the recovery code opens.
pub struct Recovered {
    /// The user.
    pub uid: Uid,
    /// The keys.
    pub keys: AccountKeys,
    /// A challenge to be signed with the current key.
    pub challenge: String,
}

impl Auth {
    /// A challenge for this user, good once.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn new_challenge(&self, uid: Uid) -> Result<String> {
        let (challenge, digest) = new_token()?;
        let expires_at = now_ms() + millis(limits::CHALLENGE);
        self.store.put_challenge(uid, &digest, expires_at, limits::CHALLENGES).await?;
        Ok(challenge)
    }

    /// What the recovery code of this name opens, for somebody who has it. Counts.
    ///
    /// # Errors
    /// `bad_credentials`, the same for an unknown name and for a user without a code; `rate_limited`.
    pub async fn open_recovery(
        &self,
        username: &str,
        rauth: &str,
        peer: IpAddr,
    ) -> Result<Recovered> {
        let RecoveryRecord { uid, keys, .. } =
            self.check_recovery(username, rauth, peer, Counting::Each).await?;
        Ok(Recovered { uid, keys, challenge: self.new_challenge(uid).await? })
    }

    /// The user of this name, for somebody who has the recovery code. Only wrong codes count: it was opened before.
    ///
    /// # Errors
    /// Those of [`open_recovery`](Self::open_recovery).
    pub(super) async fn recover(&self, username: &str, rauth: &str, peer: IpAddr) -> Result<Uid> {
        Ok(self.check_recovery(username, rauth, peer, Counting::Wrong).await?.uid)
    }

    async fn check_recovery(
        &self,
        username: &str,
        rauth: &str,
        peer: IpAddr,
        counting: Counting,
    ) -> Result<RecoveryRecord> {
        let rauth: [u8; 32] = decode("rauth", rauth)?;
        let key = names::key(username);
        // By network, too: nobody guesses a code, but by account alone anybody could keep its owner out.
        let attempt = self.recoveries.begin((digest(&key), client_network(peer)))?;
        let permit = self.lookup(peer).await?;
        let record = self.store.recovery_record(&key).await?;
        drop(permit);
        let given: [u8; 32] = Sha256::digest(rauth).into();
        let wanted = record.as_ref().map_or([0; 32], |record| record.rauth_digest);
        let record = record.filter(|_| matches(&given, &wanted));
        if record.is_none() || counting == Counting::Each {
            attempt.count();
        }
        record.ok_or_else(|| Error::new(Code::BadCredentials, "Wrong user name or recovery code."))
    }
}

/// Which attempts count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counting {
    Each,
    Wrong,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: usize, first: u8) -> String {
        let mut blob = vec![7; bytes];
        blob[0] = first;
        base64url::encode(&blob)
    }

    fn keys() -> NewKeys {
        NewKeys {
            from: 2,
            ak_gen: 3,
            ak_password: text(61, 1),
            ak_recovery: Some(text(113, 1)),
            bundle: text(200, 1),
            trust: Some(text(100, 1)),
            trust_rev: Some(4),
        }
    }

    fn refused(keys: NewKeys) -> (Code, String) {
        let error = keys.check(None).err().unwrap();
        (error.code(), error.message().to_owned())
    }

    #[test]
    fn blobs_of_their_sizes_are_taken_and_others_are_refused_by_name() {
        let change = keys().check(Some(&text(32, 9))).unwrap();
        assert_eq!((change.from, change.ak_gen, change.bundle.len()), (2, 3, 200));
        assert_eq!(change.trust.unwrap().0, 4);
        NewKeys { ak_recovery: None, trust: None, trust_rev: None, ..keys() }.check(None).unwrap();
        for (wrong, field) in [
            (NewKeys { ak_password: text(60, 1), ..keys() }, "ak_password"),
            (NewKeys { ak_password: text(62, 1), ..keys() }, "ak_password"),
            (NewKeys { ak_password: text(61, 2), ..keys() }, "ak_password"),
            (NewKeys { ak_recovery: Some(text(112, 1)), ..keys() }, "ak_recovery"),
            (NewKeys { ak_recovery: Some(text(113, 0)), ..keys() }, "ak_recovery"),
            (NewKeys { bundle: text(28, 1), ..keys() }, "bundle"),
            (NewKeys { bundle: text(8_193, 1), ..keys() }, "bundle"),
            (NewKeys { bundle: String::new(), ..keys() }, "bundle"),
            (NewKeys { bundle: "a=".into(), ..keys() }, "bundle"),
            (NewKeys { trust: Some(text(1_048_577, 1)), ..keys() }, "trust"),
            (NewKeys { trust: None, ..keys() }, "trust_rev"),
            (NewKeys { trust_rev: None, ..keys() }, "trust_rev"),
            (NewKeys { trust_rev: Some(0), ..keys() }, "trust_rev"),
            (NewKeys { ak_gen: 2, ..keys() }, "ak_gen"),
            (NewKeys { ak_gen: 1 << 53, ..keys() }, "ak_gen"),
        ] {
            let (_, sentence) = refused(wrong);
            assert!(sentence.contains(&format!("\"{field}\"")), "{field}: {sentence}");
        }
        assert_eq!(refused(NewKeys { bundle: text(8_193, 1), ..keys() }).0, Code::TooLarge);
        assert_eq!(refused(NewKeys { bundle: text(28, 1), ..keys() }).0, Code::BadRequest);
        NewKeys { bundle: text(8_192, 1), trust: Some(text(1_048_576, 1)), ..keys() }
            .check(None)
            .unwrap();
    }

    #[test]
    fn the_recovery_blob_may_be_null_but_not_missing() {
        let json = |recovery: &str| {
            let text = format!(r#"{{"from":0,"ak_gen":1,"ak_password":"","bundle":""{recovery}}}"#);
            serde_json::from_str::<NewKeys>(&text).is_ok()
        };
        assert!(json(r#","ak_recovery":null"#) && json(r#","ak_recovery":"AQ""#));
        assert!(!json(""));
    }
}
