//! The accounts of the demo: made like those of a browser, and known again by their salt.

use std::net::{IpAddr, Ipv4Addr};

use sha2::{Digest as _, Sha256};

use super::cast::{Cast, PASSWORD, PEOPLE};
use crate::auth::{Auth, NewAccount, SignInSource};
use crate::base::error::{Error, Result};
use crate::base::limits::auth::ITERATIONS_RANGE;
use crate::base::names;
use crate::e2ee::pack::kdf;
use crate::store::accounts::AccountStore;

/// The fewest rounds that a browser accepts, because these accounts protect nothing.
const ITERATIONS: u32 = *ITERATIONS_RANGE.start();

/// Makes the accounts of an empty server. All have one salt, so that the password is computed once.
///
/// # Errors
/// `registration_closed`, `unavailable`.
pub async fn create_all(auth: &Auth, accounts: &AccountStore) -> Result<Cast> {
    let salt = salt(accounts).await?;
    let rounds = tokio::task::spawn_blocking(move || {
        let salt = [b"impulse/e2ee/1/password".as_slice(), &salt].concat();
        let mut key = [0u8; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(PASSWORD.as_bytes(), &salt, ITERATIONS, &mut key);
        key
    });
    let key = kdf(&rounds.await.map_err(Error::internal)?, "auth", &[]);
    let here = SignInSource { peer: IpAddr::V4(Ipv4Addr::LOCALHOST), device_cookie: "" };
    let mut uids = [None; PEOPLE.len()];
    for (uid, person) in uids.iter_mut().zip(&PEOPLE) {
        let account = NewAccount::made_here(person.username, salt, ITERATIONS, key);
        *uid = Some(auth.register(account, here).await?.uid);
    }
    Ok(Cast { uids })
}

/// The people of the demo who are there and still have its password; none if it was not made on this server.
///
/// # Errors
/// `unavailable`.
pub async fn find_all(accounts: &AccountStore) -> Result<Option<Cast>> {
    let salt = salt(accounts).await?;
    let mut uids = [None; PEOPLE.len()];
    for (uid, person) in uids.iter_mut().zip(&PEOPLE) {
        let found = accounts.login_record(&names::key(person.username)).await?;
        *uid = found
            .filter(|found| found.slot.kdf.salt.as_slice() == salt && !found.is_disabled)
            .map(|found| found.uid);
    }
    Ok(uids.iter().any(Option::is_some).then_some(Cast { uids }))
}

/// Only the demo gives this salt to anybody. A browser makes a new one for every password.
async fn salt(accounts: &AccountStore) -> Result<[u8; 16]> {
    let digest = Sha256::new()
        .chain_update(b"impulse/demo/")
        .chain_update(accounts.instance().await?.id)
        .finalize();
    let mut salt = [0; 16];
    for (byte, of_digest) in salt.iter_mut().zip(digest) {
        *byte = of_digest;
    }
    Ok(salt)
}
