//! Every rule of 6.3, broken alone: with that rule switched off, the entry would be taken.

use impulse::base::ids::Uid;
use impulse::base::limits::encryption as limits;
use impulse::e2ee::directory::{DirectoryView as _, EntryType};
use impulse::e2ee::pack::{MAX_NUMBER, Malformed, number, pack};
use impulse::e2ee::room_log::{
    Body, Entry, EpochReason, KeyLink, Kind, Refusal, RemoveReason, Role, Rule, State,
};

use super::world::{ANNA, BEN, CARL, DORA, ERIK, NOBODY, Room, kc, link_key, sign};

/// What somebody does to an entry or a room, with its name or its rule.
type Named<T> = (&'static str, fn(&mut T));

fn left(uid: Uid) -> Body {
    Body::Remove { uid, reason: RemoveReason::Left }
}

fn removed(uid: Uid) -> Body {
    Body::Remove { uid, reason: RemoveReason::Removed }
}

fn banned(uid: Uid) -> Body {
    Body::Remove { uid, reason: RemoveReason::Banned }
}

fn role(uid: Uid, role: Role) -> Body {
    Body::Role { uid, role }
}

fn reset(room: &mut Room, uid: Uid) {
    room.world.append(uid, EntryType::Reset);
}

/// The room before its first entry.
fn unfounded() -> Room {
    Room { state: State::default(), ..Room::closed() }
}

/// The verdict about an entry that is changed before it is signed.
fn changed(room: &Room, actor: Uid, body: Body, change: impl Fn(&mut Entry)) -> &'static str {
    let mut entry = room.entry(actor, body);
    assert!(room.clone().judge(&entry).is_ok(), "the entry is valid without the change");
    change(&mut entry);
    match room.clone().judge(&entry) {
        Ok(_) => "ok",
        Err(refusal) => refusal.as_str(),
    }
}

#[test]
fn an_entry_follows_the_newest_one() {
    let room = Room::closed();
    let body = || banned(CARL);
    let cases: &[Named<Entry>] = &[
        ("chain", |entry| entry.seq += 1),
        ("chain", |entry| entry.seq -= 1),
        ("chain", |entry| entry.rid = Some([1; 32])),
        ("chain", |entry| entry.rid = None),
        ("chain", |entry| entry.prev_hash = Some([1; 32])),
        ("chain", |entry| entry.prev_hash = None),
        ("chain", |entry| (entry.rid, entry.prev_hash) = (None, None)),
        ("time", |entry| entry.time_ms -= 11),
        ("ok", |entry| entry.time_ms -= 10),
        ("dn", |entry| entry.dh = [1; 32]),
        ("dn", |entry| entry.dn += 1),
        ("generation", |entry| entry.actor_generation = 2),
        ("generation", |entry| entry.actor = NOBODY),
    ];
    for (index, (rule, change)) in cases.iter().enumerate() {
        assert_eq!(changed(&room, ANNA, body(), change), *rule, "{index}");
    }
    let mut entry = room.entry(ANNA, room.create(ANNA, Kind::Closed, 4));
    assert_eq!(room.clone().judge(&entry), Err(Rule::Chain.into()), "a second create");
    let first = unfounded();
    entry = first.entry(ANNA, banned(CARL));
    assert_eq!(first.clone().judge(&entry), Err(Rule::Chain.into()), "a first entry that is none");
    for change in [
        (|entry| entry.rid = Some([0; 32])) as fn(&mut Entry),
        |entry| entry.prev_hash = Some([0; 32]),
        |entry| (entry.rid, entry.prev_hash) = (Some([0; 32]), Some([0; 32])),
        |entry| entry.seq = 1,
    ] {
        let create = first.create(ANNA, Kind::Closed, 1);
        assert_eq!(changed(&first, ANNA, create, change), "chain");
    }
}

