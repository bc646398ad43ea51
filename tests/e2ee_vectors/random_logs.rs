//! Random logs, judged by the server and by the client: the same verdict, the same rule, the same state (21.3). Each
//! side makes some, and the other judges them. `IMPULSE_WORLDS=200 cargo test --test e2ee_vectors random_logs` makes
//! more than `./test` does, `IMPULSE_SEED` others.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use impulse::base::hex;
use impulse::base::ids::Uid;
use impulse::e2ee::directory::{self, Chain, Entry, Instance};
use impulse::e2ee::room_log::{self, Batch, SignedEntry, State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::author::Author;
use super::draw::Draw;

/// Batches of a world.
const BATCHES: usize = 60;

/// A directory and a room's log in batches, valid and not; one line of JSON.
#[derive(Serialize, Deserialize)]
pub struct Line {
    instance: String,
    positions: Vec<Position>,
    batches: Vec<Vec<Signed>>,
    #[serde(default, skip_serializing)]
    verdicts: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
struct Position {
    uid: Uid,
    e: String,
    sn: String,
    so: String,
}

/// An entry, of which nothing is sure: also a signature of another length.
#[derive(Clone, Serialize, Deserialize)]
pub struct Signed {
    pub e: String,
    pub s: String,
}

/// How many worlds, and the first seed.
fn extent() -> (u64, u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    (number("IMPULSE_WORLDS").unwrap_or(8), number("IMPULSE_SEED").unwrap_or(1))
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn chain_of(line: &Line) -> Chain {
    let instance: Instance = bytes(&line.instance).try_into().unwrap();
    let mut chain = Chain::new(instance);
    for position in &line.positions {
        let sig_old = bytes(&position.so);
        let signed = directory::SignedEntry {
            entry: bytes(&position.e),
            sig_new: bytes(&position.sn).try_into().unwrap(),
            sig_old: (!sig_old.is_empty()).then(|| sig_old.try_into().unwrap()),
        };
        let tag = Entry::parse(&instance, &signed.entry).unwrap().tag;
        let checked = chain.check(position.uid, &[tag], &[signed], u64::MAX).unwrap();
        chain.append(&checked).unwrap();
    }
    chain
}

/// The verdict about a batch; a valid one becomes the state.
fn judge(state: &mut State, batch: &[Signed], chain: &Chain) -> Value {
    let mut judged = Batch::after(state);
    for (index, signed) in batch.iter().enumerate() {
        let Ok(sig) = bytes(&signed.s).try_into() else {
            return json!({"ok": false, "index": index, "rule": "form"});
        };
        if let Err(refused) = judged.push(&SignedEntry { entry: bytes(&signed.e), sig }, chain) {
            let rule = refused.refusal.as_str();
            return json!({"ok": false, "index": refused.index, "rule": rule});
        }
    }
    *state = judged.state;
    json!({"ok": true, "state": told(state, chain)})
}

fn verdicts(line: &Line) -> Vec<Value> {
    let (chain, mut state) = (chain_of(line), State::default());
    line.batches.iter().map(|batch| judge(&mut state, batch, &chain)).collect()
}

/// A state as it is told.
fn told(state: &State, chain: &Chain) -> Value {
    let members = state.members.iter().map(|(uid, member)| {
        let root = hex::encode(&member.root);
        let told = json!([root, member.role.as_str(), member.since_seq, member.since_dn]);
        (uid.to_string(), told)
    });
    let past = state.past.iter().map(|(uid, intervals)| {
        let told = intervals.iter().map(|interval| {
            let (root, role) = (hex::encode(&interval.root), interval.role.as_str());
            json!([interval.from_seq, interval.to_seq, root, role])
        });
        (uid.to_string(), told.collect::<Value>())
    });
    let links = state.links.iter().map(|(lid, link)| {
        let (key, root) = (hex::encode(&link.ed_pub), hex::encode(&link.by_root));
        let (expires, max) = (link.expires_ms, link.max_uses);
        let told = json!([key, expires, max, link.uses, link.by, root, link.is_ended]);
        (hex::encode(lid), told)
    });
    json!({
        "rid": hex::encode(&state.rid),
        "kind": state.kind.as_str(),
        "first": state.first,
        "seq": state.seq(),
        "head": hex::encode(&state.head),
        "time": state.time_ms,
        "dn": state.dn,
        "members": members.collect::<serde_json::Map<_, _>>(),
        "past": past.collect::<serde_json::Map<_, _>>(),
        "banned": state.banned,
        "links": links.collect::<serde_json::Map<_, _>>(),
        "epoch": state.epoch(),
        "kc": state.epochs.iter().map(|epoch| hex::encode(&epoch.kc)).collect::<Vec<_>>(),
        "edges": state.epochs.iter().map(|epoch| &epoch.links).collect::<Vec<_>>(),
        "entry_of": state.epochs.iter().map(|epoch| epoch.entry).collect::<Vec<_>>(),
        "epoch_dn": state.epoch_dn,
        "skipped": state.skipped,
        "gone": state.gone,
        "at": (state.dn..=chain.n()).map(|n| derived(state, n, chain)).collect::<Vec<_>>(),
    })
}

/// What follows from a state at a position of the directory.
fn derived(state: &State, n: u64, chain: &Chain) -> Value {
    let is_stale = |uid: &Uid| state.is_stale(*uid, &state.members[uid], n, chain);
    let is_live = |lid: &[u8; 8]| state.live_link(lid, state.time_ms, n, chain).is_some();
    let rank = |uid: &Uid| (uid.to_string(), json!(state.rank(*uid, n, chain)));
    let stale: Vec<_> = state.members.keys().filter(|uid| is_stale(uid)).collect();
    let live = state.links.keys().filter(|lid| is_live(lid)).map(|lid| hex::encode(lid));
    json!({
        "n": n,
        "acting": state.acting(n, chain),
        "due": state.is_due(n, chain),
        "stale": stale,
        "live": live.collect::<Vec<_>>(),
        "rank": state.members.keys().map(rank).collect::<serde_json::Map<_, _>>(),
    })
}

/// The first field in which two states differ.
fn difference(ours: &Value, theirs: &Value) -> String {
    match (&ours["state"], &theirs["state"]) {
        (Value::Object(a), Value::Object(b)) => a
            .iter()
            .find(|(name, value)| b.get(*name) != Some(value))
            .map_or("a field".into(), |(name, value)| {
                format!("{name}: {value} and {:?}", b.get(name))
            }),
        _ => format!("{ours} and {theirs}"),
    }
}

/// Both sides say the same about every batch. How often which rule was broken, and how often none.
fn compare(name: &str, line: &Line, theirs: &[Value], seen: &mut BTreeMap<String, u32>) {
    let ours = verdicts(line);
    assert_eq!(ours.len(), theirs.len(), "{name}");
    for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        if ours != theirs {
            let last = line.batches[index]
                .iter()
                .map(|signed| format!("{:?}", room_log::Entry::parse(&bytes(&signed.e))));
            let entries = last.collect::<Vec<_>>().join("\n");
            panic!("{name}, batch {index}: {}\n{entries}", difference(ours, theirs));
        }
        let rule = ours["rule"].as_str().unwrap_or("ok").to_owned();
        *seen.entry(rule).or_default() += 1;
    }
}

/// A program of the client's tests.
fn node(program: &str) -> Command {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/web/encryption/random_logs/");
    let mut command = Command::new("node");
    command.arg(format!("{folder}{program}"));
    command
}

#[test]
fn the_server_judges_the_logs_that_the_client_makes_as_the_client_does() {
    let (worlds, seed) = extent();
    let made = node("generate.js").args([seed.to_string(), worlds.to_string()]).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut seen = BTreeMap::new();
    for (index, line) in String::from_utf8(made.stdout).unwrap().lines().enumerate() {
        let line: Line = serde_json::from_str(line).unwrap();
        compare(&format!("world {index}"), &line, &line.verdicts, &mut seen);
    }
    println!("{seen:?}");
    assert!(seen["ok"] > 100 && seen.len() > 10, "{seen:?}");
}

#[test]
fn the_client_judges_the_logs_that_the_server_makes_as_the_server_does() {
    let (worlds, seed) = extent();
    let lines: Vec<Line> = (seed..seed + worlds).map(random).collect();
    let mut judge = node("judge.js");
    let mut judge = judge
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut input = judge.stdin.take().unwrap();
    let text: String =
        lines.iter().map(|line| format!("{}\n", serde_json::to_string(line).unwrap())).collect();
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = judge.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), lines.len());
    let mut seen = BTreeMap::new();
    for (index, (line, answer)) in lines.iter().zip(answers.lines()).enumerate() {
        let answer: Value = serde_json::from_str(answer).unwrap();
        let theirs = answer["verdicts"].as_array().unwrap();
        compare(&format!("world {}", seed + index as u64), line, theirs, &mut seen);
    }
    println!("{seen:?}");
    assert!(seen["ok"] > 100 && seen.len() > 10, "{seen:?}");
}

