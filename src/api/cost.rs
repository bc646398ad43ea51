//! What calls cost: one place that every call of somebody who is signed in passes.
//!
//! The rates are of the user ([`crate::base::allowance`]), whatever addresses the calls come from. What ends
//! sessions and tokens costs nothing: somebody who uses a stolen one must not be able to keep its owner from
//! ending it.

use crate::auth::Session;
use crate::base::error::Result;
use crate::base::limits::users as limits;

use super::Api;
use super::admin;
use super::router::Resource;

/// What a call takes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cost {
    Nothing,
    Read(f64),
    Change(f64),
}

/// Takes the cost of a call out of what its user may do.
///
/// # Errors
/// `rate_limited`.
pub(super) fn charge(api: &Api, caller: &Session, method: &str, resource: Resource) -> Result<()> {
    if caller.uid.0 == 0 {
        return Ok(()); // the operator, who could as well lift the limits
    }
    let allowance = api.allowances.of(caller.uid);
    match cost(method, resource) {
        Cost::Nothing => Ok(()),
        Cost::Read(cost) => allowance.read(cost, caller.admin),
        Cost::Change(cost) => allowance.change(cost, caller.admin),
    }
}

/// Takes the cost of a change that each of these people is told by a frame of their own.
///
/// # Errors
/// `rate_limited`.
pub(super) fn charge_telling(api: &Api, caller: &Session, people: u32) -> Result<()> {
    let cost = f64::from(people) / limits::TOLD_AT_COST;
    api.allowances.of(caller.uid).change(cost, caller.admin)
}

fn cost(method: &str, resource: Resource) -> Cost {
    use Resource as R;
    match (method, resource) {
        // Checking a password and blocking somebody have limits of their own.
        (_, R::Logout | R::Unlock) | ("PUT" | "DELETE", R::Block(_)) => Cost::Nothing,
        ("DELETE", R::Sessions | R::Session(_) | R::Token(_) | R::Me | R::Invite(_)) => {
            Cost::Nothing
        }
        ("GET", R::Admin(admin::Resource::Stats)) => Cost::Read(5.0),
        // The whole chain of entries is read.
        ("GET", R::Admin(admin::Resource::AuditVerify)) => Cost::Read(50.0),
        // Pages of messages, and lists that grow with the server.
        ("GET", R::Messages(_) | R::Members(_) | R::Rooms | R::Directory | R::Users) => {
            Cost::Read(2.0)
        }
        ("GET", _) => Cost::Read(1.0),
        // A picture is decoded and drawn twice.
        ("PUT", R::MyAvatar) => Cost::Change(10.0),
        // Everybody in the room, or who shares one, is told; tables of the whole server grow. How many rooms
        // are made has limits of its own.
        (_, R::Me | R::MyAvatar | R::Room(_) | R::Restore(_) | R::Tokens) => Cost::Change(2.0),
        _ => Cost::Change(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{RoomId, SessionId, Uid};

    const ROOM: RoomId = RoomId(4);

    #[test]
    fn every_change_costs_and_ending_a_session_does_not() {
        use Resource as R;
        for resource in [
            R::Me,
            R::MyAvatar,
            R::Rooms,
            R::Room(ROOM),
            R::Mine(ROOM),
            R::Restore(ROOM),
            R::Ban(ROOM, Uid(2)),
            R::Members(ROOM),
            R::Member(ROOM, Uid(2)),
            R::Tokens,
            R::Invites,
            R::InviteAccept,
        ] {
            for method in resource.methods().iter().filter(|method| **method != "GET") {
                let is_end = (*method, resource) == ("DELETE", R::Me) || *method == "HEAD";
                let costs = matches!(cost(method, resource), Cost::Change(cost) if cost >= 1.0);
                assert!(costs || is_end, "{method} {resource:?}");
            }
        }
        for (method, resource) in [
            ("POST", R::Logout),
            ("DELETE", R::Sessions),
            ("DELETE", R::Session(SessionId(1))),
            ("DELETE", R::Token(SessionId(1))),
        ] {
            assert_eq!(cost(method, resource), Cost::Nothing, "{method} {resource:?}");
        }
        assert_eq!(cost("GET", R::Messages(ROOM)), Cost::Read(2.0));
    }

    #[test]
    fn a_browser_that_starts_stays_far_below_what_may_be_read_at_once() {
        use Resource as R;
        // Its lists, the page and the people of the open room, and twelve rooms it comes back to.
        let mut all = limits::UPGRADE_COST;
        let lists = [R::Users, R::Rooms, R::Me, R::Members(ROOM), R::Messages(ROOM)];
        let people = (1..=200).map(|uid| R::User(Uid(uid)));
        let rooms = (1..=12).flat_map(|room| [R::Members(RoomId(room)), R::Messages(RoomId(room))]);
        for resource in lists.into_iter().chain(people).chain(rooms) {
            match cost("GET", resource) {
                Cost::Read(cost) => all += cost,
                other => panic!("{resource:?} costs {other:?}"),
            }
        }
        assert!(all * 3.0 < limits::READS.at_once, "{all}");
    }
}
