//! What the machine gives: a server that runs out of descriptors says so and goes on.

use impulse::limits::delivery;

use crate::process::{Client, PATIENCE, Process};

#[test]
fn with_few_descriptors_few_are_let_in_and_the_rest_is_told() {
    const LINES: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let server =
        Process::start_with_descriptors(folder.path(), delivery::DESCRIPTORS_SPARED + LINES);
    let token = server.register("anna");
    let mut lines = Vec::new();
    let refused = loop {
        match Client::connect(&server.address, &token) {
            Ok(line) => lines.push(line),
            Err(refused) => break refused.to_string(),
        }
    };
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("Retry-After"), "{refused}");
    // A shard counts at the end of its turn, so one or two may slip in.
    assert!((LINES..=LINES + 2).contains(&lines.len()), "{}", lines.len());
    for line in &mut lines {
        assert_eq!(line.ask(serde_json::json!({"op": "ping"})).unwrap()["op"], "ok");
    }
    lines.truncate(LINES / 2);
    let deadline = std::time::Instant::now() + PATIENCE;
    while Client::connect(&server.address, &token).is_err() {
        assert!(std::time::Instant::now() < deadline, "freed places are never given again");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(server.terminate().success());
}
