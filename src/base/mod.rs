//! What every layer may use: errors, ids, bounds, time, text and the small tools beneath them. Nothing here knows
//! a layer above.

pub mod allowance;
pub mod base64url;
pub mod code;
pub mod counter;
pub mod crash_point;
pub mod draining_reader;
pub mod emoji;
pub mod encryption;
pub mod error;
pub mod established;
pub mod fd_budget;
pub mod file_detail;
pub mod hex;
pub mod ids;
pub mod limits;
pub mod lock;
pub mod log_limiter;
pub mod memory;
pub mod names;
pub mod net;
pub mod network;
pub mod principal;
pub mod process_usage;
pub mod random;
pub mod runtime;
pub mod shutdown;
pub mod telemetry;
pub mod temporary;
pub mod text;
pub mod time;
pub mod token_bucket;
