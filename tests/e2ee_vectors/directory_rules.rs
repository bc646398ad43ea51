//! Every rule of 5.1, broken alone; and what happens after a restore.

use impulse::base::ids::Uid;
use impulse::base::limits::encryption::CLOCK_MS;
use impulse::e2ee::directory::{
    Chain, DirectoryView as _, Entry, EntryType, Reason, Row, Rule, SignedEntry, Stored,
    first_hash, node, tag,
};
use impulse::e2ee::signature::SigningKey;

use super::directory::{INSTANCE, T};
use super::world::{ANNA, BEN, ERIK, World, key, x_public};

const FREDA: Uid = Uid(6);

fn rule(rule: Rule) -> Option<Reason> {
    Some(Reason::Rule(rule))
}

/// Why the person's next entry is refused after a change, if it is.
fn changed(
    world: &World,
    uid: Uid,
    kind: EntryType,
    change: impl Fn(&mut Entry),
) -> Option<Reason> {
    let mut entry = world.next(uid, kind);
    assert_eq!(judge(world, uid, &World::sign(&entry)), None, "valid without the change");
    change(&mut entry);
    judge(world, uid, &World::sign(&entry))
}

fn judge(world: &World, uid: Uid, signed: &SignedEntry) -> Option<Reason> {
    let names = ["person6-0", "person6-1", "person1-1", "person2-0", "another"];
    let allowed = names.map(|name| tag(&INSTANCE, name));
    let verdict = world.chain.check(uid, &allowed, std::slice::from_ref(signed), T);
    verdict.err().map(|refusal| refusal.reason)
}

#[test]
fn first_keys_are_of_generation_one_and_follow_nothing() {
    let world = World::new();
    let create = |change: fn(&mut Entry)| changed(&world, FREDA, EntryType::Create, change);
    assert_eq!(create(|entry| entry.kind = EntryType::Reset), rule(Rule::Type));
    assert_eq!(create(|entry| entry.kind = EntryType::Rename), rule(Rule::Type));
    assert_eq!(create(|entry| entry.prev_leaf = Some([1; 32])), rule(Rule::Prev));
    let generation = |entry: &mut Entry| {
        entry.generation = 2;
        entry.ed_pub = key(FREDA, 2).public();
    };
    assert_eq!(create(generation), rule(Rule::Generation));
    assert_eq!(create(|entry| entry.ed_pub = [0; 32]), rule(Rule::Key));
    assert_eq!(create(|entry| entry.x_pub = [0; 32]), rule(Rule::Key));
    assert_eq!(create(|entry| entry.uid = ANNA), rule(Rule::Actor));
    let second = World::sign(&Entry { prev_leaf: None, ..world.next(ANNA, EntryType::Create) });
    assert_eq!(judge(&world, ANNA, &second), rule(Rule::Type), "a second create");
}

#[test]
fn new_keys_follow_the_latest_entry_and_were_never_used() {
    let mut world = World::new();
    world.append(ANNA, EntryType::Rotate);
    for kind in [EntryType::Rotate, EntryType::Reset] {
        let change = |change: fn(&mut Entry)| changed(&world, ANNA, kind, change);
        assert_eq!(change(|entry| entry.kind = EntryType::Create), rule(Rule::Type));
        assert_eq!(change(|entry| entry.prev_leaf = None), rule(Rule::Prev));
        assert_eq!(change(|entry| entry.prev_leaf = Some([1; 32])), rule(Rule::Prev));
        assert_eq!(change(|entry| entry.generation = 2), rule(Rule::Generation));
        assert_eq!(change(|entry| entry.generation = 4), rule(Rule::Generation));
        assert_eq!(change(|entry| entry.ed_pub = [0xff; 32]), rule(Rule::Key), "not reduced");
        assert_eq!(change(|entry| entry.x_pub[31] = 0x80), None, "the top bit does not matter");
        assert_eq!(change(|entry| entry.ed_pub = key(ANNA, 1).public()), rule(Rule::Key));
        assert_eq!(change(|entry| entry.x_pub = x_public(ANNA, 1)), rule(Rule::Key));
        assert_eq!(change(|entry| entry.ed_pub = key(BEN, 1).public()), rule(Rule::Key));
        assert_eq!(change(|entry| entry.x_pub = x_public(BEN, 1)), rule(Rule::Key));
        assert_eq!(change(|entry| entry.tag = tag(&INSTANCE, "another")), rule(Rule::Tag));
    }
}