#[test]
fn the_directory_of_an_entry_never_goes_back_and_its_keys_are_the_newest_there() {
    let mut room = Room::closed();
    room.world.append(ANNA, EntryType::Rotate);
    let dh = room.world.chain.hash_at(5).unwrap();
    let back = |entry: &mut Entry| (entry.dn, entry.dh, entry.actor_generation) = (5, dh, 1);
    assert_eq!(changed(&room, ANNA, banned(CARL), back), "ok", "who has not heard of it yet");
    assert_eq!(
        changed(&room, ANNA, banned(CARL), |entry| entry.actor_generation = 1),
        "generation"
    );
    assert_eq!(
        changed(&room, ANNA, banned(CARL), |entry| (entry.dn, entry.dh) = (5, dh)),
        "generation"
    );
    room.take(ANNA, banned(CARL));
    assert_eq!(changed(&room, ANNA, banned(DORA), back), "dn");
}

#[test]
fn another_signature_than_the_actors_is_none() {
    let room = Room::closed();
    let entry = room.entry(ANNA, banned(CARL));
    let mut signed = sign(&entry);
    signed.sig[0] ^= 1;
    let mut state = room.state.clone();
    let verdict = impulse::e2ee::room_log::apply(&mut state, &signed, &room.world.chain);
    assert_eq!(verdict, Err(Refusal::Signature));
    let by_ben = sign(&Entry { actor: BEN, ..entry.clone() }).sig;
    let signed = impulse::e2ee::room_log::SignedEntry { entry: entry.to_bytes(), sig: by_ben };
    let verdict = impulse::e2ee::room_log::apply(&mut state, &signed, &room.world.chain);
    assert_eq!(verdict, Err(Refusal::Signature));
}

#[test]
fn who_acts_is_a_member_with_the_keys_that_were_let_in() {
    let mut room = Room::closed();
    assert_eq!(room.rule(ERIK, room.epoch(&[])), Some(Rule::Actor));
    assert_eq!(room.rule(CARL, room.epoch(&[])), None);
    reset(&mut room, CARL);
    assert_eq!(room.rule(CARL, room.epoch(&[])), Some(Rule::Actor));
    assert_eq!(room.rule(ANNA, room.epoch(&[])), None);
}

#[test]
fn a_direct_chat_knows_four_kinds_of_entries_and_a_founding_batch_two() {
    let mut room = Room::direct();
    assert_eq!(room.rule(ANNA, room.epoch(&[])), None);
    assert_eq!(room.rule(ANNA, left(ANNA)), None);
    let others = [
        removed(BEN),
        banned(BEN),
        banned(ERIK),
        Body::Unban { uid: BEN },
        role(BEN, Role::Admin),
        room.link(1),
        Body::Unlink { lid: [1; 8] },
        room.profile(1),
    ];
    for body in others {
        assert_eq!(room.rule(ANNA, body), Some(Rule::Kind));
    }
    assert_eq!(room.rule(ERIK, room.join(ERIK, 1)), Some(Rule::Kind));
    // Inside the founding batch.
    let mut founding = Room { state: State::default(), ..Room::closed() };
    founding.take(ANNA, founding.create(ANNA, Kind::Closed, 3));
    founding.take(ANNA, founding.add(BEN, Role::Owner.min(Role::Admin)));
    let others = [
        founding.epoch(&[]),
        removed(BEN),
        banned(BEN),
        left(ANNA),
        role(BEN, Role::Member),
        founding.link(1),
    ];
    for body in others {
        assert_eq!(founding.rule(ANNA, body), Some(Rule::Founding));
    }
    assert_eq!(founding.rule(ANNA, founding.profile(1)), None);
    founding.take(ANNA, founding.add(CARL, Role::Member));
    assert_eq!(founding.rule(ANNA, founding.epoch(&[])), Some(Rule::Founding));
    founding.take(ANNA, founding.profile(1));
    assert_eq!(founding.rule(ANNA, founding.epoch(&[])), None);
    // A direct chat has no profile then, either.
    room.state = State::default();
    room.take(ANNA, room.create(ANNA, Kind::Dm, 2));
    assert_eq!(room.rule(ANNA, room.profile(1)), Some(Rule::Kind));
}

