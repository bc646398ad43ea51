//! What one user may do over all connections and calls together (`allowance`), times the rate-limit scale.

use super::{Rate, delivery};

const MIB: f64 = 1024.0 * 1024.0;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
/// Commands on all connections, in their costs: as many as three busy connections send.
pub const COMMANDS: Rate =
    Rate { at_once: 3.0 * delivery::BURST as f64, per_second: 3.0 * delivery::RATE as f64 };
/// Bytes of messages, edits, deletions and reactions within a minute.
pub const BYTES_A_MINUTE: Rate = Rate::within(MINUTE, 4.0 * MIB);
/// The same within a day, since the start of the server.
pub const BYTES_A_DAY: Rate = Rate::within(DAY, 256.0 * MIB);
/// Bytes of all users into one room within a minute.
pub const ROOM_BYTES_A_MINUTE: Rate = Rate::within(MINUTE, 32.0 * MIB);
/// Bytes of all users into all rooms within a minute.
pub const TOTAL_BYTES_A_MINUTE: Rate = Rate::within(MINUTE, 256.0 * MIB);
/// What one change takes on disk besides its text.
pub const CHANGE_BYTES: usize = 256;
/// Changes of presence, status, profile and picture, which are published to everybody who shares a room.
pub const PROFILE_CHANGES: Rate = Rate { at_once: 60.0, per_second: 20.0 / MINUTE };
/// People whom somebody adds to rooms within an hour.
pub const MEMBERS_ADDED: Rate = Rate::within(HOUR, 300.0);
/// Own wraps of keys of rooms that somebody reports as bad within an hour: each one is deleted, and bars its giver.
pub const BAD_WRAPS: Rate = Rate::within(HOUR, 40.0);
/// Calls that change something, in their costs.
pub const CHANGES: Rate = Rate { at_once: 120.0, per_second: 4.0 };
/// Members of a room who get a frame about a change, each one of their own, for the cost of one call.
pub const FAN_OUT_PER_COST: f64 = 100.0;
/// Members of a room whose names are compared for the cost of one call.
pub const SEARCHED_PER_COST: f64 = 1_000.0;
/// Calls that only read, and upgrades, in their costs.
pub const READS: Rate = Rate { at_once: 1_000.0, per_second: 100.0 };
/// What an upgrade costs of them: `hello` names every room.
pub const UPGRADE_COST: f64 = 5.0;
/// How many times as many calls admins of the server may make, and people they may put in.
pub const ADMINS: f64 = 10.0;
/// Users whose allowances are remembered, besides those who are connected.
pub const REMEMBERED: usize = 65_536;
/// Parts of the table of allowances, each with its own lock.
pub const PARTS: usize = 16;
