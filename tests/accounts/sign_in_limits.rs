//! Guessing is slowed down, and a person who knows the password still gets in. A trusted proxy
//! says where people come from.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use impulse::base::hex;
use impulse::base::limits::auth as limits;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support;
use crate::support::TestServer;
use crate::support::client::{Answer, Client, auth_of, registration};

/// A server at its default limits behind a proxy.
async fn server() -> TestServer {
    TestServer::start_with(&BEHIND_PROXY).await
}

const BEHIND_PROXY: [&str; 4] = ["--rate-limit-scale", "1", "--trusted-proxies", "127.0.0.1"];

/// A request of somebody at that address, who may wait for as long as it takes.
async fn from(
    server: &TestServer,
    address: &str,
    cookie: &str,
    path: &str,
    body: &Value,
) -> Answer {
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: {address}\r\nCookie: {cookie}\r\n\
         Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        support::client::parse(&answer)
    };
    tokio::time::timeout(Duration::from_secs(120), exchange).await.expect("an answer")
}

async fn login(server: &TestServer, address: &str, name: &str, password: &str) -> Answer {
    login_with(server, address, name, password, "").await
}

async fn login_with(
    server: &TestServer,
    address: &str,
    name: &str,
    password: &str,
    cookie: &str,
) -> Answer {
    let body = json!({"username": name, "auth": auth_of(password)});
    from(server, address, cookie, "/api/auth/login", &body).await
}

/// Guesses until the server answers 429; how many guesses it checked.
async fn guess(server: &TestServer, address: &str, name: &str, most: usize) -> usize {
    for n in 0..most {
        let answer = login(server, address, name, &format!("guess {n}")).await;
        if answer.status == 429 {
            let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
            assert!(wait.is_some_and(|wait| (1..=3_600).contains(&wait)), "{answer:?}");
            return n;
        }
        answer.refused(401, "bad_credentials");
    }
    most
}

