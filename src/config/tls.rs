//! The settings of TLS.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::acme::AcmeSettings;
use super::listen::{Listen, parse_listen};

/// Where the certificate comes from, if the server speaks TLS itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TlsMode {
    /// Plain HTTP: for this machine only, or behind a proxy that speaks TLS.
    Off,
    /// From two files, which are read again when they change.
    Files,
    /// From an authority of the server's own, for a network where nobody else issues one.
    Auto,
    /// From an authority such as Let's Encrypt, by ACME.
    Acme,
}

/// The settings of TLS.
#[derive(Debug, Clone, Args)]
pub struct TlsSettings {
    /// Speak https on every listen address, and where the certificate comes from
    #[arg(long = "tls", env = "IMPULSE_TLS", value_enum, default_value = "off")]
    pub mode: TlsMode,

    /// The certificate and those that certify it, as PEM (--tls files)
    #[arg(long = "tls-cert", env = "IMPULSE_TLS_CERT", value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// The private key of the certificate, as PEM (--tls files)
    #[arg(long = "tls-key", env = "IMPULSE_TLS_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Names to get a certificate for, by comma (--tls acme)
    #[arg(
        long = "tls-domains",
        env = "IMPULSE_TLS_DOMAINS",
        value_delimiter = ',',
        value_parser = parse_domain,
        value_name = "NAME",
    )]
    pub domains: Vec<String>,

    /// Plain address that redirects to https and answers ACME challenges; several by comma [default: [::]:80 with --tls acme, else none]
    #[arg(long, env = "IMPULSE_HTTP_LISTEN", value_parser = parse_listen, value_name = "ADDR")]
    pub http_listen: Option<Listen>,

    /// How a certificate is obtained by ACME
    #[command(flatten)]
    pub acme: AcmeSettings,
}

impl TlsSettings {
    /// Whether the listen addresses speak TLS.
    pub fn is_on(&self) -> bool {
        self.mode != TlsMode::Off
    }

    /// The plain second addresses: those that are named, or port 80 of every address for ACME, which needs it.
    pub fn plain_addresses(&self) -> Option<Listen> {
        let port_80 = || Listen(vec![(Ipv6Addr::UNSPECIFIED, 80).into()]);
        self.http_listen.clone().or_else(|| (self.mode == TlsMode::Acme).then(port_80))
    }

    /// The same for a server that only this machine uses.
    pub fn turned_off(self) -> Self {
        Self {
            mode: TlsMode::Off,
            cert: None,
            key: None,
            domains: Vec::new(),
            http_listen: None,
            ..self
        }
    }

    /// Refuses settings that contradict each other, naming them.
    ///
    /// # Errors
    /// One sentence that says what to set.
    pub(super) fn check(&self) -> Result<(), String> {
        let is_files = self.mode == TlsMode::Files;
        if is_files && (self.cert.is_none() || self.key.is_none()) {
            return Err("--tls files needs both IMPULSE_TLS_CERT and IMPULSE_TLS_KEY".into());
        }
        if !is_files && (self.cert.is_some() || self.key.is_some()) {
            let needs = "IMPULSE_TLS_CERT and IMPULSE_TLS_KEY are read with IMPULSE_TLS=files only: set that, or unset";
            return Err(format!("{needs} them"));
        }
        let is_acme = self.mode == TlsMode::Acme;
        if is_acme && self.domains.is_empty() {
            return Err("--tls acme needs IMPULSE_TLS_DOMAINS, such as chat.example.org".into());
        }
        if !is_acme && !self.domains.is_empty() {
            let needs = "IMPULSE_TLS_DOMAINS is read with IMPULSE_TLS=acme only: set that, or unset it; the names that";
            return Err(format!("{needs} people reach the server by are IMPULSE_HOSTS"));
        }
        if !self.is_on() && self.http_listen.is_some() {
            return Err("IMPULSE_HTTP_LISTEN redirects to https, so it needs IMPULSE_TLS".into());
        }
        Ok(())
    }
}

/// A name that a certificate can be issued for, in lower case.
fn parse_domain(text: &str) -> Result<String, String> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let is_label = |label: &str| {
        let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_plain && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    if name.contains('.') && !is_address && name.split('.').all(is_label) {
        Ok(name)
    } else {
        Err("expected a name such as chat.example.org".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(mode: TlsMode) -> TlsSettings {
        TlsSettings {
            mode,
            cert: None,
            key: None,
            domains: Vec::new(),
            http_listen: None,
            acme: AcmeSettings::default(),
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_the_setting_that_is_missing() {
        assert!(settings(TlsMode::Off).check().is_ok());
        assert!(settings(TlsMode::Auto).check().is_ok());
        let file = Some(PathBuf::from("file.pem"));
        let both = |mode| TlsSettings { cert: file.clone(), key: file.clone(), ..settings(mode) };
        assert!(both(TlsMode::Files).check().is_ok());
        let half = TlsSettings { key: None, ..both(TlsMode::Files) };
        assert!(half.check().unwrap_err().contains("IMPULSE_TLS_KEY"));
        assert!(both(TlsMode::Off).check().unwrap_err().contains("IMPULSE_TLS=files"));
        assert!(settings(TlsMode::Acme).check().unwrap_err().contains("IMPULSE_TLS_DOMAINS"));
        let named =
            |mode| TlsSettings { domains: vec!["chat.example.org".to_owned()], ..settings(mode) };
        assert!(named(TlsMode::Acme).check().is_ok());
        for mode in [TlsMode::Off, TlsMode::Auto] {
            assert!(named(mode).check().unwrap_err().contains("IMPULSE_TLS=acme"));
        }
        let http_listen = parse_listen("127.0.0.1:80").ok();
        let redirecting = TlsSettings { http_listen, ..settings(TlsMode::Off) };
        assert!(redirecting.check().unwrap_err().contains("IMPULSE_TLS"));
    }

    #[test]
    fn acme_has_a_plain_address_on_port_80_unless_another_is_named() {
        let addresses = |mode, named: Option<&str>| {
            let http_listen = named.and_then(|text| parse_listen(text).ok());
            let found = TlsSettings { http_listen, ..settings(mode) }.plain_addresses();
            found.map(|listen| listen.0.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(addresses(TlsMode::Acme, None), Some(vec!["[::]:80".to_owned()]));
        let named = Some(vec!["127.0.0.1:8081".to_owned()]);
        assert_eq!(addresses(TlsMode::Acme, Some("127.0.0.1:8081")), named);
        assert_eq!(addresses(TlsMode::Auto, None), None);
    }

    #[test]
    fn a_domain_is_a_name_with_a_dot_and_no_address() {
        assert_eq!(parse_domain(" Chat.Example.ORG. "), Ok("chat.example.org".into()));
        for wrong in ["", "localhost", "10.0.0.1", "*.example.org", "a..b", "-a.org", "a.org:443"] {
            assert!(parse_domain(wrong).is_err(), "{wrong:?}");
        }
    }
}