#[test]
fn a_room_is_created_by_who_has_keys_with_a_founding_batch_of_its_bounds() {
    let room = unfounded();
    let create = |first| room.create(ANNA, Kind::Closed, first);
    assert_eq!(room.rule(ANNA, create(0)), Some(Rule::Founding));
    assert_eq!(room.rule(ANNA, create(1)), None);
    assert_eq!(room.rule(ANNA, create(limits::FOUNDING)), None);
    assert_eq!(room.rule(ANNA, create(limits::FOUNDING + 1)), Some(Rule::Founding));
    assert_eq!(room.rule(BEN, create(1)), Some(Rule::Root), "with the root of somebody else");
}

#[test]
fn an_admin_brings_people_in() {
    let mut room = Room::closed();
    assert_eq!(room.rule(BEN, room.add(ERIK, Role::Member)), None);
    assert_eq!(room.rule(CARL, room.add(ERIK, Role::Member)), Some(Rule::Role));
    assert_eq!(room.rule(BEN, room.add(ERIK, Role::Admin)), Some(Rule::Role));
    assert_eq!(room.rule(ANNA, room.add(ERIK, Role::Admin)), None);
    assert_eq!(room.rule(ANNA, room.add(ERIK, Role::Owner)), Some(Rule::Role));
    let root = room.world.root(CARL);
    assert_eq!(
        room.rule(ANNA, Body::Add { uid: ERIK, root, role: Role::Member }),
        Some(Rule::Root)
    );
    assert_eq!(room.rule(ANNA, room.add(NOBODY, Role::Member)), Some(Rule::Root));
    room.take(ANNA, banned(ERIK));
    assert_eq!(room.rule(ANNA, room.add(ERIK, Role::Member)), Some(Rule::Banned));
}

#[test]
fn only_its_creator_brings_people_into_a_direct_chat_and_only_at_its_founding() {
    let mut room = Room::direct();
    assert_eq!(room.rule(ANNA, room.add(DORA, Role::Member)), Some(Rule::Founding));
    room.state = State::default();
    room.take(ANNA, room.create(ANNA, Kind::Dm, 2));
    assert_eq!(room.rule(ANNA, room.add(BEN, Role::Admin)), Some(Rule::Role));
    room.take(ANNA, room.add(BEN, Role::Member));
    assert_eq!(room.rule(BEN, room.add(CARL, Role::Member)), Some(Rule::Founding));
    assert_eq!(room.rule(ANNA, room.add(CARL, Role::Member)), None);
    assert_eq!(room.state.members[&ANNA].role, Role::Member);
}

#[test]
fn a_member_whose_keys_were_reset_is_let_back_in_by_another() {
    let mut room = Room::closed();
    assert_eq!(
        room.rule(ANNA, room.add(BEN, Role::Admin)),
        Some(Rule::Member),
        "with the same keys"
    );
    reset(&mut room, BEN);
    assert_eq!(room.rule(BEN, room.add(BEN, Role::Admin)), Some(Rule::Actor));
    let body = room.add(BEN, Role::Admin);
    assert_eq!(room.rule(ANNA, body), None);
    let old = Body::Add { uid: BEN, root: room.state.members[&BEN].root, role: Role::Admin };
    assert_eq!(room.rule(ANNA, old), Some(Rule::Root));
    assert_eq!(room.rule(CARL, room.add(BEN, Role::Admin)), Some(Rule::Role));
    assert_eq!(room.rule(CARL, room.add(BEN, Role::Member)), None);
    assert_eq!(room.rule(ANNA, room.add(BEN, Role::Member)), Some(Rule::Role));
    room.take(CARL, room.add(BEN, Role::Member));
    assert_eq!(
        (room.state.members[&BEN].role, room.state.members[&BEN].since_seq),
        (Role::Member, 2)
    );
    // In a direct chat, too.
    let mut chat = Room::direct();
    reset(&mut chat, CARL);
    assert_eq!(chat.rule(BEN, chat.add(CARL, Role::Member)), None);
}

