//! Certificates by ACME, from a real ACME server: Pebble, of Debian's package of that name.

pub mod fake;
mod pebble;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use impulse::config::{AcmeSettings, Staging};
use impulse::tls::acme::{Acme, Folder};
use impulse::tls::challenges::Challenges;
use impulse::tls::{Certificate, Certificates};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::fake::Fake;
use self::pebble::Pebble;
use crate::support::free_port;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(25);
const NAME: &str = "chat.example.org";

/// What obtains certificates, and answers challenges as the plain address does.
struct Keeper {
    certificates: Certificates,
    data: PathBuf,
    tasks: Vec<JoinHandle<()>>,
    /// While it is there, the keeper goes on.
    _stop: watch::Sender<bool>,
}

impl Keeper {
    async fn start(data: &Path, settings: &AcmeSettings, names: &[&str], port: u16) -> Self {
        let challenges = Challenges::default();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let acme = Acme::open(&names, settings, data, challenges.clone()).unwrap();
        let certificates = acme.certificates();
        let (stop, stopped) = watch::channel(false);
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let tasks =
            vec![tokio::spawn(answer(listener, challenges)), tokio::spawn(acme.run(stopped))];
        Self { certificates, data: data.to_owned(), tasks, _stop: stop }
    }

    async fn stop(self) {
        for task in self.tasks {
            task.abort();
            let _ = task.await;
        }
    }

    /// The certificate that serves once it is as wanted.
    async fn serves(&self, wanted: impl Fn(&Certificate) -> bool) -> Certificate {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.certificates.current();
            if wanted(&now) {
                return now;
            }
            assert!(Instant::now() < deadline, "{:?}: {}", now.names(), attempts(&self.data));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn answer(listener: TcpListener, challenges: Challenges) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let challenges = challenges.clone();
        tokio::spawn(async move {
            let mut head = vec![0; 4_096];
            let count = stream.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..count]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default();
            let reply = match challenges.answer(path) {
                Some(text) => {
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len())
                }
                None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            };
            let _ = stream.write_all(reply.as_bytes()).await;
        });
    }
}

fn settings(directory: &str, root: &Path) -> AcmeSettings {
    AcmeSettings {
        directory: directory.to_owned(),
        root: Some(root.to_owned()),
        mail: Some("admin@example.org".to_owned()),
        ..AcmeSettings::default()
    }
}

fn serial(certificate: &Certificate) -> Vec<u8> {
    certificate.certified_key().cert[0].to_vec()
}

/// The file that says what was tried.
fn attempts(data: &Path) -> Value {
    let text = fs::read(data.join("tls/acme/attempts.json")).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

/// Why the last attempt failed, once one did.
async fn failure(data: &Path) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempts(data)["failure"].as_str() {
            Some(sentence) if !sentence.is_empty() => return sentence.to_owned(),
            _ => assert!(Instant::now() < deadline, "no attempt has failed"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A folder for Pebble, one for data, and a port for challenges.
fn place() -> (tempfile::TempDir, tempfile::TempDir, u16) {
    (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), free_port())
}

fn is_issued(certificate: &Certificate) -> bool {
    // The placeholder is alone in its chain.
    certificate.certified_key().cert.len() > 1
}

#[tokio::test]
async fn a_certificate_is_obtained_kept_and_not_ordered_again_and_other_names_are_another_order() {
    let (ca, data, port) = place();
    let pebble = Pebble::start(ca.path(), port, json!({})).await;
    let settings = settings(&pebble.directory(), &pebble.root());
    let keeper = Keeper::start(data.path(), &settings, &[NAME], port).await;
    assert!(!is_issued(&keeper.certificates.current()), "until then a placeholder");
    let first = keeper.serves(is_issued).await;
    assert_eq!(first.names(), [NAME]);
    keeper.stop().await;
    let folder = data.path().join("tls/acme");
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
    }
    let keeper = Keeper::start(data.path(), &settings, &[NAME], port).await;
    assert_eq!(serial(&keeper.certificates.current()), serial(&first), "from the disk, at once");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(pebble.orders(), 1);
    keeper.stop().await;
    let names = ["talk.example.org", NAME];
    let keeper = Keeper::start(data.path(), &settings, &names, port).await;
    assert_eq!(
        serial(&keeper.certificates.current()),
        serial(&first),
        "the old one goes on serving"
    );
    let both = keeper.serves(|now| names.iter().all(|name| now.covers(name))).await;
    assert_eq!(both.names().len(), 2);
    assert_eq!(pebble.orders(), 2);
    let stored = Folder::of(data.path()).certificate().unwrap().unwrap();
    assert_eq!(serial(&stored.certificate), serial(&both));
}

#[tokio::test]
async fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
    let (ca, data, port) = place();
    let pebble =
        Pebble::start(ca.path(), port, json!({"certificateValidityPeriod": 9, "refusedNonces": 5}))
            .await;
    let settings = settings(&pebble.directory(), &pebble.root());
    let keeper = Keeper::start(data.path(), &settings, &[NAME], port).await;
    let first = keeper.serves(is_issued).await;
    let begun = first.begins();
    let next = keeper.serves(|now| serial(now) != serial(&first)).await;
    let age = SystemTime::now().duration_since(begun).unwrap();
    assert!((6..9).contains(&age.as_secs()), "renewed after {age:?}");
    assert!(next.ends() > first.ends());
}