#[test]
fn another_name_keeps_the_keys() {
    let mut world = World::new();
    let rename = |change: fn(&mut Entry)| changed(&world, ANNA, EntryType::Rename, change);
    assert_eq!(rename(|entry| entry.prev_leaf = None), rule(Rule::Prev));
    assert_eq!(rename(|entry| entry.generation = 2), rule(Rule::Generation));
    assert_eq!(rename(|entry| entry.x_pub = x_public(ANNA, 2)), rule(Rule::Key));
    assert_eq!(rename(|entry| entry.ed_pub = key(ANNA, 2).public()), rule(Rule::Key));
    assert_eq!(
        rename(|entry| entry.tag = tag(&INSTANCE, "person1-0")),
        rule(Rule::Tag),
        "the same"
    );
    assert_eq!(rename(|entry| entry.tag = tag(&INSTANCE, "person2-0")), rule(Rule::Taken));
    assert_eq!(rename(|entry| entry.tag = [1; 16]), rule(Rule::Tag), "not that of the name");
    // The old name is the person's for ever, and they may go back to it.
    world.append(ANNA, EntryType::Rename);
    let create = |entry: &mut Entry| entry.tag = tag(&INSTANCE, "person1-0");
    assert_eq!(changed(&world, FREDA, EntryType::Create, create), rule(Rule::Taken));
    let back = Entry { tag: tag(&INSTANCE, "person1-0"), ..world.next(ANNA, EntryType::Rename) };
    let allowed = world.chain.check(ANNA, &[], &[World::sign(&back)], T);
    assert!(allowed.is_ok(), "without being allowed it");
    assert_eq!(world.chain.owner_of(&tag(&INSTANCE, "person1-0")), Some(ANNA));
}

#[test]
fn an_entry_is_signed_by_its_keys_and_by_the_old_ones() {
    let world = World::new();
    for kind in [EntryType::Rotate, EntryType::Rename, EntryType::Reset] {
        let entry = world.next(ANNA, kind);
        let good = World::sign(&entry);
        let mut bad = good.clone();
        bad.sig_new[0] ^= 1;
        assert_eq!(judge(&world, ANNA, &bad), Some(Reason::Signature));
        let other = SigningKey::from_seed(&[9; 32]).sign(&good.entry);
        bad.sig_new = other;
        assert_eq!(judge(&world, ANNA, &bad), Some(Reason::Signature));
        // A second signature stands in a rotate and nowhere else.
        let sig_old = if kind == EntryType::Rotate { None } else { Some(good.sig_new) };
        let bad = SignedEntry { sig_old, ..good.clone() };
        assert_eq!(judge(&world, ANNA, &bad), Some(Reason::Signature));
        if kind == EntryType::Rotate {
            let sig_old = Some(other);
            let bad = SignedEntry { sig_old, ..good };
            assert_eq!(judge(&world, ANNA, &bad), Some(Reason::Signature));
        }
    }
}

#[test]
fn an_entry_is_of_this_installation_and_not_from_the_future() {
    let world = World::new();
    let entry = world.next(FREDA, EntryType::Create);
    let foreign = entry.to_bytes(&[1; 16]);
    let sig_new = key(FREDA, 1).sign(&foreign);
    let signed = SignedEntry { entry: foreign, sig_new, sig_old: None };
    assert_eq!(judge(&world, FREDA, &signed), rule(Rule::Form));
    let at = |time_ms| judge(&world, FREDA, &World::sign(&Entry { time_ms, ..entry.clone() }));
    assert_eq!(at(T + CLOCK_MS), None);
    assert_eq!(at(T + CLOCK_MS + 1), Some(Reason::Time));
    assert_eq!(at(0), None, "an old one is appended again after a restore");
}

