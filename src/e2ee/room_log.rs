//! The signed log of an encrypted room (`e2ee.md` 6): its bytes, its state, and what is valid. Browsers have the same
//! state machine; random logs hold the two together.

pub mod apply;
pub mod batch;
pub mod body;
pub mod effect;
pub mod entry;
pub mod rule;
pub mod rules;
pub mod server_rules;
pub mod standing;
pub mod state;
pub mod wire;

pub use apply::{Applied, apply, replay};
pub use batch::{Batch, BatchRefusal, check};
pub use body::{Body, EpochReason, KeyLink, Kind, Lid, RemoveReason, Role};
pub use effect::Effect;
pub use entry::{Entry, SignedEntry};
pub use rule::{Refusal, Rule};
pub use rules::join_message;
pub use state::{Epoch, Interval, Link, Member, State};