#[tokio::test]
async fn an_authority_that_is_away_is_found_when_it_is_back_and_a_forgotten_account_is_made_anew() {
    let (ca, data, port) = place();
    let mut pebble = Pebble::start(ca.path(), port, json!({})).await;
    pebble.stop();
    let settings = settings(&pebble.directory(), &pebble.root());
    let keeper = Keeper::start(data.path(), &settings, &[NAME], port).await;
    let sentence = failure(data.path()).await;
    assert!(sentence.starts_with("cannot reach 127.0.0.1:"), "{sentence}");
    assert!(sentence.contains("IMPULSE_TLS_ACME_DIRECTORY"), "{sentence}");
    assert_eq!(attempts(data.path())["orders"], json!([]), "nothing was ordered");
    pebble.start_again().await;
    let first = keeper.serves(is_issued).await;
    assert_eq!(attempts(data.path())["failure"], "");
    keeper.stop().await;
    // It forgets everything when it ends.
    pebble.stop();
    pebble.start_again().await;
    let keeper = Keeper::start(data.path(), &settings, &["talk.example.org"], port).await;
    assert_eq!(serial(&keeper.certificates.current()), serial(&first));
    keeper.serves(|now| now.covers("talk.example.org")).await;
    let kept = fs::read_dir(data.path().join("tls/acme")).unwrap();
    let kept: Vec<_> =
        kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let accounts = |ending: &str| {
        kept.iter().filter(|name| name.starts_with("account-") && name.ends_with(ending)).count()
    };
    assert_eq!((accounts(".json"), accounts(".refused")), (1, 1), "{kept:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_name_is_said_in_one_sentence_and_asked_only_so_often_over_restarts() {
    let (ca, data, port) = place();
    let more = json!({"domainBlocklist": ["blocked.example.org"]});
    let pebble = Pebble::start(ca.path(), port, more).await;
    pebble.point("away.example.org", "127.0.0.9").await;
    let settings = settings(&pebble.directory(), &pebble.root());
    let keeper = Keeper::start(data.path(), &settings, &[NAME], port).await;
    let first = keeper.serves(is_issued).await;
    keeper.stop().await;
    let names = [NAME, "away.example.org"];
    let keeper = Keeper::start(data.path(), &settings, &names, port).await;
    let sentence = failure(data.path()).await;
    for part in ["127.0.0.1:", "port 80 of away.example.org", "IMPULSE_HTTP_LISTEN"] {
        assert!(sentence.contains(part), "{sentence}");
    }
    assert_eq!(serial(&keeper.certificates.current()), serial(&first), "the old one goes on");
    keeper.stop().await;
    let names = ["blocked.example.org"];
    for _ in 0..5 {
        let keeper = Keeper::start(data.path(), &settings, &names, port).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        keeper.stop().await;
    }
    let sentence = failure(data.path()).await;
    assert!(sentence.contains("no certificate for blocked.example.org"), "{sentence}");
    assert_eq!(pebble.orders(), impulse::base::limits::acme::ORDERS_PER_HOUR);
    assert_eq!(attempts(data.path())["orders"].as_array().unwrap().len(), pebble.orders());
}

#[tokio::test]
async fn the_trial_comes_first_and_an_authority_that_binds_accounts_is_given_its_key() {
    let (trial, ca, port) = place();
    let data = tempfile::tempdir().unwrap();
    let trial_pebble =
        Pebble::start(trial.path(), port, json!({"domainBlocklist": ["blocked.example.org"]}));
    let key = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let more =
        json!({"externalAccountBindingRequired": true, "externalAccountMACKeys": {"kid-1": key}});
    let (trial, pebble) = tokio::join!(trial_pebble, Pebble::start(ca.path(), port, more));
    let roots =
        [trial.root(), pebble.root()].map(|root| fs::read_to_string(root).unwrap()).concat();
    let root = ca.path().join("roots.pem");
    fs::write(&root, roots).unwrap();
    let staging = Staging(Some(trial.directory()));
    let unbound = AcmeSettings { staging, ..settings(&pebble.directory(), &root) };
    let keeper = Keeper::start(data.path(), &unbound, &["blocked.example.org"], port).await;
    let sentence = failure(data.path()).await;
    assert!(sentence.starts_with("the trial failed: 127.0.0.1:"), "{sentence}");
    assert!(sentence.contains("blocked.example.org"), "{sentence}");
    keeper.stop().await;
    assert_eq!(pebble.orders(), 0, "the real one was not asked");
    fs::remove_file(data.path().join("tls/acme/attempts.json")).unwrap();
    let keeper = Keeper::start(data.path(), &unbound, &[NAME], port).await;
    let sentence = failure(data.path()).await;
    assert!(sentence.contains("IMPULSE_TLS_ACME_EAB_KID"), "{sentence}");
    keeper.stop().await;
    let eab_key = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, key);
    let bound = AcmeSettings {
        eab_kid: Some("kid-1".to_owned()),
        eab_key: eab_key.ok().map(impulse::config::EabKey),
        ..unbound
    };
    let keeper = Keeper::start(data.path(), &bound, &[NAME], port).await;
    let issued = keeper.serves(is_issued).await;
    let stored = Folder::of(data.path()).certificate().unwrap().unwrap();
    assert_eq!(
        (stored.directory, serial(&stored.certificate)),
        (pebble.directory(), serial(&issued))
    );
    assert_eq!((trial.orders(), pebble.orders()), (2, 1), "what was tried is not tried again");
}

