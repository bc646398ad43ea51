//! What the server asks beyond `apply`: the second table of 6.3, and the wraps of 7.4 and 7.5.

use impulse::base::encryption::{WRAP_BYTES, WrapId};
use impulse::base::ids::Uid;
use impulse::base::limits::encryption as limits;
use impulse::e2ee::directory::EntryType;
use impulse::e2ee::room_log::server_rules::{
    check_actor, check_archived, check_bounds, check_founding, check_size, check_skip,
    unknown_entries,
};
use impulse::e2ee::room_log::{
    Batch, Body, Kind, RemoveReason, Role, Rule, SignedEntry, State, check,
};
use impulse::e2ee::wraps::{self, Mismatch, compare, needed, required};

use super::world::{ANNA, BEN, CARL, DORA, ERIK, Room, sign};

/// A batch of one actor.
fn batch(room: &Room, actor: Uid, bodies: &[Body]) -> Batch {
    let mut room = room.clone();
    let mut batch = Batch::after(&room.state);
    for body in bodies {
        let entry = room.entry(actor, body.clone());
        room.judge(&entry).unwrap();
        batch.push(&sign(&entry), &room.world.chain).unwrap();
    }
    assert_eq!(batch.state, room.state);
    batch
}

fn remove(uid: Uid, reason: RemoveReason) -> Body {
    Body::Remove { uid, reason }
}

#[test]
fn a_batch_is_taken_whole_or_not_at_all() {
    let room = Room::closed();
    let good = room.entry(ANNA, remove(CARL, RemoveReason::Removed));
    let mut after = room.clone();
    after.judge(&good).unwrap();
    let bad = after.entry(BEN, remove(ANNA, RemoveReason::Removed));
    let refused = check(&room.state, &[sign(&good), sign(&bad)], &room.world.chain).unwrap_err();
    assert_eq!((refused.index, refused.refusal.as_str()), (1, "target"));
    let error = refused.into_error();
    assert_eq!(error.code().as_str(), "bad_entry");
    let taken = check(&room.state, &[sign(&good)], &room.world.chain).unwrap();
    assert_eq!(taken.state, after.state);
    // A late one: made for a head that is not the newest any more.
    let late = check(&after.state, &[sign(&good)], &room.world.chain).unwrap_err();
    assert_eq!((late.index, late.refusal.as_str()), (0, "chain"));
}

#[test]
fn a_batch_has_so_many_entries_and_so_many_bytes() {
    let entry = |length| SignedEntry { entry: vec![0; length], sig: [0; 64] };
    assert!(check_size(&vec![entry(100); limits::BATCH], 0).is_ok());
    let error = check_size(&vec![entry(100); limits::BATCH + 1], 0).unwrap_err();
    assert_eq!(error.code().as_str(), "too_large");
    let length = limits::BATCH_BYTES - 64 - 1_000;
    assert!(check_size(&[entry(length)], 1_000).is_ok());
    assert!(check_size(&[entry(length)], 1_001).is_err());
}

#[test]
fn a_batch_is_its_callers() {
    let entry = Room::closed().entry(ANNA, remove(CARL, RemoveReason::Removed));
    assert_eq!(check_actor(&entry, ANNA), Ok(()));
    assert_eq!(check_actor(&entry, BEN), Err(Rule::Actor));
}

#[test]
fn only_shut_accounts_are_skipped() {
    let room = Room::closed();
    let entry = room.entry(ANNA, room.epoch(&[BEN, CARL]));
    assert_eq!(check_skip(&entry, |_| false), Ok(()));
    assert_eq!(check_skip(&entry, |uid| uid == CARL), Err(Rule::Skip));
    assert_eq!(check_skip(&entry, |uid| uid == DORA), Ok(()));
}

fn founding(kind: Kind, first: u64, others: &[Body]) -> Batch {
    let room = Room { state: State::default(), ..Room::closed() };
    let bodies = [&[room.create(ANNA, kind, first)], others].concat();
    batch(&room, ANNA, &bodies)
}

#[test]
fn a_founding_batch_is_whole_and_has_one_profile_or_up_to_nine_people() {
    let room = Room::closed();
    let add = |uid| room.add(uid, Role::Member);
    let good = [
        founding(Kind::Closed, 1, &[room.profile(1)]),
        founding(Kind::Closed, 3, &[add(BEN), room.profile(1), add(CARL)]),
        founding(Kind::Dm, 1, &[add(BEN)]),
    ];
    let bad = [
        founding(Kind::Closed, 1, &[add(BEN)]),
        founding(Kind::Closed, 2, &[room.profile(1), room.profile(1)]),
        founding(Kind::Closed, 2, &[room.profile(1)]),
        founding(Kind::Closed, 1, &[room.profile(1), room.epoch(&[])]),
        founding(Kind::Dm, 2, &[add(BEN)]),
    ];
    assert!(good.iter().all(|batch| check_founding(batch).is_ok()));
    for batch in &bad {
        let refused = check_founding(batch).unwrap_err();
        assert_eq!(refused.refusal.as_str(), "founding");
    }
}

