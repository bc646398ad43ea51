//! What a route is, and how a request is answered by one. The routes themselves are in `routes`.
//!
//! An unknown path is 404, a known one with a wrong method 405 with `Allow`, and an id that is no id never
//! reaches a handler.

use std::future::Future;
use std::pin::Pin;

use super::access::Access;
use super::caller::AdminCaller;
use super::charge::Charge;
use super::context::{AdminCall, Api, Call};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{FileId, HookId, InviteId, Mid, RoomId, SessionId, Uid};
use crate::base::limits::api as limits;
use crate::base::memory::Holder;
use crate::base::principal::Principal;
use crate::http::{Cost, Head, Request, Response, Version};
use crate::service::Actor;

/// An answer in the making.
pub(super) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response>> + Send + 'a>>;

/// Everything there is to know about a path.
pub(super) struct Route {
    /// `/api/rooms/{room}/members/{user}`, where `*` stands for any one segment.
    pub path: &'static str,
    /// The path up to the first id.
    literal: &'static str,
    /// Largest body that is read. A path that takes none still drains a small one.
    pub body_limit: usize,
    /// Which bodies its handlers read piece by piece, and up to how many bytes.
    pub streams: fn(&Api, &Head) -> Option<u64>,
    /// What a request costs its client, before it is read whole.
    pub request_cost: Cost,
    /// What may be done there.
    pub endpoints: &'static dyn Endpoints,
}

/// A route whose body is small and whose requests are ordinary calls.
pub(super) const fn at<I: Ids, const N: usize>(
    path: &'static str,
    endpoints: &'static [Endpoint<I>; N],
) -> Route {
    assert!(names_ids(path, I::NAMES), "the ids in a path are not those that its handlers take");
    let (literal, _) = path.split_at(literal_len(path));
    let (body_limit, request_cost) = (limits::SMALL_BODY, Cost::Call);
    Route { path, literal, body_limit, streams: |_, _| None, request_cost, endpoints }
}

/// How much of a path comes before its first id.
const fn literal_len(path: &str) -> usize {
    let (bytes, mut length) = (path.as_bytes(), 0);
    while length < bytes.len() && bytes[length] != b'{' && bytes[length] != b'*' {
        length += 1;
    }
    length
}

/// Whether a path has these ids, in this order, and no more.
const fn names_ids(path: &str, names: &[&str]) -> bool {
    let (bytes, mut at, mut named) = (path.as_bytes(), 0, 0);
    while at < bytes.len() {
        if bytes[at] == b'{' {
            if named == names.len() {
                return false;
            }
            let (name, mut matched) = (names[named].as_bytes(), 0);
            while matched < name.len() {
                if at + matched == bytes.len() || bytes[at + matched] != name[matched] {
                    return false;
                }
                matched += 1;
            }
            named += 1;
        }
        at += 1;
    }
    named == names.len()
}

impl Route {
    /// The same with a larger body.
    pub const fn body(self, body_limit: usize) -> Self {
        Self { body_limit, ..self }
    }

    /// The same where handlers read some bodies piece by piece: the function says which, and up to how many bytes.
    pub const fn streams(self, streams: fn(&Api, &Head) -> Option<u64>) -> Self {
        Self { streams, ..self }
    }

    /// The same for requests that cost more or less.
    pub const fn cost(self, request_cost: Cost) -> Self {
        Self { request_cost, ..self }
    }

    /// The ids in a path that is decoded, if it is one of this route.
    pub fn ids_in(&self, path: &str) -> Option<Numbers> {
        let mut given = path.strip_prefix(self.literal)?.split('/');
        let mut ids = Numbers::default();
        let mut places = ids.iter_mut();
        for segment in self.path.get(self.literal.len()..)?.split('/') {
            let given = given.next()?;
            match segment.as_bytes() {
                b"{message}" | b"{file}" => {
                    *places.next()? = u128::from_be_bytes(given.parse::<Mid>().ok()?.0);
                }
                [b'{', ..] => *places.next()? = given.parse::<Uid>().ok()?.0.unsigned_abs().into(),
                [b'*'] => {}
                _ if segment == given => {}
                _ => return None,
            }
        }
        given.next().is_none().then_some(ids)
    }
}

/// The numbers in a path, from left to right; the id of a message or a file is one, too.
pub(super) type Numbers = [u128; 2];

/// The number of a user, a room and so on: it was read as one.
fn number(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(0)
}

