//! A shard and TLS: bytes that came with the handshake, keys that change, ends that are announced and cuts that are
//! not, and peers that send what no client sends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use impulse::base::established::Established;
use impulse::base::limits::delivery as limits;
use impulse::base::memory::MemoryBudget;
use impulse::delivery::Settings;
use impulse::http::client::Trust;
use impulse::rooms::Bounds;
use impulse::rooms::delivery::{ConnectionsOf, Delivery};
use proptest::test_runner::TestRunner;
use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ContentType, SupportedProtocolVersion};
use tokio::io::AsyncReadExt as _;

use crate::support;
use crate::support::bench::{Bench, ROOM, UID, events, numbers, text};
use crate::support::raw_tls::{End, Forge, RawClient, Sessions, give, taken};
use crate::support::tls::Certified;
use crate::support::wire::{CLOSE, Wire, masked};

const PING: &str = r#"{"op":"ping"}"#;
const OK: &str = r#"{"op":"ok"}"#;

/// The client's side of a handshake with one version and one suite, whose secrets can be had.
fn forging(certified: &Certified, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let suites = vec![
        ring::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
        ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ];
    let provider = CryptoProvider { cipher_suites: suites, ..ring::default_provider() };
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(certificates(&certified.authority));
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_secret_extraction = true;
    Arc::new(config)
}

fn certificates(pem: &str) -> Vec<rustls::pki_types::CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect()
}

/// A connection that the shard has, and the client's socket and session.
async fn raw(bench: &mut Bench, mut sessions: Sessions) -> RawClient {
    let (near, far) = bench.sockets().await;
    give(&mut sessions.server, &sessions.last);
    let session = Box::new(sessions.server);
    bench.adopt(Established::Tls(far.into_std().unwrap(), session), Bytes::new());
    let mut client = RawClient::over(near.into_std().unwrap(), sessions.client);
    assert_eq!(client.text(), "hello");
    client
}

async fn plain_raw(bench: &mut Bench) -> RawClient {
    let (certified, trust) = certified();
    let sessions = Sessions::new(&trust.config(), &certified.server());
    raw(bench, sessions).await
}

