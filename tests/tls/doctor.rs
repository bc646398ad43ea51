//! `impulse doctor`: each line in a good and in a bad state, by the real program.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::acme::fake::{Fake, response};
use crate::process::Process;
use crate::support::tls;

/// Runs the doctor; its exit status and its answer.
fn doctor(data: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (i32, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_impulse"))
        .args(["doctor", "--json", "--data-dir"])
        .arg(data)
        .args(arguments)
        .env_remove("DATABASE_URL")
        .env_remove("ACCOUNTS_DATABASE_URL")
        .env("IMPULSE_LISTEN", "127.0.0.1:0")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let answer = serde_json::from_slice(&output.stdout);
    (
        output.status.code().unwrap(),
        answer.unwrap_or_else(|_| json!(String::from_utf8_lossy(&output.stderr))),
    )
}

/// The first line of a check.
fn row<'a>(answer: &'a Value, check: &str) -> &'a Value {
    let rows = answer["checks"].as_array().unwrap_or_else(|| panic!("{answer}"));
    rows.iter().find(|row| row["check"] == check).unwrap_or_else(|| panic!("no {check}: {answer}"))
}

#[track_caller]
fn is_ok(answer: &Value, checks: &[&str]) {
    for check in checks {
        let row = row(answer, check);
        assert!(row["status"] == "ok" && row["do"].is_null(), "{row}");
    }
}

#[track_caller]
fn is_todo(answer: &Value, check: &str, part: &str) {
    let row = row(answer, check);
    let said =
        format!("{} {}", row["found"].as_str().unwrap(), row["do"].as_str().unwrap_or_default());
    assert!(row["status"] == "todo" && said.contains(part) && !row["do"].is_null(), "{row}");
}

/// A backup of today, so that there is nothing to do about it.
fn backed_up(folder: &Path) -> String {
    let name = impulse::store::backup::folder::name(std::time::SystemTime::now());
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(name), "x").unwrap();
    folder.display().to_string()
}

#[test]
fn a_server_that_runs_as_it_should_has_nothing_to_do_and_one_that_is_stopped_neither() {
    let place = tempfile::tempdir().unwrap();
    let (data, backups) = (place.path().join("data"), backed_up(&place.path().join("backups")));
    let server = Process::start(&data, &[]);
    let address = server.address.clone();
    let url = format!("http://{address}");
    let settings = [("IMPULSE_BACKUP_DIR", backups.as_str()), ("IMPULSE_LISTEN", address.as_str())];
    let (code, answer) = doctor(&data, &[&url], &settings);
    assert_eq!((code, &answer["ok"], &answer["version"]), (0, &json!(true), &json!(1)), "{answer}");
    is_ok(
        &answer,
        &[
            "settings",
            "server",
            "database",
            "commit",
            "clock",
            "disk",
            "flush",
            "files",
            "data-directory",
            "backup",
            "descriptors",
            "memory",
            "listen",
            "secure-context",
            "certificate",
            "url",
            "url-clock",
            "url-certificate",
            "url-secure-context",
            "hsts",
            "cookies",
            "forwarded",
            "redirect",
            "upgrade",
        ],
    );
    // With a session the handshake is carried to its end.
    let token = server.register("mira");
    let file = place.path().join("token");
    fs::write(&file, &token).unwrap();
    let named = format!("@{}", file.display());
    let (_, answer) = doctor(&data, &[&url, "--token", &named], &settings);
    assert!(row(&answer, "upgrade")["found"].as_str().unwrap().contains("101"), "{answer}");
    assert!(!answer.to_string().contains(&token));
    let (_, answer) = doctor(&data, &[&url, "--token", "wrong"], &settings);
    is_todo(&answer, "upgrade", "token");
    server.terminate();
    let (code, answer) = doctor(&data, &[], &settings);
    assert_eq!(code, 0, "{answer}");
    is_ok(&answer, &["server", "database", "listen", "disk"]);
    assert!(row(&answer, "server")["found"].as_str().unwrap().starts_with("none runs"));
}