#[test]
fn entries_of_one_person_are_checked_one_after_the_other() {
    let mut world = World::new();
    let create = world.next(FREDA, EntryType::Create);
    let signed = World::sign(&create);
    let next = |prev_leaf| Entry {
        kind: EntryType::Reset,
        generation: 2,
        ed_pub: key(FREDA, 2).public(),
        x_pub: x_public(FREDA, 2),
        prev_leaf,
        ..create.clone()
    };
    let allowed = [create.tag];
    let good = [signed.clone(), World::sign(&next(Some(signed.leaf())))];
    let checked = world.chain.check(FREDA, &allowed, &good, T).unwrap();
    assert_eq!(checked.iter().map(|checked| checked.n).collect::<Vec<_>>(), [6, 7]);
    let bad = [signed, World::sign(&next(None))];
    let refused = world.chain.check(FREDA, &allowed, &bad, T).unwrap_err();
    assert_eq!((refused.index, refused.reason), (1, Reason::Rule(Rule::Prev)));
    assert_eq!(refused.into_error(T).code().as_str(), "bad_entry");
    assert_eq!(world.chain.n(), 5, "nothing was appended");
    world.chain.append(&checked).unwrap();
    assert_eq!((world.chain.n(), world.generation(FREDA)), (7, 2));
    assert_eq!(world.chain.root(FREDA, 6), Some(checked[0].row.leaf));
    assert_eq!(world.chain.root(FREDA, 7), Some(checked[1].row.leaf));
    assert_eq!(world.chain.ed_key(FREDA, 1), Some(key(FREDA, 1).public()));
    assert_eq!(world.chain.keys(FREDA, 2).unwrap().x_pub, x_public(FREDA, 2));
    assert!(world.chain.append(&checked).is_err(), "the chain has gone on");
}

#[test]
fn roots_and_generations_are_those_of_a_position() {
    let mut world = World::new();
    world.append(ANNA, EntryType::Rotate);
    world.append(ANNA, EntryType::Rename);
    world.append(ANNA, EntryType::Reset);
    let chain = &world.chain;
    let first = chain.row(1).unwrap().leaf;
    let last = chain.row(8).unwrap().leaf;
    let roots: Vec<_> = (0..=9).map(|n| chain.root(ANNA, n)).collect();
    let (f, l) = (Some(first), Some(last));
    assert_eq!(roots, [None, f, f, f, f, f, f, f, l, l]);
    let generations: Vec<_> = (0..=8).map(|n| chain.generation(ANNA, n).unwrap_or(0)).collect();
    assert_eq!(generations, [0, 1, 1, 1, 1, 1, 2, 2, 3]);
    let changes: Vec<_> = (0..=8).filter(|n| chain.keys_changed(ANNA, n - n.min(&1), *n)).collect();
    assert_eq!(changes, [6, 8]);
    assert!(!chain.keys_changed(ANNA, 8, 8) && chain.keys_changed(ANNA, 1, 100));
    assert_eq!(chain.latest_position(ANNA), Some(8));
    assert_eq!((chain.hash_at(9), chain.hash_at(u64::MAX)), (None, None));
    assert_eq!(chain.hash_at(0), Some(first_hash(&INSTANCE)));
}

/// What a store holds of a world.
fn stored(world: &World, with_entries: u64) -> Vec<Stored> {
    let stored = |n: u64| Stored {
        row: *world.chain.row(n).unwrap(),
        node: world.chain.hash_at(n).unwrap(),
        entry: (n <= with_entries).then(|| world.entries[usize::try_from(n - 1).unwrap()].clone()),
    };
    (1..=world.chain.n()).map(stored).collect()
}

