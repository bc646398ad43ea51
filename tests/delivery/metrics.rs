//! `/metrics`: the text is valid for Prometheus, the values are exact, and the dashboard and the handbook
//! name only metrics that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::client::{Answer, Client, PATIENCE, Received, Socket, new_mid};

/// A parsed scrape: the families with their types, and every sample.
struct Scrape {
    types: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    /// Parses the older text strictly: help and type once and before the samples, samples only of the
    /// current family, nothing twice.
    fn parse(text: &str) -> Self {
        let (mut types, mut samples) = (BTreeMap::new(), BTreeMap::new());
        let mut family = String::new();
        assert!(text.ends_with('\n'), "the last line ends");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a name and a sentence");
                assert!(help.ends_with('.'), "a sentence: {line}");
                assert!(!types.contains_key(name), "a second family {name}");
                family = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a name and a type");
                assert_eq!(name, family, "the type follows the help");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
                assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            } else {
                let (series, value) = line.rsplit_once(' ').expect("a series and a value");
                let name = series.split('{').next().unwrap();
                let is_of_histogram = types.get(&family).is_some_and(|kind| kind == "histogram")
                    && ["_bucket", "_sum", "_count"]
                        .map(|part| family.clone() + part)
                        .contains(&name.to_owned());
                assert!(name == family || is_of_histogram, "{line} stands under {family}");
                let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
                assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
            }
        }
        Self { types, samples }
    }

    #[track_caller]
    fn get(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("there is no {series}"))
    }

    /// The names that a query may use: also those of which there is no value now, such as the end of a certificate.
    fn names(&self) -> BTreeSet<&str> {
        let plain = self.types.iter().filter(|(_, kind)| *kind != "histogram");
        let sampled = self.samples.keys().map(|series| series.split('{').next().unwrap());
        sampled.chain(plain.map(|(name, _)| name.as_str())).collect()
    }
}

async fn answer(client: &Client) -> Answer {
    let answer = client.get("/metrics").await;
    assert_eq!(answer.status, 200);
    answer
}

async fn scrape(client: &Client) -> Scrape {
    let answer = answer(client).await;
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    Scrape::parse(&String::from_utf8(answer.body).unwrap())
}

