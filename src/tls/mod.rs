//! Certificates: where they come from, when they change, and how handshakes get them.
//!
//! The handshakes themselves are made in `http`, and what is sealed after an upgrade in `delivery`.

pub mod acme;
mod authority;
mod auto;
mod certificate;
mod certificates;
pub mod challenges;
mod constraints;
pub mod names;
pub mod pem;
pub mod private_file;
mod server_config;
pub mod trust_page;
mod trust_texts;

pub use authority::Authority;
pub use auto::{Auto, Times};
pub use certificate::Certificate;
pub use certificates::Certificates;
pub use constraints::Name;
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
