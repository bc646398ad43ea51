//! The load test (`loadtest`).

use std::time::Duration;

/// Connections that are being made at once.
pub const CONNECTING: usize = 192;
/// Connections, rooms and the like that can be asked for.
pub const COUNT: usize = 1_000_000;
/// Connections, unless an option says otherwise.
pub const CONNECTIONS: usize = 1_000;
/// Users of a private server, at least.
pub const USERS: usize = 10;
/// Users added at once.
pub const ADDING_USERS: usize = 8;
/// Writers of `durable`, unless an option says otherwise.
pub const DURABLE_WRITERS: usize = 64;
/// The rooms they write into, at most.
pub const DURABLE_ROOMS: usize = 16;
/// Messages that each of them has in flight, unless an option says otherwise.
pub const DURABLE_IN_FLIGHT: usize = 16;
/// Messages in flight in a room when the rate alone decides.
pub const IN_FLIGHT: usize = 5_000;
/// Messages a second while all connections come back.
pub const STORM_RATE: f64 = 5.0;
/// What one read can bring.
pub const SCRATCH: usize = 256 * 1024;
/// Before a client that was refused or disconnected connects again; up to twice that.
pub const RECONNECT_MS: u64 = 250;
/// A private server serves by then.
pub const START: Duration = Duration::from_secs(60);
/// Its setup link follows by then.
pub const SETUP: Duration = Duration::from_secs(5);
/// It has stopped by then.
pub const STOP: Duration = Duration::from_secs(15);
/// All connections are made by then.
pub const CONNECTED: Duration = Duration::from_secs(120);
/// Traffic before anything is measured.
pub const WARM_UP: Duration = Duration::from_secs(1);
/// What is in flight has arrived by then.
pub const DRAIN: Duration = Duration::from_secs(10);
/// All connections are back by then.
pub const RECONNECTED: Duration = Duration::from_secs(120);
/// It polls for so long before it sleeps: longer than a server needs for a write, so that it is awake
/// while a message goes to many, and short enough to leave the core to others.
pub const BUSY_POLL: Duration = Duration::from_micros(50);
/// Events of one poll.
pub const EVENTS: usize = 1_024;
/// How long it polls when nothing is to be sent.
pub const POLL: Duration = Duration::from_millis(100);
/// How long it polls before it checks whether all connections are ready.
pub const READY_POLL: Duration = Duration::from_millis(50);
/// How long it polls before it checks whether something is to be sent.
pub const SHORT_POLL: Duration = Duration::from_millis(10);
/// How often it checks whether the private server has stopped.
pub const STOP_POLL: Duration = Duration::from_millis(20);
/// How often it prints how it goes.
pub const PROGRESS: Duration = Duration::from_secs(1);
/// Longest latency that is recorded, in microseconds; longer ones count as this.
pub const LATENCY_MAX_US: u64 = 120_000_000;
/// Missing numbers that are remembered of a connection, to distinguish late deliveries from doubled ones.
pub const MISSING: usize = 10_000;
/// The share of the time busy above which the load test may have been the bottleneck.
pub const BUSY: f64 = 0.9;
/// Session tickets that are kept for connections to come: two of each connection of a large test.
pub const TICKETS: usize = 65_536;