/// What the numbers in a path are.
pub(super) trait Ids: Copy + Send + Sync {
    /// As a path names them.
    const NAMES: &'static [&'static str];
    /// With their types.
    fn of(numbers: Numbers) -> Self;
}

impl Ids for () {
    const NAMES: &'static [&'static str] = &[];
    fn of(_: Numbers) -> Self {}
}

impl Ids for RoomId {
    const NAMES: &'static [&'static str] = &["{room}"];
    fn of([room, _]: Numbers) -> Self {
        Self(number(room))
    }
}

impl Ids for Uid {
    const NAMES: &'static [&'static str] = &["{user}"];
    fn of([user, _]: Numbers) -> Self {
        Self(number(user))
    }
}

impl Ids for SessionId {
    const NAMES: &'static [&'static str] = &["{session}"];
    fn of([session, _]: Numbers) -> Self {
        Self(number(session))
    }
}

impl Ids for InviteId {
    const NAMES: &'static [&'static str] = &["{invite}"];
    fn of([invite, _]: Numbers) -> Self {
        Self(number(invite))
    }
}

impl Ids for (RoomId, Uid) {
    const NAMES: &'static [&'static str] = &["{room}", "{user}"];
    fn of([room, user]: Numbers) -> Self {
        (RoomId(number(room)), Uid(number(user)))
    }
}

impl Ids for (RoomId, HookId) {
    const NAMES: &'static [&'static str] = &["{room}", "{hook}"];
    fn of([room, hook]: Numbers) -> Self {
        (RoomId(number(room)), HookId(number(hook)))
    }
}

impl Ids for (RoomId, Mid) {
    const NAMES: &'static [&'static str] = &["{room}", "{message}"];
    fn of([room, message]: Numbers) -> Self {
        (RoomId(number(room)), Mid(message.to_be_bytes()))
    }
}

impl Ids for FileId {
    const NAMES: &'static [&'static str] = &["{file}"];
    fn of([file, _]: Numbers) -> Self {
        Self(file.to_be_bytes())
    }
}

/// One method of a path.
pub(super) struct Endpoint<I> {
    /// The method, and `HEAD` beside `GET`.
    methods: &'static [&'static str],
    carrier: Carrier,
    handler: Handler<I>,
}

/// What the answer to a request takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    /// Its place among the answers of a connection.
    Exchange,
    /// The whole connection, which HTTP/2 cannot give.
    Connection,
}

/// Who may call, what a call costs them, and the handler.
pub(super) enum Handler<I> {
    /// Anybody. The handler has limits of its own.
    Public(for<'a> fn(&'a Api, &'a Request) -> Answer<'a>),
    /// Users who are signed in by a session that is good for it.
    SignedIn(Access, Charge, for<'a> fn(Call<'a, I>) -> Answer<'a>),
    /// Administrators of the server, and the operator.
    Admin(Charge, Recording, for<'a> fn(AdminCall<'a, I>) -> Answer<'a>),
}

/// Who writes an administrator's act into the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recording {
    /// Nobody: it only reads.
    None,
    /// The service that is called, which takes the permit for it, too.
    ByService,
    /// The transaction that does it; the permit is taken before the handler is called.
    InTransaction,
}

/// An endpoint that reads.
pub(super) const fn get<I>(handler: Handler<I>) -> Endpoint<I> {
    Endpoint { methods: &["GET", "HEAD"], carrier: Carrier::Exchange, handler }
}

/// An endpoint that ends HTTP on its connection.
pub(super) const fn upgrade<I>(handler: Handler<I>) -> Endpoint<I> {
    Endpoint { methods: &["GET"], carrier: Carrier::Connection, handler }
}

/// An endpoint for `POST`.
pub(super) const fn post<I>(handler: Handler<I>) -> Endpoint<I> {
    Endpoint { methods: &["POST"], carrier: Carrier::Exchange, handler }
}

/// An endpoint for `PUT`.
pub(super) const fn put<I>(handler: Handler<I>) -> Endpoint<I> {
    Endpoint { methods: &["PUT"], carrier: Carrier::Exchange, handler }
}

/// An endpoint for `PATCH`.
pub(super) const fn patch<I>(handler: Handler<I>) -> Endpoint<I> {
    Endpoint { methods: &["PATCH"], carrier: Carrier::Exchange, handler }
}

/// An endpoint for `DELETE`.
pub(super) const fn delete<I>(handler: Handler<I>) -> Endpoint<I> {
    Endpoint { methods: &["DELETE"], carrier: Carrier::Exchange, handler }
}

