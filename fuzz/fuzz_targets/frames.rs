//! The frame stream: any bytes, cut anywhere, never panic; where they are cut never changes the messages.
#![no_main]

use impulse::ws::{Codec, Limits};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { message: 4_096, fragments: 16 };

fn decode(bytes: &[u8], step: usize) -> (Vec<String>, Option<u16>) {
    let mut codec = Codec::default();
    let mut messages = Vec::new();
    for chunk in bytes.chunks(step.max(1)) {
        let mut chunk = chunk.to_vec();
        let mut input = chunk.as_mut_slice();
        loop {
            match codec.next(LIMITS, &mut input) {
                Ok(Some(message)) => messages.push(format!("{message:?}")),
                Ok(None) => break,
                Err(fault) => return (messages, Some(fault.code())),
            }
        }
    }
    (messages, None)
}

fuzz_target!(|data: (u8, Vec<u8>)| {
    let (step, bytes) = data;
    let whole = decode(&bytes, usize::MAX);
    let cut = decode(&bytes, usize::from(step));
    assert!(whole.0.starts_with(&cut.0) || cut.0.starts_with(&whole.0));
});
