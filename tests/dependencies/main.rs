//! What we build upon: nothing with an open advisory, nothing unused, nothing twice without a reason.
//!
//! `advisories.tsv` beside this file makes the first check possible without a network; `./update` writes it anew.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use semver::{Version, VersionReq};

/// Advisories we live with, and why.
const ACCEPTED: &[(&str, &str)] = &[];

/// Crates of the server that are there in several versions, because of one that has not moved on yet.
const TWICE: &[(&str, &str)] = &[
    ("base64", "postgres-protocol takes 0.22"),
    ("miniz_oxide", "png takes 0.8"),
    ("syn", "macros of rust-embed and tracing take 2; nothing of it is in the program"),
    ("getrandom", "proptest takes 0.3, in tests only"),
    ("quick-error", "proptest takes 1, in tests only"),
    ("r-efi", "both versions of getrandom, on machines we do not run on"),
    ("rand", "proptest takes 0.9, in tests only"),
    ("rand_core", "both versions of rand"),
    ("wasi", "getrandom, on machines we do not run on"),
    ("bit-vec", "proptest takes 0.8, in tests only"),
    ("crypto-common", "both versions of digest"),
    ("digest", "crc-fast takes 0.10, with the feature s3 only"),
    ("itertools", "criterion takes 0.13, in benchmarks only"),
    (
        "synstructure",
        "macros of yoke take 0.14, with the feature s3 only; nothing of it is in the program",
    ),
    ("windows-sys", "ring takes 0.52, on machines we do not run on"),
];

struct Advisory {
    id: String,
    kind: String,
    patched: Vec<VersionReq>,
    unaffected: Vec<VersionReq>,
}

impl Advisory {
    fn concerns(&self, version: &Version) -> bool {
        !self.patched.iter().chain(&self.unaffected).any(|range| range.matches(version))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The table, by crate.
fn advisories(table: &str) -> BTreeMap<String, Vec<Advisory>> {
    let mut found: BTreeMap<String, Vec<Advisory>> = BTreeMap::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let [id, name, kind, patched, unaffected] =
            line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let ranges = |text: &str| {
            let ranges = text.split("; ").filter(|range| !range.is_empty());
            ranges.map(|range| VersionReq::parse(range).unwrap()).collect()
        };
        found.entry(name.to_owned()).or_default().push(Advisory {
            id: id.to_owned(),
            kind: kind.to_owned(),
            patched: ranges(patched),
            unaffected: ranges(unaffected),
        });
    }
    found
}

/// Name and version of every package of a lock file.
fn packages(lock: &str) -> Vec<(String, Version)> {
    let quoted = |line: &str| line.split('"').nth(1).unwrap().to_owned();
    let blocks = lock.split("[[package]]").skip(1);
    let field = |block: &str, name: &str| {
        quoted(block.lines().find(|line| line.starts_with(&format!("{name} = "))).unwrap())
    };
    blocks
        .map(|block| (field(block, "name"), Version::parse(&field(block, "version")).unwrap()))
        .collect()
}

fn open<'a>(
    table: &'a BTreeMap<String, Vec<Advisory>>,
    packages: &'a [(String, Version)],
) -> impl Iterator<Item = (&'a str, &'a Version, &'a Advisory)> {
    packages.iter().flat_map(move |(name, version)| {
        let known = table.get(name).into_iter().flatten();
        known.filter(|advisory| advisory.concerns(version)).map(move |one| (&**name, version, one))
    })
}

#[test]
fn nothing_we_build_upon_has_an_open_advisory() {
    let table = fs::read_to_string(root().join("tests/dependencies/advisories.tsv")).unwrap();
    let table = advisories(&table);
    assert!(table.values().map(Vec::len).sum::<usize>() > 1_000, "the table is whole");
    let mut found = Vec::new();
    let mut accepted = BTreeSet::new();
    for lock in ["Cargo.lock", "fuzz/Cargo.lock"] {
        let packages = packages(&fs::read_to_string(root().join(lock)).unwrap());
        for (name, version, advisory) in open(&table, &packages) {
            if ACCEPTED.iter().any(|(id, _)| *id == advisory.id) {
                accepted.insert(advisory.id.clone());
                continue;
            }
            let ranges = advisory.patched.iter().map(ToString::to_string).collect::<Vec<_>>();
            found.push(format!(
                "{lock}: {name} {version}: {} ({}), mended in {ranges:?}; cargo update -p {name}",
                advisory.id, advisory.kind
            ));
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    let idle = ACCEPTED.iter().find(|(id, _)| !accepted.contains(*id));
    assert_eq!(idle, None, "nothing has this advisory any more");
}

#[test]
fn an_advisory_concerns_what_is_neither_mended_nor_older_than_the_fault() {
    let table = advisories(
        "# a comment\nA-1\tbad\tvulnerability\t>= 1.2.3, < 2.0.0; >= 2.1.0\t< 1.0.0\nA-2\tgone\tunmaintained\t\t\n",
    );
    let lock = |version: &str| {
        let text = format!("[[package]]\nname = \"bad\"\nversion = \"{version}\"\n");
        let packages = packages(&text);
        open(&table, &packages).map(|(_, _, advisory)| advisory.id.clone()).collect::<Vec<_>>()
    };
    for (version, is_open) in [
        ("0.9.0", false),
        ("1.0.0", true),
        ("1.2.2", true),
        ("1.2.3", false),
        ("2.0.0", true),
        ("2.1.0", false),
    ] {
        assert_eq!(!lock(version).is_empty(), is_open, "{version}");
    }
    let gone = [("gone".to_owned(), Version::new(9, 0, 0))];
    assert_eq!(open(&table, &gone).count(), 1, "what nobody maintains is open in every version");
}

#[test]
fn no_crate_is_there_twice_without_a_reason() {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for (name, _) in packages(&fs::read_to_string(root().join("Cargo.lock")).unwrap()) {
        *count.entry(name).or_default() += 1;
    }
    let twice: BTreeSet<_> =
        count.iter().filter(|(_, times)| **times > 1).map(|(name, _)| name.as_str()).collect();
    let explained: BTreeSet<_> = TWICE.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        twice, explained,
        "what is there twice has a reason in this list, and nothing else is in it"
    );
}

#[test]
fn every_dependency_is_used() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut sources = String::new();
    for folder in ["src", "tests", "benches"] {
        read_rust(&root().join(folder), &mut sources);
    }
    let words: BTreeSet<&str> =
        sources.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let Some((name, _)) = line.split_once(" = ").filter(|_| section.ends_with("dependencies]"))
        else {
            continue;
        };
        assert!(words.contains(name.replace('-', "_").as_str()), "{name} of {section} is not used");
    }
}

/// The code of all Rust files below a folder, without whole-line comments; of this file, which names crates in
/// its lists, what it uses.
fn read_rust(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let is_here = path.ends_with(file!());
        if path.is_dir() && !path.ends_with("node_modules") {
            read_rust(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                if is_here && !line.starts_with("use ") {
                    continue;
                }
                found.push_str(line);
                found.push('\n');
            }
        }
    }
}
