//! `impulse admin` as a program: with a running server, whose sockets it reaches, and without one.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{Client, Process, registration};
use crate::support::postgres;

fn admin(data_dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_impulse"))
        .arg("admin")
        .args(args)
        .arg("--data-dir")
        .arg(data_dir)
        .env_remove("DATABASE_URL")
        .env_remove("ACCOUNTS_DATABASE_URL")
        .output()
        .expect("the binary runs")
}

/// What a successful command prints.
fn output_of(output: Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The error that a failed command prints.
fn error_of(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let errors = String::from_utf8(output.stderr).unwrap();
    errors.lines().find_map(|line| line.strip_prefix("Error: ")).expect("an error").to_owned()
}

fn json_of(data_dir: &Path, args: &[&str]) -> Value {
    let args = [args, &["--json"]].concat();
    serde_json::from_str(&output_of(admin(data_dir, &args))).expect("JSON")
}

#[test]
fn the_running_server_does_what_the_command_says_and_closes_sockets() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let token = server.register("anna");
    let mut socket = Client::connect(&server.address, &token).unwrap();

    let asked = Instant::now();
    output_of(admin(folder.path(), &["disable", "anna"]));
    let bye = socket.event(|frame| frame["op"] == "bye").unwrap();
    assert_eq!(bye["code"], "revoked");
    assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
    assert_eq!(server.request("GET", "/api/me", Some(&token), None).0, 401);
    let again = error_of(admin(folder.path(), &["disable", "Anna"]));
    assert!(again.ends_with("disabled already. It was the command line"), "{again}");
    output_of(admin(folder.path(), &["enable", "anna"]));

    let made = json_of(folder.path(), &["create-user", "boss", "--admin"]);
    let link = made["link"].as_str().unwrap();
    assert!(link.starts_with(&format!("http://{}/reset#", server.address)), "{link}");
    let users = output_of(admin(folder.path(), &["users"]));
    assert!(users.contains("anna") && users.contains("boss") && users.contains("(2 of 2)"));
    let room = json_of(folder.path(), &["rooms", "create", "Kitchen", "--owner", "anna"]);
    let id = room["id"].as_str().unwrap();
    output_of(admin(folder.path(), &["rooms", "rename", id, "Bakery"]));
    output_of(admin(folder.path(), &["rooms", "remove", id]));
    output_of(admin(folder.path(), &["rooms", "restore", id]));
    let rooms = output_of(admin(folder.path(), &["rooms", "list", "--q", "bakery"]));
    assert!(rooms.contains("Bakery") && rooms.contains("(1 of 1)"), "{rooms}");
    assert_eq!(json_of(folder.path(), &["stats"])["rooms"]["open"], 4);

    let log = json_of(folder.path(), &["audit"]);
    assert_eq!(log["entries"][0]["actor"], json!({"uid": null, "name": "command line"}));
    assert_eq!(log["entries"][0]["action"], "room.restore");
    assert!(output_of(admin(folder.path(), &["audit", "verify"])).contains("yes"));
    let nobody = error_of(admin(folder.path(), &["promote", "nobody"]));
    assert!(nobody.contains("no user nobody"), "{nobody}");
    let none = error_of(admin(folder.path(), &["restore-keys", "anna"]));
    assert!(none.contains("no earlier version"), "{none}");
    assert!(server.terminate().success());
    assert!(!folder.path().join("server.json").exists());
}

#[test]
fn the_command_line_sets_who_may_register_and_invites_people() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let register = |username: &str, more: Value| {
        let mut body = registration(username);
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.request("POST", "/api/auth/register", None, Some(body)).0
    };
    let changed = json_of(folder.path(), &["settings", "registration", "invite"]);
    assert_eq!(changed["registration"], "invite");
    assert_eq!(register("anna", json!({})), 403);
    let made = json_of(folder.path(), &["invite", "--uses", "1", "--room", "1"]);
    let link = made["link"].as_str().unwrap();
    let code = link.strip_prefix(&format!("http://{}/invite#", server.address)).expect(link);
    let look = json!({"code": code});
    let (status, seen) = server.request("POST", "/api/invites/look", None, Some(look));
    assert_eq!((status, &seen["rooms"][0]["id"]), (200, &json!("1")));
    assert_eq!(register("anna", json!({"invite": code})), 201);
    assert_eq!(register("bert", json!({"invite": code})), 404);

    // Once the command line has made an admin, the setup link is not good any more.
    let setup = server.setup.clone().expect("no admin yet");
    json_of(folder.path(), &["create-user", "boss", "--admin"]);
    assert_eq!(register("thief", json!({"setup": setup})), 403);
    assert_eq!(server.request("GET", "/api/info", None, None).1["setup"], false);
}

