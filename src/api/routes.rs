//! Every path there is, and everything about it: its methods, who may call them, what a call costs its user, and
//! the handler; the size of its body and what a request costs its client where these are not the usual ones.

use super::access::Access::{Full, Read, Write};
use super::account::{avatar, blocks, keys, me, password, sessions, sign_in, tokens};
use super::charge::Charge::{Change, Free, Read as Reading};
use super::rooms::{bans, encrypted, hooks, members, messages, posting, room, tail};
use super::router::Handler::{Admin, Public, SignedIn};
use super::router::Recording::{self, ByService, InTransaction};
use super::router::{Numbers, Route, at, delete, get, patch, post, put, upgrade};
use super::{admin, directory, files, invites, search, server, socket, users};
use crate::base::limits::api::{AVATAR_BODY, LOG_BODY};
use crate::base::limits::directory::AGAIN_BODY;
use crate::base::limits::http::BODY;
use crate::base::limits::keys::TRUST_BODY;
use crate::http::Cost;

/// A handler, as the table keeps it.
macro_rules! run {
    ($($handler:tt)+) => {
        |call| Box::pin($($handler)+(call))
    };
}

/// A handler that needs no session.
macro_rules! open {
    ($($handler:tt)+) => {
        Public::<()>(|api, request| Box::pin($($handler)+(api, request)))
    };
}

/// The route of a path, which is decoded, and the numbers in it.
pub(super) fn find(path: &str) -> Option<(&'static Route, Numbers)> {
    ROUTES.iter().find_map(|route| Some((route, route.ids_in(path)?)))
}

