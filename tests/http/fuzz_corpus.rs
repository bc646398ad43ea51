//! The seeds of the fuzz targets, run with every test, so that what fuzzing has found stays fixed.
//! The targets themselves are in `fuzz/` (`cargo +nightly fuzz run frames`).

use std::io::Cursor;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use impulse::e2ee::directory::{self, Row, SignedHead};
use impulse::e2ee::envelope::Envelope;
use impulse::e2ee::pack::{pack, unpack};
use impulse::e2ee::room_log::wire::Record;
use impulse::e2ee::room_log::{Entry, State, replay};
use impulse::http::{
    ByteRange, Head, Options, PriorKnowledge, Request as HttpRequest, Response, Service, Site,
    byte_range, parse,
};
use impulse::pictures::{Format, dissect};
use impulse::protocol::command::Request;
use impulse::search::keys::{Place, conditions};
use impulse::search::matcher::marks;
use impulse::search::query::Query;
use impulse::store::backup;
use impulse::ws::{Codec, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let seeds: Vec<_> = files.map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!seeds.is_empty(), "no seeds for {target}");
    seeds
}

#[test]
fn every_seed_of_commands_is_a_command_or_a_fault() {
    for seed in seeds("commands") {
        let _ = Request::parse(&String::from_utf8_lossy(&seed));
    }
}

#[test]
fn every_seed_of_frames_decodes_the_same_however_it_is_cut() {
    let decode = |bytes: &[u8], step: usize| {
        let mut codec = Codec::default();
        let mut decoded = Vec::new();
        for chunk in bytes.chunks(step) {
            let mut chunk = chunk.to_vec();
            let mut input = chunk.as_mut_slice();
            loop {
                match codec.next(Limits { message: 4_096, fragments: 16 }, &mut input) {
                    Ok(Some(message)) => decoded.push(format!("{message:?}")),
                    Ok(None) => break,
                    Err(fault) => {
                        decoded.push(format!("{}", fault.code()));
                        return decoded;
                    }
                }
            }
        }
        decoded
    };
    for seed in seeds("frames") {
        // The first byte chooses the cut in the fuzz target.
        let bytes = seed.get(1..).unwrap_or_default();
        let whole = decode(bytes, usize::MAX);
        for step in 1..=bytes.len() {
            assert_eq!(decode(bytes, step), whole, "{bytes:x?} by {step}");
        }
    }
}

#[test]
fn every_seed_of_request_heads_is_parsed_and_a_good_one_stays_good_alone() {
    for seed in seeds("request_head") {
        let (_, length) = parse(&seed).unwrap().expect("a complete head");
        assert_eq!(parse(&seed[..length]).unwrap().map(|(_, same)| same), Some(length));
    }
}

#[tokio::test]
async fn of_the_seeds_of_static_paths_only_the_page_and_the_file_are_served() {
    let (site, mut served) = (Site::new(None), 0);
    for seed in seeds("static_paths") {
        let head = [b"GET /", &seed[..], b" HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
        let Some((head, _)) = parse(&head).unwrap() else { continue };
        served += usize::from(site.respond(&head).await.is_some());
    }
    assert_eq!(served, 2);
}

#[test]
fn the_seeds_of_ranges_select_parts_of_their_files_or_none() {
    let (mut parts, mut none) = (0, 0);
    for seed in seeds("ranges") {
        let (length, field) = seed.split_first_chunk::<8>().unwrap();
        let length = u64::from_be_bytes(*length);
        match byte_range(std::str::from_utf8(field).unwrap(), length) {
            ByteRange::Part(part) => {
                assert!(part.start < part.end && part.end <= length);
                parts += 1;
            }
            ByteRange::Unsatisfiable => none += 1,
            ByteRange::Whole => {}
        }
    }
    assert_eq!((parts, none), (4, 2));
}

#[test]
fn the_seeds_of_pictures_have_a_size_if_they_are_whole_and_lose_what_is_about_them() {
    let (mut whole, mut said) = (0, 0);
    for seed in seeds("pictures") {
        let (format, bytes) = seed.split_first().unwrap();
        let format = match format {
            0 => Format::Jpeg,
            1 => Format::Png,
            2 => Format::Gif,
            _ => Format::WebP,
        };
        let anatomy = dissect(format, Cursor::new(bytes), bytes.len() as u64).unwrap();
        whole += usize::from(anatomy.pixels.is_some());
        said += usize::from(anatomy.without_metadata.is_some());
    }
    assert_eq!((whole, said), (5, 5));
}

#[test]
fn of_the_seeds_of_packed_bytes_only_the_well_formed_unpack_and_pack_to_themselves() {
    let mut good = 0;
    for seed in seeds("packed") {
        if let Ok(fields) = unpack::<3>("test", &seed) {
            assert_eq!(pack("test", &fields), seed);
            good += 1;
        }
    }
    assert_eq!(good, 1);
}

#[test]
fn of_the_seeds_of_room_logs_the_well_formed_are_the_bytes_of_what_they_say() {
    let (mut entries, mut logs) = (0, 0);
    for seed in seeds("room_log") {
        if let Ok(entry) = Entry::parse(&seed) {
            assert_eq!(entry.to_bytes(), seed);
            entries += 1;
        }
        let Ok(records) = Record::parse_all(&seed) else { continue };
        let (mut written, mut state) = (Vec::new(), State::default());
        for record in &records {
            record.write(&mut written);
            replay(&mut state, &record.signed).unwrap();
        }
        assert_eq!((written, state.next_seq), (seed, records.len() as u64));
        logs += 1;
    }
    assert_eq!((entries, logs), (10, 2), "one entry of each type, and two logs");
}

#[test]
fn of_the_seeds_of_directories_the_well_formed_are_the_bytes_of_what_they_say() {
    let (instance, mut found) = ([0xa0; 16], [0; 3]);
    for seed in seeds("directory") {
        if let Ok(entry) = directory::Entry::parse(&instance, &seed) {
            assert_eq!(entry.to_bytes(&instance), seed);
            found[0] += 1;
        } else if let Ok(rows) = Row::parse_all(&seed) {
            // A head has as many bytes as two rows.
            assert_eq!(rows.iter().flat_map(Row::to_bytes).collect::<Vec<_>>(), seed);
            found[1] += 1;
        }
        found[2] += usize::from(SignedHead::parse(&seed).is_ok_and(|head| head.n == 7));
    }
    assert_eq!(found, [4, 1, 1], "an entry of each type, rows, and a head");
}

#[test]
fn of_the_seeds_of_envelopes_only_one_of_each_kind_is_read_and_is_written_as_it_came() {
    let mut read = 0;
    for seed in seeds("envelopes") {
        let text = String::from_utf8(seed).unwrap();
        let Ok(envelope) = Envelope::parse(&text) else { continue };
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(&envelope).unwrap(), json);
        read += 1;
    }
    assert_eq!(read, 4);
}

