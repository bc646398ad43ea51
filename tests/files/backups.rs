//! A backup has the files, a check of it compares them, and a restore puts them back.

use std::path::Path;
use std::process::Command;

use impulse::base::limits::backup as limits;
use serde_json::{Value, json};

use crate::house::{PNG, announce, id, path_of, put, send, upload};
use crate::support::{TestServer, postgres};

/// `impulse admin …`; its JSON, or what it says is wrong.
pub fn admin(database: &str, data_dir: &Path, words: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impulse"));
    command.args(["admin", "--json", "--database-url", database, "--data-dir"]).arg(data_dir);
    command.args(words).env_remove("DATABASE_URL").env_remove("IMPULSE_DATA_DIR");
    let done = command.output().expect("the program runs");
    match done.status.success() {
        true => Ok(serde_json::from_slice(&done.stdout).expect("JSON")),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_has_the_files_and_a_restore_puts_them_back_before_their_messages() {
    let folders = tempfile::tempdir().unwrap();
    let [old, new, third] = ["old", "new", "third"].map(|name| folders.path().join(name));
    let flags = |folder: &Path| ["--data-dir".to_owned(), folder.to_str().unwrap().to_owned()];
    let start = async |database: &str, folder: &Path| {
        let flags = flags(folder);
        TestServer::start_on(database, &[&flags[0], &flags[1]]).await
    };
    let database = postgres::database().await;
    let server = start(&database, &old).await;
    let anna = server.user("anna").await;
    let mut socket = anna.socket().await;
    // More than a piece, exactly one, and nothing at all.
    let large: Vec<u8> = (0..limits::CHUNK as u32 * 2 + 7).map(|n| (n % 251) as u8).collect();
    let contents = [&large[..], &large[..limits::CHUNK], b"", PNG];
    let mut files = Vec::new();
    for content in contents {
        files.push(match content.len() {
            0 => announce(&anna, "empty", "", 0).await,
            _ => upload(&anna, "x", content).await,
        });
    }
    send(&mut socket, &files.iter().collect::<Vec<_>>()).await;
    let begun = announce(&anna, "begun", "", 10).await;
    put(&anna, &begun, 0, b"01234").await.expect(200);
    let lost = upload(&anna, "lost", b"lost").await;
    std::fs::remove_file(path_of(&old, &lost)).unwrap();

    let file = folders.path().join("a.backup");
    let named = file.to_str().unwrap();
    // A file that the disk has lost does not stop a backup, but nobody is told that it is good.
    for words in [&["backup", named][..], &["backup", "--verify", named]] {
        let lacks = admin(&database, &old, words).unwrap_err();
        assert!(lacks.contains("lacks files that people have sent (1)"), "{lacks}");
    }
    server.stop().await;

    // Files of another database stay, and so does everything else.
    std::fs::create_dir_all(third.join("files")).unwrap();
    std::fs::write(third.join("files/store-id"), "00".repeat(16)).unwrap();
    let empty = postgres::database().await;
    let refused = admin(&empty, &third, &["restore", named]).unwrap_err();
    assert!(refused.contains("files of another database"), "{refused}");
    let restored = admin(&empty, &new, &["restore", named]).unwrap();
    assert_eq!((&restored["files"], &restored["files_missing"]), (&json!(4), &json!(1)));
    let server = start(&empty, &new).await;
    let anna = anna.at(server.address);
    for (file, content) in files.iter().zip(contents) {
        let read = anna.get(&format!("/files/{}/x", id(file))).await;
        assert!(read.status == 200 && read.body == content, "{} of {}", read.status, content.len());
    }
    for gone in [&begun, &lost] {
        anna.get(&format!("/api/files/{}", id(gone))).await.refused(404, "not_found");
    }
    server.stop().await;

    // A byte that the disk has changed before the backup was made is found, and nothing is restored.
    let server = start(&empty, &new).await;
    let path = path_of(&new, &files[3]);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let saved = admin(&empty, &new, &["backup", named]).unwrap();
    assert_eq!((&saved["files"], &saved["files_missing"]), (&json!(4), &Value::Null), "{saved}");
    let (empty, fourth) = (postgres::database().await, folders.path().join("fourth"));
    let damaged = admin(&empty, &fourth, &["restore", named]).unwrap_err();
    assert!(damaged.contains("differs from the one that was sent"), "{damaged}");
    assert!(!fourth.join("files").exists() && !fourth.join("files.part").exists());
    server.stop().await;
}
