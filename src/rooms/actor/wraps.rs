//! Wraps of the keys of an encrypted room: a member's own, those that others give, and bad ones (`e2ee.md` 7.4, 7.5).

use std::collections::HashSet;

use super::Actor;
use super::log::Urgency;
use crate::base::encryption::WrapId;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::encryption as limits;
use crate::e2ee::directory::DirectoryView as _;
use crate::e2ee::wraps::is_wrap;
use crate::protocol::encryption::PostedWrap;
use crate::protocol::event::Event;
use crate::rooms::delivery::Delivery;
use crate::rooms::proposal::KeyView;

impl Actor {
    /// What is to be done about the key.
    pub(super) async fn show_key(&mut self) -> Result<KeyView> {
        let (directory, seq) = (self.shared.directory.clone(), self.published);
        let encryption = self.load_encryption().await?;
        let epoch = encryption.epoch();
        let why = encryption.rotation(&directory, seq).map(|rotation| rotation.why);
        let needed = encryption.outlook(&directory).needed.clone();
        let members = encryption.state().members.keys();
        let shut: Vec<_> = members.copied().filter(|uid| !directory.is_open(*uid)).collect();
        Ok(KeyView { epoch, shut, needed, why })
    }

    /// Takes what is needed: the present key for members who lack it, and for the caller's own present and next keys
    /// whatever key of the room. The rest is ignored.
    pub(super) async fn add_wraps(&mut self, by: Uid, wraps: Vec<PostedWrap>) -> Result<usize> {
        if wraps.len() > limits::WRAPS_AT_ONCE {
            return Err(Error::new(Code::TooLarge, "These are too many keys at once."));
        }
        let directory = self.shared.directory.clone();
        let own = self.own_generation(by);
        let encryption = self.load_encryption().await?;
        let epoch = encryption.epoch();
        let needed: HashSet<_> = encryption.outlook(&directory).needed.iter().copied().collect();
        let is_own = |id: WrapId| {
            id.uid == by
                && (own..=own.saturating_add(1)).contains(&id.generation)
                && (1..=epoch).contains(&id.epoch)
        };
        let mut wraps = wraps;
        wraps.retain(|wrap| {
            let id = wrap.id();
            is_wrap(&wrap.bytes)
                && (needed.contains(&id) || is_own(id))
                && !encryption.is_barred(id, by)
        });
        // One statement cannot add the same twice.
        let mut seen = HashSet::new();
        wraps.retain(|wrap| seen.insert(wrap.id()));
        if wraps.is_empty() {
            return Ok(0);
        }
        let (store, room) = (self.shared.store.clone(), self.room.id);
        let added = match self.bounded(store.add_wraps(room, by, own, &wraps)).await {
            Ok(added) => added,
            Err(error) => {
                // They may be there all the same.
                self.encryption = None;
                return Err(error);
            }
        };
        if let Some(encryption) = &mut self.encryption {
            encryption.add_wraps(added.iter().copied());
        }
        for wrap in wraps.iter().filter(|wrap| added.contains(&wrap.id())) {
            let event = Event::Wrap { room, wrap: &wrap.own() }.encode();
            self.broadcast(Delivery::ToUser(wrap.uid, event)).await;
        }
        self.announce(Urgency::Usual).await;
        Ok(added.len())
    }

    /// The generation of somebody's present keys; 0 without any.
    fn own_generation(&self, uid: Uid) -> u64 {
        let directory = self.shared.directory.read();
        directory.chain.generation(uid, directory.chain.n()).unwrap_or_default()
    }

    /// A member's own wrap is bad: it is gone, and needed again by somebody else than its poster.
    pub(super) async fn remove_bad_wrap(&mut self, id: WrapId) -> Result<()> {
        self.load_encryption().await?;
        let none = || Error::new(Code::NotFound, "There is no such key.");
        let own = self.own_generation(id.uid);
        if id.generation > own {
            // Nobody can have tried it.
            return Err(none());
        }
        let (store, room) = (self.shared.store.clone(), self.room.id);
        let poster = match self.bounded(store.remove_bad_wrap(room, id)).await {
            Ok(poster) => poster,
            Err(error) => {
                self.encryption = None;
                return Err(error);
            }
        };
        let poster = poster.ok_or_else(none)?;
        if let Some(encryption) = &mut self.encryption {
            encryption.remove_wrap(id, poster);
        }
        self.announce(Urgency::Usual).await;
        Ok(())
    }
}