/// Nobody can be stale and act, so this `target` can only be reached beside `actor`.
#[test]
fn nobody_adds_themselves() {
    let room = Room::closed();
    assert_eq!(room.rule(ANNA, room.add(ANNA, Role::Owner)), Some(Rule::Target));
}

#[test]
fn who_leaves_does_it_themselves_and_leaves_an_owner_or_two_people() {
    let mut room = Room::closed();
    assert_eq!(room.rule(ANNA, left(CARL)), Some(Rule::Target));
    assert_eq!(room.rule(CARL, left(CARL)), None);
    assert_eq!(room.rule(ANNA, left(ANNA)), Some(Rule::LastOwner));
    room.take(ANNA, role(BEN, Role::Owner));
    assert_eq!(room.rule(ANNA, left(ANNA)), None);
    let mut chat = Room::direct();
    chat.take(CARL, left(CARL));
    assert_eq!(chat.rule(BEN, left(BEN)), Some(Rule::Kind));
}

#[test]
fn people_are_removed_by_who_is_above_them() {
    let mut room = Room::closed();
    for body in [removed as fn(Uid) -> Body, banned] {
        assert_eq!(room.rule(CARL, body(DORA)), Some(Rule::Role));
        assert_eq!(room.rule(BEN, body(DORA)), None);
        assert_eq!(room.rule(BEN, body(BEN)), Some(Rule::Target));
        assert_eq!(room.rule(BEN, body(ANNA)), Some(Rule::Target));
        assert_eq!(room.rule(ANNA, body(BEN)), None);
    }
    assert_eq!(room.rule(ANNA, removed(ERIK)), Some(Rule::Member));
    assert_eq!(room.rule(ANNA, banned(ERIK)), None);
    room.take(ANNA, role(DORA, Role::Admin));
    assert_eq!(room.rule(BEN, removed(DORA)), Some(Rule::Target), "an admin is no higher");
    room.take(ANNA, role(DORA, Role::Owner));
    assert_eq!(room.rule(ANNA, removed(DORA)), Some(Rule::Target), "nor is an owner");
    assert_eq!(room.rule(ANNA, banned(ANNA)), Some(Rule::Target));
    room.take(BEN, banned(CARL));
    assert_eq!(room.rule(BEN, banned(CARL)), Some(Rule::Banned));
    assert_eq!(room.rule(BEN, Body::Unban { uid: ERIK }), Some(Rule::Banned));
    assert_eq!(room.rule(BEN, Body::Unban { uid: CARL }), None);
    let mut other = Room::closed();
    other.take(ANNA, banned(DORA));
    assert_eq!(other.rule(CARL, Body::Unban { uid: DORA }), Some(Rule::Role));
}

#[test]
fn an_owner_gives_roles_and_one_stays() {
    let mut room = Room::closed();
    assert_eq!(room.rule(BEN, role(CARL, Role::Admin)), Some(Rule::Role));
    assert_eq!(room.rule(ANNA, role(CARL, Role::Admin)), None);
    assert_eq!(room.rule(ANNA, role(CARL, Role::Member)), Some(Rule::Role), "the same");
    assert_eq!(room.rule(ANNA, role(ERIK, Role::Admin)), Some(Rule::Member));
    assert_eq!(room.rule(ANNA, role(ANNA, Role::Admin)), Some(Rule::LastOwner));
    room.take(ANNA, role(BEN, Role::Owner));
    assert_eq!(room.rule(ANNA, role(ANNA, Role::Admin)), None);
    assert_eq!(room.rule(ANNA, role(BEN, Role::Admin)), None);
}

fn epoch(n: u64, links: &[u64], skip: &[Uid]) -> Body {
    let link = |epoch: &u64| KeyLink { epoch: *epoch, nonce: [3; 12], sealed: [4; 48] };
    let (links, skip) = (links.iter().map(link).collect(), skip.to_vec());
    Body::Epoch { n, kc: kc(n), links, skip, reason: EpochReason::Member }
}

