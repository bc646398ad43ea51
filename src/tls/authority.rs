//! The certificate authority of a server: made at its first start, kept in its data directory, and able to vouch for
//! private names and addresses only ([`super::constraints`]).
//!
//! Certificate and key are in one file, so that there is never one without the other. Devices trust this very
//! certificate, so it is never replaced by itself: a damaged file is an error, and an authority whose time is over
//! goes on until its file is removed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, SanType, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};

use super::constraints::{Constraints, Name};
use super::private_file;
use crate::base::limits::tls as limits;

/// Its file in the folder of the certificates.
const FILE: &str = "authority.pem";

/// A certificate authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    constraints: Constraints,
    validity: Validity,
    name: String,
    file: PathBuf,
}

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Its first moment.
    pub not_before: SystemTime,
    /// Its last.
    pub not_after: SystemTime,
}

impl Authority {
    /// Reads the authority of a folder, or makes it.
    ///
    /// # Errors
    /// One sentence that says what to do: the file is damaged or cannot be read or written, or the clock is wrong.
    pub fn open(folder: &Path, host: Option<&str>, now: SystemTime) -> Result<Self, String> {
        private_file::folder(folder)?;
        let file = folder.join(FILE);
        if let Some(found) = private_file::read(&file)? {
            return Self::parse(&found, &file);
        }
        let made = make(host, now)?;
        // Another server may have been faster: both use the first one.
        private_file::write_new(&file, made.as_bytes())?;
        let kept = private_file::read(&file)?.unwrap_or_default();
        Self::parse(&kept, &file)
    }

    fn parse(pem: &[u8], file: &Path) -> Result<Self, String> {
        let damaged = |reason: &str| {
            format!(
                "{} is not the certificate authority that was written there: {reason}. Bring it back from a backup, \
                 or remove it: the next start makes another one, which every device has to trust anew",
                file.display()
            )
        };
        let certificate = CertificateDer::from_pem_slice(pem)
            .map_err(|_| damaged("there is no certificate in it"))?
            .into_owned();
        let key =
            PrivateKeyDer::from_pem_slice(pem).ok().and_then(|key| KeyPair::try_from(&key).ok());
        let key = key.ok_or_else(|| damaged("there is no private key in it"))?;
        let facts =
            Facts::of(&certificate).ok_or_else(|| damaged("its certificate is not one of ours"))?;
        if facts.public_key != key.subject_public_key_info() {
            return Err(damaged("its key belongs to another certificate"));
        }
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|_| damaged("its certificate cannot be read"))?;
        let Facts { constraints, validity, name, .. } = facts;
        Ok(Self { issuer, certificate, constraints, validity, name, file: file.to_owned() })
    }

    /// A new certificate and its key for these names, as PEM. It is valid for so long from now, but only as long as
    /// the authority itself.
    ///
    /// # Errors
    /// One sentence; there is no name, or one that the authority may not vouch for.
    pub fn issue(&self, names: &[Name], life: Duration, now: SystemTime) -> Result<String, String> {
        let cannot = |error: String| format!("cannot make a certificate: {error}");
        let key = KeyPair::generate().map_err(|error| cannot(error.to_string()))?;
        let mut params = CertificateParams::default();
        let validity = self.validity_of_leaf(life, now);
        let epoch = date_time_ymd(1970, 1, 1);
        params.not_before = epoch + since_1970(validity.not_before);
        params.not_after = epoch + since_1970(validity.not_after);
        params.distinguished_name.push(DnType::CommonName, "Impulse");
        params.subject_alt_names =
            names.iter().map(alternative_name).collect::<Result<_, _>>().map_err(cannot)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate =
            params.signed_by(&key, &self.issuer).map_err(|error| cannot(error.to_string()))?;
        self.verify(certificate.der(), names).map_err(cannot)?;
        Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
    }

    /// Checks as a browser does, by another implementation, that the certificate is one of this authority for all of
    /// these names. The time does not matter here.
    ///
    /// # Errors
    /// What a browser would object to.
    pub fn verify(&self, certificate: &CertificateDer<'_>, names: &[Name]) -> Result<(), String> {
        let validity = validity_of(certificate).ok_or("it cannot be read")?;
        let start =
            validity.not_before.duration_since(UNIX_EPOCH).map_err(|_| "it is from before 1970")?;
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).map_err(|error| error.to_string())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(
            roots.into(),
            Arc::new(ring::default_provider()),
        )
        .build()
        .map_err(|error| error.to_string())?;
        for name in names {
            let server =
                ServerName::try_from(name.to_string()).map_err(|error| error.to_string())?;
            verifier
                .verify_server_cert(
                    certificate,
                    &[],
                    &server,
                    &[],
                    UnixTime::since_unix_epoch(start),
                )
                .map_err(|error| format!("{name}: {error}"))?;
        }
        if names.is_empty() { Err("there is no name for it".into()) } else { Ok(()) }
    }

    /// When a certificate would be valid that is made now. Devices whose clock is a little behind take it, too.
    pub fn validity_of_leaf(&self, life: Duration, now: SystemTime) -> Validity {
        let Validity { not_before, not_after } = self.validity;
        let start = (now - limits::CLOCK_BEHIND).clamp(not_before, not_after);
        Validity { not_before: start, not_after: (start + life).min(not_after) }
    }

    /// What it may vouch for.
    pub fn constraints(&self) -> &Constraints {
        &self.constraints
    }

    /// When it may be used.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Where it is kept.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The name that lists of authorities show of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The day on which it ends, as 2036-11-27.
    pub fn last_day(&self) -> String {
        (date_time_ymd(1970, 1, 1) + since_1970(self.validity.not_after)).date().to_string()
    }

    /// Its certificate, which devices trust, as PEM.
    pub fn pem(&self) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(&self.certificate);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    /// The SHA-256 of its certificate, as browsers and phones show it.
    pub fn fingerprint(&self) -> String {
        let bytes = Sha256::digest(&self.certificate);
        bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }
}

