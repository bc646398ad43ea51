//! One order, from the account to the certificate.

use std::time::SystemTime;

use instant_acme::{
    Account, AuthorizationStatus, CertificateIdentifier, ChallengeType, Error, ExternalAccountKey,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::CertificateDer;

use super::attempts::Attempts;
use super::failure::Failure;
use super::folder::Folder;
use super::transport::Transport;
use crate::base::limits::acme as limits;
use crate::config::AcmeSettings;
use crate::tls::challenges::{Challenges, OpenChallenge};
use crate::tls::pem;

/// The first wait for an answer that takes time, and how fast the waits grow.
const POLL: RetryPolicy =
    RetryPolicy::new().initial_delay(limits::POLL).backoff(1.5).timeout(limits::VALIDATION);

/// What every order of a server needs.
#[derive(Debug, Clone)]
pub struct Purpose {
    /// The names of the certificate.
    pub domains: Vec<String>,
    /// How it is obtained.
    pub settings: AcmeSettings,
    /// Where things are kept.
    pub folder: Folder,
    /// What the plain address answers.
    pub challenges: Challenges,
}

/// An order at one authority.
pub struct Attempt<'a> {
    purpose: &'a Purpose,
    directory: &'a str,
    transport: Transport,
    attempts: &'a mut Attempts,
    is_counted: bool,
}

/// A key and the certificates to it, as PEM.
pub struct Issued {
    /// The key.
    pub key: String,
    /// The certificate, and those that certify it.
    pub chain: String,
}

impl<'a> Attempt<'a> {
    /// Prepares an order at the authority with that directory.
    ///
    /// # Errors
    /// The root file of the settings cannot be read.
    pub fn new(
        purpose: &'a Purpose,
        directory: &'a str,
        attempts: &'a mut Attempts,
    ) -> Result<Self, Failure> {
        let transport = Transport::new(&purpose.settings).map_err(Failure::here)?;
        Ok(Self { purpose, directory, transport, attempts, is_counted: false })
    }

