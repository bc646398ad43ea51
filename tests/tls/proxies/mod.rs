//! Impulse behind the web servers that Debian ships, each set up as `docs/operations.md` says: signing in, the upgrade,
//! foreign pages, the address of the client, cookies, idle WebSockets, large bodies and answers that never end.

mod browser;
mod web_server;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use impulse::base::limits::delivery::PING_AFTER_S;
use impulse::http::client::Trust;
use serde_json::{Value, json};

use self::browser::{Browser, PATIENCE};
use self::web_server::{Kind, NAME, WebServer};
use crate::process::{Process, registration};
use crate::support::tls;

const OUR_PAGE: &str = "https://chat.example.org";
const JSON: &str = "application/json";

/// All at once, because each waits for half a minute.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_web_server_works_as_the_handbook_sets_it_up() {
    let mut servers = tokio::task::JoinSet::new();
    servers.spawn(behind(Kind::Nginx, [11, 12]));
    servers.spawn(behind(Kind::Apache, [21, 22]));
    servers.spawn(behind(Kind::Caddy, [31, 32]));
    // A panic is shown where it happens, with the line.
    servers.join_all().await;
}

/// Two people at 127.0.0.x.
async fn behind(kind: Kind, hosts: [u8; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let certified = tls::Certified::of(&[NAME]);
    std::fs::write(folder.path().join("chain.pem"), pem(&certified.chain[0])).unwrap();
    std::fs::write(folder.path().join("key.pem"), certified.key()).unwrap();
    // What the handbook says to set, and a twentieth of the limits, so that they are reached.
    let settings = [
        ("IMPULSE_TRUSTED_PROXIES", "127.0.0.1"),
        ("IMPULSE_HOSTS", NAME),
        ("IMPULSE_RATE_LIMIT_SCALE", "0.05"),
    ];
    let impulse = Process::start(&folder.path().join("data"), &settings);
    let proxy = WebServer::start(kind, folder.path(), &impulse.address);
    let tls = Trust::in_pem(certified.authority.as_bytes()).unwrap().config();
    let [mira, anton] = hosts.map(|host| Browser {
        from: IpAddr::from([127, 0, 0, host]),
        proxy: ([127, 0, 0, 1], proxy.port).into(),
        tls: tls.clone(),
        cookie: String::new(),
    });
    let mira = signs_in(mira).await;
    let began = Instant::now();
    let mut socket =
        mira.upgrade(OUR_PAGE).await.unwrap_or_else(|head| panic!("{head} {}", proxy.log()));
    assert_eq!(socket.json().await["op"], "hello");
    socket.ping("1").await;
    an_answer_without_an_end_comes_line_by_line(&mira, &mut socket).await;
    foreign_pages_are_refused(&mira).await;
    a_large_picture_arrives(&mira).await;
    a_file_passes_in_both_directions(&mira).await;
    each_client_has_its_own_limit(&mira, &anton).await;
    stays_open_while_idle(&mut socket, began).await;
}

fn pem(certificate: &[u8]) -> String {
    let lines = STANDARD.encode(certificate);
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

/// The cookie comes back, as one for HTTPS only.
async fn signs_in(browser: Browser) -> Browser {
    let mut body = registration("mira");
    body.as_object_mut().unwrap().remove("token");
    let answer = browser
        .request("POST /api/auth/register", OUR_PAGE, JSON, body.to_string().as_bytes())
        .await;
    assert_eq!(answer.status, 201, "{}{}", answer.head, answer.body);
    let session =
        answer.all("set-cookie").find(|cookie| cookie.starts_with("__Host-impulse_session="));
    let session = session.unwrap_or_else(|| panic!("no secure cookie: {}", answer.head));
    assert!(session.contains("; Secure"), "{session}");
    let cookie = session.split(';').next().unwrap().to_owned();
    let browser = Browser { cookie, ..browser };
    assert_eq!(browser.request("GET /", "", "", b"").await.status, 200);
    assert_eq!(browser.request("GET /api/me", "", "", b"").await.status, 200);
    // Browsers speak HTTP/2 with the proxy, which makes a Host of it.
    assert_eq!(browser.by_http2("PATCH", "/api/me", OUR_PAGE, r#"{"name":"Mira"}"#).await, 200);
    browser
}

/// A proxy that waited for more, or for the end, would show nothing of a tail.
async fn an_answer_without_an_end_comes_line_by_line(mira: &Browser, socket: &mut browser::Socket) {
    let body = json!({"name": "Kitchen", "kind": "open"}).to_string();
    let made = mira.request("POST /api/rooms", OUR_PAGE, JSON, body.as_bytes()).await;
    let room: Value = serde_json::from_str(&made.body).unwrap_or_else(|_| panic!("{}", made.body));
    let id = room["id"].as_str().unwrap_or_else(|| panic!("{room}"));
    let mut lines = mira.tail(&format!("/api/rooms/{id}/tail")).await;
    while !lines.next().await.contains(r#""op":"tail""#) {}
    let mid = URL_SAFE_NO_PAD.encode([7_u8; 16]);
    let message = json!({"op": "msg.send", "id": "3", "room": id, "msg": {"mid": mid, "rev": 0, "kind": "msg", "t": "Hi"}});
    socket.send(1, message.to_string().as_bytes()).await;
    while !lines.next().await.contains(r#""t":"Hi""#) {}
}

async fn foreign_pages_are_refused(mira: &Browser) {
    let body = json!({"name": "Somebody else"}).to_string();
    for (origin, status) in
        [("https://evil.example", 403), ("http://chat.example.org", 403), (OUR_PAGE, 200)]
    {
        let answer = mira.request("PATCH /api/me", origin, JSON, body.as_bytes()).await;
        assert_eq!(answer.status, status, "{origin}: {}", answer.body);
    }
    let refused = mira.upgrade("https://evil.example").await.err().expect("a refusal");
    assert!(refused.contains(" 403 "), "{refused}");
}

async fn a_large_picture_arrives(mira: &Browser) {
    let picture = noise(1_250);
    assert!(picture.len() > 4_500_000, "{}", picture.len());
    let answer = mira.request("PUT /api/me/avatar", OUR_PAGE, "image/png", &picture).await;
    assert_eq!(answer.status, 200, "{}{}", answer.head, answer.body);
    // The largest that the server takes; and the proxy leaves it to the server to refuse one that is larger.
    let answer =
        mira.request("PUT /api/me/avatar", OUR_PAGE, "image/png", &vec![0; 5_300_000]).await;
    assert_eq!(answer.status, 413, "{}", answer.head);
    assert!(
        answer.body.is_empty() || answer.body.contains("error"),
        "the server's own: {}",
        answer.body
    );
}

/// As it comes: a refusal arrives although nobody reads the body.
async fn a_file_passes_in_both_directions(mira: &Browser) {
    let kind = "application/octet-stream";
    let file = "0123456789abcdef".repeat(750_000);
    let path = "/api/files?name=notes.bin";
    let answer = mira.request(&format!("POST {path}"), OUR_PAGE, kind, file.as_bytes()).await;
    assert_eq!(answer.status, 201, "{}{}", answer.head, answer.body);
    let made: Value = serde_json::from_str(&answer.body).unwrap();
    let id = made["id"].as_str().unwrap();
    let answer = mira.request(&format!("GET /files/{id}/notes.bin"), "", "", b"").await;
    assert!(answer.status == 200 && answer.body == file, "{}", answer.head);
    let nothing = "PUT /api/files/AAAAAAAAAAAAAAAAAAAAAA?offset=0";
    let answer = mira.request(nothing, OUR_PAGE, kind, file.as_bytes()).await;
    assert_eq!(answer.status, 404, "{}{}", answer.head, answer.body);
}

/// A picture that cannot be compressed.
fn noise(side: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let picture = image::RgbImage::from_fn(side, side, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, a, b, c] = state.to_le_bytes();
        image::Rgb([a, b, c])
    });
    let mut file = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

async fn each_client_has_its_own_limit(mira: &Browser, anton: &Browser) {
    let ready = async |browser: &Browser| browser.request("GET /ready", "", "", b"").await.status;
    let mut asked = 0;
    // By the next request there may be time for one again.
    let refused = loop {
        match ready(mira).await {
            200 => asked += 1,
            status => break status,
        }
        assert!(asked < 200, "nobody stops {}", mira.from);
    };
    assert_eq!(refused, 429);
    assert_eq!(ready(anton).await, 200, "another client behind the same proxy");
}

/// The server pings a client that is silent, and the proxy waits for longer than that.
async fn stays_open_while_idle(socket: &mut browser::Socket, began: Instant) {
    let ping = Duration::from_secs(u64::from(PING_AFTER_S)) + PATIENCE;
    let payload = loop {
        let (opcode, payload) = socket.frame(ping).await;
        if opcode == 9 {
            break payload;
        }
        assert_eq!(opcode, 1, "a message in between, such as a change of the profile");
    };
    assert!(began.elapsed() > Duration::from_secs(u64::from(PING_AFTER_S) - 5));
    socket.send(10, &payload).await;
    socket.ping("2").await;
}