/// The cookie by which a browser shows that it has signed in before.
fn device(answer: &Answer) -> String {
    let cookie = answer.headers.iter().find(|(name, value)| {
        name.eq_ignore_ascii_case("set-cookie") && value.starts_with("impulse_device=")
    });
    let (_, cookie) = cookie.unwrap_or_else(|| panic!("no cookie: {answer:?}"));
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

/// Accounts with the password `model`, each computation of which takes so much memory.
async fn people(server: &TestServer, how_many: i32, memory_kib: u32) {
    let auth = URL_SAFE_NO_PAD.decode(auth_of("model")).unwrap().try_into().unwrap();
    let stretched = impulse::e2ee::account::stretch(&auth, &[1; 16], memory_kib, 1, 1).unwrap();
    let verifier = hex::encode(&stretched.verifier);
    let salt = "01".repeat(16);
    let made = format!(
        "INSERT INTO accounts.users (username, username_key, created_at, has_joined)
         SELECT 'person' || n, 'person' || n, 1, true FROM generate_series(1, {how_many}) n;
         INSERT INTO accounts.auth_slots (user_id, kind, kdf, kdf_salt, kdf_iterations, server_salt,
             argon_memory_kib, argon_passes, argon_lanes, verifier, created_at)
         SELECT id, 'current', 'pbkdf2-sha256', '\\x{salt}', 1000000, '\\x{salt}', {memory_kib}, 1, 1,
             '\\x{verifier}', 1
         FROM accounts.users"
    );
    server.sql().await.batch_execute(&made).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_guess_keep_nobody_out_who_knows_the_password() {
    let server = server().await;
    server.user("bob").await;
    for stranger in ["198.51.100.1", "198.51.100.2", "203.0.113.9"] {
        let heard = guess(&server, stranger, "bob", 40).await;
        assert!((5..=limits::FAILURES as usize).contains(&heard), "{heard} guesses were heard");
    }
    for n in 0..15 {
        // A browser and a network that have never been here, even next to a stranger.
        let address = format!("198.51.100.{}", 100 + n);
        login(&server, &address, "bob", "bob").await.expect(200);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_one_network_count_together_however_wide_it_is() {
    let server = server().await;
    server.user("bob").await;
    server.user("carl").await;
    let heard = guess(&server, "2001:db8:1:1::1", "bob", 40).await;
    assert!(heard >= 5);
    // Another address of the same line is the same stranger, another line is not.
    let beside = login(&server, "2001:db8:1:1:ffff::2", "bob", "bob").await;
    beside.refused(429, "rate_limited");
    login(&server, "2001:db8:1:2::1", "bob", "bob").await.expect(200);

    // The lines of one site have a bound together, and so have the sites of one block.
    let mut heard = 0;
    for line in 0..40 {
        heard += guess(&server, &format!("2001:db8:2:{line:x}::1"), "carl", 3).await;
    }
    let site = limits::FAILURES_OF_SITE as usize;
    assert!((site..=site + 2).contains(&heard), "{heard}");
    login(&server, "2001:db8:2:ff::1", "carl", "carl").await.refused(429, "rate_limited");
    login(&server, "2001:db8:2:100::1", "carl", "carl").await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_has_signed_in_before_passes_whatever_is_guessed_beside_it() {
    let server = server().await;
    server.user("bob").await;
    server.user("eve").await;
    let here = "192.0.2.7";
    let answer = login(&server, here, "bob", "bob").await;
    let bobs = device(&answer);
    let readable = bobs.replace("impulse_device=", "");
    assert!(!readable.contains("bob") && readable.len() == 64, "{readable}");
    answer.expect(200);
    let eves = device(&login(&server, here, "eve", "eve").await);

    assert!(guess(&server, here, "bob", 40).await >= 5);
    login(&server, here, "bob", "bob").await.refused(429, "rate_limited");
    login_with(&server, here, "bob", "bob", &eves).await.refused(429, "rate_limited");
    login_with(&server, here, "bob", "bob", "impulse_device=AAAA")
        .await
        .refused(429, "rate_limited");
    let again = login_with(&server, here, "bob", "bob", &bobs).await;
    assert_eq!(device(&again), bobs, "it stays the same browser");
    again.expect(200);

    // It has a bound of its own, which holds nobody else up.
    for n in 0..40 {
        let answer = login_with(&server, "203.0.113.1", "bob", &format!("guess {n}"), &bobs).await;
        if answer.status == 429 {
            break;
        }
        assert!(n < 39, "nothing slows a stolen cookie down");
    }
    login(&server, "203.0.113.1", "bob", "bob").await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_makes_the_browsers_of_the_old_one_strangers_but_for_the_one_that_set_it() {
    let server = server().await;
    let anna = server.user("anna").await;
    let elsewhere = device(&login(&server, "192.0.2.1", "anna", "anna").await);
    let mut body = registration("new");
    body.as_object_mut().unwrap().remove("username");
    body["by"] = json!({"auth": auth_of("anna")});
    let pending = anna.post("/api/auth/password/prepare", body).await.expect(200);
    let commit = json!({"pending": pending["pending"]});
    let committed = anna.post("/api/auth/password/commit", commit).await;
    assert_eq!(committed.status, 204);
    let mine = device(&committed);

    assert!(guess(&server, "192.0.2.1", "anna", 40).await >= 5);
    let as_before = login_with(&server, "192.0.2.1", "anna", "new", &elsewhere).await;
    as_before.refused(429, "rate_limited");
    login_with(&server, "192.0.2.1", "anna", "new", &mine).await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_many_networks_guess_one_account_they_take_turns_and_its_owner_gets_in() {
    let server = server().await;
    server.user("bob").await;
    let (home, office) = ("192.0.2.1", "192.0.2.2");
    let browser = device(&login(&server, home, "bob", "bob").await);
    let network = |n: u32| format!("10.{}.{}.1", n / 200, n % 200);
    let (mut heard, began) = (0, Instant::now());
    for n in 0.. {
        heard += guess(&server, &network(n), "bob", 3).await as u32;
        // A slow machine takes so long for them that some have come back.
        let back = f64::from(limits::FAILURES_OF_STRANGERS)
            * began.elapsed().div_duration_f64(limits::FAILURES_PERIOD);
        if heard >= limits::FAILURES_OF_STRANGERS + back as u32 {
            break;
        }
    }
    // From now on each wrong password makes the next stranger wait.
    let started = Instant::now();
    for n in 1_000..1_003 {
        login(&server, &network(n), "bob", "guess").await.refused(401, "bad_credentials");
    }
    assert!(started.elapsed() >= limits::TURN * 2, "{:?}", started.elapsed());
    // A browser and a network that were here before do not wait, and a new one only for its turn.
    let started = Instant::now();
    login_with(&server, office, "bob", "bob", &browser).await.expect(200);
    login(&server, home, "bob", "bob").await.expect(200);
    assert!(started.elapsed() < limits::TURN, "{:?}", started.elapsed());
    login(&server, "192.0.2.99", "bob", "bob").await.expect(200);
    // Networks that have guessed wait in all places there are; one that has not is next all the same.
    let crowd = (0..20).map(|n| {
        let (server, address) = (&server, network(n));
        async move { login(server, &address, "bob", "guess").await }
    });
    let crowd = futures(crowd);
    let owner = async {
        tokio::time::sleep(limits::TURN / 6).await;
        let started = Instant::now();
        login(&server, "203.0.113.1", "bob", "bob").await.expect(200);
        assert!(started.elapsed() < limits::TURN * 2, "{:?}", started.elapsed());
    };
    tokio::select! {
        _ = crowd => panic!("they do not wait"),
        () = owner => {}
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_is_answered_and_slowed_down_as_a_known_one() {
    let server = server().await;
    server.user("bob").await;
    let bob = guess(&server, "192.0.2.1", "bob", 40).await;
    let ghost = guess(&server, "192.0.2.1", "ghost", 40).await;
    assert!(bob.abs_diff(ghost) <= 1, "{bob} and {ghost}");
    let one = login(&server, "192.0.2.2", "bob", "guess").await;
    let two = login(&server, "192.0.2.2", "ghost", "guess").await;
    assert_eq!((one.status, &one.body), (two.status, &two.body));
    assert_eq!(one.header("set-cookie"), two.header("set-cookie"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_laptop_that_asks_for_salts_without_pause_holds_up_nobody() {
    let server = server().await;
    server.user("bob").await;
    let office = "192.0.2.1";
    let asking = async {
        let body = json!({"username": "bob"});
        loop {
            let asked = (0..64).map(|_| from(&server, office, "", "/api/auth/prelogin", &body));
            for answer in futures(asked).await {
                answer.expect(200);
            }
        }
    };
    let signing_in = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        for _ in 0..5 {
            let body = json!({"username": "bob"});
            from(&server, office, "", "/api/auth/prelogin", &body).await.expect(200);
            login(&server, office, "bob", "bob").await.expect(200);
        }
    };
    tokio::select! {
        () = asking => {}
        () = signing_in => {}
    }
    server.stop().await;
}

/// All of them at once.
async fn futures<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = all.map(|one| Some(Box::pin(one))).collect();
    let mut done: Vec<Option<T>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (one, done) in pending.iter_mut().zip(&mut done) {
            if let Some(future) = one
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                (*one, *done) = (None, Some(value));
            }
        }
        match done.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_office_of_two_hundred_signs_in_within_a_minute_also_when_half_mistype() {
    let server = server().await;
    // A twelfth of the real cost: what is tried here is that nobody is refused, while other tests run.
    // Decision 21 says what it takes at the real one.
    people(&server, 200, 16 * 1024).await;
    let started = Instant::now();
    let everybody = (1..=200).map(|n| {
        let server = &server;
        async move {
            let name = format!("person{n}");
            let salt = json!({"username": name});
            from(server, "192.0.2.1", "", "/api/auth/prelogin", &salt).await.expect(200);
            if n % 2 == 0 {
                let typo = login(server, "192.0.2.1", &name, "modle").await;
                typo.refused(401, "bad_credentials");
            }
            login(server, "192.0.2.1", &name, "model").await.expect(200);
        }
    });
    futures(everybody).await;
    let took = started.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn colleagues_who_wait_to_sign_in_hold_up_nobody_else_at_their_address() {
    let server = server().await;
    people(&server, 150, 48 * 1024).await;
    let (office, began) = ("192.0.2.1", Instant::now());
    let all = (1..=150).map(|n| {
        let server = &server;
        async move { login(server, office, &format!("person{n}"), "model").await }
    });
    let colleague = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let body = json!({"username": "person1"});
        let started = Instant::now();
        from(&server, office, "", "/api/auth/prelogin", &body).await.expect(200);
        started.elapsed()
    };
    let (all, waited) = tokio::join!(futures(all), colleague);
    for answer in all {
        answer.expect(200);
    }
    let all = began.elapsed();
    assert!(waited * 4 < all, "{waited:?} of {all:?}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_guesses_everybody_s_password_takes_turns_and_other_networks_do_not() {
    let server = server().await;
    people(&server, 200, 64).await;
    let guesses = (0..limits::FAILURES_OF_NETWORK).map(|n| {
        let (server, name) = (&server, format!("person{}", n % 150 + 1));
        async move { login(server, "192.0.2.1", &name, "x").await.refused(401, "bad_credentials") }
    });
    futures(guesses).await;
    let started = Instant::now();
    for name in ["person160", "person161", "person162"] {
        login(&server, "192.0.2.1", name, "x").await.refused(401, "bad_credentials");
    }
    assert!(started.elapsed() >= limits::TURN * 2, "{:?}", started.elapsed());
    login(&server, "192.0.2.1", "person170", "model").await.expect(200);
    let started = Instant::now();
    login(&server, "192.0.2.2", "person2", "model").await.expect(200);
    assert!(started.elapsed() < limits::TURN, "{:?}", started.elapsed());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_of_thirty_registers_by_one_link_from_one_address() {
    let server = server().await;
    let anna = server.user("anna").await;
    let made = anna.post("/api/invites", json!({"uses_max": 30})).await.expect(201);
    let class = (1..=30).map(|n| {
        let (server, code) = (&server, made["code"].clone());
        async move {
            let look = json!({"code": code});
            from(server, "192.0.2.1", "", "/api/invites/look", &look).await.expect(200);
            let mut body = registration(&format!("pupil{n}"));
            body["invite"] = code;
            from(server, "192.0.2.1", "", "/api/auth/register", &body).await.expect(201);
        }
    });
    futures(class).await;
    let list = anna.get("/api/invites").await.expect(200);
    assert_eq!(list["invites"][0]["uses"], 30);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_accounts_are_registered_from_one_network_in_an_hour_and_then_it_waits() {
    let scale = 4.0 / f64::from(limits::REGISTRATIONS);
    let flags = ["--rate-limit-scale", &scale.to_string(), BEHIND_PROXY[2], BEHIND_PROXY[3]];
    let server = TestServer::start_with(&flags).await;
    let register = async |address: &str, name: String| {
        from(&server, address, "", "/api/auth/register", &registration(&name)).await
    };
    let mut made = 0;
    // Four of a line, eight of a site, sixteen of a block.
    for n in 0..40 {
        let address = format!("2001:db8:1:{n:x}00::1");
        for m in 0..5 {
            let answer = register(&address, format!("n{n}x{m}")).await;
            if answer.status == 429 {
                assert!(answer.header("retry-after").is_some());
                break;
            }
            answer.expect(201);
            made += 1;
            assert!(m < 4, "more than four of one line");
        }
    }
    assert!((16..=17).contains(&made), "{made}");
    register("2001:db8:2::1", "elsewhere".into()).await.expect(201);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_guesses_links_holds_nobody_up_who_has_a_good_one() {
    let server = server().await;
    let anna = server.user("anna").await;
    let made = anna.post("/api/invites", json!({})).await.expect(201);
    let mut heard = 0;
    loop {
        let code = json!({"code": format!("guess {heard}")});
        let answer = from(&server, "192.0.2.1", "", "/api/invites/look", &code).await;
        if answer.status == 429 {
            break;
        }
        answer.refused(404, "not_found");
        heard += 1;
        assert!(heard < 2 * limits::BAD_LINKS, "nothing slows guessing down");
    }
    assert!(heard >= limits::BAD_LINKS);
    let good = json!({"code": made["code"]});
    from(&server, "192.0.2.1", "", "/api/invites/look", &good).await.expect(200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_strangers_guess_does_not_keep_the_owner_from_changing_the_password() {
    let server = server().await;
    let anna = server.user("anna").await;
    let other = Client::login(server.address, "anna").await;
    assert!(guess(&server, "127.0.0.1", "anna", 40).await >= 5);
    anna.post("/api/auth/unlock", json!({"auth": auth_of("anna")})).await.expect(200);
    // Wrong ones of a session count for that session.
    let mut wrong = 0;
    while anna.post("/api/auth/unlock", json!({"auth": auth_of("x")})).await.status == 401 {
        wrong += 1;
        assert!(wrong < 40, "nothing slows guessing down");
    }
    other.post("/api/auth/unlock", json!({"auth": auth_of("anna")})).await.expect(200);
    server.stop().await;
}
