//! Reading a certificate chain and its key from PEM, with one sentence for each thing that can be wrong.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rustls::crypto::ring;
use rustls::pki_types::pem::{PemObject as _, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};

use super::certificate::Certificate;
use crate::base::limits::tls as limits;

/// The certificate and key in two files, or in one that is named twice.
///
/// # Errors
/// One sentence that names the file and says what is wrong with it.
pub fn load(cert: &Path, key: &Path) -> Result<Certificate, String> {
    parse_named(&read(cert)?, &read(key)?, &shown(cert), &shown(key))
}

/// The certificate and key in two texts.
///
/// # Errors
/// One sentence that says what is wrong.
pub fn parse(cert: &[u8], key: &[u8]) -> Result<Certificate, String> {
    parse_named(cert, key, "the certificate", "the key")
}

/// All of a file, unless it is far too long for one of these.
///
/// # Errors
/// One sentence that names the file.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(|error| format!("cannot read {}: {error}", shown(path)))?;
    let most = limits::FILE + 1;
    file.take(most)
        .read_to_end(&mut text)
        .map_err(|error| format!("cannot read {}: {error}", shown(path)))?;
    if text.len() as u64 == most {
        return Err(format!("{} is too long for a certificate or a key", shown(path)));
    }
    Ok(text)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn parse_named(
    cert: &[u8],
    key: &[u8],
    cert_name: &str,
    key_name: &str,
) -> Result<Certificate, String> {
    let chain = chain(cert, cert_name)?;
    let key = private_key(key, key_name)?;
    let certified = CertifiedKey::from_der(chain, key, &ring::default_provider());
    let certified = certified.map_err(|error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            format!("the key in {key_name} does not belong to the certificate in {cert_name}")
        }
        Error::InvalidCertificate(_) => format!("{cert_name} holds no readable certificate"),
        _ => format!("the key in {key_name} is not of a kind that can be used: RSA (2048 bits or more), ECDSA or Ed25519"),
    })?;
    let certificate = Certificate::new(certified)
        .map_err(|_| format!("{cert_name} holds no readable certificate"))?;
    if certificate.names().is_empty() {
        return Err(format!(
            "the certificate in {cert_name} is for no name (subjectAltName), so no browser takes it"
        ));
    }
    Ok(certificate)
}

fn chain(pem: &[u8], name: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match chain {
        Ok(chain) if chain.is_empty() => Err(match holds_key(pem) {
            true => format!("{name} holds a key and no certificate (are the two files exchanged?)"),
            false => format!("{name} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)"),
        }),
        Ok(chain) => Ok(chain),
        Err(_) => Err(format!("{name} is cut off or damaged: its PEM cannot be read")),
    }
}

fn private_key(pem: &[u8], name: &str) -> Result<PrivateKeyDer<'static>, String> {
    // Two ways to say so: the name of the section, and a header in it.
    if [&b"ENCRYPTED PRIVATE KEY-----"[..], b"Proc-Type: 4,ENCRYPTED"]
        .iter()
        .any(|mark| contains(pem, mark))
    {
        return Err(format!(
            "the key in {name} is encrypted; decrypt it (openssl pkey -in … -out …) and let only the server read it"
        ));
    }
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(key),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => Err(match holds_certificate(pem) {
            true => format!("{name} holds a certificate and no key (are the two files exchanged?)"),
            false => format!("{name} holds no private key in PEM (-----BEGIN PRIVATE KEY-----)"),
        }),
        Err(_) => Err(format!("{name} is cut off or damaged: its PEM cannot be read")),
    }
}

fn holds_key(pem: &[u8]) -> bool {
    contains(pem, b"PRIVATE KEY-----")
}

fn holds_certificate(pem: &[u8]) -> bool {
    let mut sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem);
    sections.any(|section| matches!(section, Ok((SectionKind::Certificate, _))))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// A certificate for these names and its key.
    fn issued(names: &[&str]) -> (String, String) {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn refusal(cert: &str, key: &str) -> String {
        parse(cert.as_bytes(), key.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_certificate_says_for_which_names_and_addresses_it_is() {
        let (cert, key) =
            issued(&["Chat.example.org", "*.example.net", "192.0.2.7", "2001:db8::7"]);
        let read = parse(cert.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(read.names(), ["chat.example.org", "*.example.net", "192.0.2.7", "2001:db8::7"]);
        for name in ["chat.example.org", "a.example.net", "192.0.2.7", "2001:db8::7"] {
            assert!(read.covers(name), "{name}");
        }
        for name in
            ["example.org", "example.net", "a.b.example.net", ".example.net", "192.0.2.8", ""]
        {
            assert!(!read.covers(name), "{name}");
        }
        // One file may hold both.
        let both = format!("{key}\n{cert}");
        assert!(parse(both.as_bytes(), both.as_bytes()).is_ok());
    }

    #[test]
    fn a_chain_is_kept_whole_and_in_order() {
        let ((first, key), (second, _)) = (issued(&["a.example.org"]), issued(&["b.example.org"]));
        let read = parse(format!("{first}{second}").as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(read.certified_key().cert.len(), 2);
        assert_eq!(read.names(), ["a.example.org"]);
    }

    #[test]
    fn each_thing_that_can_be_wrong_has_its_sentence() {
        let ((cert, key), (_, other_key)) =
            (issued(&["a.example.org"]), issued(&["a.example.org"]));
        let half = |pem: &str| pem[..pem.len() / 2].to_owned();
        let damaged = cert.replacen("MII", "M!!", 1);
        let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let encrypted =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let old_encrypted = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
        for (cert, key, part) in [
            (cert.as_str(), other_key.as_str(), "does not belong to"),
            (cert.as_str(), encrypted, "is encrypted"),
            (cert.as_str(), old_encrypted, "is encrypted"),
            (cert.as_str(), no_key, "not of a kind"),
            (cert.as_str(), "", "no private key"),
            (cert.as_str(), &half(&key), "cut off or damaged"),
            (cert.as_str(), cert.as_str(), "a certificate and no key"),
            (key.as_str(), key.as_str(), "a key and no certificate"),
            ("", key.as_str(), "no certificate in PEM"),
            (&half(&cert), key.as_str(), "cut off or damaged"),
            (&damaged, key.as_str(), "cut off or damaged"),
            (no_der, key.as_str(), "no readable certificate"),
        ] {
            let sentence = refusal(cert, key);
            assert!(sentence.contains(part), "{sentence} lacks {part:?}");
        }
        let (nameless, key) = issued(&[]);
        assert!(refusal(&nameless, &key).contains("no name"));
    }

    #[test]
    fn a_file_is_named_if_it_is_missing_or_far_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing.pem");
        let sentence = load(&missing, &missing).unwrap_err();
        assert!(
            sentence.contains("missing.pem") && sentence.contains("No such file"),
            "{sentence}"
        );
        let long = folder.path().join("long.pem");
        fs::write(&long, vec![b'\n'; limits::FILE as usize]).unwrap();
        assert!(read(&long).is_ok());
        fs::write(&long, vec![b'\n'; limits::FILE as usize + 1]).unwrap();
        assert!(read(&long).unwrap_err().contains("too long"));
    }
}
