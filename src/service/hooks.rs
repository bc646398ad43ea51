//! Incoming hooks: addresses with a secret, by which other programs write into one room as a bot.

use std::net::IpAddr;
use std::sync::Arc;

use serde_json::json;

use super::actor::Actor;
use super::audit::{Audit, AuditTarget};
use super::messages::{Messages, Posted, Posting};
use super::profiles::Profiles;
use super::room_changes::RoomChanges;
use crate::auth::{Auth, RateLimit, digest, new_token};
use crate::avatars::Picture;
use crate::base::error::Result;
use crate::base::ids::{HookId, RoomId, Uid};
use crate::base::limits::auth as limits;
use crate::base::principal::Principal;
use crate::base::{hex, random};
use crate::policy::Action;
use crate::protocol::script::ScriptMessage;
use crate::rooms::Rooms;
pub use crate::store::accounts::Hook;
use crate::store::accounts::{AccountStore, NewHook};

/// What hooks are made of.
pub struct Parts {
    /// Hooks and their bots.
    pub store: AccountStore,
    /// Where they write.
    pub rooms: Rooms,
    /// Their secrets.
    pub auth: Arc<Auth>,
    /// Their memberships.
    pub room_changes: Arc<RoomChanges>,
    /// Their names and pictures.
    pub profiles: Arc<Profiles>,
    /// What was done to them.
    pub audit: Arc<Audit>,
    /// What they write.
    pub messages: Arc<Messages>,
}

/// Makes hooks, revokes them, and writes what they bring.
pub struct Hooks {
    parts: Parts,
    of_hook: RateLimit<HookId>,
    of_room: RateLimit<RoomId>,
}

impl Hooks {
    /// The rates are multiplied by `scale`; 0 lifts them.
    pub fn new(parts: Parts, scale: f64) -> Self {
        Self {
            parts,
            of_hook: RateLimit::new(limits::HOOK_MESSAGES, limits::HOOK_MESSAGES_IN, scale),
            of_room: RateLimit::new(
                limits::HOOK_MESSAGES_PER_ROOM,
                limits::HOOK_MESSAGES_IN,
                scale,
            ),
        }
    }

    /// The hooks of a room, oldest first, for those who may make one.
    ///
    /// # Errors
    /// `not_found`, `not_member`, `forbidden`, `unavailable`.
    pub async fn list(&self, by: &Actor, room: RoomId) -> Result<Vec<Hook>> {
        self.authorize(by, room)?;
        self.parts.store.hooks(room).await
    }

    /// Makes a hook that writes by this name; the hook and its secret, which is shown only once.
    ///
    /// # Errors
    /// `conflict` for a name like another one, or if there are enough; those of [`list`](Self::list).
    pub async fn create(&self, by: &Actor, room: RoomId, name: &str) -> Result<(Hook, String)> {
        let room_name = self.authorize(by, room)?;
        let Parts { store, room_changes, profiles, audit, .. } = &self.parts;
        let permit = audit.permit(by)?;
        let (secret, digest) = new_token()?;
        let username = format!("hook-{}", hex::encode(&random::bytes::<8>()?));
        let new = NewHook { digest: &digest, room, username: &username, name, by: by.uid() };
        let hook = store.create_hook(&new).await?;
        if let Err(error) = room_changes.put_bot(room, hook.uid).await {
            // Without its room it is nothing. If this fails, too, it is listed and can be revoked.
            let _ = store.revoke_hook(room, hook.id).await;
            return Err(error);
        }
        profiles.publish(hook.uid).await;
        let detail = json!({"room": room, "room_name": room_name});
        permit.record("hook.create", AuditTarget::hook(hook.id, name), detail).await;
        Ok((hook, secret))
    }

    /// Gives a hook another name.
    ///
    /// # Errors
    /// `conflict` for a name like another one; those of [`list`](Self::list).
    pub async fn rename(&self, by: &Actor, room: RoomId, id: HookId, name: &str) -> Result<Hook> {
        let room_name = self.authorize(by, room)?;
        let Parts { store, profiles, audit, .. } = &self.parts;
        let permit = audit.permit(by)?;
        let before = store.hook(room, id).await?;
        if before.name == name {
            return Ok(before);
        }
        let hook = store.rename_hook(room, id, name).await?;
        profiles.publish(hook.uid).await;
        let detail = json!({"room": room, "room_name": room_name, "name": name});
        permit.record("hook.update", AuditTarget::hook(id, &before.name), detail).await;
        Ok(hook)
    }

