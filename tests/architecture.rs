//! The published order of the layers, checked on the source: dependencies point down only.
//! `docs/architecture.md` draws the same picture.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each top-level module and what it may use besides itself. Everything may use the ground floor.
const ALLOWED: &[(&str, &[&str])] = &[
    ("http", &[]),
    ("ws", &["http"]),
    ("protocol", &[]),
    ("e2ee", &[]),
    ("store", &["protocol"]),
    ("auth", &["store", "e2ee", "protocol"]),
    ("avatars", &[]),
    ("policy", &["protocol"]),
    ("rooms", &["store", "protocol", "policy"]),
    ("delivery", &["rooms", "ws", "protocol"]),
    ("metrics", &["http", "store", "auth", "rooms", "delivery"]),
    ("service", &["store", "auth", "avatars", "rooms", "delivery", "policy", "protocol"]),
    (
        "api",
        &[
            "http", "ws", "protocol", "policy", "store", "auth", "avatars", "rooms", "delivery",
            "metrics", "service",
        ],
    ),
    (
        "server",
        &[
            "api", "avatars", "control", "http", "ws", "store", "auth", "rooms", "delivery",
            "demo", "metrics", "service",
        ],
    ),
    ("demo", &["auth", "rooms", "store", "protocol", "e2ee"]),
    ("control", &[]),
    ("admin", &["auth", "control", "http", "server", "store"]),
    ("loadtest", &["http", "ws", "protocol"]),
    ("cli", &["admin", "loadtest", "server"]),
];

/// What every layer may use: small tools, and the settings of a start.
const GROUND: &[&str] = &["base", "config"];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> BTreeMap<PathBuf, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path.strip_prefix(&root).unwrap().to_owned(), text)
        })
        .collect()
}

/// `src/http/body.rs` and `src/http.rs` belong to `http`.
fn layer(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The modules named by `crate::x` outside comments and outside `#[cfg(test)]`.
fn uses(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for after in line.split("crate::").skip(1) {
            let group = after.strip_prefix('{').map(|g| g.split('}').next().unwrap_or_default());
            let names = group.unwrap_or(after).split(',');
            for name in names.take(if group.is_some() { usize::MAX } else { 1 }) {
                let letters = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
                found.push(name.trim().chars().take_while(letters).collect());
            }
        }
    }
    found
}

#[test]
fn dependencies_point_down_only() {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let from = layer(&path);
        if GROUND.contains(&from.as_str()) || from == "lib" || from == "main" {
            continue;
        }
        let Some(may) = allowed.get(from.as_str()) else {
            wrong.push(format!("{}: the layer {from} has no place in the order", path.display()));
            continue;
        };
        for to in uses(&text) {
            let known = allowed.contains_key(to.as_str());
            if known && to != from && !may.contains(&to.as_str()) {
                wrong.push(format!("{}: {from} must not use {to}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_ground_floor_uses_only_itself() {
    for (path, text) in sources() {
        if GROUND.contains(&layer(&path).as_str()) {
            let above =
                uses(&text).into_iter().find(|to| ALLOWED.iter().any(|(name, _)| name == to));
            assert_eq!(above, None, "{}", path.display());
        }
    }
}

#[test]
fn the_two_stores_share_nothing() {
    for (path, text) in sources() {
        let name = path.to_string_lossy();
        for (store, other) in [("store/accounts", "chat."), ("store/chat", "accounts.")] {
            assert!(
                !name.starts_with(store) || !text.contains(other),
                "{name} names a table of the other store"
            );
        }
    }
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    for (store, other) in [("accounts", "chat."), ("chat", "accounts.")] {
        for entry in fs::read_dir(sql.join(store)).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains(other), "{} reaches into the other store", path.display());
        }
    }
}

#[test]
fn unsafe_code_is_confined_to_one_small_file() {
    let files: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| text.contains("allow(unsafe_code)"))
        .map(|(path, text)| (path, text.lines().count()))
        .collect();
    assert!(files.len() <= 1 && files.iter().all(|(_, lines)| *lines <= 120), "{files:?}");
}

#[test]
fn frameworks_stay_out() {
    let lock =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    for framework in ["hyper", "axum", "actix-web", "warp", "tide", "rocket", "tokio-tungstenite"] {
        assert!(
            !lock.contains(&format!("name = \"{framework}\"\n")),
            "{framework} is in Cargo.lock"
        );
    }
}

/// What is done to a room is recorded in `service/room_changes.rs`, and nowhere else is it done: a handler or a
/// service that went past it would leave no entry in the audit log.
#[test]
fn handlers_change_rooms_only_where_it_is_recorded() {
    const ACTS: [&str; 6] = ["change_member", "update", "create", "make", "remove", "restore"];
    for (path, text) in sources() {
        let is_above = matches!(layer(&path).as_str(), "api" | "service");
        if !is_above || path.ends_with("room_changes.rs") {
            continue;
        }
        let joined: String = text.split_whitespace().collect();
        for act in ACTS {
            for rooms in [".rooms", "rooms()", "(rooms"] {
                let call = format!("{rooms}.{act}(");
                assert!(!joined.contains(&call), "{} calls {call}…)", path.display());
            }
        }
    }
}

/// Handlers use the types of the stores, but hold neither store: what they read and write goes through a
/// service, `auth` or the rooms.
#[test]
fn handlers_hold_no_store() {
    for (path, text) in sources() {
        if layer(&path) == "api" {
            for store in ["AccountStore", "ChatStore", "database()"] {
                assert!(!text.contains(store), "{} names {store}", path.display());
            }
        }
    }
}
