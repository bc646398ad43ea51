//! The demo is created once, and its password signs in as from a browser.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

#[path = "support/process.rs"]
mod process;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use process::{Client, Process};
use serde_json::json;

#[test]
fn demo_users_and_their_conversation_are_created_once_and_can_sign_in() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let server = Process::start(folder.path(), &[("IMPULSE_DEMO", "1")]);
        let name = json!({"username": "demo"});
        let (status, kdf) = server.request("POST", "/api/auth/prelogin", None, Some(name));
        assert_eq!((status, &kdf["alg"]), (200, &json!("pbkdf2-sha256")), "{kdf}");

        // What a browser does (e2ee.md 4.2).
        let salt = URL_SAFE_NO_PAD.decode(kdf["salt"].as_str().unwrap()).unwrap();
        let salt = [b"impulse/e2ee/1/password".as_slice(), &salt].concat();
        let rounds = u32::try_from(kdf["iter"].as_u64().unwrap()).unwrap();
        let mut key = [0u8; 32];
        let password = impulse::demo::PASSWORD.as_bytes();
        pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, &salt, rounds, &mut key);
        let auth = URL_SAFE_NO_PAD.encode(impulse::e2ee::pack::kdf(&key, "auth", &[]));
        let login = json!({"username": "demo", "auth": auth, "token": true});
        let (status, body) = server.request("POST", "/api/auth/login", None, Some(login));
        assert_eq!(status, 200, "{body}");

        let token = body["token"].as_str().unwrap();
        let hello = Client::connect(&server.address, token).unwrap().hello;
        let general = &hello["rooms"][0];
        assert_eq!((&general["name"], &general["unread"]), (&json!("General"), &json!(16)));
        assert_eq!(general["mentions"], json!(1), "{general}");
        assert!(server.setup.is_some(), "demo people are no admins");
        assert!(server.terminate().success());
    }
}
