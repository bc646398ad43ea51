//! What is kept on disk, in `tls/acme/` of the data directory: the accounts, the certificate with its key in one
//! file, so that both change in one step, and the attempts.

use std::fs;
use std::path::{Path, PathBuf};

use instant_acme::AccountCredentials;

use super::attempts::Attempts;
use crate::base::limits::acme as limits;
use crate::tls::{Certificate, pem, private_file};

/// The folder's name in the data directory.
const FOLDER: &str = "tls/acme";
/// The certificate and its key.
const CERTIFICATE: &str = "certificate.pem";
/// What was tried, and when.
const ATTEMPTS: &str = "attempts.json";
/// Before the address of the directory in the file of the certificate. What is outside of the marks of PEM is
/// explanatory text (RFC 7468, 2).
const ISSUED_BY: &str = "Issued by: ";

/// The folder.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

/// A certificate as it is kept.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The directory of the authority that issued it.
    pub directory: String,
    /// For handshakes.
    pub certificate: Certificate,
}

impl Folder {
    /// Where it is, whether or not it exists.
    pub fn of(data_dir: &Path) -> Self {
        Self(data_dir.join(FOLDER))
    }

    /// Makes the folder if it is not there.
    ///
    /// # Errors
    /// One sentence.
    pub fn create(&self) -> Result<(), String> {
        if let Some(tls) = self.0.parent() {
            private_file::folder(tls)?;
        }
        private_file::folder(&self.0)
    }

    /// The certificate that was obtained last.
    ///
    /// # Errors
    /// One sentence if it cannot be read. It is not overwritten before the next one is there.
    pub fn certificate(&self) -> Result<Option<Stored>, String> {
        let path = self.0.join(CERTIFICATE);
        let Some(bytes) = private_file::read(&path)? else { return Ok(None) };
        let certificate =
            pem::parse(&bytes, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = String::from_utf8_lossy(&bytes);
        let directory = text.lines().find_map(|line| line.strip_prefix(ISSUED_BY));
        Ok(Some(Stored { directory: directory.unwrap_or_default().to_owned(), certificate }))
    }

    /// Keeps a certificate with its key, both as PEM, and reads it back.
    ///
    /// # Errors
    /// One sentence; then the old one is still there.
    pub fn keep_certificate(
        &self,
        directory: &str,
        key: &str,
        chain: &str,
    ) -> Result<Stored, String> {
        let text = format!("{ISSUED_BY}{directory}\n\n{key}\n{chain}\n");
        let certificate = pem::parse(text.as_bytes(), text.as_bytes())?;
        private_file::write(&self.0.join(CERTIFICATE), text.as_bytes())?;
        Ok(Stored { directory: directory.to_owned(), certificate })
    }

    /// The file with the certificate and its key, whether or not it is there.
    pub fn certificate_path(&self) -> PathBuf {
        self.0.join(CERTIFICATE)
    }

    /// Why the last attempt failed, if it did, as far as this process may read that.
    pub fn last_failure(&self) -> Option<String> {
        let bytes = fs::read(self.0.join(ATTEMPTS)).ok()?;
        let attempts: Attempts = serde_json::from_slice(&bytes).ok()?;
        attempts.failure().map(str::to_owned)
    }

    /// The account at the authority with that directory.
    ///
    /// # Errors
    /// One sentence if there is one that cannot be read.
    pub fn account(&self, directory: &str) -> Result<Option<AccountCredentials>, String> {
        let path = self.account_path(directory);
        let Some(bytes) = private_file::read(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|_| {
            let path = path.display();
            format!("{path} is damaged: restore it from a backup, or remove it, and a new account is made")
        })
    }

    /// Keeps the account.
    ///
    /// # Errors
    /// One sentence.
    pub fn keep_account(
        &self,
        directory: &str,
        account: &AccountCredentials,
    ) -> Result<(), String> {
        let text = serde_json::to_vec(account).map_err(|error| error.to_string())?;
        private_file::write(&self.account_path(directory), &text)
    }

    /// Sets an account aside that the authority does not know any more.
    pub fn set_account_aside(&self, directory: &str) {
        let path = self.account_path(directory);
        let _ = fs::rename(&path, path.with_extension("refused"));
    }

    /// What was tried. A file that cannot be read counts as none: it only holds back.
    pub fn attempts(&self) -> Attempts {
        let read = private_file::read(&self.0.join(ATTEMPTS));
        let bytes = read.ok().flatten().unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Keeps what was tried.
    ///
    /// # Errors
    /// One sentence.
    pub fn keep_attempts(&self, attempts: &Attempts) -> Result<(), String> {
        let text = serde_json::to_vec(attempts).map_err(|error| error.to_string())?;
        private_file::write(&self.0.join(ATTEMPTS), &text)
    }

    /// Refuses an order whose certificate could not be kept.
    ///
    /// # Errors
    /// One sentence.
    pub fn check_room(&self) -> Result<(), String> {
        let probe = self.0.join("probe");
        let written = private_file::write(&probe, &vec![b'x'; limits::ROOM]);
        let _ = fs::remove_file(&probe);
        written
    }

    /// One file for each authority, named so that people recognise it.
    fn account_path(&self, directory: &str) -> PathBuf {
        let name = directory.strip_prefix("https://").unwrap_or(directory);
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let name: String = name.trim_matches('/').chars().take(200).map(plain).collect();
        self.0.join(format!("account-{name}.json"))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn folder(place: &Path) -> Folder {
        let folder = Folder::of(place);
        folder.create().unwrap();
        folder
    }

    #[test]
    fn a_certificate_is_kept_with_its_key_and_where_it_came_from_in_one_file() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(place.path());
        assert!(folder.certificate().unwrap().is_none());
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["a.example.org".to_owned()]).unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        folder.keep_certificate("https://ca/dir", &key.serialize_pem(), &chain).unwrap();
        let found = folder.certificate().unwrap().unwrap();
        assert_eq!(found.directory, "https://ca/dir");
        assert_eq!(found.certificate.names(), ["a.example.org"]);
        // What does not belong together never takes the place of what does.
        let other = KeyPair::generate().unwrap().serialize_pem();
        assert!(folder.keep_certificate("https://ca/dir", &other, &chain).is_err());
        assert!(folder.certificate().unwrap().is_some());
        fs::write(folder.0.join(CERTIFICATE), "torn").unwrap();
        assert!(folder.certificate().unwrap_err().contains(CERTIFICATE));
    }

    #[test]
    fn every_authority_has_an_account_of_its_own_and_one_that_is_refused_is_set_aside() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(place.path());
        let (here, there) = ("https://ca.example/acme/../directory", "https://127.0.0.1:14000/dir");
        assert_ne!(folder.account_path(here), folder.account_path(there));
        assert_eq!(folder.account_path(here).parent(), Some(folder.0.as_path()));
        assert!(folder.account(here).unwrap().is_none());
        fs::write(folder.account_path(here), "torn").unwrap();
        let error = folder.account(here).err().unwrap();
        assert!(error.contains("damaged"), "{error}");
        folder.set_account_aside(here);
        assert!(folder.account(here).unwrap().is_none());
    }

    #[test]
    fn without_room_on_the_disk_nothing_is_ordered() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(place.path());
        folder.check_room().unwrap();
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
        fs::remove_dir(&folder.0).unwrap();
        assert!(folder.check_room().unwrap_err().contains("cannot write"));
    }
}
