//! The frames of the protocol, as `tests/vectors` fixes them for every client there is.

use impulse::base::encryption::{LogHead, RotationReason, WrapId};
use impulse::base::error::{Error, Outage};
use impulse::base::ids::{Epoch, FileId, Mid, RoomId, SessionId, Uid};
use impulse::protocol;
use impulse::protocol::answer::{self, OkAnswer};
use impulse::protocol::command::{Command, Request};
use impulse::protocol::encryption::{LogEntry, OwnWrap};
use impulse::protocol::envelope::Envelope;
use impulse::protocol::event::{DirectoryHead, Event, Gone, NewSession};
use impulse::protocol::file::MessageFile;
use impulse::protocol::message::{
    Content, MessageState, Reaction, ReactionKind, ReactionState, Sealed, SealedReaction, TextBody,
};
use impulse::protocol::room::{Notify, ReadState, Role, RoomKind, RoomView};
use serde_json::{Value, json};

const AT: i64 = 1_700_000_000_000;

fn op(command: &Command) -> &'static str {
    match command {
        Command::Subscribe { .. } => "room.subscribe",
        Command::Unsubscribe { .. } => "room.unsubscribe",
        Command::Send { .. } | Command::SendEnvelope { .. } => "msg.send",
        Command::Typing { .. } => "typing",
        Command::Read { .. } => "read",
        Command::Presence { .. } => "presence",
        Command::Ping => "ping",
    }
}

#[test]
fn commands_are_read_or_refused_as_the_vectors_say() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../vectors/commands.json")).unwrap();
    for vector in vectors {
        let frame = vector["frame"].to_string();
        let id = vector["frame"]["id"].as_str().map(str::to_owned);
        match Request::parse(&frame) {
            Ok(request) => {
                assert_eq!(op(&request.command), vector["reads"], "{frame}");
                assert_eq!(request.id, id, "{frame}");
            }
            Err(fault) => {
                assert_eq!(fault.error.code().as_str(), vector["code"], "{frame}");
                assert_eq!(fault.id, id, "{frame}");
                let field = format!("\"{}\"", vector["names"].as_str().expect(&frame));
                assert!(fault.error.message().contains(&field), "{frame}: {:?}", fault.error);
            }
        }
    }
}

fn message() -> MessageState {
    MessageState {
        mid: Mid([0; 16]),
        rev: 0,
        by: Uid(42),
        seq: 9,
        at: AT,
        created_seq: 9,
        created_at: AT,
        edited_at: None,
        content: Content::Plain(TextBody {
            text: "hi".into(),
            reply_to: Some(Mid([1; 16])),
            mentions: vec![Uid(7)].into(),
            files: Vec::new(),
        }),
        reactions: Vec::new(),
    }
}

fn edited() -> MessageState {
    let reaction = |byte, by| Reaction { mid: Mid([byte; 16]), by: Uid(by), emoji: "👍".into() };
    MessageState {
        rev: 1,
        seq: 11,
        at: AT + 2,
        edited_at: Some(AT + 1),
        content: Content::Plain(TextBody { text: "ho".into(), ..TextBody::default() }),
        reactions: vec![reaction(2, 7), reaction(3, 8)],
        ..message()
    }
}

fn general() -> RoomView {
    RoomView {
        id: RoomId(1),
        name: "General".into(),
        topic: "Everybody is here".into(),
        kind: RoomKind::Open,
        e2ee: false,
        rid: None,
        log: None,
        is_default: true,
        role: Some(Role::Member),
        seq: 9,
        read: 7,
        unread: 2,
        mentions: 1,
        members: 3,
        with: Vec::new(),
        read_only: false,
        archived: false,
        favourite: false,
        notify: Notify::Usual,
        muted_until: None,
        hidden: false,
    }
}