#[test]
fn the_operators_token_opens_administration_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let control = std::fs::read(folder.path().join("server.json")).unwrap();
    let control: Value = serde_json::from_slice(&control).unwrap();
    let token = control["token"].as_str().unwrap();
    let get = |path: &str| server.request("GET", path, Some(token), None).0;
    assert_eq!((get("/api/admin/users"), get("/api/me"), get("/api/rooms")), (200, 401, 401));
    assert!(Client::connect(&server.address, token).is_err());
    assert!(server.terminate().success());
    // The token of a former server is not good for the next one.
    let server = Process::start(folder.path(), &[]);
    assert_eq!(server.request("GET", "/api/admin/users", Some(token), None).0, 401);
}

#[test]
fn without_a_server_the_command_runs_one_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let made = json_of(folder.path(), &["create-user", "anna", "--admin"]);
    assert_eq!((&made["username"], &made["admin"]), (&json!("anna"), &json!(true)));
    // A server that was killed left its file behind.
    let server = Process::start(folder.path(), &[]);
    assert_eq!(server.setup, None, "there is an admin");
    server.kill_9();
    assert!(folder.path().join("server.json").exists());
    let users = output_of(admin(folder.path(), &["users", "--state", "admin"]));
    assert!(users.contains("anna"), "{users}");
    let token = output_of(admin(folder.path(), &["token", "anna"]));
    assert!(!token.contains(char::is_whitespace) && token.len() == 43, "{token:?}");
    let purged = json_of(folder.path(), &["purge"]);
    assert_eq!(purged, json!({"users": 0, "rooms": 0}));
}

#[test]
fn a_name_of_digits_is_not_taken_for_an_id() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let control = std::fs::read(folder.path().join("server.json")).unwrap();
    let control: Value = serde_json::from_slice(&control).unwrap();
    let create = |name: &str| {
        let new = json!({"username": name});
        let path = "/api/admin/users";
        server.request("POST", path, control["token"].as_str(), Some(new)).1["id"].clone()
    };
    for n in 1..=10 {
        assert_eq!(create(&format!("user-{n}")), n.to_string());
    }
    // One user has the id of another as a name.
    assert_eq!(create("10"), "11");
    let unclear = error_of(admin(folder.path(), &["disable", "10"]));
    assert!(unclear.contains("id:10") && unclear.contains("@10"), "{unclear}");
    assert_eq!(json_of(folder.path(), &["disable", "id:10"])["username"], "user-10");
    assert_eq!(json_of(folder.path(), &["disable", "@10"])["id"], "11");
    assert_eq!(json_of(folder.path(), &["promote", "9"])["username"], "user-9");
    assert_eq!(json_of(folder.path(), &["promote", "USER-8"])["admin"], true);
    let token = output_of(admin(folder.path(), &["token", "9"]));
    assert_eq!(server.request("GET", "/api/me", Some(&token), None).1["username"], "user-9");
    let several = output_of(admin(folder.path(), &["token", "user-8", "id:7"]));
    let names = several
        .lines()
        .map(|token| server.request("GET", "/api/me", Some(token), None).1["username"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["user-8", "user-7"]);
    let nobody = error_of(admin(folder.path(), &["token", "user-8", "nobody"]));
    assert!(nobody.contains("nobody"), "{nobody}");
    let log = json_of(folder.path(), &["audit", "--action", "token"]);
    let entries = log["entries"].as_array().unwrap();
    let of_nine = json!({"kind": "user", "id": "9", "name": "user-9"});
    assert_eq!(entries.last().unwrap()["target"], of_nine);
    // Because one user was not found, no token was made for the others either.
    assert_eq!(entries.len(), 3, "{log}");
}