static ROUTES: &[Route] = &[
    // A container's own check, those who watch over the server, and the socket.
    at("/health", &[get(open!(server::health))]).cost(Cost::Light),
    at("/ready", &[get(open!(server::ready))]).cost(Cost::Heavy),
    at("/metrics", &[get(open!(server::metrics))]).cost(Cost::Heavy),
    // How to trust a certificate of the server's own.
    at("/ca", &[get(open!(server::trust))]).cost(Cost::Light),
    at("/ca.crt", &[get(open!(server::trust))]).cost(Cost::Light),
    at("/ws", &[upgrade(open!(socket::chat))]),
    // The secret in its path lets a hook in, within limits of its own.
    at("/hooks/*", &[post(open!(hooks::receive))]).body(BODY),
    at("/hooks/*/files", &[post(open!(hooks::receive_file))]).streams(files::whole_limit),
    at("/avatars/*", &[get(open!(avatar::file))]).cost(Cost::Lookup),
    at("/files/{file}/*", &[get(SignedIn(Read, Reading(0.5), run!(files::download)))])
        .cost(Cost::Download),
    at("/api/info", &[get(open!(server::info))]),
    at("/api/e2ee/info", &[get(open!(server::encryption_info))]),
    // Getting in and out.
    at("/api/auth/prelogin", &[post(open!(sign_in::prelogin))]),
    at("/api/auth/register", &[post(open!(sign_in::register))]).cost(Cost::Queued),
    at("/api/auth/login", &[post(open!(sign_in::login))]).cost(Cost::Queued),
    at("/api/auth/logout", &[post(SignedIn(Read, Free, run!(sign_in::logout)))]),
    at(
        "/api/auth/unlock",
        // Checking a password has limits of its own.
        &[post(SignedIn(Full, Free, run!(password::unlock)))],
    ),
    at("/api/auth/ticket", &[post(open!(password::ticket))]),
    // By the old password these two need a session, which they check themselves; by a ticket none.
    at("/api/auth/password/prepare", &[post(open!(password::prepare))]),
    at("/api/auth/password/commit", &[post(open!(password::commit))]).body(BODY),
    at("/api/auth/recovery/open", &[post(open!(keys::open_recovery))]),
    // The keys of one's account. What takes a password has limits of its own.
    at("/api/keys/challenge", &[get(SignedIn(Full, Reading(1.0), run!(keys::challenge)))]),
    at("/api/keys", &[put(SignedIn(Full, Change(1.0), run!(keys::create)))]).body(BODY),
    at("/api/keys/rewrap", &[post(SignedIn(Full, Change(1.0), run!(keys::rewrap)))]).body(BODY),
    at("/api/keys/rotate", &[post(SignedIn(Full, Change(1.0), run!(keys::rotate)))])
        .body(TRUST_BODY),
    at("/api/keys/reset", &[post(SignedIn(Full, Change(1.0), run!(keys::reset)))]).body(TRUST_BODY),
    at(
        "/api/keys/trust",
        &[
            get(SignedIn(Full, Reading(1.0), run!(keys::get_trust))),
            put(SignedIn(Full, Change(2.0), run!(keys::put_trust))),
        ],
    )
    .body(TRUST_BODY),
    // One's own account.
    at(
        "/api/me",
        &[
            get(SignedIn(Read, Reading(1.0), run!(me::show))),
            // Everybody who shares a room gets a frame.
            patch(SignedIn(Write, Change(2.0), run!(me::change))),
            delete(SignedIn(Full, Free, run!(me::delete))),
        ],
    )
    .body(BODY),
    at(
        "/api/me/avatar",
        &[
            // A picture is decoded and scaled twice.
            put(SignedIn(Write, Change(10.0), run!(avatar::put))),
            delete(SignedIn(Write, Change(2.0), run!(avatar::remove))),
        ],
    )
    .body(AVATAR_BODY),
    at(
        "/api/sessions",
        &[
            get(SignedIn(Full, Reading(1.0), run!(sessions::list))),
            delete(SignedIn(Full, Free, run!(sessions::end_others))),
        ],
    ),
    at("/api/sessions/{session}", &[delete(SignedIn(Full, Free, run!(sessions::end)))]),
    at(
        "/api/tokens",
        &[
            get(SignedIn(Full, Reading(1.0), run!(tokens::list))),
            post(SignedIn(Full, Change(2.0), run!(tokens::create))),
        ],
    ),
    at("/api/tokens/{session}", &[delete(SignedIn(Full, Free, run!(tokens::revoke)))]),
    at("/api/blocks", &[get(SignedIn(Read, Reading(1.0), run!(blocks::list)))]),
    at(
        "/api/blocks/{user}",
        &[
            // Changes of blocks have a limit of their own.
            put(SignedIn(Write, Free, run!(blocks::block))),
            delete(SignedIn(Write, Free, run!(blocks::unblock))),
        ],
    ),
    // Files. A part of one has limits of its own.
    at("/api/files", &[post(SignedIn(Write, Change(1.0), run!(files::announce)))])
        .streams(files::whole_limit),
    at(
        "/api/files/{file}",
        &[
            get(SignedIn(Read, Reading(1.0), run!(files::show))),
            put(SignedIn(Write, Free, run!(files::put))),
            delete(SignedIn(Write, Change(1.0), run!(files::discard))),
        ],
    )
    .streams(files::part_limit),
    // Other people.
    at("/api/users", &[get(SignedIn(Read, Reading(2.0), run!(users::directory)))]),
    at("/api/users/{user}", &[get(SignedIn(Read, Reading(1.0), run!(users::show)))]),
    at(
        "/api/invites",
        &[
            get(SignedIn(Read, Reading(1.0), run!(invites::list))),
            post(SignedIn(Write, Change(1.0), run!(invites::create))),
        ],
    ),
    at("/api/invites/look", &[post(open!(invites::preview))]),
    at("/api/invites/accept", &[post(SignedIn(Write, Change(1.0), run!(invites::accept)))]),
    at("/api/invites/{invite}", &[delete(SignedIn(Write, Free, run!(invites::revoke)))]),
    // The directory of keys: all of it for everybody, so that nobody is shown another one.
    at("/api/dir", &[get(SignedIn(Read, Reading(2.0), run!(directory::rows)))]),
    at(
        "/api/dir/entries",
        &[
            get(SignedIn(Read, Reading(5.0), run!(directory::entries))),
            post(SignedIn(Full, Change(2.0), run!(directory::append))),
        ],
    ),
    // It has a limit of its own, too.
    at("/api/dir/again", &[post(SignedIn(Full, Change(1.0), run!(directory::again)))])
        .body(AGAIN_BODY),
    // Rooms. Pages of messages, and lists that grow with the server, cost more than one thing.
    at(
        "/api/rooms",
        &[
            get(SignedIn(Read, Reading(2.0), run!(room::list))),
            // How many rooms somebody creates has limits of its own.
            post(SignedIn(Write, Change(1.0), run!(room::create))),
        ],
    )
    .body(LOG_BODY),
    // Many rooms are looked through; how many do so at once is limited, too.
    at("/api/search", &[get(SignedIn(Read, Reading(10.0), run!(search::find)))]),
    at("/api/rooms/directory", &[get(SignedIn(Read, Reading(2.0), run!(room::directory)))]),
    at(
        "/api/rooms/{room}",
        &[
            get(SignedIn(Read, Reading(1.0), run!(room::show))),
            // Everybody in the room gets a frame; a large room costs more (`Charge::fan_out`).
            patch(SignedIn(Write, Change(2.0), run!(room::change))),
            delete(SignedIn(Write, Change(2.0), run!(room::remove))),
        ],
    )
    .body(BODY),
    at(
        "/api/rooms/{room}/me",
        &[patch(SignedIn(Write, Change(1.0), run!(room::change_preferences)))],
    ),
    at("/api/rooms/{room}/restore", &[post(SignedIn(Write, Change(2.0), run!(room::restore)))]),
    at("/api/rooms/{room}/bans", &[get(SignedIn(Read, Reading(1.0), run!(bans::list)))]),
    at(
        "/api/rooms/{room}/bans/{user}",
        &[
            put(SignedIn(Write, Change(1.0), run!(bans::ban))),
            delete(SignedIn(Write, Change(1.0), run!(bans::unban))),
        ],
    ),
    at(
        "/api/rooms/{room}/members",
        &[
            get(SignedIn(Read, Reading(2.0), run!(members::list))),
            post(SignedIn(Write, Change(1.0), run!(members::add))),
        ],
    )
    .body(BODY),
    at(
        "/api/rooms/{room}/members/{user}",
        &[
            patch(SignedIn(Write, Change(1.0), run!(members::change))),
            delete(SignedIn(Write, Change(1.0), run!(members::remove))),
        ],
    ),
    at(
        "/api/rooms/{room}/messages",
        &[
            get(SignedIn(Read, Reading(2.0), run!(messages::page))),
            // What is written costs what a command of a socket costs (`service::Messages`).
            post(SignedIn(Write, Free, run!(posting::post))),
        ],
    )
    .body(BODY),
    at(
        "/api/rooms/{room}/files",
        // Names are compared one by one.
        &[get(SignedIn(Read, Reading(5.0), run!(files::of_room)))],
    ),
    at(
        "/api/rooms/{room}/hooks",
        &[
            get(SignedIn(Read, Reading(1.0), run!(hooks::list))),
            post(SignedIn(Write, Change(2.0), run!(hooks::create))),
        ],
    ),
    at(
        "/api/rooms/{room}/hooks/{hook}",
        &[
            patch(SignedIn(Write, Change(1.0), run!(hooks::rename))),
            delete(SignedIn(Write, Change(1.0), run!(hooks::revoke))),
        ],
    ),
    at(
        "/api/rooms/{room}/hooks/{hook}/avatar",
        &[
            put(SignedIn(Write, Change(10.0), run!(hooks::put_picture))),
            delete(SignedIn(Write, Change(2.0), run!(hooks::remove_picture))),
        ],
    )
    .body(AVATAR_BODY),
    // The log of an encrypted room, and the wraps of its keys. A signature takes as long as some messages.
    at(
        "/api/rooms/{room}/log",
        &[
            get(SignedIn(Read, Reading(5.0), run!(encrypted::log))),
            post(SignedIn(Full, Change(2.0), run!(encrypted::append))),
        ],
    )
    .body(LOG_BODY),
    at(
        "/api/rooms/{room}/wraps",
        &[
            get(SignedIn(Read, Reading(1.0), run!(encrypted::wraps))),
            post(SignedIn(Full, Change(1.0), run!(encrypted::add_wraps))),
        ],
    )
    .body(LOG_BODY),
    at(
        "/api/rooms/{room}/wraps/bad",
        &[post(SignedIn(Full, Change(1.0), run!(encrypted::report_wrap)))],
    ),
    at("/api/rooms/{room}/tail", &[upgrade(SignedIn(Read, Reading(5.0), run!(tail::tail)))]),
    at(
        "/api/rooms/{room}/messages/{message}",
        &[
            patch(SignedIn(Write, Free, run!(posting::edit))),
            delete(SignedIn(Write, Free, run!(posting::delete))),
        ],
    )
    .body(BODY),
    at(
        "/api/rooms/{room}/messages/{message}/reactions/*",
        &[
            put(SignedIn(Write, Free, run!(posting::react))),
            delete(SignedIn(Write, Free, run!(posting::unreact))),
        ],
    ),
    // Administration of the server.
    at(
        "/api/admin/users",
        &[
            get(Admin(Reading(1.0), Recording::None, run!(admin::users::page))),
            post(Admin(Change(1.0), InTransaction, run!(admin::users::create))),
        ],
    ),
    at(
        "/api/admin/users/{user}",
        &[
            get(Admin(Reading(1.0), Recording::None, run!(admin::users::show))),
            patch(Admin(Change(1.0), InTransaction, run!(admin::users::change))),
            delete(Admin(Change(1.0), InTransaction, run!(admin::users::remove))),
        ],
    ),
    at(
        "/api/admin/users/{user}/restore",
        &[post(Admin(Change(1.0), InTransaction, run!(admin::users::restore)))],
    ),
    at(
        "/api/admin/users/{user}/reset",
        &[post(Admin(Change(1.0), InTransaction, run!(admin::users::reset)))],
    ),
    at(
        "/api/admin/users/{user}/restore-keys",
        &[post(Admin(Change(1.0), InTransaction, run!(admin::users::restore_keys)))],
    ),
    at(
        "/api/admin/users/{user}/sessions",
        &[delete(Admin(Change(1.0), InTransaction, run!(admin::users::end_sessions)))],
    ),
    at(
        "/api/admin/rooms",
        &[
            get(Admin(Reading(1.0), Recording::None, run!(admin::rooms::page))),
            post(Admin(Change(1.0), ByService, run!(admin::rooms::create))),
        ],
    ),
    at(
        "/api/admin/rooms/{room}",
        &[
            patch(Admin(Change(1.0), ByService, run!(admin::rooms::change))),
            delete(Admin(Change(1.0), ByService, run!(admin::rooms::remove))),
        ],
    ),
    at(
        "/api/admin/rooms/{room}/restore",
        &[post(Admin(Change(1.0), ByService, run!(admin::rooms::restore)))],
    ),
    at(
        "/api/admin/rooms/{room}/gone",
        &[post(Admin(Change(1.0), ByService, run!(admin::rooms::gone)))],
    ),
    at(
        "/api/admin/invites",
        &[
            get(Admin(Reading(1.0), Recording::None, run!(admin::invites::page))),
            post(Admin(Change(1.0), ByService, run!(admin::invites::create))),
        ],
    ),
    at(
        "/api/admin/invites/{invite}",
        &[delete(Admin(Change(1.0), ByService, run!(admin::invites::revoke)))],
    ),
    at(
        "/api/admin/settings",
        &[
            get(Admin(Reading(1.0), Recording::None, run!(admin::settings::show))),
            patch(Admin(Change(1.0), InTransaction, run!(admin::settings::change))),
        ],
    ),
    at(
        "/api/admin/files",
        // All files are added up.
        &[get(Admin(Reading(20.0), Recording::None, run!(admin::files::show)))],
    ),
    at(
        "/api/admin/directory",
        &[get(Admin(Reading(5.0), Recording::None, run!(admin::directory::show)))],
    ),
    at(
        "/api/admin/directory/open",
        &[post(Admin(Change(1.0), InTransaction, run!(admin::directory::open)))],
    ),
    at(
        "/api/admin/directory/adopt",
        &[post(Admin(Change(1.0), InTransaction, run!(admin::directory::adopt)))],
    ),
    at(
        "/api/admin/search",
        &[get(Admin(Reading(5.0), Recording::None, run!(admin::search::show)))],
    ),
    // Nobody sees a difference, so it is not recorded.
    at(
        "/api/admin/search/rebuild",
        &[post(Admin(Change(1.0), Recording::None, run!(admin::search::rebuild)))],
    ),
    at("/api/admin/audit", &[get(Admin(Reading(1.0), Recording::None, run!(admin::audit::page)))]),
    at(
        "/api/admin/audit/verify",
        // The whole chain of entries is read.
        &[get(Admin(Reading(50.0), Recording::None, run!(admin::audit::verify)))],
    ),
    at("/api/admin/stats", &[get(Admin(Reading(5.0), Recording::None, run!(admin::stats)))]),
    at("/api/admin/purge", &[post(Admin(Change(1.0), ByService, run!(admin::purge)))]),
];