#[test]
fn settings_that_are_not_those_of_the_running_server_are_something_to_do() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Process::start(&data, &[("IMPULSE_TLS", "auto")]);
    let (_, answer) = doctor(&data, &[], &[]);
    let rows = answer["checks"].as_array().unwrap();
    let said: Vec<_> = rows.iter().filter(|row| row["check"] == "server").collect();
    assert!(said.iter().any(|row| row["status"] == "todo"), "{answer}");
    assert!(said.iter().any(|row| row.to_string().contains("plain HTTP")), "{answer}");
    let (_, answer) = doctor(&data, &[], &[("IMPULSE_TLS", "auto")]);
    let rows = answer["checks"].as_array().unwrap();
    let said: Vec<_> = rows.iter().filter(|row| row["check"] == "server").collect();
    assert!(said.len() == 1 && said[0]["status"] == "ok", "{answer}");
    server.terminate();
}

#[test]
fn what_is_wrong_on_this_machine_is_named_with_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let secret = "postgres://someone:verysecret@127.0.0.1:1/none";
    let (code, answer) = doctor(
        &data,
        &[],
        &[
            ("IMPULSE_LISTEN", &address),
            ("DATABASE_URL", secret),
            ("IMPULSE_CONNECTIONS_MAX", "900000000"),
            ("IMPULSE_MEMORY_BUDGET", "1000GiB"),
            ("IMPULSE_TLS", "files"),
            ("IMPULSE_TLS_CERT", "/nowhere/cert.pem"),
            ("IMPULSE_TLS_KEY", "/nowhere/key.pem"),
        ],
    );
    assert_eq!(code, 1, "{answer}");
    assert!(!answer.to_string().contains("verysecret"), "{answer}");
    for (check, part) in [
        ("database", "DATABASE_URL"),
        ("data-directory", "chmod"),
        ("backup", "IMPULSE_BACKUP_DIR"),
        ("descriptors", "IMPULSE_CONNECTIONS_MAX"),
        ("memory", "IMPULSE_MEMORY_BUDGET"),
        ("listen", &address),
        ("certificate", "/nowhere/cert.pem"),
    ] {
        is_todo(&answer, check, part);
    }
    let (_, answer) =
        doctor(&data, &[], &[("IMPULSE_LISTEN", "0.0.0.0:0"), ("IMPULSE_TLS_CERT", "/nowhere")]);
    is_todo(&answer, "secure-context", "IMPULSE_TLS");
    is_todo(&answer, "settings", "IMPULSE_TLS");
    let (code, answer) = doctor(&data, &["https://chat.example.org/rooms"], &[]);
    assert!(code == 2 && answer.as_str().unwrap().contains("has a path"), "{code} {answer}");
}