#[test]
fn an_operator_may_change_settings_and_invites() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    assert_eq!(json_of(folder.path(), &["settings"])["registration"], "open");
    let changed = json_of(folder.path(), &["settings", "registration", "invite"]);
    assert_eq!(changed["registration"], "invite");
    assert_eq!(server.request("GET", "/api/info", None, None).1["registration"], "invite");
    assert_eq!(json_of(folder.path(), &["settings", "users_max", "50"])["users_max"], 50);
    let wrong = error_of(admin(folder.path(), &["settings", "users_max", "many"]));
    assert!(wrong.contains("users_max"), "{wrong}");
    let invite = json_of(folder.path(), &["invite", "--label", "friends", "--uses", "3"]);
    let link = invite["link"].as_str().unwrap();
    assert!(link.starts_with(&format!("http://{}/invite#", server.address)), "{link}");
    let list = json_of(folder.path(), &["invites"]);
    assert_eq!(list["invites"][0]["label"], "friends");
    let id = list["invites"][0]["id"].as_str().unwrap();
    output_of(admin(folder.path(), &["revoke-invite", id]));
    assert_eq!(json_of(folder.path(), &["invites"])["invites"], json!([]));
    let log = json_of(folder.path(), &["audit"]);
    let actions: Vec<_> = log["entries"].as_array().unwrap().iter().map(|e| &e["action"]).collect();
    assert_eq!(actions[..2], ["invite.revoke", "invite.create"]);
}

#[test]
fn a_database_that_another_server_uses_is_left_alone() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Process::start(there.path(), &[]);
    let url = impulse::store::embedded::Embedded::attach(there.path()).expect("it runs");
    let on = |folder: &Path| admin(folder, &["users", "--database-url", &url]);
    let refused = error_of(on(here.path()));
    assert!(refused.contains("a server runs on this database"), "{refused}");
    assert!(output_of(on(there.path())).contains("(0 of 0)"), "its own data directory leads to it");
    drop(server);
}

#[test]
fn with_a_given_database_no_data_directory_is_needed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = runtime.block_on(postgres::database());
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impulse"));
        command.arg("admin").args(args).args(["--json", "--database-url", &url]);
        command.env_remove("DATABASE_URL").env_remove("IMPULSE_DATA_DIR").output().unwrap()
    };
    let made: Value = serde_json::from_str(&output_of(run(&["create-user", "anna"]))).unwrap();
    // The server that made the link has ended: the link has no address.
    assert!(made["path"].is_string() && made.get("link").is_none(), "{made}");
    let users: Value = serde_json::from_str(&output_of(run(&["users"]))).unwrap();
    assert_eq!((&users["total"], &users["users"][0]["username"]), (&json!(1), &json!("anna")));
}

#[test]
fn the_health_check_finds_the_server_by_its_settings_and_else_by_its_data_directory() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path(), &[]);
    let port = server.address.rsplit(':').next().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let check = |data_dir: &Path, listen: &str, address: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impulse"));
        let settings = [("IMPULSE_LISTEN", listen), ("IMPULSE_HEALTHCHECK_URL", address)];
        command.arg("healthcheck").env("IMPULSE_DATA_DIR", data_dir).envs(settings);
        command.output().unwrap()
    };
    for listen in ["127.0.0.1", "0.0.0.0", "[::]"] {
        output_of(check(elsewhere.path(), &format!("{listen}:{port}"), ""));
    }
    output_of(check(elsewhere.path(), "", &server.address));
    output_of(check(elsewhere.path(), "", &format!("http://{}/", server.address)));
    // It was started with another address than the variables say.
    output_of(check(folder.path(), "127.0.0.1:1", ""));
    let error = error_of(check(elsewhere.path(), "[::]:1", ""));
    assert!(error.contains("127.0.0.1:1") && error.contains("[::1]:1"), "{error}");
    let error = error_of(check(elsewhere.path(), "", &format!("https://{}", server.address)));
    assert!(error.starts_with("not ready: "), "{error}");
}

#[test]
fn the_list_of_keys_is_closed_after_a_restore_until_somebody_opens_it() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(json_of(folder.path(), &["directory"])["state"], "open");
    let server = Process::start(folder.path(), &[("IMPULSE_RESTORED", "1")]);
    let shown = json_of(folder.path(), &["directory"]);
    assert_eq!((&shown["state"], &shown["rival"]), (&json!("closed"), &Value::Null));
    assert!(shown["notice"].as_str().unwrap().contains("impulse admin directory open"), "{shown}");
    let none = error_of(admin(folder.path(), &["directory", "adopt"]));
    assert!(none.contains("no other list"), "{none}");
    assert!(output_of(admin(folder.path(), &["directory", "open"])).contains("open"));
    error_of(admin(folder.path(), &["directory", "open", "--keep-ours"]));
    drop(server);
}