#[test]
fn every_seed_of_queries_marks_places_of_every_other_in_order() {
    let texts: Vec<_> =
        seeds("queries").into_iter().map(|seed| String::from_utf8(seed).unwrap()).collect();
    let mut found = 0;
    for text in &texts {
        let length = u32::try_from(text.encode_utf16().count()).unwrap();
        for q in &texts {
            let mut end = 0;
            for [from, to] in marks(&Query::parse(q, 60), text, &[]).unwrap_or_default() {
                assert!(end <= from && from < to && to <= length, "{q} in {text}");
                (end, found) = (to, found + 1);
            }
        }
        let _ = conditions(&Query::parse(text, 0), &Place::default());
    }
    assert!(found > 0);
}

#[test]
fn of_the_seeds_of_backups_only_the_whole_one_is_read() {
    let read = |seed: &Vec<u8>| backup::check(&seed[..], |_| {}).is_ok();
    assert_eq!(seeds("backup").iter().filter(|seed| read(seed)).count(), 1);
}

/// Answers a request with its body.
struct Echo;

impl Service for Echo {
    fn body_limit(&self, _: &Head) -> usize {
        1_024
    }

    fn call<'a>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
        assert!(request.head.path.starts_with('/') && request.body.len() <= 1_024);
        assert_eq!(request.head.headers.all("host").count(), 1);
        Box::pin(async move { Response::new(200, "text/plain", request.body) })
    }
}

/// Bytes of the answers to some frames, which are sent in pieces.
async fn answered_by_http2(step: usize, bytes: &[u8]) -> usize {
    let (_stop, stopped) = watch::channel(false);
    let http = PriorKnowledge::new(Arc::new(Echo), Options::default(), stopped);
    let (near, far) = tokio::io::duplex(64 * 1_024);
    let serving = tokio::spawn(http.serve(far, "127.0.0.1:1".parse().unwrap()));
    let (mut read, mut write) = tokio::io::split(near);
    let reading = tokio::spawn(async move {
        let mut answer = Vec::new();
        let _ = read.read_to_end(&mut answer).await;
        answer.len()
    });
    let _ = write.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    for chunk in bytes.chunks(step.max(1)) {
        let _ = write.write_all(chunk).await;
        tokio::task::yield_now().await;
    }
    let _ = write.shutdown().await;
    let ended = tokio::time::timeout(Duration::from_secs(10), async {
        serving.await.unwrap();
        http.ended().await;
        reading.await.unwrap()
    });
    ended.await.expect("it ends with its client")
}

#[tokio::test]
async fn every_seed_of_http2_is_answered_and_its_connection_ends_however_it_is_cut() {
    for seed in seeds("http2") {
        // The first byte chooses the cut in the fuzz target.
        let (step, bytes) = seed.split_first().unwrap();
        assert!(answered_by_http2(usize::from(*step), bytes).await > 0);
        assert!(answered_by_http2(usize::MAX, bytes).await > 0);
    }
}
