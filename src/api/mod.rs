//! The HTTP interface: one file per resource of `docs/protocol.md`.
//!
//! A handler reads the request, asks `auth`, the account store or the rooms, and answers an object.
//! Nothing here holds state of its own, and nothing here runs on a delivery thread: a socket is
//! handed over in `socket` and never comes back.

mod account;
mod acts;
mod admin;
mod auth;
mod avatar;
mod bans;
mod blocks;
mod caller;
mod cost;
mod directory;
mod expiry;
mod fields;
mod info;
mod invites;
mod me;
mod members;
mod messages;
mod page;
mod password;
mod purge;
mod record;
mod removal;
mod rooms;
mod router;
mod scope;
mod service;
mod sessions;
mod socket;
mod tokens;
mod users;
mod words;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::auth::{Auth, Session};
use crate::avatars::Studio;
use crate::base::allowance::Allowances;
use crate::base::error::{Code, Error, Result};
use crate::base::limits::api as limits;
use crate::base::memory::{Holder, Kind};
use crate::base::text;
use crate::delivery::Shards;
use crate::http::{BodyAuthorization, Cost, Head, HttpCounters, Request, Response, Service, Site};
use crate::metrics::Metrics;
use crate::rooms::Rooms;
use crate::store::accounts::AccountStore;
use crate::store::chat::ChatStore;
use crate::ws::Limits;
use crate::ws::handshake::OriginPolicy;

pub use admin::Figures;
pub use record::Audited;
pub use removal::Removals;
use router::Resource;
use scope::Need;
pub use service::Readiness;

/// What the interface says about itself and how it is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Path of the echo endpoint for conformance suites, if there is one.
    pub dev_echo: Option<String>,
    /// What that endpoint takes.
    pub dev_echo_limits: Limits,
    /// WebSockets at once.
    pub sockets: usize,
    /// WebSockets of one user at once.
    pub sockets_per_user: usize,
}

/// Everything a handler may use.
pub struct Api {
    /// Logins and tokens.
    pub auth: Arc<Auth>,
    /// What each user may take.
    pub allowances: Allowances,
    /// Profiles.
    pub accounts: AccountStore,
    /// Asked by `/ready` only: everything else goes through the rooms.
    pub chat: ChatStore,
    /// Rooms, members and history.
    pub rooms: Rooms,
    /// Where sockets go.
    pub shards: Shards,
    /// Where pictures of people are made.
    pub studio: Arc<Studio>,
    /// Pages, scripts and styles.
    pub site: Site,
    /// Whose pages may use a browser's cookie.
    pub origins: OriginPolicy,
    /// What the listeners count.
    pub traffic: Arc<HttpCounters>,
    /// `/metrics`.
    pub metrics: Metrics,
    /// What the counters said in the last hour.
    pub figures: Figures,
    /// What keeps removals of accounts in order.
    pub removals: Removals,
    /// Whether the stores are ready, for all who ask `/ready` at a time.
    pub readiness: Readiness,
    /// How many acts may be done that go into the audit log.
    pub audited: Audited,
    /// The digest of the operator's token: who can read this machine's files administrates.
    pub operator: Option<[u8; 32]>,
    /// When the server started.
    pub started: Instant,
    /// What was set at the start.
    pub settings: Settings,
}

impl Service for Api {
    fn body_limit(&self, head: &Head) -> usize {
        Resource::find(&head.path)
            .map_or(crate::base::limits::api::SMALL_BODY, Resource::body_limit)
    }

    fn cost(&self, head: &Head) -> Cost {
        Resource::find(&head.path).map_or(Cost::Light, Resource::cost)
    }

    fn authorize_body<'a>(&'a self, request: &'a Request) -> BodyAuthorization<'a> {
        Box::pin(async move {
            let admitted = match self.origins.check_host(request) {
                Ok(()) => avatar::admit(self, request).await,
                Err(error) => Err(error),
            };
            admitted.map_err(|error| self.refusal(request, &error))
        })
    }

    fn upgraded(&self) -> usize {
        self.shards.connections()
    }

    fn call<'a>(&'a self, request: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        Box::pin(async move {
            let answer = self.answer(&request).await;
            let answer = answer.and_then(|answer| self.hold(answer, Holder::of(request.peer)));
            answer.unwrap_or_else(|error| self.refusal(&request, &error))
        })
    }
}

impl Api {
    async fn answer(&self, request: &Request) -> Result<Response> {
        let path = request.head.path.as_str();
        let resource = Resource::find(path);
        // A container's own check asks for whatever address it finds, and learns nothing else.
        if !matches!(resource, Some(Resource::Health | Resource::Ready)) {
            self.origins.check_host(request)?;
        }
        if self.settings.dev_echo.as_deref() == Some(path) {
            return Ok(socket::echo(self, request));
        }
        match resource {
            // Sockets come by thousands at once: they do not carry what other requests need.
            Some(Resource::Socket) if request.head.method.as_str() == "GET" => {
                socket::chat(self, request).await
            }
            Some(resource) => Box::pin(self.dispatch(resource, request)).await,
            None if path == "/api" || path.starts_with("/api/") => Err(no_such_path()),
            None => self.site.respond(&request.head).await.ok_or_else(no_such_path),
        }
    }

    /// Accounts for a large answer until it is written.
    fn hold(&self, response: Response, holder: Holder) -> Result<Response> {
        if response.is_holding() || response.size() <= limits::SMALL_ANSWER {
            return Ok(response);
        }
        let held = self.rooms.memory().reserve(Kind::Answers, holder, response.size())?;
        Ok(response.holding(held))
    }