#[test]
fn a_new_key_is_the_next_one_and_skips_members_only() {
    let mut room = Room::closed();
    assert_eq!(room.rule(CARL, epoch(2, &[1], &[])), None);
    assert_eq!(room.rule(CARL, epoch(3, &[2], &[])), Some(Rule::Epoch));
    room.take(CARL, epoch(2, &[1], &[]));
    assert_eq!(room.rule(CARL, epoch(2, &[1], &[])), Some(Rule::Epoch));
    assert_eq!(room.rule(CARL, epoch(3, &[1], &[ANNA, BEN])), None);
    assert_eq!(room.rule(CARL, epoch(3, &[1], &[CARL])), Some(Rule::Skip));
    assert_eq!(room.rule(CARL, epoch(3, &[1], &[ERIK])), Some(Rule::Skip));
    assert_eq!(room.rule(CARL, epoch(3, &[1], &[ANNA, ERIK])), Some(Rule::Skip));
}

#[test]
fn the_bytes_of_an_entry_have_one_form() {
    let mut room = Room::closed();
    for n in 2..=10 {
        room.take(ANNA, epoch(n, &[n - 1], &[]));
    }
    let nine: Vec<u64> = (1..=9).rev().collect();
    let eight = &nine[..limits::KEY_LINKS];
    assert_eq!(room.rule(ANNA, epoch(11, eight, &[])), None);
    let forms = [
        epoch(11, &nine, &[]),
        epoch(11, &[], &[]),
        epoch(11, &[0], &[]),
        epoch(11, &[11], &[]),
        epoch(11, &[3, 3], &[]),
        epoch(11, &[3, 4], &[]),
        epoch(11, &[10], &[BEN, BEN]),
        epoch(11, &[10], &[CARL, BEN]),
        epoch(MAX_NUMBER + 1, &[10], &[]),
        Body::Profile { epoch: 10, sealed: vec![1; limits::PROFILE.start() - 1] },
        Body::Profile { epoch: 10, sealed: vec![1; limits::PROFILE.end() + 1] },
    ];
    for body in forms {
        assert_eq!(room.rule(ANNA, body.clone()), Some(Rule::Form), "{body:?}");
    }
    for length in [*limits::PROFILE.start(), *limits::PROFILE.end()] {
        assert_eq!(room.rule(ANNA, Body::Profile { epoch: 10, sealed: vec![1; length] }), None);
    }
    let time = |entry: &mut Entry| entry.time_ms = MAX_NUMBER + 1;
    assert_eq!(changed(&room, ANNA, banned(CARL), time), "form");
}

/// Fields that a typed body cannot have wrong.
#[test]
fn the_words_and_the_first_epoch_of_a_room_are_the_published_ones() {
    let room = unfounded();
    let root = room.world.root(ANNA);
    let parse = |kind: &[u8], all: &[u8], epoch: u64| {
        let (first, epoch) = (number(1), number(epoch));
        let fields: [&[u8]; 7] = [&[7; 16], &root, kind, all, &first, &epoch, &kc(1)];
        Body::parse(b"create", &pack("b/create", &fields))
    };
    assert_eq!(parse(b"closed", b"all", 1), Ok(room.create(ANNA, Kind::Closed, 1)));
    assert_eq!(parse(b"closed", b"some", 1), Err(Malformed));
    assert_eq!(parse(b"closed", b"all", 2), Err(Malformed));
    assert_eq!(parse(b"open", b"all", 1), Err(Malformed));
    let word = |word: &[u8]| Body::parse(b"role", &pack("b/role", &[b"2", word]));
    assert_eq!(word(b"owner"), Ok(role(BEN, Role::Owner)));
    assert_eq!((word(b"Owner"), word(b"")), (Err(Malformed), Err(Malformed)));
    assert_eq!(Body::parse(b"unban", &pack("b/role", &[b"2"])), Err(Malformed));
    assert_eq!(Body::parse(b"nothing", &pack("b/nothing", &[b"2"])), Err(Malformed));
}

