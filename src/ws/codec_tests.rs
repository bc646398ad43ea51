//! Rules of RFC 6455, and that the cut of the stream never matters.

use super::*;
use proptest::prelude::*;

const LIMITS: Limits = Limits { message: 1_000, fragments: 8 };

fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let mut frame = vec![first];
    match payload.len() {
        n @ 0..126 => frame.push(0x80 | n as u8),
        n => {
            frame.push(0x80 | 126);
            frame.extend((n as u16).to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// Feeds bytes cut at every `step`; messages as owned text, then the fault if there was one.
fn feed(bytes: &[u8], step: usize) -> (Vec<String>, Option<Fault>, bool) {
    let mut codec = Codec::default();
    let mut messages = Vec::new();
    for chunk in bytes.chunks(step.max(1)) {
        let mut chunk = chunk.to_vec();
        let mut input = chunk.as_mut_slice();
        loop {
            match codec.next(LIMITS, &mut input) {
                Ok(Some(message)) => messages.push(format!("{message:?}")),
                Ok(None) => break,
                Err(fault) => return (messages, Some(fault), codec.is_partial()),
            }
        }
    }
    (messages, None, codec.is_partial())
}

#[test]
fn a_whole_frame_leaves_nothing_behind() {
    let (messages, fault, partial) = feed(&client_frame(0x81, b"hi"), usize::MAX);
    assert_eq!((messages, fault, partial), (vec!["Text(\"hi\")".into()], None, false));
}

#[test]
fn a_ping_between_fragments_is_seen_at_once() {
    let mut bytes = client_frame(0x01, b"a");
    bytes.extend(client_frame(0x89, b"p"));
    bytes.extend(client_frame(0x80, b"b"));
    let (messages, fault, partial) = feed(&bytes, usize::MAX);
    assert_eq!(messages, ["Ping([112])", "Text(\"ab\")"]);
    assert_eq!((fault, partial), (None, false));
}

#[test]
fn broken_rules_have_their_codes() {
    let unmasked = vec![0x81, 0x00];
    let huge = vec![0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4];
    let cases: Vec<(Vec<u8>, u16)> = vec![
        (unmasked, 1002),
        (client_frame(0xc1, b"x"), 1002),
        (client_frame(0x83, b"x"), 1002),
        (client_frame(0x8b, b"x"), 1002),
        (client_frame(0x09, b"x"), 1002),
        (client_frame(0x89, &[0; 126]), 1002),
        (client_frame(0x80, b"x"), 1002),
        ([client_frame(0x01, b"x"), client_frame(0x81, b"y")].concat(), 1002),
        (client_frame(0x88, &[3]), 1002),
        (client_frame(0x88, &999u16.to_be_bytes()), 1002),
        (client_frame(0x88, &1005u16.to_be_bytes()), 1002),
        (client_frame(0x88, &[0x03, 0xe8, 0xff]), 1007),
        (client_frame(0x81, &[0xff]), 1007),
        ([client_frame(0x01, &[0xce]), client_frame(0x80, &[0x20])].concat(), 1007),
        (client_frame(0x01, &[0xf4, 0x90]), 1007),
        ([client_frame(0x01, &[0xce]), client_frame(0x80, &[])].concat(), 1007),
        (huge, 1009),
        (client_frame(0x82, &[0; 1_001]), 1009),
        ([client_frame(0x02, &[0; 600]), client_frame(0x80, &[0; 401])].concat(), 1009),
        (
            [vec![client_frame(0x02, b"x")], vec![client_frame(0x00, b""); 8]].concat().concat(),
            1009,
        ),
    ];
    for (bytes, code) in cases {
        for step in [1, 3, usize::MAX] {
            let fault = feed(&bytes, step).1.map(Fault::code);
            assert_eq!(fault, Some(code), "{bytes:x?} by {step}");
        }
    }
}

/// A masked frame whose length is written in so many bytes.
fn with_length(first: u8, payload: &[u8], bytes: usize) -> Vec<u8> {
    let mut frame = vec![first];
    match bytes {
        1 => frame.push(0x80 | payload.len() as u8),
        2 => frame.extend([&[0xfe], &(payload.len() as u16).to_be_bytes()[..]].concat()),
        _ => frame.extend([&[0xff], &(payload.len() as u64).to_be_bytes()[..]].concat()),
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[test]
fn a_length_is_written_in_as_few_bytes_as_it_needs() {
    for (length, bytes) in [(0, 2), (1, 8), (125, 2), (125, 8), (126, 8), (999, 8)] {
        for first in [0x81, 0x82, 0x01] {
            let frame = with_length(first, &vec![b'x'; length], bytes);
            for step in [1, 3, usize::MAX] {
                let fault = feed(&frame, step).1.map(Fault::code);
                assert_eq!(fault, Some(1002), "{length} in {bytes} bytes by {step}");
            }
        }
    }
    for (length, bytes) in [(0, 1), (125, 1), (126, 2), (999, 2)] {
        let (messages, fault, _) = feed(&with_length(0x81, &vec![b'x'; length], bytes), 1);
        assert_eq!((messages.len(), fault), (1, None), "{length} in {bytes} bytes");
    }
    // A control frame, and a length with its highest bit set.
    assert_eq!(feed(&with_length(0x89, b"x", 2), 1).1.map(Fault::code), Some(1002));
    let negative = [&[0x82, 0xff, 0x80][..], &[0; 7], &[1, 2, 3, 4]].concat();
    assert_eq!(feed(&negative, usize::MAX).1.map(Fault::code), Some(1002));
}

#[test]
fn every_frame_of_a_message_can_be_counted_however_it_is_cut() {
    let mut bytes = client_frame(0x01, b"a");
    bytes.extend(
        [client_frame(0x00, b""), client_frame(0x89, b""), client_frame(0x80, b"b")].concat(),
    );
    for step in [1, 2, 7, usize::MAX] {
        let (mut codec, mut seen) = (Codec::default(), Vec::new());
        for chunk in bytes.chunks(step) {
            let mut chunk = chunk.to_vec();
            let mut input = chunk.as_mut_slice();
            while let Some(progress) = codec.advance(LIMITS, &mut input).unwrap() {
                seen.push(matches!(progress, Progress::Fragment));
            }
        }
        assert_eq!(seen, [true, true, false, false], "by {step}");
    }
}

#[test]
fn close_codes_that_may_travel_are_taken() {
    for code in [1000u16, 1001, 1003, 1007, 1011, 3000, 4999] {
        let (messages, fault, _) = feed(&client_frame(0x88, &code.to_be_bytes()), 1);
        assert_eq!((messages, fault), (vec![format!("Close(Some({code}))")], None));
    }
}

proptest! {
    #[test]
    fn the_cut_never_changes_what_is_said(
        frames in prop::collection::vec((0u8..=255, prop::collection::vec(any::<u8>(), 0..300)), 0..6),
        step in 1usize..40,
    ) {
        let bytes: Vec<u8> = frames.iter().flat_map(|(first, p)| client_frame(*first, p)).collect();
        let whole = feed(&bytes, usize::MAX);
        let cut = feed(&bytes, step);
        // Cut text may fail earlier in its message, never later, and never otherwise.
        prop_assert_eq!(whole.0, cut.0);
        prop_assert_eq!(whole.1.map(Fault::code), cut.1.map(Fault::code));
    }

    #[test]
    fn valid_text_in_any_fragments_comes_out_whole(text in ".{0,120}", cuts in prop::collection::vec(0usize..200, 0..6), step in 1usize..20) {
        let bytes = text.as_bytes();
        let mut places: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
        places.sort_unstable();
        let mut frames = Vec::new();
        let mut from = 0;
        for (n, to) in places.iter().copied().chain([bytes.len()]).enumerate() {
            let fin = if n == places.len() { 0x80 } else { 0 };
            frames.extend(client_frame(fin | u8::from(n == 0), &bytes[from..to]));
            from = to;
        }
        let (messages, fault, partial) = feed(&frames, step);
        prop_assert_eq!(messages, vec![format!("Text({text:?})")]);
        prop_assert_eq!((fault, partial), (None, false));
    }

    #[test]
    fn a_length_that_could_be_shorter_is_refused_and_any_other_is_not(
        length in 0usize..1_000,
        bytes in prop::sample::select(vec![1usize, 2, 8]),
        step in 1usize..20,
    ) {
        let least = if length < 126 { 1 } else { 2 };
        prop_assume!(bytes >= least);
        let (messages, fault, _) = feed(&with_length(0x82, &vec![b'x'; length], bytes), step);
        prop_assert_eq!(fault.map(Fault::code), (bytes > least).then_some(1002));
        prop_assert_eq!(messages.len(), usize::from(bytes == least));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), step in 1usize..50) {
        let _ = feed(&bytes, step);
    }
}
