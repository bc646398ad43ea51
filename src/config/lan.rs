//! `--lan`: a server for everybody in the same network, in one word.
//!
//! It listens on every address, by https on port 8443, with a certificate of its own, and leads there from port 8080.
//! Ports 443 and 80 would need a right that most who try this do not have; 8080 is where this server is found without
//! the word, too, so an address that somebody remembers still leads to it.

use std::net::{Ipv6Addr, SocketAddr};

use super::Config;
use super::listen::Listen;
use super::tls::TlsMode;

const HTTPS: u16 = 8443;
const HTTP: u16 = 8080;

/// Which settings were given by hand, by a flag or a variable.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given {
    /// `--listen`
    pub listen: bool,
    /// `--tls`
    pub tls: bool,
}

impl Config {
    /// Sets what `--lan` stands for.
    ///
    /// # Errors
    /// One sentence: a setting that was given contradicts it.
    pub fn apply_lan(&mut self, given: Given) -> Result<(), String> {
        if !self.lan {
            return Ok(());
        }
        if given.tls && self.tls.mode != TlsMode::Auto {
            return Err("--lan makes a certificate of its own, as IMPULSE_TLS=auto does, and IMPULSE_TLS says something \
                        else: leave one of the two out"
                .into());
        }
        self.tls.mode = TlsMode::Auto;
        if !given.listen {
            self.listen = everywhere(HTTPS);
        } else if let Some(one) =
            self.listen.0.iter().find(|address| !address.ip().is_unspecified())
        {
            return Err(format!(
                "--lan listens on every address of this machine, and IMPULSE_LISTEN names {one}: leave one of the two \
                 out, or set only the port, as in --listen [::]:{HTTPS}"
            ));
        }
        self.tls.http_listen.get_or_insert_with(|| everywhere(HTTP));
        Ok(())
    }
}

/// Of both families.
fn everywhere(port: u16) -> Listen {
    Listen(vec![SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))])
}