/// A world of ours.
fn random(seed: u64) -> Line {
    let mut draw = Draw::new(seed);
    let mut author = Author::new(&mut draw);
    let (mut state, mut before) = (State::default(), State::default());
    let mut batches = Vec::new();
    for _ in 0..BATCHES {
        // Now and then somebody has not heard of the newest batch.
        let base = if draw.happens(5) { &before } else { &state };
        let batch = author.batch(base, &mut draw);
        let mut after = state.clone();
        if judge(&mut after, &batch, &author.room.world.chain)["ok"] == true {
            before = std::mem::replace(&mut state, after);
        }
        batches.push(batch);
    }
    let world = &author.room.world;
    let position = |signed: &directory::SignedEntry| Position {
        uid: Entry::parse(world.chain.instance(), &signed.entry).unwrap().uid,
        e: hex::encode(&signed.entry),
        sn: hex::encode(&signed.sig_new),
        so: signed.sig_old.map(|sig| hex::encode(&sig)).unwrap_or_default(),
    };
    Line {
        instance: hex::encode(world.chain.instance()),
        positions: world.entries.iter().map(position).collect(),
        batches,
        verdicts: Vec::new(),
    }
}

#[test]
fn a_world_is_the_same_for_the_same_seed_and_another_for_another() {
    let text = |seed| serde_json::to_string(&random(seed)).unwrap();
    assert_eq!(text(3), text(3));
    assert_ne!(text(3), text(4));
}