#[test]
fn events_and_answers_are_encoded_as_the_vectors_say() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/events.json")).unwrap();
    let (one, two, uid) = (RoomId(1), RoomId(2), Uid(42));
    let msg =
        |msg: &MessageState| Event::Msg { room: RoomId(1), seq: msg.seq, at: msg.at, msg }.encode();
    let deleted =
        MessageState { rev: 2, seq: 12, at: AT + 3, content: Content::Deleted, ..message() };
    let file = |byte, pixels: Option<u32>, alt: Option<&str>| MessageFile {
        id: FileId([byte; 16]),
        name: "cat.png".into(),
        media_type: "image/png".into(),
        size: 70_000,
        width: pixels,
        height: pixels,
        alt: alt.map(str::to_owned),
    };
    let files = vec![file(7, Some(480), Some("a cat")), file(8, None, None)];
    let with_files = Content::Plain(TextBody { files, ..TextBody::default() });
    let with_files = MessageState { content: with_files, ..message() };
    let unreadable = MessageState { content: Content::Unreadable, ..edited() };
    let activity = |new, unread, mentions| {
        Event::Activity { room: two, seq: 9, new, unread, mentions }.encode()
    };
    let member = |role, muted_until| Event::Member { room: one, uid, role, muted_until }.encode();
    let changed = RoomView {
        kind: RoomKind::Closed,
        is_default: false,
        read_only: true,
        archived: true,
        favourite: true,
        notify: Notify::Mentions,
        muted_until: Some(AT + 60_000),
        hidden: true,
        ..general()
    };
    let read_state = ReadState { read: 9, unread: 3, mentions: 0 };
    let rooms = [general()];
    let epoch = Epoch([4; 16]);
    let hello = |blocked: &[Uid], build, more| {
        let (at, rooms, heartbeat_ms) = (AT, &rooms, 30_000);
        let missing: &[u64] = if blocked.is_empty() { &[] } else { &[352] };
        let dir = DirectoryHead { n: 381, h: [9; 32], missing, closed: !missing.is_empty() };
        Event::Hello { uid, at, epoch, rooms, blocked, dir, heartbeat_ms, more, build }.encode()
    };
    let signed_in = NewSession { id: SessionId(9), device: "Firefox on Linux", created_at: AT };
    let frames = [
        ("hello", hello(&[], None, false)),
        ("hello_blocked", hello(&[Uid(7)], Some("0123456789abcdef"), false)),
        ("keys_changed", Event::KeysChanged { device: "Firefox on Linux" }.encode()),
        ("keys_changed_by_no_browser", Event::KeysChanged { device: "" }.encode()),
        ("signed_in", Event::SignedIn { session: signed_in }.encode()),
        ("blocks", Event::Blocks { blocked: &[Uid(7)] }.encode()),
        ("hello_part", hello(&[], None, true)),
        ("rooms", Event::Rooms { rooms: &rooms, more: false }.encode()),
        ("new", msg(&message())),
        ("with_files", msg(&with_files)),
        ("edited", msg(&edited())),
        ("deleted", msg(&deleted)),
        ("unreadable", msg(&unreadable)),
        ("activity", activity(3, 4, 1)),
        ("quiet_activity", activity(0, 0, 0)),
        ("gone", Event::RoomGone { room: Gone { id: two, gone: true } }.encode()),
        ("room", Event::Room { room: &changed }.encode()),
        ("joined", member(Some(Role::Owner), None)),
        ("silenced", member(Some(Role::Member), Some(AT + 60_000))),
        ("left", member(None, None)),
        (
            "presence",
            Event::Presence { uid, state: "away", text: Some("lunch"), until: Some(AT) }.encode(),
        ),
        ("typing", Event::Typing { room: one, uid }.encode()),
        ("read", Event::Read { room: one, seq: 9, upto: 11, unread: 2, mentions: 1 }.encode()),
        ("ok", OkAnswer::to(Some("c1")).seq(9).at(AT).encode()),
        ("truncated", OkAnswer::to(Some("c2")).seq(5_000).truncated(true).encode()),
        ("other_epoch", OkAnswer::to(Some("c5")).seq(7).truncated(true).epoch(epoch).encode()),
        ("following", OkAnswer::to(Some("c4")).seq(12).read_state(read_state).encode()),
        ("bare_ok", OkAnswer::to(None).encode()),
        ("err", answer::error(Some("c3"), &Error::outage(Outage::Unreachable, "not for clients"))),
    ];
    assert_eq!(vectors.as_object().unwrap().len(), frames.len(), "a vector without its encoder");
    for (name, frame) in frames {
        let frame: Value = serde_json::from_slice(&frame).unwrap();
        assert_eq!(frame, vectors[name], "{name}");
    }
}