#[test]
fn a_link_is_new_bounded_and_one_of_a_hundred() {
    let mut room = Room::closed();
    let now = room.entry(BEN, room.link(1)).time_ms;
    let link = |lid: u8, key: [u8; 32], expires_ms: u64, max_uses: u64| {
        let lid = [lid; 8];
        Body::Link { lid, ed_pub: key, expires_ms, max_uses }
    };
    let public = link_key(1).public();
    assert_eq!(room.rule(CARL, room.link(1)), Some(Rule::Role));
    let latest = now + limits::LINK_MS;
    assert_eq!(room.rule(BEN, link(1, public, now + 1, 1)), None);
    assert_eq!(room.rule(BEN, link(1, public, latest, limits::LINK_USES)), None);
    assert_eq!(room.rule(BEN, link(1, public, now, 1)), Some(Rule::Link));
    assert_eq!(room.rule(BEN, link(1, public, latest + 1, 1)), Some(Rule::Link));
    assert_eq!(room.rule(BEN, link(1, public, latest, 0)), Some(Rule::Link));
    assert_eq!(room.rule(BEN, link(1, public, latest, limits::LINK_USES + 1)), Some(Rule::Link));
    assert_eq!(room.rule(BEN, link(1, [0; 32], latest, 1)), Some(Rule::Key));
    let last = u8::try_from(limits::LINKS).unwrap();
    for number in 1..=last {
        room.take(BEN, room.link(number));
    }
    assert_eq!(room.rule(ANNA, room.link(last + 1)), Some(Rule::Link));
    room.take(BEN, Body::Unlink { lid: [1; 8] });
    assert_eq!(room.rule(ANNA, room.link(1)), Some(Rule::Link), "used before");
    assert_eq!(room.rule(ANNA, room.link(last + 1)), None);
}

#[test]
fn a_link_is_ended_by_its_maker_or_an_admin() {
    let mut room = Room::closed();
    room.take(BEN, room.link(1));
    let unlink = || Body::Unlink { lid: [1; 8] };
    assert_eq!(room.rule(ANNA, unlink()), None);
    assert_eq!(room.rule(CARL, unlink()), Some(Rule::Role));
    assert_eq!(room.rule(CARL, Body::Unlink { lid: [2; 8] }), Some(Rule::Link), "checked first");
    room.take(ANNA, role(BEN, Role::Member));
    assert_eq!(room.rule(BEN, unlink()), None, "also when no admin any more");
    room.take(ANNA, unlink());
    assert_eq!(room.rule(ANNA, unlink()), Some(Rule::Link));
}

#[test]
fn who_joins_holds_a_live_link_and_comes_with_the_keys_of_old() {
    let mut room = Room::closed();
    room.take(BEN, room.link(1));
    assert_eq!(room.rule(ERIK, room.join(ERIK, 1)), None);
    assert_eq!(room.rule(ERIK, room.join(ERIK, 2)), Some(Rule::Link));
    assert_eq!(room.rule(CARL, room.join(CARL, 1)), Some(Rule::Member));
    let Body::Join { lid, root, mut link_sig } = room.join(ERIK, 1) else { panic!() };
    link_sig[0] ^= 1;
    assert_eq!(room.rule(ERIK, Body::Join { lid, root, link_sig }), Some(Rule::Link));
    let Body::Join { link_sig, .. } = room.join(DORA, 1) else { panic!() };
    assert_eq!(room.rule(ERIK, Body::Join { lid, root, link_sig }), Some(Rule::Link));
    let root = room.world.root(DORA);
    let message = impulse::e2ee::room_log::join_message(&room.state.rid, &lid, ERIK, &root);
    let link_sig = link_key(1).sign(&message);
    assert_eq!(room.rule(ERIK, Body::Join { lid, root, link_sig }), Some(Rule::Root));
    room.take(ANNA, removed(DORA));
    assert_eq!(room.rule(DORA, room.join(DORA, 1)), None);
    reset(&mut room, DORA);
    assert_eq!(room.rule(DORA, room.join(DORA, 1)), Some(Rule::Root), "had other keys here");
    room.take(ANNA, banned(ERIK));
    assert_eq!(room.rule(ERIK, room.join(ERIK, 1)), Some(Rule::Banned));
}

