//! Profiles: what people see of each other, published to their rooms when it changes.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::auth::Auth;
use crate::avatars::{Picture, SIZES};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::{hex, random};
use crate::protocol::presence::Status;
use crate::rooms::Rooms;
pub use crate::store::accounts::NameMatch;
use crate::store::accounts::{AccountStore, Profile, ProfileChange};

/// The profiles of all users.
pub struct Profiles {
    store: AccountStore,
    rooms: Rooms,
    auth: Arc<Auth>,
}

impl Profiles {
    /// Those of this store, published to these rooms.
    pub fn new(store: AccountStore, rooms: Rooms, auth: Arc<Auth>) -> Self {
        Self { store, rooms, auth }
    }

    /// The profile of any account, removed ones too.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn find(&self, uid: Uid) -> Result<Profile> {
        self.store.profile(uid).await?.ok_or_else(no_user)
    }

    /// The profile of a person who is there: neither disabled nor removed, and not the bot of a hook.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn active(&self, uid: Uid) -> Result<Profile> {
        let found = self.store.profile(uid).await?;
        found.filter(|profile| !profile.is_disabled && !profile.is_bot).ok_or_else(no_user)
    }

    /// The profile of an account that is not removed, disabled or not.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn existing(&self, uid: Uid) -> Result<Profile> {
        let found = self.store.profile(uid).await?;
        found.filter(|profile| !profile.is_removed).ok_or_else(no_user)
    }

    /// The user name, for the audit log; empty if the store does not answer now.
    pub async fn name_of(&self, uid: Uid) -> String {
        let found = self.store.profile(uid).await.ok().flatten();
        found.map_or_else(String::new, |profile| profile.username)
    }

    /// Profiles of open accounts whose name contains `q`, each with its sort key, in the order of the user names.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn page(&self, q: &str, after: &str, most: usize) -> Result<Vec<(Profile, String)>> {
        self.store.profiles(q, after, most).await
    }

    /// The profiles of these users, in the order of the user names.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn of(&self, uids: &[Uid]) -> Result<Vec<Profile>> {
        self.store.profiles_of(uids).await
    }

    /// Those of these users whose names match, each with its sort key, by name.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn search(
        &self,
        among: &[Uid],
        wanted: NameMatch<'_>,
        after: &str,
        most: usize,
    ) -> Result<Vec<(Uid, String)>> {
        self.store.search_members(among, wanted, after, most).await
    }

    /// Changes a user's own profile.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn change(&self, uid: Uid, change: ProfileChange) -> Result<()> {
        let is_written = self.store.change_profile(uid, &change).await?;
        // A status chosen on a socket may be newer than that of the account.
        let presence = self.rooms.presence();
        let is_new = |status: &Status| presence.status(uid).is_some_and(|now| now != *status);
        let status = change.status.filter(|status| is_written || is_new(status));
        let is_changed = is_written || status.is_some();
        if let Some(status) = status {
            // A session in memory carries the old status to the user's next first connection.
            self.auth.forget(uid);
            presence.set_status(uid, status);
        }
        if is_changed {
            self.publish(uid).await;
        }
        Ok(())
    }

    /// Gives a user this picture; the name of its files.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn set_avatar(&self, uid: Uid, picture: &Picture) -> Result<String> {
        let name = format!("{}.{}", hex::encode(&random::bytes::<16>()?), picture.extension);
        self.store.put_avatar(uid, &name, picture.content_type, &picture.squares).await?;
        self.publish(uid).await;
        Ok(name)
    }

    /// Takes a user's picture away, if there is one.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn remove_avatar(&self, uid: Uid) -> Result<()> {
        if self.store.remove_avatar(uid).await? {
            self.publish(uid).await;
        }
        Ok(())
    }

    /// The media type and the bytes of a picture in one of its sizes.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn avatar(&self, name: &str, size: u32) -> Result<Option<(String, Vec<u8>)>> {
        self.store.avatar(name, size).await
    }

    /// Sends a changed profile to those who see this user; a client that misses it gets it with the next
    /// list. If the name has changed, the profiles of others who have a similar one may have to change, too.
    pub async fn publish(&self, uid: Uid) {
        self.mark_similar_names(uid).await;
        self.publish_one(uid).await;
    }

    /// Compares the name of a user who is new or renamed with those of others. Everybody who is marked by
    /// that as easily confused, or not any longer, is published.
    pub async fn mark_similar_names(&self, uid: Uid) {
        match self.store.update_ambiguous_names(&[uid]).await {
            Ok(changed) => {
                for other in changed.into_iter().filter(|other| *other != uid) {
                    self.publish_one(other).await;
                }
            }
            // The next start does it.
            Err(error) => {
                tracing::warn!(%uid, ?error, "a changed name was not compared with others");
            }
        }
    }

    async fn publish_one(&self, uid: Uid) {
        match self.store.profile(uid).await {
            Ok(Some(profile)) => self.rooms.publish_profile(uid, &self.public(&profile)).await,
            Ok(None) => {}
            Err(error) => tracing::warn!(%uid, ?error, "a changed profile was not published"),
        }
    }

    /// What anybody signed in may see. Of a removed account a neutral author is left.
    pub fn public(&self, profile: &Profile) -> Value {
        if profile.is_removed {
            return json!({
                "id": profile.uid,
                "uid": profile.uid,
                "username": "",
                "display_name": "",
                "bio": "",
                "avatar": null,
                "status": {"state": "offline", "text": null, "until": null},
                "removed": true,
            });
        }
        let mut seen = self.rooms.presence().view(profile.uid);
        if seen.state == "offline" {
            // Without a connection the text is not in the presence, but in the account.
            let Status { text, until, .. } = self.chosen_status(profile);
            seen.until = until.filter(|_| !text.is_empty());
            seen.text = Some(text).filter(|text| !text.is_empty());
        }
        let mut public = json!({
            "id": profile.uid,
            "uid": profile.uid,
            "username": profile.username,
            "display_name": profile.display_name,
            "bio": profile.bio,
            "avatar": avatar_urls(profile.avatar.as_deref()),
            "status": {"state": seen.state, "text": seen.text, "until": seen.until},
        });
        for (field, holds) in [
            ("admin", profile.is_admin),
            ("disabled", profile.is_disabled),
            // The bots of two rooms may have one name.
            ("ambiguous", profile.is_ambiguous && !profile.is_bot),
            ("bot", profile.is_bot),
        ] {
            if holds {
                public[field] = json!(true);
            }
        }
        public
    }

    /// The status that the user chose, be it so new that the account does not have it yet.
    pub fn chosen_status(&self, profile: &Profile) -> Status {
        let newer = self.rooms.presence().status(profile.uid);
        newer.unwrap_or_else(|| profile.status.clone())
    }
}

/// Where the sizes of a picture are, by the name of its files: `{"96": URL, "384": URL}`.
pub fn avatar_urls(name: Option<&str>) -> Value {
    let Some((name, extension)) = name.and_then(|name| name.split_once('.')) else {
        return Value::Null;
    };
    let url = |size: &u32| (size.to_string(), json!(format!("/avatars/{name}-{size}.{extension}")));
    Value::Object(SIZES.iter().map(url).collect())
}

fn no_user() -> Error {
    Error::new(Code::NotFound, "There is no such user.")
}