/// A new authority, as PEM.
fn make(host: Option<&str>, now: SystemTime) -> Result<String, String> {
    if now < UNIX_EPOCH + limits::CLOCK_LEAST {
        return Err("the clock of this machine is wrong, and certificates say from when on they are valid: set it \
                    before the first start with --tls auto"
            .into());
    }
    let cannot = |error| format!("cannot make a certificate authority: {error}");
    let key = KeyPair::generate().map_err(cannot)?;
    let start = now - limits::CLOCK_BEHIND;
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(1970, 1, 1) + since_1970(start);
    params.not_after = params.not_before + limits::AUTHORITY_LIFE;
    params.distinguished_name.push(DnType::OrganizationName, "Impulse");
    // What a list of authorities shows.
    let name = host.map_or("Impulse".to_owned(), |host| format!("Impulse on {host}"));
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.name_constraints = Some(Constraints::for_host(host));
    let certificate = params.self_signed(&key).map_err(cannot)?;
    Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
}

fn alternative_name(name: &Name) -> Result<SanType, String> {
    Ok(match name {
        Name::Ip(address) => SanType::IpAddress(*address),
        Name::Dns(name) => {
            let name = Ia5String::try_from(name.as_str()).map_err(|error| error.to_string())?;
            SanType::DnsName(name)
        }
    })
}

/// What the certificate of an authority says.
struct Facts {
    constraints: Constraints,
    validity: Validity,
    name: String,
    public_key: Vec<u8>,
}

impl Facts {
    /// Nothing if it is not one of ours.
    fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        let constraints = certificate.name_constraints().ok()??;
        let is_ours = rest.is_empty() && certificate.is_ca() && constraints.critical;
        let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
        // It is shown on a page.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b" -_.".contains(&byte);
        let facts = Self {
            constraints: Constraints::read(constraints.value)?,
            validity: validity_of(der)?,
            name: name.to_owned(),
            public_key: certificate.public_key().raw.to_vec(),
        };
        (is_ours && name.bytes().all(is_plain)).then_some(facts)
    }
}

/// From when until when a certificate is valid.
pub(super) fn validity_of(der: &CertificateDer<'_>) -> Option<Validity> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let moment = |seconds: i64| Some(UNIX_EPOCH + Duration::from_secs(seconds.try_into().ok()?));
    let validity = certificate.validity();
    Some(Validity {
        not_before: moment(validity.not_before.timestamp())?,
        not_after: moment(validity.not_after.timestamp())?,
    })
}

/// How long after 1970 it is, in whole seconds, as certificates write it.
fn since_1970(at: SystemTime) -> Duration {
    Duration::from_secs(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}