/// Method and path of every call there is.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let methods = |route: &'static Route| route.endpoints.methods().into_iter();
    ROUTES.iter().flat_map(move |route| methods(route).map(|method| (method, route.path)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::base::limits::users as limits;

    fn path_of(path: &str) -> Option<&'static str> {
        find(path).map(|(route, _)| route.path)
    }

    #[test]
    fn a_path_names_one_route_and_its_ids_are_read_from_left_to_right() {
        assert_eq!(path_of("/health"), Some("/health"));
        assert_eq!(path_of("/api/rooms/7"), Some("/api/rooms/{room}"));
        assert_eq!(path_of("/api/rooms/directory"), Some("/api/rooms/directory"));
        assert_eq!(path_of("/avatars/0123-96.jpg"), Some("/avatars/*"));
        let (route, numbers) = find("/api/admin/users/9/restore").unwrap();
        assert_eq!((route.path, numbers[0]), ("/api/admin/users/{user}/restore", 9));
        let (route, numbers) = find("/api/rooms/7/members/9").unwrap();
        assert_eq!((route.path, numbers), ("/api/rooms/{room}/members/{user}", [7, 9]));
        let (route, numbers) =
            find("/api/rooms/7/messages/AAAAAAAAAAAAAAAAAAAACQ/reactions/👍").unwrap();
        assert!(route.path.ends_with("/reactions/*"));
        assert_eq!(numbers, [7, 9]);
    }

    #[test]
    fn near_misses_name_nothing() {
        for path in [
            "",
            "/",
            "/api",
            "/api/",
            "/api/rooms/",
            "/api/admin",
            "/api/admin/users/x",
            "/avatars/a/b",
            "/api/rooms/07",
            "/api/rooms/-1",
            "/api/rooms/x",
            "/api/rooms/7/members/9/",
            "/api/rooms/7/messages/9",
            "/api/rooms/7/messages/AAAAAAAAAAAAAAAAAAAAAB",
            "/api/rooms/7/members/9/more/and/more",
            "/API/rooms",
            "/health/",
        ] {
            assert_eq!(path_of(path), None, "{path}");
        }
    }

    #[test]
    fn every_path_and_method_is_there_once() {
        let mut paths = HashSet::new();
        for route in ROUTES {
            assert!(paths.insert(route.path), "{} is there twice", route.path);
            let methods = route.endpoints.methods();
            let different: HashSet<_> = methods.iter().collect();
            assert_eq!(methods.len(), different.len(), "{}: {methods:?}", route.path);
        }
        assert!(paths.len() > 45);
    }

    #[test]
    fn signing_in_waits_in_a_queue_of_its_own() {
        let cost = |path| find(path).unwrap().0.request_cost;
        assert_eq!(cost("/api/auth/login"), Cost::Queued);
        assert_eq!(cost("/api/auth/register"), Cost::Queued);
        assert_eq!(cost("/api/auth/prelogin"), Cost::Call);
    }

    #[test]
    fn every_change_costs_and_ending_a_session_does_not() {
        // These have limits of their own.
        const FREE: [&str; 8] = [
            "/api/auth/logout",
            "/api/auth/unlock",
            "/api/blocks/{user}",
            "/api/files/{file}",
            "/api/invites/{invite}",
            "/api/rooms/{room}/messages",
            "/api/rooms/{room}/messages/{message}",
            "/api/rooms/{room}/messages/{message}/reactions/*",
        ];
        let ends = ["/api/me", "/api/sessions", "/api/sessions/{session}", "/api/tokens/{session}"];
        for route in ROUTES {
            for method in route.endpoints.methods() {
                let Some(charge) = route.endpoints.charge(method) else { continue };
                let is_end = method == "DELETE" && ends.contains(&route.path);
                let is_right = match (method, charge) {
                    // A page shows many files at once.
                    ("GET" | "HEAD", Reading(cost)) => {
                        cost >= if route.path.starts_with("/files/") { 0.5 } else { 1.0 }
                    }
                    (_, Change(cost)) => cost >= 1.0 && !is_end,
                    (_, Free) => is_end || FREE.contains(&route.path),
                    (_, Reading(_)) => false,
                };
                assert!(is_right, "{method} {} costs {charge:?}", route.path);
            }
        }
        let messages = find("/api/rooms/4/messages").unwrap().0;
        assert_eq!(messages.endpoints.charge("GET"), Some(Reading(2.0)));
    }

    #[test]
    fn a_browser_that_starts_stays_far_below_what_may_be_read_at_once() {
        // Its lists, the page and the people of the open room, and twelve rooms it comes back to.
        let mut all = limits::UPGRADE_COST;
        let lists = ["/api/users", "/api/rooms", "/api/me"].map(str::to_owned);
        let people = (1..=200).map(|uid| format!("/api/users/{uid}"));
        let rooms = (1..=13).flat_map(|room| {
            [format!("/api/rooms/{room}/members"), format!("/api/rooms/{room}/messages")]
        });
        for path in lists.into_iter().chain(people).chain(rooms) {
            match find(&path).unwrap().0.endpoints.charge("GET") {
                Some(Reading(cost)) => all += cost,
                other => panic!("{path} costs {other:?}"),
            }
        }
        assert!(all * 3.0 < limits::READS.at_once, "{all}");
    }
}