/// More people than there are keys for: only their number counts.
fn crowd(people: usize) -> Batch {
    let mut room = Room::closed();
    let mut batch = batch(&room, ANNA, &[room.add(ERIK, Role::Member)]);
    let member = room.state.members[&CARL];
    for number in 0..people - batch.state.members.len() {
        let uid = Uid(1_000 + i64::try_from(number).unwrap());
        batch.state.members.insert(uid, member);
        room.state.members.insert(uid, member);
    }
    batch
}

#[test]
fn a_room_has_so_many_members() {
    assert!(check_bounds(&crowd(limits::MEMBERS)).is_ok());
    let mut full = crowd(limits::MEMBERS + 1);
    assert_eq!(check_bounds(&full).unwrap_err().code().as_str(), "forbidden");
    // Whoever goes may go, also where a bound was lowered.
    full.applied = batch(&Room::closed(), ANNA, &[remove(CARL, RemoveReason::Banned)]).applied;
    assert!(check_bounds(&full).is_ok());
}

#[test]
fn so_many_people_found_a_room() {
    let room = Room::closed();
    let mut founded = founding(Kind::Closed, 2, &[room.profile(1), room.add(BEN, Role::Member)]);
    let add = founded.applied[2].clone();
    founded.applied.extend(vec![add.clone(); limits::FOUNDING_MEMBERS - 1]);
    assert!(check_founding(&founded).is_ok());
    founded.applied.push(add);
    assert!(check_founding(&founded).is_err());
    let mut chat = founding(Kind::Dm, 1, &[room.add(BEN, Role::Member)]);
    let add = chat.applied[1].clone();
    chat.applied.extend(vec![add.clone(); limits::FOUNDING_DIRECT - 1]);
    assert!(check_founding(&chat).is_ok());
    chat.applied.push(add);
    assert!(check_founding(&chat).is_err());
}

#[test]
fn the_last_entries_of_a_log_are_for_removals_new_keys_and_re_admissions() {
    let mut room = Room::closed();
    room.world.append(DORA, EntryType::Reset);
    let at = |body: Body, seq: u64| {
        let mut batch = batch(&room, ANNA, &[body]);
        batch.applied[0].entry.seq = seq;
        check_bounds(&batch).is_ok()
    };
    let last = limits::LOG - limits::LOG_RESERVE - 1;
    assert!(at(room.link(1), last) && !at(room.link(1), last + 1));
    assert!(!at(room.add(ERIK, Role::Member), last + 1));
    for body in [remove(CARL, RemoveReason::Removed), room.epoch(&[]), room.add(DORA, Role::Member)]
    {
        assert!(at(body.clone(), last + 1) && at(body.clone(), limits::LOG - 1));
        assert!(!at(body, limits::LOG));
    }
}

#[test]
fn an_archived_room_takes_what_only_takes_away_or_lets_back_in() {
    let mut room = Room::closed();
    room.take(BEN, room.link(1));
    room.take(ANNA, remove(ERIK, RemoveReason::Banned));
    room.world.append(DORA, EntryType::Reset);
    let may = |actor, bodies: &[Body]| check_archived(&batch(&room, actor, bodies)).is_ok();
    assert!(may(CARL, &[remove(CARL, RemoveReason::Left)]));
    assert!(may(ANNA, &[Body::Unlink { lid: [1; 8] }, Body::Unban { uid: ERIK }]));
    assert!(may(ANNA, &[room.add(DORA, Role::Member)]));
    assert!(!may(ANNA, &[remove(CARL, RemoveReason::Removed)]));
    assert!(!may(ANNA, &[remove(CARL, RemoveReason::Banned)]));
    assert!(!may(ANNA, &[room.epoch(&[])]));
    assert!(!may(ANNA, &[room.link(2)]));
    assert!(!may(ANNA, &[Body::Unban { uid: ERIK }, room.add(ERIK, Role::Member)]));
    assert!(!may(ANNA, &[Body::Role { uid: CARL, role: Role::Admin }]));
    assert!(!may(ANNA, &[room.profile(1)]));
}

#[test]
fn who_gives_out_keys_knows_the_newest_of_everybody() {
    let mut room = Room::closed();
    let latest = |uid: Uid| match uid {
        BEN => Some(6),
        _ => Some(5),
    };
    room.take(BEN, room.link(1));
    for body in [room.epoch(&[]), room.add(ERIK, Role::Member)] {
        assert_eq!(unknown_entries(&batch(&room, ANNA, &[body]), latest), [BEN]);
    }
    let joined = batch(&room, ERIK, &[room.join(ERIK, 1)]);
    assert_eq!(unknown_entries(&joined, latest), [BEN]);
    assert_eq!(unknown_entries(&joined, |_| Some(5)), []);
    let none = batch(&room, ANNA, &[remove(CARL, RemoveReason::Removed), room.link(2)]);
    assert_eq!(unknown_entries(&none, latest), []);
    let gone = batch(&room, ANNA, &[remove(BEN, RemoveReason::Removed), room.epoch(&[])]);
    assert_eq!(unknown_entries(&gone, latest), [], "who has gone gets no key");
}

