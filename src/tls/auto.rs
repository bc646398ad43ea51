//! `--tls auto`: a certificate for every name and address of this machine, from the server's own authority, made anew
//! before it ends and when the machine has another address.
//!
//! The certificate is kept: a browser whose owner accepted its warning instead of trusting the authority remembers
//! this very certificate, and would warn again after every start.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use httpdate::fmt_http_date;
use tokio::sync::watch;

use super::authority::Authority;
use super::constraints::Name;
use super::names::Machine;
use super::{Certificate, Certificates, pem, private_file};
use crate::base::limits::tls as limits;

/// Its file in the folder of the certificates.
const FILE: &str = "auto.pem";

/// How long certificates are valid, and how often their time and names are compared with the machine's. Tests shorten
/// what `limits` says.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// How long a new certificate is valid.
    pub life: Duration,
    /// How long before its end it is replaced.
    pub renewal: Duration,
    /// Between two looks at the clock and the addresses.
    pub poll: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            life: limits::LEAF_LIFE,
            renewal: limits::LEAF_RENEWAL,
            poll: limits::ADDRESSES_POLL,
        }
    }
}

/// The certificate of a server that has an authority of its own.
pub struct Auto {
    authority: Arc<Authority>,
    file: PathBuf,
    /// How others call this machine, besides what it knows itself.
    hosts: Vec<Name>,
    times: Times,
    current: Certificate,
    /// What the authority may not vouch for and has been mentioned.
    refused: Vec<Name>,
    is_end_mentioned: bool,
}

impl Auto {
    /// Opens the authority in this folder and the certificate for this machine; makes what is missing.
    ///
    /// # Errors
    /// One sentence that says what to do.
    pub fn open(
        folder: &Path,
        hosts: &[String],
        times: Times,
        machine: &Machine,
        now: SystemTime,
    ) -> Result<Self, String> {
        let authority = Arc::new(Authority::open(folder, machine.host.as_deref(), now)?);
        let hosts: Vec<_> = hosts.iter().filter_map(|host| Name::parse(host)).collect();
        let file = folder.join(FILE);
        let (names, refused) = wanted(&authority, machine, &hosts);
        let current = match kept(&authority, &file)? {
            Some(kept) => kept,
            None => issue(&authority, &file, &names, times.life, now)?,
        };
        let mut auto = Self {
            authority,
            file,
            hosts,
            times,
            current,
            refused: Vec::new(),
            is_end_mentioned: false,
        };
        auto.mention(refused);
        auto.renew(machine, now)?;
        Ok(auto)
    }

