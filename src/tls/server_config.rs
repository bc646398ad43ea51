//! How the server speaks TLS: 1.2 and 1.3, tickets to resume with, and the protocols that it offers.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;

use super::certificates::Certificates;

/// The protocols that are offered by ALPN, the preferred one first.
const PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

/// For listeners that use these certificates.
///
/// # Errors
/// There is no randomness.
pub fn server_config(certificates: &Certificates) -> Result<Arc<ServerConfig>, String> {
    let failed = |error: rustls::Error| format!("cannot prepare TLS: {error}");
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider);
    let builder =
        builder.with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12]);
    let builder = builder.map_err(failed)?.with_no_client_auth();
    let mut config = builder.with_cert_resolver(Arc::new(certificates.clone()));
    config.alpn_protocols = PROTOCOLS.iter().map(|protocol| protocol.to_vec()).collect();
    // Tickets keep nothing at the server: without them it would keep a table of sessions. Their keys change every six
    // hours, and a restart makes new ones.
    config.ticketer = ring::Ticketer::new().map_err(failed)?;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(Arc::new(config))
}