#[test]
fn a_store_that_holds_no_chain_is_not_loaded() {
    let world = World::new();
    let load = |change: fn(&mut Stored)| {
        let mut chain = Chain::new(INSTANCE);
        let mut stored = stored(&world, 5);
        change(&mut stored[2]);
        stored.into_iter().try_for_each(|stored| chain.load(stored)).err().map(|broken| broken.n)
    };
    assert_eq!(load(|_| {}), None);
    assert_eq!(load(|stored| stored.node[0] ^= 1), Some(3));
    assert_eq!(load(|stored| stored.row.leaf[0] ^= 1), Some(3));
    assert_eq!(load(|stored| stored.row.uid = ERIK), Some(3));
    assert_eq!(load(|stored| stored.entry.as_mut().unwrap().entry[40] ^= 1), Some(3));
    assert_eq!(load(|stored| stored.entry.as_mut().unwrap().sig_new[0] ^= 1), Some(3));
    assert_eq!(load(|stored| stored.entry = None), None, "missing, not wrong");
    // The right entry under a row of somebody else, or of another name, in a chain that fits.
    let before = world.chain.hash_at(2).unwrap();
    let rows = [
        Row { uid: ERIK, ..*world.chain.row(3).unwrap() },
        Row { tag: [1; 16], ..*world.chain.row(3).unwrap() },
    ];
    for row in rows {
        let mut chain = Chain::new(INSTANCE);
        let mut stored = stored(&world, 5);
        (stored[2].row, stored[2].node) = (row, node(&before, 3, &row));
        let loaded = stored.into_iter().try_for_each(|stored| chain.load(stored));
        assert_eq!(loaded.err().map(|broken| broken.n), Some(3));
    }
}

#[test]
fn positions_that_a_restore_lost_come_back_with_their_entries_later() {
    let mut world = World::new();
    world.append(ANNA, EntryType::Reset);
    world.append(ANNA, EntryType::Rotate);
    let rows: Vec<Row> = (1..=7).map(|n| *world.chain.row(n).unwrap()).collect();
    let mut restored = Chain::new(INSTANCE);
    for stored in stored(&world, 5).into_iter().take(5) {
        restored.load(stored).unwrap();
    }
    restored.append_rows(&rows[5..]);
    assert_eq!(restored.hash(), world.chain.hash());
    assert_eq!(restored.rows(1, 100), world.chain.rows(1, 100));
    assert_eq!(restored.rows(7, 1), rows[6].to_bytes());
    assert!(restored.rows(8, 5).is_empty());
    assert_eq!(restored.missing().collect::<Vec<_>>(), [6, 7]);
    assert_eq!((restored.root(ANNA, 7), restored.generation(ANNA, 7)), (None, None));
    assert_eq!(restored.root(ANNA, 5), world.chain.root(ANNA, 5));
    let next = World::sign(&world.next(ANNA, EntryType::Rotate));
    let refused = restored.check(ANNA, &[], &[next], T).unwrap_err();
    assert_eq!(refused.reason, Reason::Rule(Rule::Prev), "nobody knows what it follows");
    assert_eq!(restored.fill(7, &world.entries[5]), Err(Rule::Form), "that of another position");
    assert_eq!(restored.fill(8, &world.entries[5]), Err(Rule::Form));
    restored.fill(7, &world.entries[6]).unwrap();
    assert_eq!(restored.generation(ANNA, 7), Some(3));
    assert_eq!(restored.root(ANNA, 7), None, "whose root is still missing");
    restored.fill(6, &world.entries[5]).unwrap();
    assert_eq!(restored.root(ANNA, 7), world.chain.root(ANNA, 7));
    assert_eq!(restored.missing().count(), 0);
    let stolen = Entry { ed_pub: key(ANNA, 3).public(), ..world.next(BEN, EntryType::Rotate) };
    let refused = restored.check(BEN, &[], &[World::sign(&stolen)], T).unwrap_err();
    assert_eq!(refused.reason, Reason::Rule(Rule::Key), "keys that came back count, too");
}

#[test]
fn rows_have_one_form() {
    let row = World::new().chain.row(1).unwrap().to_bytes();
    assert!(Row::parse(&row).is_ok());
    assert!(Row::parse(&row[1..]).is_err() && Row::parse(&[&row[..], &[0]].concat()).is_err());
    let with_uid = |uid: u64| [&uid.to_be_bytes()[..], &row[8..]].concat();
    assert!(Row::parse(&with_uid(0)).is_err() && Row::parse(&with_uid(1 << 53)).is_err());
    assert!(Row::parse(&with_uid((1 << 53) - 1)).is_ok());
    assert!(Row::parse_all(&[&row[..], &row[1..]].concat()).is_err());
    assert_eq!(Row::parse_all(&[]), Ok(vec![]));
}
