//! The limits of the machine: a server with few descriptors, more sockets than fit, and a process without a
//! single descriptor left. Open connections are served, new ones are refused, and nothing dies.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process;
use crate::process::{Client, PATIENCE, Process, new_mid, text};
use crate::support::postgres;

/// A server with so many descriptors, a user, and the file its log goes to.
struct Small {
    server: Process,
    token: String,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Small {
    fn start(descriptors: usize, more: &[(&str, &str)]) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let database = runtime.block_on(postgres::database());
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let settings =
            [&[("DATABASE_URL", database.as_str()), ("IMPULSE_LOG", "info")], more].concat();
        let data = folder.path().join("data");
        let server = Process::start_with_descriptors(descriptors, &log, &data, &settings);
        let token = server.register("anna");
        Self { server, token, log, _folder: folder }
    }

    fn connect(&self) -> std::io::Result<Client> {
        Client::connect(&self.server.address, &self.token)
    }

    /// Connects as soon as there is room.
    fn connect_when_possible(&self) -> Client {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.connect() {
                Ok(client) => return client,
                Err(error) => assert!(Instant::now() < deadline, "still: {error}"),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_healthy(&self) -> bool {
        matches!(process::http(&self.server.address, "GET", "/health", None, None), Ok((200, _)))
    }

    fn metric(&self, name: &str) -> f64 {
        let text = plain_get(&self.server.address, "/metrics");
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        let value = line.and_then(|line| line.rsplit(' ').next()).and_then(|n| n.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    /// Stops it as an operator would, and returns its log.
    fn end(self) -> String {
        assert!(self.server.terminate().success());
        let log = std::fs::read_to_string(&self.log).unwrap();
        assert!(!log.contains("panicked"), "{log}");
        log
    }
}

fn plain_get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Follows the first room, whose id it returns.
fn follow(client: &mut Client) -> String {
    let room = client.hello["rooms"][0]["id"].as_str().unwrap().to_owned();
    let answer = client.request(json!({"op": "room.subscribe", "room": room, "since": 0})).unwrap();
    assert_eq!(answer["op"], "ok", "{answer}");
    room
}

/// One message of the first client reaches all.
fn exchange(clients: &mut [Client], room: &str) {
    let mid = new_mid();
    assert_eq!(clients[0].request(text(room, &mid, "still here")).unwrap()["op"], "ok");
    let is_it = |frame: &Value| frame["op"] == "msg" && frame["msg"]["mid"] == mid.as_str();
    for client in clients {
        client.event(is_it).expect("the message");
    }
}

#[test]
fn beyond_the_descriptors_an_upgrade_is_refused_and_open_sockets_are_served() {
    let small = Small::start(128, &[]);
    let most = small.metric("impulse_connections_max") as usize;
    assert!((20..128).contains(&most), "{most}");
    let mut inside: Vec<_> = (0..most)
        .map(|n| small.connect().unwrap_or_else(|error| panic!("number {n} of {most}: {error}")))
        .collect();
    let room = inside.iter_mut().map(follow).last().unwrap();
    for _ in 0..100 {
        let error = small.connect().err().expect("one more than fits").to_string();
        assert!(error.starts_with("HTTP/1.1 503 ") && error.contains("Retry-After: "), "{error}");
        assert!(small.is_healthy());
    }
    exchange(&mut inside, &room);
    assert_eq!(small.metric("impulse_connections") as usize, most);
    let refused = plain_get(&small.server.address, "/metrics");
    assert!(
        refused.contains("impulse_connects_refused_total{reason=\"sockets\"} 100"),
        "{refused}"
    );
    assert!(
        refused.contains("impulse_connects_refused_total{reason=\"descriptors\"} 0"),
        "{refused}"
    );
    assert!(small.metric("process_resident_memory_bytes") < 300e6);

    inside.truncate(most - 10);
    for _ in 0..10 {
        inside.push(small.connect_when_possible());
    }
    inside[most - 10..].iter_mut().for_each(|client| drop(follow(client)));
    exchange(&mut inside, &room);
    let log = small.end();
    assert!(log.contains(&format!("room for {most} connections, with 128 descriptors")), "{log}");
    assert!(log.contains(&format!("only {most} connections will fit")), "{log}");
}

#[test]
fn connections_that_send_nothing_keep_no_other_out() {
    let small = Small::start(128, &[]);
    let mut inside: Vec<_> = (0..10).map(|_| small.connect().unwrap()).collect();
    let room = inside.iter_mut().map(follow).last().unwrap();
    // More than there are descriptors, and none sends anything.
    let crowd: Vec<_> =
        (0..400).map(|_| TcpStream::connect(&small.server.address).unwrap()).collect();
    exchange(&mut inside, &room);
    let mut refused = 0;
    for mut stream in crowd.iter().skip(200) {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        // Each gets a refusal, or the end of the connection when too many are being refused.
        match stream.read_to_string(&mut answer) {
            Ok(_) => refused += usize::from(answer.starts_with("HTTP/1.1 503 ")),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
        }
        // A refused connection closes, which makes room to refuse the next.
        let _ = stream.shutdown(Shutdown::Both);
    }
    assert!(refused > 0, "some were refused with an answer");
    exchange(&mut inside, &room);
    drop(crowd);
    let deadline = Instant::now() + PATIENCE;
    while !small.is_healthy() {
        assert!(Instant::now() < deadline, "the crowd has gone, and still no answer");
        std::thread::sleep(Duration::from_millis(20));
    }
    inside.push(small.connect_when_possible());
    follow(inside.last_mut().unwrap());
    exchange(&mut inside, &room);
    small.end();
}

#[test]
fn a_configured_maximum_is_kept_and_one_that_does_not_fit_is_warned_of() {
    let small = Small::start(256, &[("IMPULSE_CONNECTIONS_MAX", "3")]);
    let inside: Vec<_> = (0..3).map(|_| small.connect().unwrap()).collect();
    let error = small.connect().err().expect("a fourth").to_string();
    assert!(error.starts_with("HTTP/1.1 503 "), "{error}");
    drop(inside);
    drop(small.connect_when_possible());
    assert!(!small.end().contains("will not fit"));

    let small = Small::start(256, &[("IMPULSE_CONNECTIONS_MAX", "5000")]);
    let fits = small.metric("impulse_connections_max");
    assert!(fits < 256.0, "{fits}");
    let log = small.end();
    assert!(log.contains("5000 connections (--connections-max) will not fit"), "{log}");
    assert!(log.contains("LimitNOFILE"), "{log}");
}

/// Time this process has computed, in hundredths of a second.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11);
    fields.take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

fn allow(pid: u32, descriptors: usize) {
    let limit = format!("--nofile={descriptors}:256");
    let done = Command::new("prlimit").arg(format!("--pid={pid}")).arg(limit).status().unwrap();
    assert!(done.success());
}

#[test]
fn without_a_descriptor_left_new_connections_are_refused_and_the_listener_neither_spins_nor_dies() {
    let small = Small::start(256, &[]);
    let pid = small.server.pid();
    let mut inside: Vec<_> = (0..5).map(|_| small.connect().unwrap()).collect();
    let room = inside.iter_mut().map(follow).last().unwrap();
    exchange(&mut inside, &room);
    // The limit is lowered to what is open, as if another program had taken the rest.
    let highest = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let numbers =
        highest.map(|fd| fd.unwrap().file_name().to_string_lossy().parse::<usize>().unwrap());
    let mut numbers: Vec<_> = numbers.collect();
    numbers.sort_unstable();
    let first_gap = numbers.iter().enumerate().find(|(at, number)| at != *number);
    allow(pid, first_gap.map_or(numbers.len(), |(at, _)| at));

    let mut refused = 0;
    for _ in 0..50 {
        let mut stream = TcpStream::connect(&small.server.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer and the end");
        if answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After: ") {
            refused += 1;
        }
    }
    assert_eq!(refused, 50);
    exchange(&mut inside, &room);
    // Without new connections there is nothing to do. A loop that retried without a pause would use up
    // nearly all of these two seconds.
    let before = ticks(pid);
    std::thread::sleep(Duration::from_secs(2));
    assert!(ticks(pid) - before < 100, "it spins");

    allow(pid, 256);
    inside.push(small.connect_when_possible());
    follow(inside.last_mut().unwrap());
    exchange(&mut inside, &room);
    let figures = plain_get(&small.server.address, "/metrics");
    let counted =
        figures.lines().find(|l| l.contains("reason=\"descriptors\"")).unwrap().to_owned();
    let counted: f64 = counted.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(counted >= 50.0, "{counted}");
    let log = small.end();
    let complaints = log.matches("cannot accept connections").count();
    assert!((1..=5).contains(&complaints), "logged, and not each time: {complaints}");
}