fn certified() -> (Certified, Trust) {
    let certified = Certified::of(&["chat.test"]);
    let trust = Trust::in_pem(certified.authority.as_bytes()).unwrap();
    (certified, trust)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_came_with_the_handshake_is_processed_at_adoption() {
    let mut bench = Bench::start().await.over_tls();
    let (certified, trust) = certified();
    let (client, server) = (trust.config(), certified.server());
    let length = {
        let mut sessions = Sessions::new(&client, &server);
        sessions.client.writer().write_all(&masked(PING).repeat(3)).unwrap();
        taken(&mut sessions.client).len()
    };
    // Cut in the header of the record, in its body, behind it, and not at all.
    for read in [0, 3, 5, 30, length - 1, length] {
        let mut sessions = Sessions::new(&client, &server);
        sessions.client.writer().write_all(&masked(PING).repeat(3)).unwrap();
        let behind = taken(&mut sessions.client);
        let (now, later) = behind.split_at(read);
        give(&mut sessions.server, &[sessions.last.as_slice(), now].concat());
        let (near, far) = bench.sockets().await;
        let stream = Established::Tls(far.into_std().unwrap(), Box::new(sessions.server));
        // And what HTTP had read of it already.
        bench.adopt(stream, Bytes::from(masked(PING)));
        let mut client = RawClient::over(near.into_std().unwrap(), sessions.client);
        assert_eq!(client.text(), "hello");
        assert_eq!(client.text(), OK);
        if read < length {
            client.stream.write_all(later).unwrap();
        }
        for _ in 0..3 {
            assert_eq!(client.text(), OK, "{read} of {length}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_closes_within_a_second_and_announces_the_end() {
    let mut bench = Bench::start().await.over_tls();
    bench.tls = Some(support::bench::Handshake::default());
    let (mut peer, _) = bench.follow(ROOM).await;
    let began = Instant::now();
    bench.deliver(Delivery::Revoke(ConnectionsOf::User(UID), Instant::now())).await;
    let bye = peer.text().await;
    assert!(bye.contains(r#""op":"bye""#), "{bye}");
    let (opcode, code) = peer.frame().await.unwrap();
    assert_eq!((opcode, &code[..]), (CLOSE, &1008u16.to_be_bytes()[..]));
    // A cut would be an error here.
    assert_eq!(peer.stream.read(&mut [0; 1]).await.unwrap(), 0);
    assert!(began.elapsed() < Duration::from_secs(1));
    drop(peer);
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_as_often_as_data_comes_between_and_no_more() {
    let mut bench = Bench::start().await.over_tls();
    let mut client = plain_raw(&mut bench).await;
    for _ in 0..100 {
        client.session.refresh_traffic_keys().unwrap();
        client.send(&masked(PING));
        assert_eq!(client.text(), OK);
    }
    for _ in 0..40 {
        client.session.refresh_traffic_keys().unwrap();
        let update = taken(&mut client.session);
        if client.stream.write_all(&update).is_err() {
            break;
        }
    }
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_ends_the_connection_and_never_a_message() {
    let mut bench = Bench::start().await.over_tls();
    for is_announced in [true, false] {
        let mut client = plain_raw(&mut bench).await;
        let frame = masked(PING);
        client.send(&frame);
        assert_eq!(client.text(), OK);
        // A whole frame, and another one without its last byte.
        let mut sealed = client.seal(&[&frame[..], &frame[..frame.len() - 1]].concat());
        if is_announced {
            client.session.send_close_notify();
            sealed.extend(taken(&mut client.session));
        }
        client.stream.write_all(&sealed).unwrap();
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(client.text(), OK);
        assert_eq!(client.end(), (Vec::new(), End::Announced));
        bench.all_ended().await;
    }
    // In the middle of a record nothing of it is seen.
    let mut client = plain_raw(&mut bench).await;
    let sealed = client.seal(&masked(PING));
    client.stream.write_all(&sealed[..sealed.len() - 1]).unwrap();
    client.stream.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(client.end(), (Vec::new(), End::Announced));
    bench.all_ended().await;
}

/// What a peer sends that breaks TLS, until the connection ends.
type Attack = fn(&mut Forge);

fn empty_records(forge: &mut Forge) {
    while forge.send(ContentType::ApplicationData, b"") {}
}

fn a_handshake_message_without_end(forge: &mut Forge) {
    // 16 MB are declared.
    forge.send(ContentType::Handshake, &[4, 0xff, 0xff, 0xff]);
    while forge.send(ContentType::Handshake, &[0; 16_000]) {}
}

fn messages_of_a_handshake(forge: &mut Forge) {
    while forge.send(ContentType::Handshake, &[1, 0, 0, 1, 0]) {}
}

fn warnings(forge: &mut Forge) {
    while forge.send(ContentType::Alert, &[1, 90]) {}
}

fn a_forged_record(forge: &mut Forge) {
    let mut record = forge.record(ContentType::ApplicationData, b"text");
    *record.last_mut().unwrap() ^= 1;
    forge.stream.write_all(&record).unwrap();
}

fn a_record_that_is_too_long(forge: &mut Forge) {
    forge.stream.write_all(&[23, 3, 3, 0x48, 1]).unwrap();
}

fn nonsense(forge: &mut Forge) {
    forge.stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_breaks_tls_is_cut_and_nobody_else_notices() {
    let mut bench = Bench::start().await.over_tls();
    let mut other = plain_raw(&mut bench).await;
    let certified = Certified::of(&["chat.test"]);
    let (client, server) = (forging(&certified, &TLS13), certified.server());
    let attacks: [(&str, Attack); 7] = [
        ("empty records", empty_records),
        ("a handshake message without end", a_handshake_message_without_end),
        ("messages of a handshake", messages_of_a_handshake),
        ("warnings", warnings),
        ("a forged record", a_forged_record),
        ("a record that is too long", a_record_that_is_too_long),
        ("nonsense", nonsense),
    ];
    for (name, attack) in attacks {
        let (forge, _) = forge(&mut bench, &client, &server).await;
        assert_eq!(bench.shards.connections(), 2);
        let attacking = tokio::task::spawn_blocking(move || {
            let mut forge = forge;
            attack(&mut forge);
            // The end, by an alert or a reset.
            let _ = forge.stream.read_to_end(&mut Vec::new());
        });
        tokio::time::timeout(Duration::from_secs(20), attacking).await.expect(name).unwrap();
        other.send(&masked(PING));
        assert_eq!(other.text(), OK, "{name}");
        wait_for(|| bench.shards.connections() == 1).await;
    }
}

/// A connection on which any record can be sent.
async fn forge(
    bench: &mut Bench,
    client: &Arc<ClientConfig>,
    server: &Arc<rustls::ServerConfig>,
) -> (Forge, TcpStream) {
    let client = raw(bench, Sessions::new(client, server)).await;
    let stream = client.stream.try_clone().unwrap();
    (Forge::over(client.stream, client.session), stream)
}

async fn wait_for(condition: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < until, "in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn renegotiation_is_refused_once_and_then_ends_the_connection() {
    let mut bench = Bench::start().await.over_tls();
    let certified = Certified::of(&["chat.test"]);
    let (client, server) = (forging(&certified, &TLS12), certified.server());
    let name = "chat.test".try_into().unwrap();
    let hello = taken(&mut rustls::ClientConnection::new(client.clone(), name).unwrap());
    let (mut forge, mut stream) = forge(&mut bench, &client, &server).await;
    assert!(forge.send(ContentType::Handshake, &hello[5..]));
    // A warning comes back: an alert with eight bytes of nonce or none, and a tag.
    let mut head = [0; 5];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 21, "an alert");
    stream.read_exact(&mut vec![0; usize::from(head[4])]).unwrap();
    assert!(forge.send(ContentType::ApplicationData, &masked(PING)));
    stream.read_exact(&mut head).unwrap();
    assert_eq!(head[0], 23, "an answer");
    assert!(forge.send(ContentType::Handshake, &hello[5..]));
    bench.all_ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_records_slow_nobody_down() {
    let mut bench = Bench::start().await.over_tls();
    let mut other = plain_raw(&mut bench).await;
    let certified = Certified::of(&["chat.test"]);
    let (client, server) = (forging(&certified, &TLS13), certified.server());
    let (mut forge, mut stream) = forge(&mut bench, &client, &server).await;
    let commands = masked(PING).repeat(2_000);
    let sending = tokio::task::spawn_blocking(move || {
        for part in commands.chunks(100) {
            let records =
                part.iter().map(|byte| forge.record(ContentType::ApplicationData, &[*byte]));
            let records: Vec<Vec<u8>> = records.collect();
            forge.stream.write_all(&records.concat()).unwrap();
        }
    });
    let reading = tokio::task::spawn_blocking(move || {
        // All answers: eleven bytes and two of a header for each, and what sealing adds.
        let (mut count, mut bytes) = (0, vec![0; 64 * 1_024]);
        while count < 2_000 * 13 {
            count += stream.read(&mut bytes).unwrap();
        }
    });
    while !sending.is_finished() {
        let began = Instant::now();
        other.send(&masked(PING));
        assert_eq!(other.text(), OK);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    sending.await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_for_a_reader_that_takes_nothing_is_one_record_and_counted() {
    const READERS: usize = 20;
    let mut bench = Bench::start().await.over_tls();
    bench.tls = Some(support::bench::Handshake::default());
    bench.send_buffer = Some(16 * 1024);
    let mut stalled = Vec::new();
    for _ in 0..READERS {
        stalled.push(bench.follow(ROOM).await.0);
    }
    assert_eq!(queued(&bench.memory), 0);
    let event = Bytes::from(vec![b'x'; 1_000]);
    bench.publish(ROOM, vec![event; 16_000]).await;
    let memory = bench.memory.clone();
    wait_for(|| queued(&memory) >= READERS * limits::SEALED / 2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    // The record with what sealing adds, and the rest of a frame that did not fit.
    let most = READERS * (limits::SEALED + 64 + 4 * 1_024);
    assert!(queued(&bench.memory) <= most, "{} of {most}", queued(&bench.memory));
    drop(stalled);
    bench.all_ended().await;
    wait_for(|| queued(&memory) == 0).await;
}

fn queued(memory: &MemoryBudget) -> usize {
    memory.usage().find(|usage| usage.kind == "send_queues").unwrap().used
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_hold_one_record_each_are_cut_when_these_use_up_the_share() {
    const READERS: usize = 160;
    // The log of the room fits into its share, the records of so many readers do not fit into theirs.
    let memory = MemoryBudget::new(8 * 1024 * 1024);
    let bounds = Bounds { memory: memory.clone(), ..Bounds::default() };
    let settings = Settings { rate_limit_scale: 0.0, ..Settings::default() };
    let mut bench = Bench::start_within(bounds, settings).await.over_tls();
    bench.tls = Some(support::bench::Handshake::default());
    let (mut reader, _) = bench.follow(ROOM).await;
    bench.send_buffer = Some(16 * 1024);
    let mut stalled = Vec::new();
    for _ in 0..READERS {
        stalled.push(bench.follow(ROOM).await.0);
    }
    let event = "x".repeat(10_000);
    for _ in 0..8 {
        bench.publish(ROOM, vec![text(&event); 50]).await;
        reader.expect_texts(vec![event.clone(); 50]).await;
    }
    let share = memory.usage().find(|usage| usage.kind == "send_queues").unwrap().most;
    let refused = || memory.usage().find(|usage| usage.kind == "send_queues").unwrap().refused;
    wait_for(|| refused() > 0 && queued(&memory) <= share).await;
    bench.publish(ROOM, events(0..10)).await;
    reader.expect_texts(numbers(0..10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_many_is_complete_in_order_and_once_whatever_its_members_do() {
    const EVENTS: usize = 1_500;
    let mut bench = Bench::start().await.over_tls();
    bench.tls = Some(support::bench::Handshake::default());
    let mut reading = Vec::new();
    let mut stalled = Vec::new();
    for n in 0..120 {
        bench.send_buffer = (n % 4 == 1).then_some(16 * 1024);
        let (peer, _) = bench.follow(ROOM).await;
        match n % 4 {
            0 => reading.push(tokio::spawn(read_all(peer, EVENTS, Duration::ZERO))),
            1 => stalled.push(peer),
            2 => reading.push(tokio::spawn(read_all(peer, EVENTS, Duration::from_millis(3)))),
            _ => drop(tokio::spawn(vanish(peer, n))),
        }
    }
    let event = |n: usize| text(&format!("{n:0>2000}"));
    for begin in (0..EVENTS).step_by(25) {
        bench.publish(ROOM, (begin..begin + 25).map(event).collect()).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for task in reading {
        task.await.unwrap();
    }
    let stalled_count = stalled.len() as u64;
    wait_for(|| bench.lagging() == stalled_count).await;
    for mut peer in stalled {
        // It finds a whole stretch without a gap, and why it ends.
        let mut next = 0;
        loop {
            let text = peer.text().await;
            if text.contains("lagging") {
                break;
            }
            assert_eq!(text, format!("{next:0>2000}"));
            next += 1;
        }
        assert_eq!(peer.frame().await.unwrap().0, CLOSE);
        assert_eq!(peer.stream.read(&mut [0; 1]).await.unwrap(), 0, "announced");
    }
}

async fn read_all(mut peer: Wire, events: usize, pause: Duration) {
    for n in 0..events {
        assert_eq!(peer.text().await, format!("{n:0>2000}"));
        if n % 50 == 0 {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Reads a little and disappears, by a reset or a cut.
async fn vanish(mut peer: Wire, n: usize) {
    for _ in 0..n {
        peer.text().await;
    }
    if n % 8 == 3 { peer.reset() } else { drop(peer) }
}

/// Whatever pieces the bytes come in and wherever they end, every command before the end is carried out once, in
/// order, and what the client can open is what was sent, in order.
#[test]
fn any_cut_and_any_pieces_of_a_stream_change_nothing_but_its_end() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let bench = std::cell::RefCell::new(runtime.block_on(Bench::start()).over_tls());
    let (certified, trust) = certified();
    let (client, server) = (trust.config(), certified.server());
    let pieces = proptest::collection::vec(1usize..400, 1..40);
    let strategy = (pieces, 1usize..60, 0usize..1_000, proptest::bool::ANY);
    let config = proptest::test_runner::Config {
        failure_persistence: None,
        cases: 60,
        ..Default::default()
    };
    let mut runner = TestRunner::new(config);
    let ran = runner.run(&strategy, |(pieces, commands, cut, in_one_record)| {
        let mut client = {
            let mut bench = bench.borrow_mut();
            runtime.block_on(raw(&mut bench, Sessions::new(&client, &server)))
        };
        let frame = masked(PING);
        let records: Vec<Vec<u8>> = match in_one_record {
            true => vec![client.seal(&frame.repeat(commands))],
            false => (0..commands).map(|_| client.seal(&frame)).collect(),
        };
        let whole = |until: usize| {
            let mut end = 0;
            let ends = records.iter().map(|record| (end += record.len(), end).1);
            let opened = ends.filter(|end| *end <= until).count();
            opened * commands / records.len()
        };
        let sealed = records.concat();
        let until = sealed.len() * cut.min(999) / 999;
        let mut rest = &sealed[..until];
        for piece in pieces.iter().cycle() {
            let (now, later) = rest.split_at((*piece).min(rest.len()));
            client.stream.write_all(now).unwrap();
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        client.stream.shutdown(std::net::Shutdown::Write).unwrap();
        let (answers, end) = client.end();
        let answer = [&[0x81, OK.len() as u8], OK.as_bytes()].concat();
        proptest::prop_assert_eq!(answers, answer.repeat(whole(until)));
        proptest::prop_assert_eq!(end, End::Announced);
        Ok(())
    });
    ran.unwrap();
    runtime.block_on(bench.borrow().all_ended());
}
