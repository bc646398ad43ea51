//! Envelopes: any text is one or a fault, and one that is written reads as the same.

#![no_main]

use impulse::e2ee::envelope::Envelope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(envelope) = Envelope::parse(text) else { return };
    let written = serde_json::to_string(&envelope).expect("an envelope is JSON");
    assert_eq!(Envelope::parse(&written).expect("what was written reads"), envelope);
    let _ = envelope.verify(&[1; 32], &[2; 32], &[3; 32]);
});
