//! The demo: made once on an empty server, full of life, and entered with one press.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::process::{Client, Process, new_mid, text};

const DEMO: [(&str, &str); 1] = [("IMPULSE_DEMO", "1")];

/// Signs in as a browser does (e2ee.md 4.2); the token.
fn sign_in(server: &Process, username: &str, password: &str) -> String {
    let name = json!({"username": username});
    let (status, kdf) = server.request("POST", "/api/auth/prelogin", None, Some(name));
    assert_eq!((status, &kdf["alg"]), (200, &json!("pbkdf2-sha256")), "{kdf}");
    let salt = URL_SAFE_NO_PAD.decode(kdf["salt"].as_str().unwrap()).unwrap();
    let salt = [b"impulse/e2ee/1/password".as_slice(), &salt].concat();
    let rounds = u32::try_from(kdf["iter"].as_u64().unwrap()).unwrap();
    let mut key = [0u8; 32];
    pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password.as_bytes(), &salt, rounds, &mut key);
    let auth = URL_SAFE_NO_PAD.encode(impulse::e2ee::pack::kdf(&key, "auth", &[]));
    let login = json!({"username": username, "auth": auth, "token": true});
    let (status, body) = server.request("POST", "/api/auth/login", None, Some(login));
    assert_eq!(status, 200, "{body}");
    body["token"].as_str().unwrap().to_owned()
}