#[tokio::test]
async fn a_window_that_the_authority_suggests_is_kept_to() {
    let (ca, data, port) = place();
    let pebble = Pebble::start(ca.path(), port, json!({})).await;
    let url = pebble.directory();
    let (origin, path) = impulse::http::client::Origin::parse(&url).unwrap();
    let trust = impulse::http::client::Trust::in_file(&pebble.root()).unwrap();
    let client = impulse::http::client::Client::of(&origin, &trust);
    let reply = client.send("GET", path, "").await.unwrap();
    let directory: Value = serde_json::from_slice(&reply.body).unwrap();
    // The directory is ours and names one address of ours; the rest is Pebble's.
    let port_of_fake = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(0));
    let own = port_of_fake.clone();
    let fake = Fake::start(ca.path(), move |path| {
        let port = own.load(std::sync::atomic::Ordering::Relaxed);
        let mut directory = directory.clone();
        directory["renewalInfo"] = json!(format!("https://127.0.0.1:{port}/renewal"));
        if path.starts_with("/renewal/") {
            let window = r#"{"suggestedWindow":{"start":"2020-01-01T00:00:00Z","end":"2020-01-02T00:00:00Z"}}"#;
            return fake::response("200 OK", "Retry-After: 21600\r\n", window);
        }
        fake::response("200 OK", "", &directory.to_string())
    })
    .await;
    port_of_fake.store(fake.port, std::sync::atomic::Ordering::Relaxed);
    let roots =
        [fake.root.clone(), pebble.root()].map(|root| fs::read_to_string(root).unwrap()).concat();
    let root = ca.path().join("roots.pem");
    fs::write(&root, roots).unwrap();
    let keeper =
        Keeper::start(data.path(), &settings(&fake.directory(), &root), &[NAME], port).await;
    let first = keeper.serves(is_issued).await;
    // The window is over, so the next certificate is due at once, though this one lives for years.
    keeper.serves(|now| serial(now) != serial(&first)).await;
}

#[tokio::test]
async fn whatever_answers_in_place_of_an_authority_the_attempt_ends_with_a_sentence() {
    let directory = |port: u16| {
        let at = |path: &str| format!("https://127.0.0.1:{port}/{path}");
        json!({"newNonce": at("nonce"), "newAccount": at("account"), "newOrder": at("order")})
            .to_string()
    };
    let answers: Vec<(Vec<u8>, &str)> = vec![
        (fake::response("200 OK", "", "<html>hello"), "no ACME directory"),
        (fake::response("200 OK", "", "{}"), "no ACME directory"),
        (
            fake::response("200 OK", "", &directory(0).replace("https", "\u{1}")),
            "no ACME directory",
        ),
        (fake::response("502 Bad Gateway", "", "<html>"), "502 Bad Gateway"),
        (fake::response("302 Found", "Location: https://127.0.0.1/\r\n", ""), "redirect"),
        (fake::response("200 OK", "", &"[".repeat(300 * 1024)), "too long"),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "answer cannot be read"),
        (Vec::new(), "cannot reach"),
    ];
    let mut checks = tokio::task::JoinSet::new();
    for (answer, part) in answers {
        checks.spawn(async move {
            let (ca, data, port) = place();
            let fake = Fake::start(ca.path(), move |_| answer.clone()).await;
            let settings = settings(&fake.directory(), &fake.root);
            let keeper = Keeper::start(data.path(), &settings, &[NAME], port).await;
            let sentence = failure(data.path()).await;
            assert!(sentence.contains(part), "{part}: {sentence}");
            assert!(!sentence.contains(['\n', '\r']), "{sentence}");
            assert!(!is_issued(&keeper.certificates.current()));
            keeper.stop().await;
        });
    }
    checks.join_all().await;
}

