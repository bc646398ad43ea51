//! Commands: any text is a command or a fault, never a panic.
#![no_main]

use impulse::protocol::command::Request;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = Request::parse(text);
});