/// Scrapes until the values are as wanted: some are as old as a second.
async fn scrape_until(client: &Client, what: &str, wanted: impl Fn(&Scrape) -> bool) -> Scrape {
    let looking = async {
        loop {
            let scrape = scrape(client).await;
            if wanted(&scrape) {
                return scrape;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// Scrapes when no presence was published for three seconds: rooms get it once a second.
async fn scrape_when_quiet(client: &Client) -> Scrape {
    let mut last = scrape(client).await;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = scrape(client).await;
        if now.get("impulse_deliveries_total") == last.get("impulse_deliveries_total") {
            return now;
        }
        last = now;
    }
    panic!("the server never rests");
}

async fn room_of(client: &Client) -> String {
    let rooms = client.get("/api/rooms").await.expect(200);
    rooms["rooms"][0]["id"].as_str().expect("a room").to_owned()
}

fn text(room: &str) -> Value {
    let msg = json!({"mid": new_mid(), "rev": 0, "kind": "msg", "t": "counted"});
    json!({"op": "msg.send", "room": room, "msg": msg})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_messages_to_members_the_counters_are_exact() {
    const MEMBERS: usize = 6;
    const MESSAGES: usize = 15;
    let server = TestServer::start().await;
    let visitor = Client::new(server.address);
    let mut sockets = Vec::new();
    let mut people = Vec::new();
    for n in 0..MEMBERS {
        let person = server.user(&format!("member{n}")).await;
        sockets.push(person.socket().await);
        people.push(person);
    }
    let room = room_of(&people[0]).await;
    for socket in &mut sockets {
        socket.ok(json!({"op": "room.subscribe", "room": room, "since": 0})).await;
    }
    let members = MEMBERS as f64;
    scrape_until(&visitor, "all members follow", |s| s.get("impulse_subscriptions") == members)
        .await;
    let before = scrape_when_quiet(&visitor).await;
    assert_eq!(before.get("impulse_connections"), members);
    assert_eq!(before.get("impulse_users_online"), members);
    assert_eq!(before.get("impulse_adoptions_total"), members);
    assert_eq!(before.get("impulse_commands_total{op=\"room.subscribe\"}"), members);
    let by_shard = |s: &Scrape| {
        [0, 1].map(|n| s.get(&format!("impulse_shard_connections{{shard=\"{n}\"}}"))).iter().sum()
    };
    let sum: f64 = by_shard(&before);
    assert_eq!(sum, members);

    for _ in 0..MESSAGES {
        sockets[0].ok(text(&room)).await;
    }
    for socket in &mut sockets {
        read_messages(socket, MESSAGES).await;
    }
    let (messages, deliveries) = (MESSAGES as f64, (MESSAGES * MEMBERS) as f64);
    let grown = |after: &Scrape, name: &str| after.get(name) - before.get(name);
    let after = scrape_until(&visitor, "all is written", |after| {
        grown(after, "impulse_deliveries_total") >= deliveries
            && grown(after, "impulse_journal_batch_rows_sum") >= messages
    })
    .await;
    assert_eq!(grown(&after, "impulse_deliveries_total"), deliveries);
    assert_eq!(grown(&after, "impulse_messages_total"), messages);
    assert_eq!(grown(&after, "impulse_commands_total{op=\"msg.send\"}"), messages);
    assert_eq!(grown(&after, "impulse_journal_batch_rows_sum"), messages);
    let commits = grown(&after, "impulse_journal_batch_rows_count");
    assert!((1.0..=messages).contains(&commits), "{commits}");
    assert_eq!(grown(&after, "impulse_journal_commit_seconds_count"), commits);
    let writes = grown(&after, "impulse_writes_total");
    assert!((1.0..=deliveries).contains(&writes), "{writes}");
    assert!(grown(&after, "impulse_written_bytes_total") > deliveries * 100.0);
    for calm in
        ["lagging_total", "revoked_total", "adoptions_refused_total", "journal_failures_total"]
    {
        assert_eq!(after.get(&format!("impulse_{calm}")), 0.0, "{calm}");
    }
    server.stop().await;
}

async fn read_messages(socket: &mut Socket, how_many: usize) {
    let is_message = |frame: &Value| frame["op"] == "msg";
    let mut heard = socket.aside.drain(..).filter(is_message).count();
    while heard < how_many {
        match socket.receive().await {
            Received::Frame(frame) => heard += usize::from(is_message(&frame)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_ends_and_requests_are_counted() {
    let server = TestServer::start().await;
    let visitor = Client::new(server.address);
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let before = scrape(&visitor).await;
    for frame in [json!({"op": "typing", "room": "999999"}), json!({"op": "dance"})] {
        assert_eq!(socket.request(frame).await["op"], "err");
    }
    assert_eq!(visitor.get("/api/nothing").await.status, 404);
    assert_eq!(visitor.get("/api/me").await.status, 401);
    anna.post("/api/auth/logout", json!({})).await;
    let after = scrape_until(&visitor, "the socket has ended", |after| {
        after.get("impulse_connections") == 0.0 && after.get("impulse_revoked_total") == 1.0
    })
    .await;
    for (series, more) in [
        ("impulse_commands_refused_total{code=\"not_found\"}", 1.0),
        ("impulse_commands_refused_total{code=\"bad_request\"}", 1.0),
        ("impulse_commands_total{op=\"typing\"}", 1.0),
        ("impulse_commands_total{op=\"invalid\"}", 1.0),
        ("impulse_http_errors_total{code=\"not_found\"}", 1.0),
        ("impulse_http_errors_total{code=\"unauthorized\"}", 1.0),
        ("impulse_http_requests_total{class=\"4xx\"}", 2.0),
    ] {
        assert_eq!(after.get(series) - before.get(series), more, "{series}");
    }
    assert_eq!(after.get("impulse_http_requests_total{class=\"1xx\"}"), 1.0, "the upgrade");
    let version = |page: &Scrape, version: &str| {
        page.get(&format!("impulse_http_versions_total{{version=\"{version}\"}}"))
    };
    assert!(version(&after, "1.1") - version(&before, "1.1") >= 4.0);
    assert_eq!((version(&after, "2"), after.get("impulse_http2_connections")), (0.0, 0.0));
    let answered = after.get("impulse_http_request_duration_seconds_count");
    assert!(answered >= 6.0, "{answered}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_database_and_a_rate_limit_are_counted() {
    let server = TestServer::start_with(&["--rate-limit-scale", "1"]).await;
    let visitor = Client::new(server.address);
    let now = scrape(&visitor).await;
    for store in ["accounts", "chat"] {
        assert_eq!(now.get(&format!("impulse_database_reachable{{store=\"{store}\"}}")), 1.0);
        let pool = |state| {
            now.get(&format!(
                "impulse_database_pool_connections{{store=\"{store}\",state=\"{state}\"}}"
            ))
        };
        let most = now.get(&format!("impulse_database_pool_max{{store=\"{store}\"}}"));
        assert!((1.0..=most).contains(&(pool("used") + pool("idle"))));
    }
    let mut guesses = 0;
    while visitor.post("/api/invites/look", json!({"code": "guess"})).await.status != 429 {
        guesses += 1;
        assert!(guesses < 100, "nothing slows guessing down");
    }
    let limited = scrape(&visitor).await.get("impulse_http_errors_total{code=\"rate_limited\"}");
    assert_eq!(limited, 1.0);

    let sql = server.sql().await;
    let name: String = sql.query_one("SELECT current_database()::text", &[]).await.unwrap().get(0);
    let (other, connection) = tokio_postgres::connect(
        &server.database.replace(&format!("dbname={name}"), "dbname=postgres"),
        tokio_postgres::NoTls,
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    drop(sql);
    other.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await.unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    other.execute(cut, &[&name]).await.unwrap();
    let away = |s: &Scrape| s.get("impulse_database_reachable{store=\"chat\"}") == 0.0;
    scrape_until(&visitor, "the store is away", away).await;
    other.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await.unwrap();
    scrape_until(&visitor, "the store is back", |s| !away(s)).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_text_is_valid_in_both_formats() {
    let server = TestServer::start().await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    let room = room_of(&anna).await;
    for _ in 0..5 {
        socket.ok(text(&room)).await;
    }
    let plain = scrape(&Client::new(server.address)).await;
    let histograms: Vec<_> = plain.types.iter().filter(|(_, kind)| *kind == "histogram").collect();
    assert!(histograms.len() >= 3, "{histograms:?}");
    for (name, _) in histograms {
        let answer = String::from_utf8(answer(&anna).await.body).unwrap();
        let buckets =
            answer.lines().filter_map(|line| line.strip_prefix(&format!("{name}_bucket{{le=\"")));
        let buckets: Vec<(f64, f64)> = buckets
            .map(|line| line.split_once("\"} ").unwrap())
            .map(|(bound, count)| (bound.parse().unwrap(), count.parse().unwrap()))
            .collect();
        assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name}: {buckets:?}");
        let &(last, all) = buckets.last().unwrap();
        assert_eq!(last, f64::INFINITY, "{name}");
        assert!(all >= plain.get(&format!("{name}_count")) && all > 0.0, "{name}: {buckets:?}");
    }
    for (name, kind) in &plain.types {
        assert!(name.starts_with("impulse_") || name.starts_with("process_"), "{name}: {kind}");
    }
    let accept = "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n";
    let head = format!(
        "GET /metrics HTTP/1.1\r\nHost: {}\r\n{accept}Connection: close\r\n\r\n",
        server.address
    );
    let open = anna.raw(head.as_bytes()).await;
    let kind = open.header("content-type").unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    let open = String::from_utf8(open.body).unwrap();
    assert!(open.ends_with("\n# EOF\n"));
    let families = open.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let families: Vec<_> = families.map(|line| line.split_once(' ').unwrap()).collect();
    assert_eq!(families.len(), plain.types.len());
    for (name, kind) in families {
        let named = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
        assert_eq!(plain.types.get(&named).map(String::as_str), Some(kind), "{name}");
    }
    server.stop().await;
}

/// All strings under this key, however deep.
fn strings<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == key => found.push(text),
                    other => strings(other, key, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, key, found)),
        _ => {}
    }
}

/// The names of metrics in a query or in prose.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let metrics = words.filter(|word| word.starts_with("impulse_") || word.starts_with("process_"));
    // `impulse_*.deb` is a file.
    metrics.filter(|word| !word.ends_with('_')).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dashboard_and_the_handbook_name_metrics_that_exist() {
    let server = TestServer::start().await;
    let live = scrape(&Client::new(server.address)).await;
    let dashboard: Value = serde_json::from_str(include_str!("../../docs/grafana.json")).unwrap();
    let mut queries = Vec::new();
    strings(&dashboard, "expr", &mut queries);
    assert!(queries.len() >= 20, "{} queries", queries.len());
    for family in live.types.keys().filter(|family| family.starts_with("impulse_")) {
        let is_shown = queries.iter().any(|query| query.contains(family.as_str()));
        assert!(is_shown, "docs/grafana.json shows nothing of {family}");
    }
    for query in queries {
        let named = metrics_in(query);
        assert!(!named.is_empty(), "{query}");
        for name in named {
            assert!(live.names().contains(name), "{name} of {query} does not exist");
        }
    }
    assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource");
    let mut sources = Vec::new();
    strings(&dashboard["panels"], "uid", &mut sources);
    assert!(sources.iter().all(|uid| *uid == "${datasource}"), "{sources:?}");

    let handbook = include_str!("../../docs/operations.md");
    let told = metrics_in(handbook);
    for family in live.types.keys() {
        assert!(told.contains(family.as_str()), "docs/operations.md says nothing of {family}");
    }
    for name in told {
        let is_there = live.types.contains_key(name) || live.names().contains(name);
        assert!(is_there, "docs/operations.md speaks of {name}, which does not exist");
    }
    server.stop().await;
}