    /// Gives a hook a picture, or takes it away; the name of its files.
    ///
    /// # Errors
    /// Those of [`list`](Self::list).
    pub async fn set_picture(
        &self,
        by: &Actor,
        room: RoomId,
        id: HookId,
        picture: Option<&Picture>,
    ) -> Result<Option<String>> {
        let room_name = self.authorize(by, room)?;
        let Parts { store, profiles, audit, .. } = &self.parts;
        let permit = audit.permit(by)?;
        let hook = store.hook(room, id).await?;
        let avatar = match picture {
            Some(picture) => Some(profiles.set_avatar(hook.uid, picture).await?),
            None if hook.avatar.is_none() => return Ok(None),
            None => {
                profiles.remove_avatar(hook.uid).await?;
                None
            }
        };
        let detail = json!({"room": room, "room_name": room_name, "picture": avatar.is_some()});
        permit.record("hook.update", AuditTarget::hook(id, &hook.name), detail).await;
        Ok(avatar)
    }

    /// Ends a hook at once. What it wrote stays, by its name.
    ///
    /// # Errors
    /// Those of [`list`](Self::list).
    pub async fn revoke(&self, by: &Actor, room: RoomId, id: HookId) -> Result<()> {
        let room_name = self.authorize(by, room)?;
        let Parts { store, room_changes, profiles, audit, .. } = &self.parts;
        let permit = audit.permit(by)?;
        let hook = store.revoke_hook(room, id).await?;
        // It cannot write any more, whatever becomes of this.
        if let Err(error) = room_changes.remove_bot(room, hook.uid).await {
            tracing::warn!(%room, ?error, "the bot of a revoked hook is still a member");
        }
        profiles.publish(hook.uid).await;
        let detail = json!({"room": room, "room_name": room_name});
        permit.record("hook.revoke", AuditTarget::hook(id, &hook.name), detail).await;
        Ok(())
    }

    /// The hook of this secret, if it may write one more message. A secret that was never given out and one that was
    /// revoked are looked for in the same way, and both are not there.
    ///
    /// # Errors
    /// `not_found`, `rate_limited`, `unavailable`.
    pub async fn find(&self, secret: &str, peer: IpAddr, bytes: usize) -> Result<Hook> {
        let Parts { store, auth, messages, .. } = &self.parts;
        let permit = auth.lookup(peer).await?;
        let hook = store.hook_of_secret(&digest(secret)).await?;
        drop(permit);
        self.of_hook.take(hook.id)?;
        self.of_room.take(hook.room).inspect_err(|_| self.of_hook.give_back(&hook.id))?;
        messages.charge(bot(&hook), bytes, Posting::New)?;
        Ok(hook)
    }

    /// The bots of all hooks of a room, oldest first. They may keep together what one person may.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn bots(&self, room: RoomId) -> Result<Vec<Uid>> {
        let hooks = self.parts.store.hooks(room).await?;
        Ok(hooks.iter().map(|hook| hook.uid).collect())
    }

    /// Writes a message as a hook.
    ///
    /// # Errors
    /// Those of [`Messages::post`].
    pub async fn post(
        &self,
        hook: &Hook,
        message: ScriptMessage,
        key: Option<&str>,
    ) -> Result<Posted> {
        let posted = self.parts.messages.post(bot(hook), hook.room, message, key).await?;
        if let Err(error) = self.parts.store.touch_hook(hook.id).await {
            tracing::debug!(?error, "the use of a hook was not noted");
        }
        Ok(posted)
    }

    /// The name of the room, if the caller may manage its hooks.
    fn authorize(&self, by: &Actor, room: RoomId) -> Result<String> {
        self.parts.rooms.authorize(by.principal, room, Action::ManageHooks)?;
        Ok(self.parts.rooms.info(by.principal, room)?.name)
    }
}

fn bot(hook: &Hook) -> Principal {
    Principal::User { uid: hook.uid, is_admin: false }
}
