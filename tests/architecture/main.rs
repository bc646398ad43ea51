//! The rules of the house, checked on the source. The order of the layers is read from `docs/architecture.md`, so
//! that what is written there is the rule.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod imports;

use imports::{Crate, circles, rust_files};

/// What every layer may use: small tools, and the settings of a start.
const GROUND: &[&str] = &["base", "config"];

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

/// Each layer and what it may use, from top to bottom, as `docs/architecture.md` shows it.
fn layers() -> Vec<(String, Vec<String>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let section = text.split("## Layers of the server").nth(1).unwrap();
    let block = section.split("```").nth(1).unwrap();
    let names = |text: &str| -> Vec<String> {
        text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    };
    let lines = block.lines().map(|line| line.split('(').next().unwrap_or_default());
    let lines = lines.filter(|line| !line.trim().is_empty());
    lines
        .flat_map(|line| {
            let (from, to) = line.split_once("->").unwrap_or((line, ""));
            names(from).into_iter().map(move |name| (name, names(to)))
        })
        .collect()
}

#[test]
fn dependencies_point_down_only() {
    let layers = layers();
    let names: Vec<_> = layers.iter().map(|(name, _)| name.as_str()).collect();
    let mut unused = BTreeSet::new();
    for (at, (from, allowed)) in layers.iter().enumerate() {
        for to in allowed {
            assert!(names[at..].contains(&to.as_str()), "{to} is not below {from}");
            unused.insert((from.clone(), to.clone()));
        }
    }
    let mut wrong = Vec::new();
    for (path, file) in Crate::read().files {
        let from = layer(&path);
        if from == "lib" || from == "main" {
            continue;
        }
        if !names.contains(&from.as_str()) && !GROUND.contains(&from.as_str()) {
            wrong.push(format!("{}: the layer {from} has no place in the order", path.display()));
        }
        let allowed = layers.iter().find(|(name, _)| *name == from).map(|(_, allowed)| allowed);
        for to in file.uses.iter().filter_map(|used| used.first()) {
            if !names.contains(&to.as_str()) || *to == from {
                continue;
            }
            unused.remove(&(from.clone(), to.clone()));
            if !allowed.is_some_and(|allowed| allowed.contains(to)) {
                wrong.push(format!("{}: {from} must not use {to}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(unused.is_empty(), "docs/architecture.md allows what nobody uses: {unused:?}");
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let source = Crate::read();
    let edges = source.edges();
    let circles = circles(&edges);
    let mut said = String::new();
    for circle in &circles {
        said += &format!("\n{} files:\n", circle.len());
        for from in circle {
            let to: Vec<_> = edges[from].iter().filter(|to| circle.contains(to)).collect();
            said += &format!("  {from:?} -> {to:?}\n");
        }
    }
    assert!(circles.is_empty(), "{said}");
}

/// Numbers outside of `base/limits` that bound nothing: what they are instead.
const NO_BOUND: &[(&str, &[&str], &str)] = &[
    ("api/socket.rs", &["ROOM"], "an estimate of the bytes of a room in `hello`"),
    ("auth/device_cookie.rs", &["ID", "MAC"], "the parts of a cookie"),
    ("auth/state.rs", &["Duration::from_secs(3_600)"], "an hour"),
    ("avatars.rs", &["SMALL", "LARGE"], "the sizes that pictures are drawn in"),
    ("base/encryption.rs", &["WRAP_BYTES"], "a size of the format of the encryption"),
    ("base/ids.rs", &["RANDOM_TEXT"], "the length of a `mid` as text"),
    ("base/runtime.rs", &["BACKGROUND"], "a priority of the operating system"),
    ("config/lan.rs", &["HTTPS", "HTTP"], "ports"),
    ("demo/account.rs", &["ITERATIONS"], "the least number of rounds that is taken"),
    (
        "demo/cast.rs",
        &["DEMO", "ADA", "GRACE", "LINUS", "KATHERINE", "HEDY", "PULSE"],
        "places in the list of people",
    ),
    ("admin/doctor/database.rs", &["OLDEST"], "a version"),
    ("demo/face.rs", &["EDGE", "INK"], "the size of a drawing, and a colour"),
    ("demo/script.rs", &["HOUR", "DAY"], "units"),
    ("e2ee/directory/head.rs", &["LENGTH", "LENGTH"], "sizes of the format, `e2ee.md` 5.1"),
    ("e2ee/envelope.rs", &["TAG"], "a size of AES-GCM"),
    ("e2ee/pack.rs", &["MAX_NUMBER"], "the greatest number of the format"),
    ("e2ee/room_log/body.rs", &["LENGTH"], "a size of the format, `e2ee.md` 6.1"),
    ("e2ee/wraps.rs", &["SUITE"], "the number of the suite"),
    ("tls/acme/attempts.rs", &["HOUR", "DAY"], "units"),
    ("files/disk.rs", &["FOLDER", "FILE"], "rights of folders and files"),
    ("http/body.rs", &["SIZE_LINE"], "follows from a bound"),
    ("http/handshake.rs", &["HANDSHAKE"], "a type of records of RFC 8446, section 5.1"),
    (
        "http/http2/frames.rs",
        &["PREFACE", "HEADER", "END_STREAM", "END_HEADERS"],
        "sizes and flags of RFC 9113, section 3.4, 4.1 and 6",
    ),
    ("http/permit_state.rs", &["BUSY", "EVICTED"], "marks in a word of memory"),
    ("loadtest/protocol.rs", &["TOO_MANY_REQUESTS"], "a status of RFC 6585"),
    ("service/audit.rs", &["Duration::from_secs(3_600)"], "an hour"),
    ("pictures/webp.rs", &["HAS_XMP", "HAS_EXIF", "IS_ANIMATED"], "flags of the format"),
    ("service/files/work.rs", &["MILLION"], "a unit"),
    ("search/dates.rs", &["DAY_MS", "MINUTE_MS"], "units"),
    ("service/search/filing.rs", &["VERSION"], "of the rules that make the index"),
    ("store/chat/search/mod.rs", &["BLOCK"], "a part of the format of the index"),
    ("service/stats.rs", &["DAYS", "DAY_MS"], "a bound by a shorter name, and a unit"),
    ("startup/qr.rs", &["QUIET"], "the margin of ISO 18004, section 5.3.8"),
    ("store/backup/format.rs", &["HEAD", "HASH"], "parts of a file format"),
    ("store/backup/nightly.rs", &["Duration::from_secs(86_400)"], "a day"),
    ("store/chat/files/mod.rs", &["LOCK_OF_OWNER"], "the key of a lock"),
    ("store/chat/statistics.rs", &["DAY_MS"], "a unit"),
    ("store/ownership.rs", &["LOCK"], "the key of a lock"),
    ("store/embedded/programs.rs", &["OLDEST"], "a version of PostgreSQL"),
    ("store/migrate.rs", &["LOCK"], "the number of a lock"),
    ("tls/names.rs", &["TEMPORARY_OR_DEPRECATED"], "flags of the kernel"),
    ("tls/private_file.rs", &["FOLDER", "FILE"], "rights of a folder and a file"),
    ("ws/codec.rs", &["HEAD_MAX", "CONTROL_MAX"], "sizes of RFC 6455, section 5.2 and 5.5"),
    ("ws/frame.rs", &["HEADER_MAX"], "a size of RFC 6455, section 5.2"),
];

/// `tests/bounds/table.rs` can ask for a test of each bound only if all are in one place.
#[test]
fn every_bound_is_in_base_limits() {
    let mut found = BTreeMap::new();
    for (path, file) in Crate::read().files {
        if !path.starts_with("base/limits") && !file.numbers.is_empty() {
            found.insert(path.to_string_lossy().into_owned(), file.numbers);
        }
    }
    let known: BTreeMap<_, _> = NO_BOUND
        .iter()
        .map(|(path, names, _)| {
            ((*path).to_owned(), names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(
        found, known,
        "a bound belongs into base/limits, and what is none into the list above"
    );
}

/// What the rules above would not see, they could not forbid.
#[test]
fn the_rules_read_the_whole_source() {
    let sources = [
        (
            "a.rs",
            "use crate::{\n    b::{self, c::D as E},\n    f,\n};\n#[cfg(test)]\nmod tests { use crate::g; }\n\
             fn late() { json!(crate::h::i()); /* crate::j */ \"crate::k\"; }",
        ),
        ("b/mod.rs", "mod c;\npub use c::D;\nfn x() { c::y() }"),
        ("b/c.rs", "use super::D; use super::super::a::late;"),
        ("f.rs", "use crate::b::D;"),
        ("g.rs", ""),
        ("h.rs", "#[cfg(test)]\nuse crate::{g};\nuse crate::f::z;"),
        ("j.rs", ""),
        ("k.rs", ""),
    ];
    let numbers = "const A: usize = 1; pub(super) const B: [Duration; 2] = X; const C: &str = \"\"; \
                   #[cfg(test)] const D: u8 = 1; fn f() { const E: u8 = 2; wait(Duration::from_secs(5)) }";
    let read = Crate::from_sources([(PathBuf::from("n.rs"), numbers.to_owned())]);
    assert_eq!(read.files[Path::new("n.rs")].numbers, ["A", "B", "E", "Duration::from_secs(5)"]);
    let source =
        Crate::from_sources(sources.map(|(path, text)| (PathBuf::from(path), text.to_owned())));
    let edges = source.edges();
    let to = |from: &str| -> Vec<_> {
        edges[Path::new(from)].iter().map(|path| path.to_str().unwrap()).collect()
    };
    assert_eq!(to("a.rs"), ["b/c.rs", "b/mod.rs", "f.rs", "h.rs"]);
    assert_eq!(to("b/mod.rs"), ["b/c.rs"], "a call of a child counts, a re-export does not");
    assert_eq!(to("b/c.rs"), ["a.rs"], "its own name behind the parent's re-export is its own");
    assert_eq!(
        to("f.rs"),
        ["b/c.rs"],
        "the file that declares a name, not the one that re-exports it"
    );
    assert_eq!(to("h.rs"), ["f.rs"]);
    let found = circles(&edges);
    assert_eq!(found.len(), 1, "{found:?}");
    let files: Vec<_> = found[0].iter().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(files, ["a.rs", "b/c.rs", "b/mod.rs", "f.rs", "h.rs"]);
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

/// What is built, not what Cargo.lock lists: it names optional dependencies of others, too.
#[test]
fn frameworks_stay_out() {
    let tree =
        ["tree", "--locked", "--offline", "--edges", "all", "--prefix", "none", "--format", "{p}"];
    let listed =
        Command::new(env!("CARGO")).args(tree).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let built: BTreeSet<_> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(built.contains("tokio") && built.len() > 100, "{built:?}");
    for framework in ["hyper", "axum", "actix-web", "warp", "tide", "rocket", "tokio-tungstenite"] {
        assert!(!built.contains(framework), "{framework} is built");
    }
}

/// What is done to a room is recorded in `service/room_changes.rs`, and nowhere else is it done: a handler or a
/// service that went past it would leave no entry in the audit log.
#[test]
fn handlers_change_rooms_only_where_it_is_recorded() {
    const ACTS: [&str; 5] = ["change_member", "update", "create", "remove", "restore"];
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
