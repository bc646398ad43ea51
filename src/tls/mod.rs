//! Certificates: where they come from, when they change, and how handshakes get them.
//!
//! The handshakes themselves are made in `http`, and what is sealed after an upgrade in `delivery`.

mod certificate;
mod certificates;
pub mod challenges;
pub mod pem;
mod server_config;

pub use certificate::Certificate;
pub use certificates::Certificates;
pub use server_config::server_config;

use crate::config::{TlsMode, TlsSettings};

/// The certificates that the settings name; nothing if the server speaks no TLS.
///
/// # Errors
/// One sentence that says what is wrong with them.
pub fn open(settings: &TlsSettings) -> Result<Option<Certificates>, String> {
    match settings.mode {
        TlsMode::Off => Ok(None),
        mode => Err(format!("--tls {mode:?} is not built yet")),
    }
}
