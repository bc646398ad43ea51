//! `impulse loadtest` as a program: what it reports, what it leaves behind, and which error it prints when
//! the server cannot be measured. No test checks how fast anything was.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::process::{Client, Process};

/// Runs it with a directory for temporary files.
fn loadtest(temporary: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_impulse"))
        .args(["loadtest", "--quiet", "--json", "--seconds", "0.5"])
        .args(args)
        .env_remove("DATABASE_URL")
        .env_remove("ACCOUNTS_DATABASE_URL")
        .env_remove("IMPULSE_TOKEN")
        .env("TMPDIR", temporary)
        .output()
        .expect("the binary runs")
}

/// The reports of a successful run.
fn reports(output: &Output) -> Vec<Value> {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
}

/// The error of a failed run.
fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "a report of nothing");
    let errors = String::from_utf8_lossy(&output.stderr);
    errors.lines().find_map(|line| line.strip_prefix("Error: ")).expect("an error").to_owned()
}

fn assert_kept(report: &Value) {
    for promise in ["lost", "doubled", "out_of_order", "errors"] {
        assert_eq!(report[promise], 0, "{promise}: {report}");
    }
}

#[test]
fn a_private_server_is_measured_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    // PostgreSQL runs as another user when we are root, and must be able to enter.
    #[cfg(unix)]
    std::fs::set_permissions(temporary.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let args = ["--local", "--scenario", "fanout,storm,durable", "--connections", "12"];
    let reports = reports(&loadtest(temporary.path(), &args));
    let names: Vec<_> = reports.iter().map(|report| report["scenario"].as_str().unwrap()).collect();
    assert_eq!(names, ["fanout", "storm", "durable"]);
    for report in &reports {
        assert_kept(report);
        assert_eq!(report["connections"], 12);
        assert!(report["messages"].as_u64() > Some(0), "{report}");
        assert!(report["server"]["rss_bytes"].as_u64() > Some(0), "{report}");
    }
    let fanout = &reports[0];
    assert_eq!(
        fanout["deliveries"].as_u64().unwrap(),
        12 * fanout["messages"].as_u64().unwrap(),
        "all clients got all messages: {fanout}"
    );
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_running_server_is_measured_with_a_token_and_keeps_its_rooms() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let token = server.register("anna");
    let url = format!("http://{}", server.address);
    let rooms = || server.request("GET", "/api/rooms", Some(&token), None).1;
    let before = rooms();
    let args = [&url, "--token", &token, "--scenario", "connect,rooms"];
    let sizes = ["--connections", "8", "--rooms", "3", "--members", "4", "--rate", "40"];
    let reports = reports(&loadtest(folder.path(), &[&args[..], &sizes[..]].concat()));
    assert_eq!(reports.len(), 2);
    reports.iter().for_each(assert_kept);
    assert_eq!(reports[0]["connections"], 8);
    assert_eq!(reports[1]["connections"], 12);
    assert!(reports[1]["server"]["cpu_s"].is_number(), "it found the process: {}", reports[1]);
    assert_eq!(rooms(), before);
    assert!(server.terminate().success());
}

#[test]
fn rate_limits_are_reported_instead_of_measured() {
    let folder = tempfile::tempdir().unwrap();
    // One user has five sockets, may send 120 commands at once, and is disconnected after 200 refusals.
    let server = Process::start(folder.path(), &[("IMPULSE_RATE_LIMIT_SCALE", "0.05")]);
    let token = server.register("anna");
    let url = format!("http://{}", server.address);
    let fanout = |sizes: &[&str]| {
        let args = [url.as_str(), "--token", &token, "--scenario", "fanout"];
        failure(&loadtest(folder.path(), &[&args[..], sizes].concat()))
    };
    let eager = fanout(&["--connections", "2", "--in-flight", "400"]);
    assert!(eager.contains("Too many commands"), "{eager}");
    let others: Vec<_> = (0..5)
        .map(|_| {
            let mut other = Client::connect(&server.address, &token).unwrap();
            other.request(json!({"op": "ping"})).unwrap();
            other
        })
        .collect();
    let crowd = fanout(&["--connections", "1"]);
    assert!(crowd.contains("429") && crowd.contains("IMPULSE_RATE_LIMIT_SCALE=0"), "{crowd}");
    drop(others);
    assert!(server.terminate().success());
}

#[test]
fn a_bad_token_and_an_unknown_room_fail_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let url = format!("http://{}", server.address);
    let nobody = failure(&loadtest(folder.path(), &[&url]));
    assert!(nobody.contains("--token"), "{nobody}");
    let stranger = [url.as_str(), "--token", "nobodys", "--scenario", "connect"];
    let stranger = failure(&loadtest(folder.path(), &stranger));
    assert!(stranger.contains("401") || stranger.contains("session"), "{stranger}");
    let args = [&url, "--token", &server.register("anna"), "--scenario", "fanout", "--room", "77"];
    let room = failure(&loadtest(folder.path(), &args));
    assert_eq!(room, "There is no such room");
    assert!(server.terminate().success());
}

#[test]
fn a_private_server_with_tls_is_measured_like_a_plain_one() {
    let temporary = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(temporary.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let args = ["--local", "--tls", "--cut", "--scenario", "fanout,storm", "--connections", "12"];
    let reports = reports(&loadtest(temporary.path(), &args));
    assert_eq!(reports.len(), 2);
    for report in &reports {
        assert_kept(report);
        assert_eq!(report["connections"], 12);
        assert!(report["messages"].as_u64() > Some(0), "{report}");
    }
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_encrypted_chat_is_measured_and_every_envelope_is_taken_and_delivered() {
    let temporary = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(temporary.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let args = [
        "--local",
        "--encrypted",
        "--scenario",
        "fanout,storm",
        "--connections",
        "12",
        "--size",
        "300",
    ];
    for report in &reports(&loadtest(temporary.path(), &args)) {
        assert_kept(report);
        // 320 bytes are the padded length, and there is more in an envelope than that.
        assert!(report["frame_bytes"].as_f64().unwrap() > 700.0, "{report}");
    }
    let output = loadtest(temporary.path(), &["--local", "--encrypted", "--scenario", "rooms"]);
    assert_eq!(failure(&output), "--encrypted goes with --scenario fanout or storm");
}

#[test]
fn a_server_with_tls_is_measured_if_its_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let cert = file("cert.pem", made.cert.pem());
    let key = file("key.pem", made.signing_key.serialize_pem());
    let settings =
        [("IMPULSE_TLS", "files"), ("IMPULSE_TLS_CERT", &cert), ("IMPULSE_TLS_KEY", &key)];
    let server = Process::start(folder.path(), &settings);
    let token = server.register("anna");
    let url = format!("https://{}", server.secure_address.as_deref().unwrap());
    let args = [&url, "--token", &token, "--scenario", "fanout,storm", "--connections", "8"];
    let why = failure(&loadtest(folder.path(), &args));
    assert!(why.contains("not trusted here") && why.contains("--ca FILE"), "{why}");
    for trust in [&["--ca", cert.as_str()][..], &["--insecure"]] {
        let reports = reports(&loadtest(folder.path(), &[&args[..], trust].concat()));
        reports.iter().for_each(assert_kept);
        assert!(reports[0]["server"]["cpu_s"].is_number(), "it found the process: {}", reports[0]);
    }
    assert!(server.terminate().success());
}