#[tokio::test]
async fn an_authority_that_asks_for_a_wait_is_left_alone_over_restarts() {
    let (ca, data, port) = place();
    let fake = Fake::start(ca.path(), move |_| {
        let problem = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many"}"#;
        fake::response("429 Too Many Requests", "Retry-After: 3600\r\n", problem)
    })
    .await;
    let settings = settings(&fake.directory(), &fake.root);
    for _ in 0..2 {
        let keeper = Keeper::start(data.path(), &settings, &[NAME], port).await;
        let sentence = failure(data.path()).await;
        assert!(sentence.contains("too many"), "{sentence}");
        tokio::time::sleep(Duration::from_millis(200)).await;
        keeper.stop().await;
    }
    assert_eq!(fake.requests(), 1);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_stops_the_order_before_it_is_made() {
    let (ca, data, port) = place();
    let pebble = Pebble::start(ca.path(), port, json!({})).await;
    // A folder that is not empty is where the file should be: no write of root's succeeds there, either.
    let folder = data.path().join("tls/acme");
    fs::create_dir_all(folder.join("probe/x")).unwrap();
    let settings = settings(&pebble.directory(), &pebble.root());
    let keeper = Keeper::start(data.path(), &settings, &[NAME], port).await;
    let sentence = failure(data.path()).await;
    assert!(sentence.contains("cannot write") && sentence.contains("tls/acme"), "{sentence}");
    assert_eq!(pebble.orders(), 0);
    fs::remove_dir_all(folder.join("probe")).unwrap();
    keeper.serves(is_issued).await;
}

/// `impulse serve` with these settings. Killed when dropped.
struct Served {
    child: Child,
    log: PathBuf,
}

impl Drop for Served {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn serve(data: &Path, pebble: &Pebble, listen: u16, plain: u16) -> Served {
    let log = data.with_extension("log");
    let child = Command::new(env!("CARGO_BIN_EXE_impulse"))
        .args(["serve", "--data-dir"])
        .arg(data)
        .env_remove("DATABASE_URL")
        .env_remove("ACCOUNTS_DATABASE_URL")
        .env("IMPULSE_TLS", "acme")
        .env("IMPULSE_TLS_DOMAINS", NAME)
        .env("IMPULSE_TLS_ACME_DIRECTORY", pebble.directory())
        .env("IMPULSE_TLS_ACME_ROOT", pebble.root())
        .env("IMPULSE_LISTEN", format!("127.0.0.1:{listen}"))
        .env("IMPULSE_HTTP_LISTEN", format!("127.0.0.1:{plain}"))
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    Served { child, log }
}

/// What openssl says about the certificate that is served, once it accepts it.
async fn accepted_by_openssl(port: u16, issuer: &Path) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let output = Command::new("openssl")
            .args([
                "s_client",
                "-verify_return_error",
                "-verify_hostname",
                NAME,
                "-servername",
                NAME,
            ])
            .args(["-connect", &format!("127.0.0.1:{port}"), "-CAfile"])
            .arg(issuer)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if said.contains("Verify return code: 0 (ok)") {
            return said;
        }
        assert!(Instant::now() < deadline, "{said}\n{}", String::from_utf8_lossy(&output.stderr));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_obtains_its_certificate_serves_it_and_has_it_at_once_after_a_restart() {
    let (ca, place, plain) = place();
    let data = place.path().join("data");
    let pebble = Pebble::start(ca.path(), plain, json!({})).await;
    let issuer = ca.path().join("issuer.pem");
    fs::write(&issuer, pebble.issuer().await).unwrap();
    let listen = free_port();
    let served = serve(&data, &pebble, listen, plain);
    // The first certificate alone: what openssl says after it differs from one connection to the next.
    let chain = |said: &str| {
        let from = said.split("-----BEGIN").nth(1).unwrap();
        from.split("-----END").next().unwrap().to_owned()
    };
    let first = chain(&accepted_by_openssl(listen, &issuer).await);
    drop(served);
    let served = serve(&data, &pebble, listen, plain);
    assert_eq!(chain(&accepted_by_openssl(listen, &issuer).await), first);
    assert_eq!(pebble.orders(), 1);
    drop(served);
    // Somebody else has the port of the challenges.
    let taken = std::net::TcpListener::bind(("127.0.0.1", plain)).unwrap();
    let mut served = serve(&data, &pebble, listen, plain);
    assert!(!served.child.wait().unwrap().success());
    let said = fs::read_to_string(&served.log).unwrap();
    assert!(said.contains(&taken.local_addr().unwrap().to_string()), "{said}");
    assert!(said.lines().filter(|line| line.starts_with("Error: ")).count() == 1, "{said}");
}