#[test]
fn a_link_lives_as_long_as_its_time_its_uses_and_the_rights_of_its_maker() {
    let mut room = Room::closed();
    let link = |max_uses| Body::Link {
        lid: [1; 8],
        ed_pub: link_key(1).public(),
        expires_ms: room.state.time_ms + 1_000,
        max_uses,
    };
    let (one, five) = (link(1), link(5));
    let mut used = room.clone();
    used.take(BEN, one);
    used.take(ERIK, used.join(ERIK, 1));
    used.take(CARL, left(CARL));
    assert_eq!(used.rule(CARL, used.join(CARL, 1)), Some(Rule::Link), "used up");
    room.take(BEN, five);
    let expires = room.state.links[&[1; 8]].expires_ms;
    let at = |time| move |entry: &mut Entry| entry.time_ms = time;
    assert_eq!(changed(&room, ERIK, room.join(ERIK, 1), at(expires)), "ok");
    assert_eq!(changed(&room, ERIK, room.join(ERIK, 1), at(expires + 1)), "link");
    let ends: &[Named<Room>] = &[
        ("revoked", |room| room.take(ANNA, Body::Unlink { lid: [1; 8] })),
        ("its maker left", |room| room.take(BEN, left(BEN))),
        ("its maker is no admin", |room| room.take(ANNA, role(BEN, Role::Member))),
        ("its maker is stale", |room| reset(room, BEN)),
        ("its maker was stale", |room| {
            reset(room, BEN);
            room.take(ANNA, room.add(BEN, Role::Admin));
        }),
        ("its maker came back", |room| {
            room.take(BEN, left(BEN));
            room.take(ANNA, room.add(BEN, Role::Admin));
        }),
    ];
    for (name, end) in ends {
        let mut ended = room.clone();
        end(&mut ended);
        assert_eq!(ended.rule(ERIK, ended.join(ERIK, 1)), Some(Rule::Link), "{name}");
    }
    room.world.append(BEN, EntryType::Rotate);
    assert_eq!(room.rule(ERIK, room.join(ERIK, 1)), None, "its maker has rotated");
    room.take(ANNA, room.epoch(&[BEN]));
    assert_eq!(room.rule(ERIK, room.join(ERIK, 1)), None, "its maker is skipped");
}

#[test]
fn a_profile_is_an_admins_and_under_the_newest_key() {
    let mut room = Room::closed();
    assert_eq!(room.rule(BEN, room.profile(1)), None);
    assert_eq!(room.rule(CARL, room.profile(1)), Some(Rule::Role));
    assert_eq!(room.rule(BEN, room.profile(2)), Some(Rule::Epoch));
    room.take(BEN, room.epoch(&[]));
    assert_eq!(room.rule(BEN, room.profile(1)), Some(Rule::Epoch));
}

#[test]
fn while_no_owner_is_able_the_highest_and_oldest_acts_as_an_admin() {
    let mut room = Room::closed();
    let n = room.world.chain.n();
    assert_eq!(room.state.acting(n, &room.world.chain), None);
    room.take(CARL, room.epoch(&[ANNA]));
    assert_eq!(room.state.acting(n, &room.world.chain), Some(BEN));
    assert_eq!(room.rule(BEN, role(CARL, Role::Admin)), Some(Rule::Role), "there is an owner");
    room.take(CARL, room.epoch(&[ANNA, BEN]));
    assert_eq!(room.state.acting(n, &room.world.chain), Some(CARL), "the older one");
    assert_eq!(room.rule(CARL, removed(DORA)), None);
    assert_eq!(room.rule(CARL, room.link(1)), None);
    assert_eq!(room.rule(DORA, removed(CARL)), Some(Rule::Role));
    assert_eq!(room.rule(CARL, removed(CARL)), Some(Rule::Target), "though below one's own rank");
    assert_eq!(room.rule(CARL, banned(CARL)), Some(Rule::Target));
    assert_eq!(room.rule(CARL, room.add(ERIK, Role::Admin)), Some(Rule::Role));
    room.take(CARL, room.link(1));
    assert_eq!(room.rule(ERIK, room.join(ERIK, 1)), None);
    room.take(BEN, room.profile(3));
    assert_eq!(room.state.acting(n, &room.world.chain), Some(BEN), "skipped no more");
    assert_eq!(room.rule(ERIK, room.join(ERIK, 1)), Some(Rule::Link), "its maker acts no more");
}

