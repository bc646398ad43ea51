//! The published logs: a closed room and a direct one, entry by entry, and more than ninety verdicts.

use impulse::base::hex;
use impulse::e2ee::directory::Chain;
use impulse::e2ee::room_log::server_rules::check_time;
use impulse::e2ee::room_log::{Entry, SignedEntry, State, apply, replay};
use serde_json::{Value, json};

use super::directory::{T, chain};
use super::{array, bytes, vectors};

fn signed(entry: &Value) -> SignedEntry {
    SignedEntry { entry: bytes(&entry["entry"]), sig: array(&entry["sig"]) }
}

fn entries(log: &str) -> Vec<Value> {
    vectors()[format!("{log}_log")]["out"]["entries"].as_array().unwrap().clone()
}

/// The state as the vectors write it.
fn written(state: &State, dir: &Chain) -> Value {
    let members = state.members.iter().map(|(uid, member)| {
        let root = hex::encode(&member.root[..4]);
        let role = member.role.as_str();
        let member = format!("{role} {root} {} {}", member.since_seq, member.since_dn);
        (uid.to_string(), json!(member))
    });
    let due = (4..=7).filter(|n| *n >= state.dn && state.is_due(*n, dir));
    json!({
        "seq": state.seq(),
        "epoch": state.epoch(),
        "members": members.collect::<serde_json::Map<_, _>>(),
        "banned": state.banned,
        "skipped": state.skipped,
        "due": due.collect::<Vec<_>>(),
    })
}

#[test]
fn the_published_logs_are_valid_and_give_the_published_states() {
    let chain = chain();
    for log in ["room", "dm"] {
        let (mut state, mut replayed) = (State::default(), State::default());
        for published in entries(log) {
            let signed = signed(&published);
            let entry = Entry::parse(&signed.entry).unwrap();
            assert_eq!(entry.to_bytes(), signed.entry);
            assert_eq!(entry.body.word(), published["type"].as_str().unwrap());
            let applied = apply(&mut state, &signed, &chain).unwrap();
            assert_eq!(applied.hash.to_vec(), bytes(&published["hash"]));
            assert_eq!(written(&state, &chain), published["state"], "{log} {}", entry.seq);
            assert_eq!(replay(&mut replayed, &signed).unwrap(), applied);
        }
        assert_eq!(replayed, state);
        let rid = vectors()[format!("{log}_log")]["out"]["rid"].clone();
        assert_eq!(state.rid.to_vec(), bytes(&rid));
    }
}

#[test]
fn every_published_verdict_is_ours() {
    let chain = chain();
    for case in vectors()["log_verdicts"]["out"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let before = usize::try_from(case["after"].as_u64().unwrap()).unwrap() + 1;
        let mut state = State::default();
        for entry in &entries(case["log"].as_str().unwrap())[..before] {
            apply(&mut state, &signed(entry), &chain).unwrap();
        }
        let (last, others) = case["entries"].as_array().unwrap().split_last().unwrap();
        for entry in others {
            apply(&mut state, &signed(entry), &chain).unwrap();
        }
        let untouched = state.clone();
        let verdict = match apply(&mut state, &signed(last), &chain) {
            Ok(_) => "ok",
            Err(refusal) => {
                assert_eq!(state, untouched, "{name}");
                refusal.as_str()
            }
        };
        assert_eq!(verdict, case["verdict"].as_str().unwrap(), "{name}");
        if let Some(wanted) = case.get("state") {
            assert_eq!(written(&state, &chain), *wanted, "{name}");
        }
    }
}

#[test]
fn the_time_of_an_entry_is_judged_as_published() {
    for case in vectors()["bad_time"]["out"].as_array().unwrap() {
        let at = |name: &str| T + case[name].as_u64().unwrap();
        let (state, clock, time) = (at("state"), at("clock"), at("time"));
        let verdict = match check_time(state, clock, time) {
            // `apply` comes first.
            _ if time < state => "time".to_owned(),
            Ok(()) => "ok".to_owned(),
            Err(error) => error.code().as_str().to_owned(),
        };
        assert_eq!(verdict, case["verdict"].as_str().unwrap(), "{case}");
    }
}