/// The endpoints of a path, whatever ids it has.
pub(super) trait Endpoints: Sync {
    /// What `Allow` says.
    fn methods(&self) -> Vec<&'static str>;
    /// What a call costs its user; `None` where there is no user.
    #[cfg(test)]
    fn charge(&self, method: &str) -> Option<Charge>;
    /// The answer to a request for the path with these numbers.
    fn answer<'a>(&'a self, api: &'a Api, request: &'a Request, numbers: Numbers) -> Answer<'a>;
}

impl<I: Ids, const N: usize> Endpoints for [Endpoint<I>; N] {
    fn methods(&self) -> Vec<&'static str> {
        self.iter().flat_map(|endpoint| endpoint.methods).copied().collect()
    }

    #[cfg(test)]
    fn charge(&self, method: &str) -> Option<Charge> {
        match self.iter().find(|endpoint| endpoint.methods.contains(&method))?.handler {
            Handler::Public(_) => None,
            Handler::SignedIn(_, charge, _) | Handler::Admin(charge, ..) => Some(charge),
        }
    }

    fn answer<'a>(&'a self, api: &'a Api, request: &'a Request, numbers: Numbers) -> Answer<'a> {
        let method = request.head.method.as_str();
        let Some(endpoint) = self.iter().find(|endpoint| endpoint.methods.contains(&method)) else {
            return Box::pin(std::future::ready(Ok(wrong_method(&self.methods()))));
        };
        if endpoint.carrier == Carrier::Connection && request.head.version == Version::Http2 {
            return Box::pin(std::future::ready(Ok(Response::needs_http_1_1())));
        }
        let ids = I::of(numbers);
        match endpoint.handler {
            Handler::Public(handler) => handler(api, request),
            Handler::SignedIn(access, charge, handler) => {
                Box::pin(answer_user(api, request, ids, access, charge, handler))
            }
            Handler::Admin(charge, recording, handler) => {
                Box::pin(answer_admin(api, request, ids, charge, recording, handler))
            }
        }
    }
}

async fn answer_user<I>(
    api: &Api,
    request: &Request,
    ids: I,
    access: Access,
    charge: Charge,
    handler: for<'a> fn(Call<'a, I>) -> Answer<'a>,
) -> Result<Response> {
    let session = api.session(request).await?;
    access.check(&session)?;
    charge.take(&api.services.allowances, session.principal())?;
    let (services, caller) = (&*api.services, &*session);
    let response = handler(Call { api, services, caller, request, ids }).await?;
    api.reserve_memory(response, Holder::User(session.uid))
}

async fn answer_admin<I>(
    api: &Api,
    request: &Request,
    ids: I,
    charge: Charge,
    recording: Recording,
    handler: for<'a> fn(AdminCall<'a, I>) -> Answer<'a>,
) -> Result<Response> {
    let actor = match api.admin_caller(request).await? {
        AdminCaller::Operator => Actor::operator(),
        AdminCaller::User(session) => {
            Access::Admin.check(&session)?;
            Actor::of(&session)
        }
    };
    charge.take(&api.services.allowances, actor.principal)?;
    if !actor.is_admin() {
        return Err(Error::new(Code::Forbidden, "Only admins of the server may do this."));
    }
    let services = &*api.services;
    let permit = match recording {
        Recording::None | Recording::ByService => None,
        Recording::InTransaction => Some(services.audit.permit(&actor)?),
    };
    let response = handler(Call { api, services, caller: &actor, request, ids }).await?;
    if let Some(permit) = permit {
        permit.use_up();
    }
    match actor.principal {
        Principal::User { uid, .. } => api.reserve_memory(response, Holder::User(uid)),
        Principal::Operator | Principal::Server => Ok(response),
    }
}

fn wrong_method(allowed: &[&str]) -> Response {
    let error = Error::new(Code::MethodNotAllowed, "This address does not take that method.");
    Response::error(&error).header("Allow", allowed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_the_ids_that_its_handlers_take() {
        let member = <(RoomId, Uid)>::NAMES;
        assert!(names_ids("/api/rooms/{room}/members/{user}", member));
        assert!(names_ids("/avatars/*", <()>::NAMES));
        for wrong in ["/api/rooms/{room}", "/api/{user}/{room}", "/{room}/{user}/{user}", "/{room"]
        {
            assert!(!names_ids(wrong, member), "{wrong}");
        }
    }
}