#[test]
fn where_nobody_is_owner_any_more_who_acts_makes_one() {
    let mut room = Room::closed();
    reset(&mut room, ANNA);
    let n = room.world.chain.n();
    assert_eq!(room.state.acting(n, &room.world.chain), Some(BEN), "the owner is stale");
    assert_eq!(room.rule(BEN, role(CARL, Role::Admin)), Some(Rule::Role));
    room.take(CARL, room.add(ANNA, Role::Member));
    assert_eq!(room.state.acting(n, &room.world.chain), Some(BEN));
    assert_eq!(room.rule(BEN, role(ANNA, Role::Owner)), None);
    assert_eq!(room.rule(CARL, role(ANNA, Role::Owner)), Some(Rule::Role));
    room.take(BEN, role(BEN, Role::Owner));
    assert_eq!(room.state.acting(n, &room.world.chain), None);
    assert_eq!(Room::direct().state.acting(5, &room.world.chain), None);
}

#[test]
fn a_new_key_is_due_when_somebody_went_or_has_other_keys() {
    let mut room = Room::closed();
    let is_due = |room: &Room| room.state.is_due(room.world.chain.n(), &room.world.chain);
    assert!(!is_due(&room));
    room.take(CARL, left(CARL));
    assert!(is_due(&room), "somebody left");
    room.take(ANNA, room.epoch(&[]));
    assert!(!is_due(&room));
    room.take(ANNA, banned(CARL));
    assert!(!is_due(&room), "who is not in does not go");
    room.world.append(CARL, EntryType::Rotate);
    room.world.append(DORA, EntryType::Rename);
    assert!(!is_due(&room), "neither of them changes a member's keys");
    for kind in [EntryType::Rotate, EntryType::Reset] {
        let mut room = room.clone();
        room.world.append(DORA, kind);
        assert!(is_due(&room));
        assert!(!room.state.is_due(room.world.chain.n() - 1, &room.world.chain), "not before it");
        room.take(ANNA, room.epoch(&[]));
        assert!(!is_due(&room));
    }
    room.world.append(ERIK, EntryType::Rotate);
    room.take(ANNA, room.add(ERIK, Role::Member));
    assert!(!is_due(&room), "these keys came in as they are");
    room.world.append(DORA, EntryType::Reset);
    room.take(ANNA, room.add(DORA, Role::Member));
    assert!(is_due(&room), "who is let back in had the old ones before");
}

#[test]
fn messages_are_judged_by_what_their_author_was() {
    let mut room = Room::closed();
    room.take(ANNA, role(CARL, Role::Admin));
    room.take(ANNA, removed(CARL));
    room.take(ANNA, room.epoch(&[]));
    room.take(ANNA, room.add(CARL, Role::Member));
    let state = &room.state;
    let roles: Vec<_> = (0..=9).map(|seq| state.role_at(CARL, seq)).collect();
    let (member, admin) = (Some(Role::Member), Some(Role::Admin));
    assert_eq!(roles, [None, None, None, member, member, admin, None, None, member, member]);
    assert_eq!(state.root_at(CARL, 5), Some(room.world.root(CARL)));
    assert_eq!(state.root_at(CARL, 6), None);
    assert_eq!(state.role_at(ERIK, 3), None);
}

#[test]
fn a_room_is_dead_when_nobody_can_sign_with_its_key() {
    let mut room = Room::direct();
    let is_dead = |room: &Room| room.state.is_dead(room.world.chain.n(), &room.world.chain);
    room.take(ANNA, room.epoch(&[BEN]));
    reset(&mut room, CARL);
    assert!(!is_dead(&room));
    reset(&mut room, ANNA);
    assert!(is_dead(&room));
}