    /// The authority behind the certificate.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.current
    }

    /// Makes another certificate if this machine has a name or an address that the present one lacks, if it ends soon,
    /// or if the clock was set to a time at which it is not valid.
    ///
    /// # Errors
    /// One sentence; the present one stays.
    pub fn renew(
        &mut self,
        machine: &Machine,
        now: SystemTime,
    ) -> Result<Option<Certificate>, String> {
        if let Some(sentence) = self.end_of_authority(now).filter(|_| !self.is_end_mentioned) {
            self.is_end_mentioned = true;
            tracing::warn!("{sentence}");
        }
        let (mut names, refused) = wanted(&self.authority, machine, &self.hosts);
        self.mention(refused);
        let (begins, ends) = (self.current.begins(), self.current.ends());
        let next = self.authority.validity_of_leaf(self.times.life, now);
        let is_early = now < begins && next.not_before < begins;
        // The end of the authority is that of its certificates: then another one would not end later.
        let is_late = now + self.times.renewal > ends && next.not_after > ends;
        let is_in_time = !is_early && !is_late;
        if is_in_time && names.iter().all(|name| self.current.covers(&name.to_string())) {
            return Ok(None);
        }
        if is_in_time {
            // A laptop comes back to the networks in which its certificate was accepted.
            names.extend(
                parsed_names(&self.current)
                    .filter(|name| !names.contains(name))
                    .collect::<Vec<_>>(),
            );
            names.truncate(limits::LEAF_NAMES);
        }
        self.current = issue(&self.authority, &self.file, &names, self.times.life, now)?;
        Ok(Some(self.current.clone()))
    }

    /// Keeps `certificates` up to date until the server stops.
    pub async fn keep(mut self, certificates: Certificates, mut stopped: watch::Receiver<bool>) {
        let mut failed = false;
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.times.poll) => {}
                _ = stopped.wait_for(|stopped| *stopped) => return,
            }
            let machine = Machine::here()
                .map_err(|error| format!("cannot list the addresses of this machine: {error}"));
            match machine.and_then(|machine| self.renew(&machine, SystemTime::now())) {
                Ok(None) => failed = false,
                Ok(Some(next)) => {
                    failed = false;
                    tracing::info!("a new certificate: {}", description(&next));
                    certificates.replace(next);
                }
                Err(error) if failed => tracing::debug!("the certificate stays as it is: {error}"),
                Err(error) => {
                    failed = true;
                    tracing::warn!("the certificate stays as it is: {error}");
                }
            }
        }
    }

    /// Says once which names no certificate will have, and what to do.
    fn mention(&mut self, refused: Vec<Name>) {
        for name in &refused {
            if self.refused.contains(name) {
                continue;
            }
            match name {
                Name::Ip(ip) => tracing::info!(
                    "the certificate is not for {ip}: it is a public address, and the authority of this server is only \
                     for private ones; for a public server use --tls acme or --tls files"
                ),
                Name::Dns(host) if self.hosts.contains(name) => tracing::warn!(
                    "the certificate is not for {host} of IMPULSE_HOSTS: the authority of this server is only for \
                     {}; use --tls acme or --tls files for other names",
                    self.authority.constraints().names().join(", ")
                ),
                Name::Dns(host) => tracing::info!(
                    "the certificate is not for {host}, the name of this machine: the authority of this server was \
                     made when it had another name, or it is also the name of a public domain; {} works",
                    format_args!("{}.local", host.split('.').next().unwrap_or(host))
                ),
            }
        }
        self.refused = refused;
    }

    /// What to do, in the authority's last months: to replace it is for people to do.
    ///
    /// Nothing before that.
    pub fn end_of_authority(&self, now: SystemTime) -> Option<String> {
        let ends = self.authority.validity().not_after;
        (now + limits::AUTHORITY_END_SAID >= ends).then(|| {
            format!(
                "the certificate authority of this server ends on {}: from then on browsers warn. To replace it, \
                 remove {} and restart; every device has to trust the new one",
                self.authority.last_day(),
                self.authority.file().display()
            )
        })
    }
}

/// The names and the end of a certificate, for the log.
fn description(certificate: &Certificate) -> String {
    format!("for {}, until {}", certificate.names().join(", "), fmt_http_date(certificate.ends()))
}

fn parsed_names(certificate: &Certificate) -> impl Iterator<Item = Name> {
    certificate.names().iter().filter_map(|name| Name::parse(name))
}

/// What the certificate is to be for, and what of that the authority may not vouch for.
fn wanted(authority: &Authority, machine: &Machine, hosts: &[Name]) -> (Vec<Name>, Vec<Name>) {
    let mut all = machine.names();
    all.extend(hosts.iter().cloned());
    all.sort();
    all.dedup();
    let (mut good, refused): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|name| authority.constraints().permit(name));
    good.truncate(limits::LEAF_NAMES);
    (good, refused)
}

/// The certificate of an earlier start, unless it is of another authority or damaged: then it is made anew.
fn kept(authority: &Authority, file: &Path) -> Result<Option<Certificate>, String> {
    let Some(text) = private_file::read(file)? else { return Ok(None) };
    let certificate = pem::parse(&text, &text).and_then(|certificate| {
        let names: Vec<_> = parsed_names(&certificate).collect();
        let certified = certificate.certified_key();
        let leaf = certified.cert.first().ok_or("there is none")?;
        authority.verify(leaf, &names)?;
        Ok(certificate)
    });
    match certificate {
        Ok(certificate) => Ok(Some(certificate)),
        Err(error) => {
            tracing::warn!("the certificate in {} is made anew: {error}", file.display());
            Ok(None)
        }
    }
}

/// A new certificate, kept for the next start if that is possible.
fn issue(
    authority: &Authority,
    file: &Path,
    names: &[Name],
    life: Duration,
    now: SystemTime,
) -> Result<Certificate, String> {
    let text = authority.issue(names, life, now)?;
    if let Err(error) = private_file::write(file, text.as_bytes()) {
        tracing::warn!(
            "browsers that accepted the certificate will warn again after a restart: {error}"
        );
    }
    pem::parse(text.as_bytes(), text.as_bytes())
}
