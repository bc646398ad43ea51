//! When a certificate is renewed: when its authority says (ARI, RFC 9773), or when a third of its life is left.

use std::time::{Duration, SystemTime};

use instant_acme::{Account, CertificateIdentifier};
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};

use super::order::Purpose;
use super::transport::Transport;
use crate::base::limits::acme as limits;
use crate::tls::Certificate;

/// What the authority has said, and when it is asked again.
#[derive(Debug, Clone, Copy)]
pub struct Advice {
    /// The moment to renew; `None` if it gives no advice.
    renew: Option<SystemTime>,
    ask_again: SystemTime,
}

impl Advice {
    /// Whether it is time to ask.
    pub fn is_old(&self, now: SystemTime) -> bool {
        now >= self.ask_again
    }
}

/// The moment to renew a certificate.
pub fn due(certificate: &Certificate, advice: Option<&Advice>) -> SystemTime {
    let third = at_a_third(certificate.begins(), certificate.ends());
    match advice.and_then(|advice| advice.renew) {
        // Whatever it says, a certificate does not end before it is renewed.
        Some(advised) => advised.min(certificate.ends()),
        None => third,
    }
}

/// When a third is left.
fn at_a_third(begins: SystemTime, ends: SystemTime) -> SystemTime {
    let life = ends.duration_since(begins).unwrap_or_default();
    begins + life * 2 / 3
}

/// Asks the authority when it wants the certificate renewed.
pub async fn ask(purpose: &Purpose, certificate: &CertificateDer<'_>) -> Advice {
    let now = SystemTime::now();
    match suggestion(purpose, certificate).await {
        Some((renew, wait)) => Advice { renew: Some(renew), ask_again: now + bounded(wait) },
        None => Advice { renew: None, ask_again: now + limits::RENEWAL_INFO_RETRY },
    }
}

/// When it may be asked again, whatever it says itself.
fn bounded(wait: Duration) -> Duration {
    wait.clamp(*limits::RENEWAL_INFO.start(), *limits::RENEWAL_INFO.end())
}

/// A moment in the window that the authority suggests, and when it wants to be asked again.
async fn suggestion(
    purpose: &Purpose,
    certificate: &CertificateDer<'_>,
) -> Option<(SystemTime, Duration)> {
    let id = CertificateIdentifier::try_from(certificate).ok()?;
    let credentials = purpose.folder.account(&purpose.settings.directory).ok()??;
    let transport = Transport::new(&purpose.settings).ok()?;
    let builder = Account::builder_with_http(Box::new(transport));
    let asked = async {
        let account = builder.from_credentials(credentials).await?;
        account.renewal_info(&id).await
    };
    match asked.await {
        Ok((info, wait)) => {
            let (start, end) =
                (info.suggested_window.start.into(), info.suggested_window.end.into());
            Some((moment_within(start, end, certificate), wait))
        }
        Err(error) => {
            tracing::debug!(%error, "the authority gives no advice about renewal");
            None
        }
    }
}

/// A moment in the window, always the same for the same certificate, so that a restart does not choose another one,
/// and another for every certificate, so that not all come at once.
fn moment_within(start: SystemTime, end: SystemTime, certificate: &[u8]) -> SystemTime {
    let digest = Sha256::digest(certificate);
    let share = u32::from_be_bytes(*digest.first_chunk().unwrap_or(&[0; 4]));
    let width = end.duration_since(start).unwrap_or_default();
    start + width.mul_f64(f64::from(share) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
        let at = |days: u64| UNIX_EPOCH + Duration::from_secs(days * 86_400);
        assert_eq!(at_a_third(at(0), at(90)), at(60));
        assert_eq!(at_a_third(at(9), at(3)), at(9), "an odd one at once");
    }

    #[test]
    fn the_moment_in_a_window_stays_the_same_and_is_another_for_another_certificate() {
        let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(seconds);
        let (start, end) = (at(1_000_000), at(2_000_000));
        let moments: Vec<_> = (0..50_u8).map(|n| moment_within(start, end, &[n])).collect();
        assert!(moments.iter().all(|moment| (start..=end).contains(moment)));
        assert_eq!(moments[7], moment_within(start, end, &[7]));
        let half = at(1_500_000);
        assert!(moments.iter().any(|at| *at < half) && moments.iter().any(|at| *at > half));
        assert_eq!(moment_within(end, start, &[1]), end, "a window that ends before it begins");
    }

    #[test]
    fn advice_is_asked_for_again_neither_too_soon_nor_too_late() {
        let (soonest, latest) = (*limits::RENEWAL_INFO.start(), *limits::RENEWAL_INFO.end());
        assert_eq!((bounded(Duration::ZERO), bounded(Duration::MAX)), (soonest, latest));
        assert_eq!(bounded(soonest * 2), soonest * 2);
    }
}
