//! `impulse loadtest`: what a server can do, measured by a client of it.
//!
//! It has one thread and one epoll ([`swarm`]) and needs a few hundred bytes for a connection. A ledger of
//! each room notices every lost, doubled or late delivery ([`ledger`]). The report says what the server's
//! process cost, where it can be seen ([`server_process`]), and what the load test itself cost: one that is
//! always busy measures itself. It uses the layers of a client only. `--local` starts the server it needs
//! as another process of the same program.

mod assignment;
mod client;
mod execution;
mod ledger;
mod local_server;
mod measure;
mod message;
mod people;
mod plan;
mod progress;
mod protocol;
mod read_outcome;
mod report;
mod room_load;
mod run;
mod scenario;
mod seal;
mod secure;
mod server_frame;
mod server_process;
mod setup;
mod swarm;
mod tally;
mod target;
mod traffic;

pub use plan::Plan;
pub use run::run;
pub use scenario::Scenario;