#[test]
fn events_of_encrypted_rooms_are_encoded_as_the_vectors_say() {
    let vectors: Value =
        serde_json::from_str(include_str!("../vectors/events_encrypted.json")).unwrap();
    let (room, log) = (RoomId(4), LogHead { seq: 14, hash: [4; 32] });
    let (name, topic) = (String::new(), String::new());
    let (kind, rid, log_of, with) = (RoomKind::Dm, Some([3; 32]), Some(log), vec![Uid(43)]);
    let view = RoomView {
        id: room,
        name,
        topic,
        kind,
        e2ee: true,
        rid,
        log: log_of,
        is_default: false,
        mentions: 0,
        members: 2,
        with,
        ..general()
    };
    let entries = [LogEntry { entry: vec![1, 2, 3], signature: vec![5; 64] }];
    let logged = |entries| Event::Log { room, seq: 9, at: AT, from: 13, entries }.encode();
    let wrap = OwnWrap { epoch: 8, generation: 1, bytes: [6; 81] };
    let needed = [WrapId { uid: Uid(43), epoch: 8, generation: 1 }];
    let needed = |join| Event::WrapsNeeded { room, needed: &needed, join }.encode();
    let due = |why, shut: &[Uid]| Event::RotationDue { room, why, shut }.encode();
    let read_state = ReadState { read: 9, unread: 3, mentions: 0 };
    let following = OkAnswer::to(Some("1")).seq(5120).read_state(read_state).log(Some(log));
    let frames = [
        ("room", Event::Room { room: &view }.encode()),
        ("log", logged(Some(&entries))),
        ("large_log", logged(None)),
        ("wrap", Event::Wrap { room, wrap: &wrap }.encode()),
        ("needed", needed(false)),
        ("needed_by_who_has_joined", needed(true)),
        ("due", due(RotationReason::Left, &[])),
        ("due_shut", due(RotationReason::Shut, &[Uid(45)])),
        ("following", following.encode()),
    ];
    let frames: Vec<_> = frames.into_iter().chain(sealed_frames(room)).collect();
    assert_eq!(vectors.as_object().unwrap().len(), frames.len(), "a vector without its encoder");
    for (name, frame) in frames {
        let frame: Value = serde_json::from_slice(&frame).unwrap();
        assert_eq!(frame, vectors[name], "{name}");
    }
}

/// Messages of an encrypted room, in each of their states.
fn sealed_frames(room: RoomId) -> Vec<(&'static str, bytes::Bytes)> {
    let envelope = |kind: &str| {
        let json = json!({"v": 1, "kind": kind, "s": "c2lnbmF0dXJl"});
        Envelope::of(json).expect("an envelope")
    };
    let event = |seq, at, rev, edited_at, content| {
        let state = MessageState { seq, at, rev, edited_at, content, ..message() };
        Event::Msg { room, seq, at, msg: &state }.encode()
    };
    let sealed =
        |rev_seq, reacts| Content::Sealed(Sealed { envelope: envelope("msg"), rev_seq, reacts });
    let reaction = SealedReaction { rev_seq: 13, envelope: envelope("react") };
    let (mid, by, target) = (Mid([1; 16]), Uid(43), Mid([0; 16]));
    let react = |rev, kind, word: &str, seq| {
        let envelope = envelope(word);
        let msg = &ReactionState { mid, rev, kind, by, target, rev_seq: seq, envelope };
        Event::Reaction { room, seq, at: AT, msg }.encode()
    };
    let gone = |why| event(16, AT, 0, None, Content::Gone { why, rev_seq: 9 });
    let deleted = Content::SealedDeleted { envelope: envelope("del"), rev_seq: 15 };
    vec![
        ("sealed", event(9, AT, 0, None, sealed(9, None))),
        ("sealed_edited", event(11, AT + 2, 1, Some(AT + 1), sealed(11, None))),
        ("sealed_whole", event(13, AT, 0, None, sealed(9, Some(vec![reaction])))),
        ("sealed_without_reactions", event(14, AT, 0, None, sealed(9, Some(Vec::new())))),
        ("sealed_reaction", react(0, ReactionKind::React, "react", 13)),
        ("sealed_reaction_back", react(1, ReactionKind::Del, "del", 14)),
        ("sealed_deleted", event(15, AT, 1, None, deleted)),
        ("sealed_gone_account", gone(protocol::message::Gone::Account)),
        ("sealed_gone_retention", gone(protocol::message::Gone::Retention)),
        ("sealed_gone_admin", gone(protocol::message::Gone::Admin)),
    ]
}