fn get(server: &Process, token: &str, path: &str) -> Value {
    let token = Some(token).filter(|token| !token.is_empty());
    let (status, body) = server.request("GET", path, token, None);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// Name, unread messages and mentions of every room of `demo`; a direct room is named after the other person.
fn rooms_of(hello: &Value, names: &[(String, String)]) -> Vec<(String, u64, u64)> {
    let name = |room: &Value| match room["with"][0].as_str() {
        Some(uid) => names.iter().find(|(known, _)| known == uid).unwrap().1.clone(),
        None => room["name"].as_str().unwrap().to_owned(),
    };
    let count = |room: &Value, field: &str| room[field].as_u64().unwrap();
    let rooms = hello["rooms"].as_array().unwrap().iter();
    rooms.map(|room| (name(room), count(room, "unread"), count(room, "mentions"))).collect()
}

#[test]
fn a_demo_is_made_once_and_is_full_of_life_and_its_bot_answers() {
    let folder = tempfile::tempdir().unwrap();
    let mut histories = Vec::new();
    for _ in 0..2 {
        let server = Process::start(folder.path(), &DEMO);
        assert!(server.setup.is_none(), "demo administrates");
        let info = get(&server, "", "/api/info");
        assert_eq!(info["setup"], json!(false));
        let people = info["demo"]["people"].as_array().unwrap().clone();
        let names: Vec<_> =
            people.iter().map(|person| person["username"].as_str().unwrap()).collect();
        assert_eq!(names, ["demo", "ada", "grace", "linus", "katherine", "hedy"]);
        for person in &people {
            let picture = person["avatar"]["96"].as_str().expect("everybody has a picture");
            assert!(picture.starts_with("/avatars/"), "{person}");
        }

        let token = sign_in(&server, "demo", info["demo"]["password"].as_str().unwrap());
        assert_eq!(get(&server, &token, "/api/me")["admin"], json!(true));
        let users = get(&server, &token, "/api/users");
        let users = users["users"].as_array().unwrap();
        let seen = |name: &str| {
            let user = users.iter().find(|user| user["username"] == json!(name)).unwrap();
            (user["status"]["state"].as_str().unwrap(), user["status"]["text"].as_str())
        };
        assert_eq!(seen("ada"), ("online", Some("🎂 baking")));
        assert_eq!(seen("grace").0, "dnd");
        assert_eq!((seen("linus").0, seen("hedy").0), ("away", "offline"));
        assert_eq!(seen("pulse").0, "online");

        let hello = Client::connect(&server.address, &token).unwrap().hello;
        let uids = users.iter().map(|user| (user["id"].as_str(), user["username"].as_str()));
        let uids: Vec<_> =
            uids.map(|(uid, name)| (uid.unwrap().to_owned(), name.unwrap().to_owned())).collect();
        let mut rooms = rooms_of(&hello, &uids);
        rooms.sort();
        let unread = |name: &str, unread, mentions| (name.to_owned(), unread, mentions);
        let wanted = [
            unread("Builds", 0, 0),
            unread("Design review", 0, 0),
            unread("General", 4, 1),
            unread("Help", 0, 0),
            unread("Launch", 2, 0),
            unread("Random", 0, 0),
            unread("ada", 1, 0),
            unread("grace", 0, 0),
            unread("pulse", 0, 0),
        ];
        if histories.is_empty() {
            assert_eq!(rooms, wanted);
        }
        let general = &hello["rooms"][0];
        let path = format!("/api/rooms/{}/messages", general["id"].as_str().unwrap());
        histories.push(get(&server, &token, &path));
        ask_the_bot(&server, &token);
        assert!(server.terminate().success());
    }
    let log = folder.path().join("log");
    let server = Process::start_with_descriptors(4_096, &log, folder.path(), &[]);
    assert!(std::fs::read_to_string(&log).unwrap().contains("demo has left: demo, ada, grace"));
    assert_eq!(get(&server, "", "/api/info").get("demo"), None);
    assert!(server.terminate().success());
    assert_eq!(histories[0], histories[1], "a second start adds nothing");
    let messages = histories[0]["messages"].as_array().unwrap();
    let days = |message: &Value| message["msg"]["created"].as_i64().unwrap() / 86_400_000;
    assert!(days(messages.last().unwrap()) - days(&messages[0]) >= 2, "several days");
    let has = |field: &str| messages.iter().any(|message| message["msg"].get(field).is_some());
    assert!(has("edited") && has("re") && has("reactions"));
}

/// The bot answers whoever mentions it or writes to it.
fn ask_the_bot(server: &Process, token: &str) {
    let users = get(server, token, "/api/users?q=pulse");
    let pulse = users["users"][0]["id"].as_str().unwrap().to_owned();
    let mut client = Client::connect(&server.address, token).unwrap();
    let room = |found: &dyn Fn(&Value) -> bool| {
        let rooms = client.hello["rooms"].as_array().unwrap();
        rooms.iter().find(|room| found(room)).unwrap().clone()
    };
    let random = room(&|room| room["name"] == json!("Random"));
    let direct = room(&|room| room["with"] == json!([pulse]));
    for (room, mentions) in [(random, json!([pulse])), (direct, json!([]))] {
        let (id, since) = (room["id"].as_str().unwrap(), room["seq"].as_u64().unwrap());
        client.request(json!({"op": "room.subscribe", "room": id, "since": since})).unwrap();
        let mid = new_mid();
        let mut question = text(id, &mid, "how are you?");
        question["msg"]["m"] = mentions;
        client.request(question).unwrap();
        let is_answer =
            |frame: &Value| frame["op"] == "msg" && frame["msg"]["by"] == pulse.as_str();
        let answer = client.event(is_answer).unwrap();
        assert_eq!(answer["msg"]["re"], json!(mid));
        assert_eq!(answer["msg"]["t"], json!("70 beats a minute, no arrhythmia."));
    }
}

#[test]
fn a_bot_that_was_shut_out_is_silent() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &DEMO);
    let token = sign_in(&server, "demo", "impulse demo");
    let users = get(&server, &token, "/api/users?q=pulse");
    let pulse = users["users"][0]["id"].as_str().unwrap();
    let admin = |act: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_impulse"));
        command.args(["admin", act, "pulse", "--data-dir"]).arg(folder.path());
        assert!(command.stdout(std::process::Stdio::null()).status().unwrap().success());
    };
    let mut client = Client::connect(&server.address, &token).unwrap();
    let rooms = client.hello["rooms"].as_array().unwrap();
    let room = rooms.iter().find(|room| room["with"] == json!([pulse])).unwrap().clone();
    let (id, since) = (room["id"].as_str().unwrap(), room["seq"].as_u64().unwrap());
    client.request(json!({"op": "room.subscribe", "room": id, "since": since})).unwrap();
    let is_of_pulse = |frame: &Value| frame["op"] == "msg" && frame["msg"]["by"] == pulse;
    admin("disable");
    client.request(text(id, &new_mid(), "not heard")).unwrap();
    // Longer than it takes to answer.
    std::thread::sleep(std::time::Duration::from_secs(2));
    admin("enable");
    let heard = new_mid();
    client.request(text(id, &heard, "heard")).unwrap();
    let answer = client.event(is_of_pulse).unwrap();
    assert_eq!(answer["msg"]["re"], json!(heard), "the first answer");
}

#[test]
fn a_server_that_people_use_gets_no_demo() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    server.register("demo");
    assert!(server.terminate().success());
    let server = Process::start(folder.path(), &DEMO);
    assert!(server.setup.is_some(), "nobody was made an admin");
    assert_eq!(get(&server, "", "/api/info").get("demo"), None);
    let token = server.register("mira");
    let users = get(&server, &token, "/api/users");
    assert_eq!(users["users"].as_array().unwrap().len(), 2);
}

#[test]
fn a_demo_that_was_interrupted_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &DEMO);
    // Its administrator is made at the end.
    let url =
        format!("host='{}' user=impulse dbname=postgres", folder.path().join("run").display());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let (sql, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        sql.execute("UPDATE accounts.users SET is_admin = false", &[]).await.unwrap();
    });
    assert!(server.terminate().success());
    let log = folder.path().join("log");
    let server = Process::start_with_descriptors(4_096, &log, folder.path(), &DEMO);
    assert!(std::fs::read_to_string(&log).unwrap().contains("interrupted while it was filled"));
    assert!(server.setup.is_some());
}
