//! The settings of `--tls acme`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;

/// The directory of Let's Encrypt.
pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
/// The one for trying things out: its limits are wide and no browser trusts its certificates.
pub const LETS_ENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// How a certificate is obtained by ACME.
#[derive(Debug, Clone, Args)]
pub struct AcmeSettings {
    /// Mail address to which the certificate authority may write (--tls acme)
    #[arg(
        id = "acme_mail",
        long = "tls-acme-mail",
        env = "IMPULSE_TLS_ACME_MAIL",
        value_parser = parse_mail,
        value_name = "MAIL",
    )]
    pub mail: Option<String>,

    /// Directory of the certificate authority (--tls acme)
    #[arg(
        id = "acme_directory",
        long = "tls-acme-directory",
        env = "IMPULSE_TLS_ACME_DIRECTORY",
        value_parser = parse_directory,
        default_value = LETS_ENCRYPT,
        value_name = "URL",
    )]
    pub directory: String,

    /// Obtain a certificate from this directory first, and go on only if that works; 1 is Let's Encrypt's staging
    #[arg(
        id = "acme_staging",
        long = "tls-acme-staging",
        env = "IMPULSE_TLS_ACME_STAGING",
        value_parser = parse_staging,
        default_value = "0",
        num_args = 0..=1,
        default_missing_value = "1",
        value_name = "0|1|URL",
    )]
    pub staging: Staging,

    /// Root certificates of a private certificate authority, as PEM (--tls acme) [default: the public ones]
    #[arg(
        id = "acme_root",
        long = "tls-acme-root",
        env = "IMPULSE_TLS_ACME_ROOT",
        value_name = "FILE"
    )]
    pub root: Option<PathBuf>,

    /// Key id, if the certificate authority wants the account bound to another one (EAB)
    #[arg(
        id = "acme_eab_kid",
        long = "tls-acme-eab-kid",
        env = "IMPULSE_TLS_ACME_EAB_KID",
        requires = "acme_eab_key",
        value_name = "ID"
    )]
    pub eab_kid: Option<String>,

    /// Key to that key id, in base64url
    #[arg(
        id = "acme_eab_key",
        long = "tls-acme-eab-key",
        env = "IMPULSE_TLS_ACME_EAB_KEY",
        requires = "acme_eab_kid",
        hide_env_values = true,
        value_parser = parse_key,
        value_name = "KEY",
    )]
    pub eab_key: Option<EabKey>,
}

impl Default for AcmeSettings {
    fn default() -> Self {
        let directory = LETS_ENCRYPT.to_owned();
        Self {
            mail: None,
            directory,
            staging: Staging(None),
            root: None,
            eab_kid: None,
            eab_key: None,
        }
    }
}

/// The directory that is tried first, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staging(pub Option<String>);

/// The key by which an account is bound to another one.
#[derive(Clone, PartialEq, Eq)]
pub struct EabKey(pub Vec<u8>);

impl std::fmt::Debug for EabKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EabKey")
    }
}

fn parse_mail(text: &str) -> Result<String, String> {
    let text = text.trim();
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_graphic() && !b",;<>\"?&%".contains(&byte));
    match text.split_once('@') {
        Some((user, host)) if is_plain && !user.is_empty() && host.contains('.') => {
            Ok(text.to_owned())
        }
        _ => Err("expected one address such as admin@example.org".to_owned()),
    }
}

fn parse_directory(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let has_host = text.strip_prefix("https://").is_some_and(|rest| {
        rest.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'[')
    });
    match is_plain && has_host {
        true => Ok(text.to_owned()),
        false => Err(format!("expected the https address of a directory, such as {LETS_ENCRYPT}")),
    }
}

fn parse_staging(text: &str) -> Result<Staging, String> {
    match text.trim() {
        "0" | "false" | "no" | "off" => Ok(Staging(None)),
        "1" | "true" | "yes" | "on" => Ok(Staging(Some(LETS_ENCRYPT_STAGING.to_owned()))),
        url => parse_directory(url)
            .map(|url| Staging(Some(url)))
            .map_err(|_| "expected 0, 1 or the https address of a directory".to_owned()),
    }
}

fn parse_key(text: &str) -> Result<EabKey, String> {
    // Some authorities print it with padding or in the other alphabet.
    let text = text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_");
    let key = URL_SAFE_NO_PAD.decode(text).ok().filter(|key| !key.is_empty());
    key.map(EabKey).ok_or_else(|| "expected a key in base64url".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_an_https_address_and_staging_may_be_switched_on_alone() {
        assert_eq!(parse_directory(LETS_ENCRYPT).as_deref(), Ok(LETS_ENCRYPT));
        for wrong in ["", "http://a.b/dir", "https://", "https:// a", "a.b", "https:///x"] {
            assert!(parse_directory(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(parse_staging("0"), Ok(Staging(None)));
        assert_eq!(parse_staging("1"), Ok(Staging(Some(LETS_ENCRYPT_STAGING.to_owned()))));
        assert_eq!(
            parse_staging("https://a.b/dir"),
            Ok(Staging(Some("https://a.b/dir".to_owned())))
        );
        assert!(parse_staging("maybe").is_err());
    }

    #[test]
    fn a_mail_address_is_one_address_and_a_key_is_base64_of_either_alphabet() {
        assert_eq!(parse_mail("mailto:a@b.org").as_deref(), Ok("a@b.org"));
        for wrong in ["", "a", "a@b", "a@b.org,c@d.org", "a b@c.org", "a@b.org?x"] {
            assert!(parse_mail(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(parse_key("-_8"), Ok(EabKey(vec![0xfb, 0xff])));
        assert_eq!(parse_key("+/8="), Ok(EabKey(vec![0xfb, 0xff])));
        assert!(parse_key("").is_err() && parse_key("!").is_err());
        assert!(!format!("{:?}", EabKey(vec![1, 2])).contains('1'));
    }
}
