//! People of the demo who are there although nobody has signed in as them.

use super::cast::{Cast, Seat};
use crate::base::error::Result;
use crate::protocol::presence::PresenceState;
use crate::rooms::Rooms;
use crate::rooms::publication::ConnRef;
use crate::service::Profiles;

/// A connection that no shard owns: what is sent to it goes nowhere.
pub fn no_connection(slot: u32) -> ConnRef {
    ConnRef { shard: u16::MAX, slot, generation: 0 }
}

/// Shows each of them as their seat says.
///
/// # Errors
/// `unavailable`.
pub async fn take_seats(cast: &Cast, profiles: &Profiles, rooms: &Rooms) -> Result<()> {
    for (slot, (uid, person)) in (0..).zip(cast.people()) {
        let Seat::At(state) = person.seat else { continue };
        let (conn, profile) = (no_connection(slot), profiles.find(uid).await?);
        rooms.presence().connected(uid, conn, profile.status);
        if state == PresenceState::Away {
            rooms.presence().set(uid, conn, state, None)?;
        }
    }
    Ok(())
}
