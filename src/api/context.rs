//! What handlers work with: the interface as it was set up, and one call of it.

use std::sync::Arc;

use crate::auth::Session;
use crate::avatars::AvatarPipeline;
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::base::limits::api as limits;
use crate::base::memory::{Holder, Kind};
use crate::http::{HttpCounters, Packer, Request, Response, Site};
use crate::metrics::Metrics;
use crate::service::{Actor, Services};
use crate::tls::Authority;
use crate::ws::Limits;
use crate::ws::handshake::OriginPolicy;

/// How the interface is set up.
#[derive(Clone)]
pub struct Settings {
    /// Path of the echo endpoint for conformance suites, if there is one.
    pub dev_echo: Option<String>,
    /// What that endpoint takes.
    pub dev_echo_limits: Limits,
    /// WebSockets at once.
    pub sockets: usize,
    /// WebSockets of one user at once.
    pub sockets_per_user: usize,
    /// Where browsers offer WebCrypto, if the server knows such an address of its own.
    pub secure_address: Option<String>,
    /// The authority that devices may trust, if the server has one of its own.
    pub authority: Option<Arc<Authority>>,
    /// Whether browsers are told to come by https only.
    pub hsts: bool,
    /// The demo that this server is.
    pub demo: Option<Demo>,
}

/// Whom the sign-in page of a demo offers to enter as.
#[derive(Debug, Clone)]
pub struct Demo {
    /// Their password.
    pub password: &'static str,
    /// Who.
    pub people: Vec<Uid>,
}

/// The HTTP interface: the services behind it, and what only HTTP needs.
pub struct Api {
    /// What the server does.
    pub services: Arc<Services>,
    /// Makes pictures of people out of uploads.
    pub avatars: Arc<AvatarPipeline>,
    /// Pages, scripts and styles.
    pub site: Site,
    /// Compresses answers.
    pub packer: Packer,
    /// Whose pages may use a browser's cookie.
    pub origins: OriginPolicy,
    /// What the listeners count.
    pub traffic: Arc<HttpCounters>,
    /// `/metrics`.
    pub metrics: Metrics,
    /// The digest of the operator's token, which opens administration to those who can read this machine's files.
    pub operator: [u8; 32],
    /// What was set at the start.
    pub settings: Settings,
}

impl Api {
    /// Reserves memory for a large response until it is written.
    ///
    /// # Errors
    /// `rate_limited` or `unavailable` while its share of the memory is used up.
    pub(super) fn reserve_memory(&self, response: Response, holder: Holder) -> Result<Response> {
        if response.is_holding() || response.size() <= limits::SMALL_ANSWER {
            return Ok(response);
        }
        let memory = self.services.rooms.memory();
        let held = memory.reserve(Kind::Answers, holder, response.size())?;
        Ok(response.holding(held))
    }
}

/// One call of somebody who may make it. `I` are the ids in its path; `C` is the caller: a session, or for
/// administration an [`Actor`], which may be the operator.
pub(super) struct Call<'a, I = (), C = Session> {
    /// The interface.
    pub api: &'a Api,
    /// Its services.
    pub services: &'a Services,
    /// Who calls.
    pub caller: &'a C,
    /// What was sent.
    pub request: &'a Request,
    /// The ids in the path.
    pub ids: I,
}

impl<I> Call<'_, I> {
    /// The caller, for what may have to be recorded.
    pub fn actor(&self) -> Actor {
        Actor::of(self.caller)
    }
}

/// A call under `/api/admin/`.
pub(super) type AdminCall<'a, I = ()> = Call<'a, I, Actor>;