fn wrap(uid: Uid, epoch: u64, generation: u64) -> WrapId {
    WrapId { uid, epoch, generation }
}

#[test]
fn a_new_key_comes_with_a_wrap_for_everybody_who_is_entitled_to_it() {
    let mut room = Room::closed();
    room.world.append(BEN, EntryType::Rotate);
    room.world.append(DORA, EntryType::Reset);
    let required = |bodies: &[Body]| required(&batch(&room, ANNA, bodies), &room.world.chain);
    let all = [wrap(ANNA, 2, 1), wrap(BEN, 2, 2), wrap(CARL, 2, 1)];
    assert_eq!(required(&[room.epoch(&[])]), all, "not for who is stale");
    assert_eq!(required(&[room.epoch(&[CARL])]), all[..2], "nor for who is skipped");
    let gone = remove(CARL, RemoveReason::Removed);
    assert_eq!(required(&[gone, room.epoch(&[])]), all[..2], "nor for who has gone");
    let back = room.add(DORA, Role::Member);
    assert_eq!(required(std::slice::from_ref(&back)), [wrap(DORA, 1, 2)]);
    assert_eq!(required(&[back, room.epoch(&[])]), [&all[..], &[wrap(DORA, 2, 2)]].concat());
    assert_eq!(required(&[room.add(ERIK, Role::Member)]), [wrap(ERIK, 1, 1)]);
    assert_eq!(required(&[room.link(1)]), []);
    let mut linked = room.clone();
    linked.take(ANNA, linked.link(1));
    let joined = batch(&linked, ERIK, &[linked.join(ERIK, 1)]);
    assert_eq!(wraps::required(&joined, &linked.world.chain), []);
    let founded = founding(Kind::Dm, 1, &[Room::closed().add(BEN, Role::Member)]);
    let wanted = [wrap(ANNA, 1, 1), wrap(BEN, 1, 1)];
    assert_eq!(wraps::required(&founded, &Room::closed().world.chain), wanted);
}

#[test]
fn the_wraps_of_a_batch_are_exactly_the_required_ones() {
    let wanted = [wrap(ANNA, 2, 1), wrap(BEN, 2, 2)];
    let wrong = |missing: &[Uid], extra: &[Uid]| {
        Err(Mismatch { missing: missing.to_vec(), extra: extra.to_vec() })
    };
    assert_eq!(compare(&wanted, &[wanted[1], wanted[0]]), Ok(()));
    assert_eq!(compare(&wanted, &wanted[..1]), wrong(&[BEN], &[]));
    assert_eq!(compare(&wanted, &[wanted[0], wanted[1], wrap(CARL, 2, 1)]), wrong(&[], &[CARL]));
    assert_eq!(compare(&wanted, &[wanted[0], wanted[1], wanted[1]]), wrong(&[], &[BEN]));
    assert_eq!(compare(&wanted, &[wanted[0], wrap(BEN, 2, 1)]), wrong(&[BEN], &[BEN]));
    assert_eq!(compare(&wanted, &[wanted[0], wrap(BEN, 1, 2)]), wrong(&[BEN], &[BEN]));
    assert_eq!(compare(&[], &[]), Ok(()));
}

#[test]
fn a_wrap_is_needed_by_who_is_open_not_stale_and_without_a_wrap() {
    let mut room = Room::closed();
    room.world.append(BEN, EntryType::Rotate);
    room.world.append(DORA, EntryType::Reset);
    let (n, dir) = (room.world.chain.n(), &room.world.chain);
    let has = [wrap(ANNA, 1, 1), wrap(BEN, 1, 1)];
    let needed = |shut: Option<Uid>| {
        needed(&room.state, n, dir, |uid| Some(uid) != shut, |id| has.contains(id))
    };
    assert_eq!(needed(None), [wrap(BEN, 1, 2), wrap(CARL, 1, 1)]);
    assert_eq!(needed(Some(CARL)), [wrap(BEN, 1, 2)]);
}

#[test]
fn a_wrap_has_one_length_and_one_suite() {
    let mut wrap = vec![1; WRAP_BYTES];
    assert!(wraps::is_wrap(&wrap));
    wrap[0] = 2;
    assert!(!wraps::is_wrap(&wrap));
    assert!(!wraps::is_wrap(&[1; WRAP_BYTES + 1]) && !wraps::is_wrap(&[1; 80]));
    assert!(!wraps::is_wrap(&[]));
}