    /// Obtains a certificate, in place of that one if there is one.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn run(mut self, replaces: Option<&CertificateDer<'_>>) -> Result<Issued, Failure> {
        self.purpose.folder.create().map_err(Failure::here)?;
        self.purpose.folder.check_room().map_err(Failure::here)?;
        let account = self.account().await?;
        let mut order = match self.order(&account, replaces).await {
            Err(failure) if failure.account_is_gone => {
                tracing::warn!("{}; making a new account", failure.sentence);
                self.purpose.folder.set_account_aside(self.directory);
                let account = self.account().await?;
                self.order(&account, replaces).await?
            }
            order => order?,
        };
        // Until the order is ready, or is not.
        let _open = self.open_challenges(&mut order).await?;
        match order.poll_ready(&POLL).await {
            Ok(OrderStatus::Ready) => {}
            Ok(_) | Err(Error::Api(_)) => return Err(self.reason(&mut order).await),
            Err(error) => return Err(self.failure(&error)),
        }
        self.issue(&mut order).await
    }

    /// The account at this authority. A new one is on disk before it is used.
    async fn account(&mut self) -> Result<Account, Failure> {
        let builder = || Account::builder_with_http(Box::new(self.transport.clone()));
        let kept = self.purpose.folder.account(self.directory).map_err(Failure::here)?;
        if let Some(credentials) = kept {
            let opened = builder().from_credentials(credentials).await;
            return opened.map_err(|error| self.failure(&error));
        }
        let AcmeSettings { mail, eab_kid, eab_key, .. } = &self.purpose.settings;
        let mail = mail.as_ref().map(|mail| format!("mailto:{mail}"));
        let contact: Vec<_> = mail.iter().map(String::as_str).collect();
        let account = NewAccount {
            contact: &contact,
            // Who sets IMPULSE_TLS=acme agrees: the documentation says so.
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let binding = eab_kid.clone().zip(eab_key.as_ref());
        let binding = binding.map(|(kid, key)| ExternalAccountKey::new(kid, &key.0));
        let builder = builder();
        let read = self.transport.read_directory(self.directory).await;
        read.map_err(|error| self.failure(&error))?;
        self.count()?;
        let made = builder.create(&account, self.directory.to_owned(), binding.as_ref()).await;
        let (account, credentials) = made.map_err(|error| self.failure(&error))?;
        self.purpose.folder.keep_account(self.directory, &credentials).map_err(Failure::here)?;
        let terms = self.transport.terms().unwrap_or_else(|| "none".to_owned());
        tracing::info!(
            authority = self.authority(),
            terms,
            "made an account, and agreed to the terms"
        );
        Ok(account)
    }

    /// Makes the order. What the authority does not want to have replaced is ordered anew (RFC 9773, 5).
    async fn order(
        &mut self,
        account: &Account,
        replaces: Option<&CertificateDer<'_>>,
    ) -> Result<Order, Failure> {
        self.count()?;
        let names: Vec<_> = self.purpose.domains.iter().cloned().map(Identifier::Dns).collect();
        let replaced = replaces.and_then(|der| CertificateIdentifier::try_from(der).ok());
        if let Some(replaced) = replaced {
            match account.new_order(&NewOrder::new(&names).replaces(replaced)).await {
                Ok(order) => return Ok(order),
                Err(error) if self.failure(&error).account_is_gone => {
                    return Err(self.failure(&error));
                }
                Err(error) => {
                    tracing::debug!(%error, "ordered without the name of the certificate before")
                }
            }
        }
        account.new_order(&NewOrder::new(&names)).await.map_err(|error| self.failure(&error))
    }

    /// Answers every challenge that is not fulfilled yet, and tells the authority so.
    async fn open_challenges(&self, order: &mut Order) -> Result<Vec<OpenChallenge>, Failure> {
        if order.state().authorizations.len() > self.purpose.domains.len() {
            return Err(self.nonsense("it wants to check more names than were ordered"));
        }
        let mut open = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(|error| self.failure(&error))?;
            let name = authorization.identifier().to_string();
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                _ => {
                    return Err(
                        self.nonsense(&format!("the check of {name} was over before it began"))
                    );
                }
            }
            let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) else {
                return Err(Failure::refusal(format!(
                    "{} does not check {name} by HTTP",
                    self.authority()
                )));
            };
            let answer = challenge.key_authorization();
            let token = self.purpose.challenges.open(&challenge.token, answer.as_str());
            open.push(
                token.ok_or_else(|| self.nonsense("its challenge has a token that is none"))?,
            );
            challenge.set_ready().await.map_err(|error| self.failure_about(&error, &name))?;
        }
        Ok(open)
    }

    /// Why an order has become invalid: the first challenge with an error says it.
    async fn reason(&self, order: &mut Order) -> Failure {
        let of_order = order.state().error.clone();
        let mut authorizations = order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            if authorization.refresh().await.is_err() {
                continue;
            }
            let name = authorization.identifier().to_string();
            let error =
                authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
            if let Some(problem) = error {
                return Failure::of_problem(problem, &self.authority(), &name, None);
            }
        }
        match of_order {
            Some(problem) => Failure::of_problem(&problem, &self.authority(), &self.names(), None),
            None => Failure::refusal(format!(
                "{} refused the order and does not say why",
                self.authority()
            )),
        }
    }

    /// Sends the key's request and fetches the certificate.
    async fn issue(&self, order: &mut Order) -> Result<Issued, Failure> {
        let broken = |error: rcgen::Error| Failure::here(format!("cannot make a key: {error}"));
        let mut params = CertificateParams::new(self.purpose.domains.clone()).map_err(broken)?;
        params.distinguished_name = DistinguishedName::new();
        let key = KeyPair::generate().map_err(broken)?;
        let request = params.serialize_request(&key).map_err(broken)?;
        order.finalize_csr(request.der()).await.map_err(|error| self.failure(&error))?;
        let chain = order.poll_certificate(&POLL).await.map_err(|error| self.failure(&error))?;
        let issued = Issued { key: key.serialize_pem(), chain };
        self.check(&issued)?;
        Ok(issued)
    }

    /// Refuses a certificate that would not serve.
    fn check(&self, issued: &Issued) -> Result<(), Failure> {
        let certificate = pem::parse(issued.chain.as_bytes(), issued.key.as_bytes());
        let certificate = certificate.map_err(|error| self.nonsense(&error))?;
        certificate.check_validity(SystemTime::now()).map_err(|error| self.nonsense(&error))?;
        match self.purpose.domains.iter().find(|name| !certificate.covers(name)) {
            Some(name) => Err(self.nonsense(&format!("its certificate is not for {name}"))),
            None => Ok(()),
        }
    }

    /// Counts the order, once, before the authority does.
    fn count(&mut self) -> Result<(), Failure> {
        if !self.is_counted {
            self.is_counted = true;
            self.attempts.count(SystemTime::now());
            self.purpose.folder.keep_attempts(self.attempts).map_err(Failure::here)?;
        }
        Ok(())
    }

    fn authority(&self) -> String {
        authority(self.directory)
    }

    fn names(&self) -> String {
        self.purpose.domains.join(", ")
    }

    fn failure(&self, error: &Error) -> Failure {
        self.failure_about(error, &self.names())
    }

    fn failure_about(&self, error: &Error, names: &str) -> Failure {
        Failure::of(error, &self.authority(), names, &self.transport)
    }

    fn nonsense(&self, reason: &str) -> Failure {
        Failure::refusal(format!(
            "{} does not answer as an ACME server does: {reason}",
            self.authority()
        ))
    }
}

/// The host of a directory: what people call the authority.
pub fn authority(directory: &str) -> String {
    let name = directory.strip_prefix("https://").unwrap_or(directory);
    name.split('/').next().unwrap_or(name).to_owned()
}
