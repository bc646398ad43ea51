//! Who calls, and from where.
//!
//! A browser is known by its cookie, which it sends along with a request that a page of any site caused. So
//! with the cookie every change must come from an allowed `Origin`; a bearer token is only ever sent on
//! purpose and needs none. Tokens never travel in a URL.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::Session;
use crate::base::error::{Code, Error, Result};
use crate::base::limits;
use crate::http::{Request, Response};

use super::context::Api;

/// The header with the id of the user as whom a page makes its calls.
const USER: &str = "impulse-user";
/// The cookie of a login over plain HTTP.
const COOKIE: &str = "impulse_session";
/// The same under TLS: browsers accept this name only with `Secure`, `Path=/` and no `Domain`.
const COOKIE_SECURE: &str = "__Host-impulse_session";
/// The cookie of a browser that has signed in before.
const DEVICE: &str = "impulse_device";
/// The same under TLS.
const DEVICE_SECURE: &str = "__Host-impulse_device";

impl Api {
    /// The session of the request.
    ///
    /// # Errors
    /// `unauthorized` without a live one, `bad_origin` for another site's change.
    pub(super) async fn session(&self, request: &Request) -> Result<Arc<Session>> {
        self.session_of(request, self.token(request)?).await
    }

    /// The same for a call under `/api/admin/`, which the operator's token opens, too.
    ///
    /// # Errors
    /// Those of [`session`](Self::session).
    pub(super) async fn admin_caller(&self, request: &Request) -> Result<AdminCaller> {
        let token = self.token(request)?;
        // Digests are compared, so the time it takes says nothing about the token.
        if self.operator == crate::auth::digest(token) {
            return Ok(AdminCaller::Operator);
        }
        self.session_of(request, token).await.map(AdminCaller::User)
    }

    /// The bearer token, or that of the cookie.
    fn token<'a>(&self, request: &'a Request) -> Result<&'a str> {
        let bearer = bearer(request)?;
        let token = bearer.or_else(|| cookie_token(request));
        let token = token.ok_or_else(|| Error::new(Code::Unauthorized, "Please sign in."))?;
        if bearer.is_none() && !matches!(request.head.method.as_str(), "GET" | "HEAD") {
            self.origins.check(request)?;
        }
        Ok(token)
    }

    /// The cookie is the same in all tabs of a browser, so a page that was opened by one person may send
    /// that of another who has signed in since. A page that says as whom it calls is refused then.
    async fn session_of(&self, request: &Request, token: &str) -> Result<Arc<Session>> {
        let session = self.services.auth.session(token).await?.ok_or_else(|| {
            Error::new(Code::Unauthorized, "This session has ended. Please sign in again.")
        })?;
        match request.header(USER) {
            Some(user) if user != session.uid.to_string() => {
                Err(Error::new(Code::Unauthorized, "Somebody else is signed in in this browser."))
            }
            _ => Ok(session),
        }
    }

    /// Whoever is signed in with the cookie of this browser, if anybody is.
    pub(super) async fn cookie_session(&self, request: &Request) -> Option<Arc<Session>> {
        self.services.auth.session(cookie_token(request)?).await.ok().flatten()
    }

    /// For calls that need no session but give one out: another site must not sign people in. A
    /// script sends no `Origin`.
    ///
    /// # Errors
    /// `bad_origin`.
    pub(super) fn check_origin_if_any(&self, request: &Request) -> Result<()> {
        self.origins.check_if_any(request)
    }
}

/// Who calls something under `/api/admin/`.
pub(super) enum AdminCaller {
    /// Somebody who is signed in; an administrator or not.
    User(Arc<Session>),
    /// Somebody who runs the server's machine.
    Operator,
}

/// The bearer token. Another kind of credential is refused; the cookie is not used in its place.
fn bearer(request: &Request) -> Result<Option<&str>> {
    let Some(value) = request.header("authorization") else { return Ok(None) };
    let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    match token {
        Some((_, token)) => Ok(Some(token.trim())),
        None => Err(Error::new(Code::Unauthorized, "Only bearer tokens are understood here.")),
    }
}

/// The session token in the browser's cookie.
pub(super) fn cookie_token(request: &Request) -> Option<&str> {
    request.cookie(cookie_name(request))
}

/// The cookie that shows that a browser has signed in before; empty without one.
pub(super) fn device_cookie(request: &Request) -> &str {
    request.cookie(device_cookie_name(request)).unwrap_or_default()
}

fn cookie_name(request: &Request) -> &'static str {
    if request.secure { COOKIE_SECURE } else { COOKIE }
}

fn device_cookie_name(request: &Request) -> &'static str {
    if request.secure { DEVICE_SECURE } else { DEVICE }
}

/// The response, with the cookie of this session.
pub(super) fn set_cookie(request: &Request, response: Response, token: &str) -> Response {
    let cookie = cookie(request, cookie_name(request), token, limits::api::COOKIE_AGE);
    response.header("Set-Cookie", cookie)
}

/// The response, with the cookie that shows that this browser has signed in before.
pub(super) fn set_device_cookie(request: &Request, response: Response, value: &str) -> Response {
    let name = device_cookie_name(request);
    response.header("Set-Cookie", cookie(request, name, value, limits::api::DEVICE_COOKIE_AGE))
}

/// The response that deletes the session's cookie.
pub(super) fn clear_cookie(request: &Request, response: Response) -> Response {
    let cookie = cookie(request, cookie_name(request), "", Duration::ZERO);
    response.header("Set-Cookie", cookie)
}

/// The response, and if the browser's cookie is no token that we ever gave, the end of that cookie. Whether a token is
/// good is not decided here: a database that is away must sign nobody out.
pub(super) fn without_broken_cookie(request: &Request, response: Response) -> Response {
    match cookie_token(request) {
        Some(token) if token.len() < limits::auth::TOKEN_TEXT => clear_cookie(request, response),
        _ => response,
    }
}

fn cookie(request: &Request, name: &str, value: &str, max_age: Duration) -> String {
    let max_age = max_age.as_secs();
    let secure = if request.secure { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}")
}