#[test]
fn a_certificate_by_acme_that_could_not_be_renewed_is_something_to_do() {
    let place = tempfile::tempdir().unwrap();
    let acme = place.path().join("tls/acme");
    fs::create_dir_all(&acme).unwrap();
    let settings = [
        ("IMPULSE_TLS", "acme"),
        ("IMPULSE_TLS_DOMAINS", "chat.example.org"),
        ("IMPULSE_HTTP_LISTEN", "127.0.0.1:0"),
    ];
    let (_, answer) = doctor(place.path(), &[], &settings);
    is_ok(&answer, &["certificate"]);
    fs::write(acme.join("attempts.json"), r#"{"failure":"ca.example says \"no\": because"}"#)
        .unwrap();
    let (_, answer) = doctor(place.path(), &[], &settings);
    is_todo(&answer, "certificate", "ca.example says");
    let certified = tls::Certified::of(&["chat.example.org"]);
    let text = format!("{}\n{}", certified.key(), pem(&certified.chain[0]));
    fs::write(acme.join("certificate.pem"), &text).unwrap();
    let (_, answer) = doctor(place.path(), &[], &settings);
    is_todo(&answer, "certificate", "could not be renewed");
    fs::write(acme.join("attempts.json"), r#"{"failure":""}"#).unwrap();
    let (_, answer) = doctor(place.path(), &[], &settings);
    is_ok(&answer, &["certificate"]);
    let expired = tls::Certified::with(&["chat.example.org"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let text = format!("{}\n{}", expired.key(), pem(&expired.chain[0]));
    fs::write(acme.join("certificate.pem"), &text).unwrap();
    let (_, answer) = doctor(place.path(), &[], &settings);
    is_todo(&answer, "certificate", "ended on");
}

fn pem(der: &[u8]) -> String {
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// A proxy that passes one request on after `change` has changed its head, and the answer as it is.
fn proxy(server: &str, change: impl Fn(&str) -> String + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = server.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = vec![0; 8_192];
            let count = stream.read(&mut head).unwrap_or(0);
            let head = change(&String::from_utf8_lossy(&head[..count]));
            let Ok(mut upstream) = std::net::TcpStream::connect(&server) else { continue };
            let _ = upstream
                .write_all(head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes());
            let mut answer = Vec::new();
            let _ = upstream.set_read_timeout(Some(Duration::from_secs(2)));
            let _ = upstream.read_to_end(&mut answer);
            let _ = stream.write_all(&answer);
        }
    });
    address
}

#[test]
fn a_proxy_that_passes_on_too_little_or_too_much_is_named_by_what_goes_wrong() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Process::start(&data, &[("IMPULSE_TRUSTED_PROXIES", "127.0.0.1")]);
    let without = |name: &'static str| {
        move |head: &str| -> String {
            let lines =
                head.split("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with(name));
            lines.collect::<Vec<_>>().join("\r\n")
        }
    };
    let listen = server.address.clone();
    let settings = [("IMPULSE_LISTEN", listen.as_str()), ("IMPULSE_TRUSTED_PROXIES", "127.0.0.1")];
    let ask = |address: &str| doctor(&data, &[&format!("http://{address}")], &settings).1;
    let answer = ask(&proxy(&server.address, without("upgrade:")));
    is_todo(&answer, "upgrade", "Upgrade");
    // It believes whatever the client says of itself.
    is_todo(&answer, "forwarded", "X-Forwarded-For");
    let other_name = |head: &str| {
        let lines = head.split("\r\n").map(|line| match line.starts_with("Host:") {
            true => "Host: internal".to_owned(),
            false => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\r\n")
    };
    let answer = ask(&proxy(&server.address, other_name));
    is_todo(&answer, "upgrade", "IMPULSE_TRUSTED_PROXIES");
    // The server is told that people come by https, which they do not.
    let https = |head: &str| head.replacen("\r\n", "\r\nX-Forwarded-Proto: https\r\n", 1);
    let answer = ask(&proxy(&server.address, https));
    is_todo(&answer, "forwarded", "other scheme");
    let answer = ask(&proxy(&server.address, without("cookie:")));
    is_todo(&answer, "cookies", "Set-Cookie");
    server.terminate();
}

/// What Impulse answers, as far as the doctor looks at it.
fn info() -> String {
    json!({"version": "9", "limits": {}, "seen": {"address": "127.0.0.1", "secure": true}})
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_answers_at_the_url_the_checks_end_in_time_and_repeat_little_of_it() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path();
    let began = Instant::now();
    let long = "x".repeat(100_000);
    for (answer, part) in [
        (response("200 OK", "Server: nginx\r\n", "<html>hello"), "nginx"),
        (response("502 Bad Gateway", "", ""), "in place of the server"),
        (response("421 Misdirected Request", "", ""), "IMPULSE_HOSTS"),
        (response("301 Moved", "Location: http://elsewhere/\r\n", ""), "something else"),
        (
            response("308 Permanent Redirect", "Location: https://chat.test:8443/\r\n", ""),
            "impulse doctor https://chat.test:8443",
        ),
        (response("200 OK", &format!("Server: {}\r\n", "y".repeat(2_000)), ""), "something else"),
        (format!("HTTP/1.1 200 {long}\r\n\r\n").into_bytes(), "url"),
        (b"SSH-2.0-OpenSSH\r\n".to_vec(), "cannot be read"),
        (Vec::new(), "check the name"),
    ] {
        let fake = Fake::start(data, move |_| answer.clone()).await;
        let (url, root) =
            (format!("https://127.0.0.1:{}", fake.port), fake.root.display().to_string());
        let (code, answer) = doctor(data, &[&url, "--ca", &root], &[]);
        assert_eq!(code, 1);
        let row = row(&answer, "url");
        assert!(row["status"] == "todo" && row.to_string().contains(part), "{part}: {row}");
        assert!(row.to_string().len() < 1_000 && !row.to_string().contains("\\u001b"), "{row}");
    }
    // It accepts and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (_, answer) = doctor(data, &[&url], &[]);
    is_todo(&answer, "url", "does not answer");
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    // An upgrade that is answered without an end.
    let endless = format!("HTTP/1.1 101 Switching Protocols\r\nX: {long}");
    let fake = Fake::start(data, move |path| match path {
        "/ws" => endless.clone().into_bytes(),
        _ => response("200 OK", "", &info()),
    })
    .await;
    let (url, root) = (format!("https://127.0.0.1:{}", fake.port), fake.root.display().to_string());
    let (_, answer) = doctor(data, &[&url, "--ca", &root], &[]);
    is_todo(&answer, "upgrade", "no HTTP");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_ends_soon_or_is_not_trusted_is_something_to_do() {
    let place = tempfile::tempdir().unwrap();
    let fake = Fake::start(place.path(), |_| response("200 OK", "", &info())).await;
    let (url, root) = (format!("https://127.0.0.1:{}", fake.port), fake.root.display().to_string());
    let (_, answer) = doctor(place.path(), &[&url, "--ca", &root], &[]);
    is_ok(&answer, &["url-certificate", "url-secure-context"]);
    is_todo(&answer, "hsts", "Strict-Transport-Security");
    let (_, answer) = doctor(place.path(), &[&url], &[]);
    is_todo(&answer, "url-certificate", "--ca FILE");
    let (_, answer) =
        doctor(place.path(), &[&url.replace("127.0.0.1", "localhost"), "--ca", &root], &[]);
    is_todo(&answer, "url-certificate", "is not for localhost");
    let soon = Fake::start_with(
        place.path(),
        |params| {
            params.not_after =
                (std::time::SystemTime::now() + Duration::from_secs(3 * 86_400)).into();
        },
        |_| response("200 OK", "", &info()),
    )
    .await;
    let (url, root) = (format!("https://127.0.0.1:{}", soon.port), soon.root.display().to_string());
    let (_, answer) = doctor(place.path(), &[&url, "--ca", &root], &[]);
    is_todo(&answer, "url-certificate", "good for 2 more days");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_at_the_url_is_something_to_do() {
    let place = tempfile::tempdir().unwrap();
    let at = |seconds: u64| {
        let then = std::time::SystemTime::now() - Duration::from_secs(seconds);
        format!("Date: {}\r\n", httpdate::fmt_http_date(then))
    };
    for (seconds, status) in [(0, "ok"), (60, "todo")] {
        let date = at(seconds);
        let fake = Fake::start(place.path(), move |_| response("200 OK", &date, &info())).await;
        let (url, root) =
            (format!("https://127.0.0.1:{}", fake.port), fake.root.display().to_string());
        let (_, answer) = doctor(place.path(), &[&url, "--ca", &root], &[]);
        assert_eq!(row(&answer, "url-clock")["status"], status, "{answer}");
    }
}
