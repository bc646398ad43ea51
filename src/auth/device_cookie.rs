//! Device cookies: a signed cookie by which a browser shows that it has signed in before.
//!
//! An entry of the cookie is a random id and a MAC over the id, the account and the salt of the current password. So it
//! reveals nothing, nobody else can make one, and a new password invalidates all of them. It grants nothing but this: a
//! browser that has one is not slowed down by the guesses of strangers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::base::error::{Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::auth::DEVICE_ACCOUNTS;
use crate::base::random;

/// Identifies a browser of one account.
pub(super) type DeviceId = [u8; 16];

const ID: usize = 16;
const MAC: usize = 32;

/// Makes and checks the entries of one account.
pub(super) struct DeviceCookies<'a> {
    /// The installation's secret.
    pub secret: &'a [u8; 32],
    /// The account.
    pub uid: Uid,
    /// The salt of its present password.
    pub salt: &'a [u8; 16],
}

impl DeviceCookies<'_> {
    /// The browser that sent this cookie, if it has signed in with the present password before.
    pub fn find(&self, cookie: &str) -> Option<DeviceId> {
        entries(cookie).find_map(|entry| self.check(entry))
    }

    /// The cookie with an entry for this account in front, the one it had or a new one; entries of
    /// other accounts stay, up to the bound.
    ///
    /// # Errors
    /// No randomness.
    pub fn renew(&self, cookie: &str) -> Result<String> {
        let own = entries(cookie).find(|entry| self.check(entry).is_some());
        let first = match own {
            Some(entry) => entry.to_owned(),
            None => self.make()?,
        };
        let others = entries(cookie).filter(|entry| Some(*entry) != own);
        let all: Vec<_> =
            std::iter::once(first.as_str()).chain(others).take(DEVICE_ACCOUNTS).collect();
        Ok(all.join("."))
    }

    fn make(&self) -> Result<String> {
        let id = random::bytes::<ID>()?;
        let mac = self.mac(&id)?.finalize().into_bytes();
        Ok(URL_SAFE_NO_PAD.encode([id.as_slice(), &mac].concat()))
    }

    fn check(&self, entry: &str) -> Option<DeviceId> {
        let bytes = URL_SAFE_NO_PAD.decode(entry).ok()?;
        let (id, mac) = bytes.split_first_chunk::<ID>()?;
        self.mac(id).ok()?.verify_slice(mac).ok()?;
        Some(*id)
    }

    /// The same secret makes the salts of unknown names. A name is valid UTF-8 and so never begins
    /// with this byte.
    fn mac(&self, id: &DeviceId) -> Result<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret).map_err(Error::internal)?;
        mac.update(b"\xffdevice");
        mac.update(&self.uid.0.to_be_bytes());
        mac.update(self.salt);
        mac.update(id);
        Ok(mac)
    }
}

/// Entries of the right length, as many as a cookie of ours can have.
fn entries(cookie: &str) -> impl Iterator<Item = &str> {
    let length = (ID + MAC) * 4 / 3;
    cookie.split('.').take(DEVICE_ACCOUNTS).filter(move |entry| entry.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(secret: &[u8; 32], uid: i64) -> DeviceCookies<'_> {
        DeviceCookies { secret, uid: Uid(uid), salt: &[7; 16] }
    }

    #[test]
    fn an_entry_is_good_for_its_account_and_its_password_only() {
        let secret = [1; 32];
        let cookie = cookies(&secret, 1).renew("").unwrap();
        let id = cookies(&secret, 1).find(&cookie).unwrap();
        assert_eq!(cookies(&secret, 1).find(&cookie), Some(id));
        assert_eq!(cookies(&secret, 2).find(&cookie), None);
        assert_eq!(DeviceCookies { salt: &[8; 16], ..cookies(&secret, 1) }.find(&cookie), None);
        assert_eq!(cookies(&[2; 32], 1).find(&cookie), None);
        for wrong in ["", ".", "x", &cookie[1..], &format!("A{}", &cookie[1..])] {
            assert_eq!(cookies(&secret, 1).find(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_browser_of_several_people_keeps_an_entry_for_each_up_to_the_bound() {
        let secret = [1; 32];
        let mut cookie = "rubbish".to_owned();
        for uid in 1..=DEVICE_ACCOUNTS as i64 + 1 {
            cookie = cookies(&secret, uid).renew(&cookie).unwrap();
        }
        assert_eq!(cookies(&secret, 1).find(&cookie), None, "the oldest is gone");
        let id = cookies(&secret, 2).find(&cookie).unwrap();
        cookie = cookies(&secret, 2).renew(&cookie).unwrap();
        assert_eq!(cookies(&secret, 2).find(&cookie), Some(id), "it stays the same browser");
        assert_eq!(cookie.split('.').count(), DEVICE_ACCOUNTS);
    }
}