    /// The one place where a handler's error becomes an answer.
    fn refusal(&self, request: &Request, error: &Error) -> Response {
        tracing::debug!(path = request.head.path, error = ?error, "refused");
        self.traffic.errors.inc(error.code());
        let response = Response::error(error);
        match error.code() {
            Code::Unauthorized => response.header("WWW-Authenticate", "Bearer"),
            _ => response,
        }
    }

    async fn dispatch(&self, resource: Resource, request: &Request) -> Result<Response> {
        use Resource as R;
        let method = match request.head.method.as_str() {
            "HEAD" => "GET",
            other => other,
        };
        match (method, resource) {
            ("GET", R::Health) => Ok(service::health()),
            ("GET", R::Ready) => service::ready(self).await,
            ("GET", R::Metrics) => Ok(service::metrics(self, request).await),
            ("GET", R::Info) => Ok(info::info(self)),
            ("GET", R::EncryptionInfo) => Ok(info::encryption(self)),
            ("POST", R::Prelogin) => auth::prelogin(self, request).await,
            ("POST", R::Register) => auth::register(self, request).await,
            ("POST", R::Login) => auth::login(self, request).await,
            ("POST", R::Ticket) => password::ticket(self, request).await,
            ("POST", R::PasswordPrepare) => password::prepare(self, request).await,
            ("POST", R::PasswordCommit) => password::commit(self, request).await,
            ("POST", R::InviteLook) => invites::look(self, request).await,
            ("GET", R::Avatar) => avatar::file(self, request).await,
            _ if !resource.methods().contains(&request.head.method.as_str()) => {
                Ok(wrong_method(resource))
            }
            _ => self.dispatch_signed_in(method, resource, request).await,
        }
    }

    async fn dispatch_signed_in(
        &self,
        method: &str,
        resource: Resource,
        request: &Request,
    ) -> Result<Response> {
        use Resource as R;
        let caller = self.caller(request).await?;
        let caller = caller.as_ref();
        Need::of(method, resource).check(caller)?;
        cost::charge(self, caller, method, resource)?;
        let response = match (method, resource) {
            (_, R::Admin(resource)) => admin::answer(self, caller, method, resource, request).await,
            ("POST", R::Logout) => auth::logout(self, caller, request).await,
            ("POST", R::Unlock) => password::unlock(self, caller, request).await,
            ("DELETE", R::Me) => account::delete(self, caller, request).await,
            ("PUT", R::MyAvatar) => avatar::put(self, caller, request).await,
            ("DELETE", R::MyAvatar) => avatar::remove(self, caller).await,
            ("DELETE", R::Sessions) => sessions::revoke_others(self, caller).await,
            ("GET", R::Invites) => invites::list(self, caller).await,
            ("POST", R::Invites) => invites::create(self, caller, request).await,
            ("POST", R::InviteAccept) => invites::accept(self, caller, request).await,
            ("DELETE", R::Invite(id)) => invites::revoke(self, caller, id).await,
            ("GET", R::Me) => me::show(self, caller).await,
            ("PATCH", R::Me) => me::change(self, caller, request).await,
            ("GET", R::Sessions) => sessions::list(self, caller).await,
            ("DELETE", R::Session(id)) => sessions::revoke(self, caller, id).await,
            ("GET", R::Tokens) => tokens::list(self, caller).await,
            ("POST", R::Tokens) => tokens::create(self, caller, request).await,
            ("DELETE", R::Token(id)) => tokens::revoke(self, caller, id).await,
            ("GET", R::Users) => users::directory(self, request).await,
            ("GET", R::User(uid)) => users::show(self, uid).await,
            ("GET", R::Blocks) => blocks::list(self, caller).await,
            ("PUT", R::Block(uid)) => blocks::block(self, caller, uid).await,
            ("DELETE", R::Block(uid)) => blocks::unblock(self, caller, uid).await,
            _ => self.dispatch_rooms(caller, method, resource, request).await,
        };
        self.hold(response?, Holder::User(caller.uid))
    }

    async fn dispatch_rooms(
        &self,
        caller: &Session,
        method: &str,
        resource: Resource,
        request: &Request,
    ) -> Result<Response> {
        use Resource as R;
        match (method, resource) {
            ("GET", R::Rooms) => rooms::list(self, caller, request),
            ("GET", R::Directory) => directory::page(self, caller, request),
            ("PATCH", R::Mine(room)) => rooms::change_mine(self, caller, room, request).await,
            ("POST", R::Restore(room)) => rooms::restore(self, caller, room).await,
            ("GET", R::Bans(room)) => bans::list(self, caller, room).await,
            ("PUT", R::Ban(room, uid)) => bans::ban(self, caller, room, uid).await,
            ("DELETE", R::Ban(room, uid)) => bans::unban(self, caller, room, uid).await,
            ("POST", R::Rooms) => rooms::create(self, caller, request).await,
            ("GET", R::Room(room)) => rooms::show(self, caller, room),
            ("PATCH", R::Room(room)) => rooms::change(self, caller, room, request).await,
            ("DELETE", R::Room(room)) => rooms::remove(self, caller, room).await,
            ("GET", R::Members(room)) => members::list(self, caller, room, request).await,
            ("POST", R::Members(room)) => members::add(self, caller, room, request).await,
            ("PATCH", R::Member(room, uid)) => {
                members::change(self, caller, room, uid, request).await
            }
            ("DELETE", R::Member(room, uid)) => members::remove(self, caller, room, uid).await,
            ("GET", R::Messages(room)) => messages::page(self, caller, room, request).await,
            _ => Ok(wrong_method(resource)),
        }
    }
}

fn no_such_path() -> Error {
    Error::new(Code::NotFound, "There is nothing here.")
}

fn wrong_method(resource: Resource) -> Response {
    let error = Error::new(Code::MethodNotAllowed, "This address does not take that method.");
    Response::error(&error).header("Allow", resource.methods().join(", "))
}
