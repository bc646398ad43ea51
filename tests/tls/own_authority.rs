//! The server's own certificate authority: what is kept of it, what it may vouch for according to verifiers that are
//! not ours, and when its certificates are made anew.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use impulse::base::limits::tls as limits;
use impulse::tls::names::{Address, Machine};
use impulse::tls::{Authority, Auto, Certificate, Certificates, Times};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use tokio::sync::watch;

use crate::support;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn machine(addresses: &[&str]) -> Machine {
    let address = |ip: &&str| Address {
        ip: ip.parse().expect("an address"),
        interface: "eth0".into(),
        is_default: true,
    };
    Machine { host: Some("chatbox".into()), addresses: addresses.iter().map(address).collect() }
}

fn open(folder: &Path, machine: &Machine, now: SystemTime) -> Result<Auto, String> {
    Auto::open(folder, &[], Times::default(), machine, now)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it exists").permissions().mode() & 0o7777
}

/// What handshakes send.
fn der(certificate: &Certificate) -> Vec<u8> {
    certificate.certified_key().cert[0].to_vec()
}

/// A program's success, and everything it wrote.
fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program).args(arguments).output().expect(program);
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), text.concat())
}

#[test]
fn authority_and_certificate_are_only_their_owners_and_the_same_after_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let (folder, now) = (place.path().join("tls"), SystemTime::now());
    let machine = machine(&["127.0.0.1", "192.168.1.20", "fd00::7"]);
    let first = open(&folder, &machine, now).unwrap();
    assert_eq!(mode(&folder), 0o700);
    for file in ["authority.pem", "auto.pem"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    for name in ["localhost", "chatbox", "chatbox.local", "127.0.0.1", "192.168.1.20", "fd00::7"] {
        assert!(first.certificate().covers(name), "{name}: {:?}", first.certificate().names());
    }
    let life = first.certificate().ends().duration_since(first.certificate().begins()).unwrap();
    assert!(life <= 397 * DAY, "browsers would refuse it");
    assert!(first.authority().fingerprint().len() == 32 * 3 - 1);

    // Others were able to read the key: not any more.
    fs::set_permissions(folder.join("authority.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    let second = open(&folder, &machine, now + DAY).unwrap();
    assert_eq!(mode(&folder.join("authority.pem")), 0o600);
    assert_eq!(second.authority().fingerprint(), first.authority().fingerprint());
    assert_eq!(
        der(second.certificate()),
        der(first.certificate()),
        "a browser may have accepted it"
    );
}

#[test]
fn a_damaged_authority_is_said_to_be_one_and_stays_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let (folder, now) = (place.path().join("tls"), SystemTime::now());
    let machine = machine(&["127.0.0.1"]);
    drop(open(&folder, &machine, now).unwrap());
    let file = folder.join("authority.pem");
    let good = fs::read_to_string(&file).unwrap();
    let key_at = good.find("-----BEGIN PRIVATE KEY").unwrap();
    let other = KeyPair::generate().unwrap();
    let unconstrained = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let foreign =
        format!("{}{}", unconstrained.cert.pem(), unconstrained.signing_key.serialize_pem());
    for (content, reason) in [
        (String::new(), "no certificate"),
        (good[..200].to_owned(), "no certificate"),
        (good[..key_at].to_owned(), "no private key"),
        (good[..key_at + 60].to_owned(), "no private key"),
        (format!("{}{}", &good[..key_at], other.serialize_pem()), "another certificate"),
        (foreign, "not one of ours"),
    ] {
        fs::write(&file, &content).unwrap();
        let error = open(&folder, &machine, now).err().expect("it is refused");
        assert!(
            error.contains(reason) && error.contains("backup") && error.contains("authority.pem"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), content, "nothing is replaced");
    }
    fs::write(&file, &good).unwrap();
    let before = open(&folder, &machine, now).unwrap();
    // A certificate is made anew without anybody's help: it is the authority that devices trust.
    fs::write(folder.join("auto.pem"), "torn").unwrap();
    let after = open(&folder, &machine, now).unwrap();
    assert_ne!(der(after.certificate()), der(before.certificate()));
    assert_eq!(after.authority().fingerprint(), before.authority().fingerprint());

    // One of another authority is no good.
    let elsewhere = tempfile::tempdir().unwrap();
    drop(open(elsewhere.path(), &machine, now).unwrap());
    fs::copy(elsewhere.path().join("auto.pem"), folder.join("auto.pem")).unwrap();
    let mended = open(&folder, &machine, now).unwrap();
    mended.authority().verify(&der(mended.certificate()).into(), &[]).unwrap_err();
    assert!(run_verify(&folder, mended.certificate()).0);
}

#[test]
fn a_folder_that_cannot_be_written_and_a_clock_that_is_not_set_are_named() {
    let place = tempfile::tempdir().unwrap();
    let blocked = place.path().join("file");
    fs::write(&blocked, "").unwrap();
    let error = open(&blocked.join("tls"), &machine(&[]), SystemTime::now()).err().unwrap();
    assert!(error.contains("cannot make the folder"), "{error}");
    let error =
        open(&place.path().join("tls"), &machine(&[]), SystemTime::UNIX_EPOCH + DAY).err().unwrap();
    assert!(error.contains("clock"), "{error}");
    assert!(!place.path().join("tls/authority.pem").exists());
}

#[test]
fn a_new_address_or_a_certificate_that_ends_soon_brings_a_new_one_and_nothing_else_does() {
    let place = tempfile::tempdir().unwrap();
    let now = SystemTime::now();
    let (home, office) =
        (machine(&["127.0.0.1", "192.168.1.20"]), machine(&["127.0.0.1", "10.1.2.3"]));
    let mut auto = open(place.path(), &home, now).unwrap();
    assert!(auto.renew(&home, now).unwrap().is_none());
    // Fewer addresses, as without a network, are no reason.
    assert!(auto.renew(&machine(&["127.0.0.1"]), now).unwrap().is_none());
    let moved = auto.renew(&office, now).unwrap().expect("another address");
    assert!(moved.covers("10.1.2.3") && moved.covers("192.168.1.20"));
    assert!(auto.renew(&home, now).unwrap().is_none(), "back at home the same one serves");
    let written = fs::read_to_string(place.path().join("auto.pem")).unwrap();
    let kept = impulse::tls::pem::parse(written.as_bytes(), written.as_bytes()).unwrap();
    assert_eq!(der(&kept), der(&moved), "the next start has it, too");

    let early = now + limits::LEAF_LIFE - limits::LEAF_RENEWAL - 2 * DAY;
    assert!(auto.renew(&home, early).unwrap().is_none());
    let late = early + 3 * DAY;
    let renewed = auto.renew(&home, late).unwrap().expect("it ends within two months");
    assert!(renewed.ends() > moved.ends() + 90 * DAY && !renewed.covers("10.1.2.3"));
    assert!(auto.renew(&home, late).unwrap().is_none());

    // The clock was wrong when that was made, and is right again.
    let mended = auto.renew(&home, now).unwrap().expect("it is not valid yet");
    mended.check_validity(now).unwrap();
    assert!(auto.renew(&home, now).unwrap().is_none());
    // It was years behind, before the authority: nothing would be better than what there is.
    let before = auto.renew(&home, now - 1_000 * DAY).unwrap();
    assert!(before.is_none() || auto.renew(&home, now - 1_000 * DAY).unwrap().is_none());
}

#[test]
fn certificates_end_with_their_authority_and_are_not_made_again_and_again_then() {
    let place = tempfile::tempdir().unwrap();
    let (now, home) = (SystemTime::now(), machine(&["127.0.0.1"]));
    let mut auto = open(place.path(), &home, now).unwrap();
    let end = auto.authority().validity().not_after;
    assert!(end > now + limits::AUTHORITY_LIFE - 2 * DAY);
    let sentence = |days: u32| auto.end_of_authority(end - days * DAY);
    let said_from = u32::try_from(limits::AUTHORITY_END_SAID.as_secs() / DAY.as_secs()).unwrap();
    assert_eq!(sentence(said_from + 1), None);
    assert!(sentence(said_from).unwrap().contains("authority.pem and restart"));
    let last = auto.renew(&home, end - 30 * DAY).unwrap().expect("a last one");
    assert_eq!(last.ends(), end);
    for after in [0, 29, 31, 4_000] {
        assert!(auto.renew(&home, end - 30 * DAY + after * DAY).unwrap().is_none(), "{after}");
    }
    drop(auto);
    let auto = open(place.path(), &home, end + DAY).unwrap();
    assert_eq!(auto.authority().validity().not_after, end, "never replaced by itself");
}

#[test]
fn a_certificate_is_for_so_many_names_and_no_more_and_those_of_now_come_first() {
    let place = tempfile::tempdir().unwrap();
    let many: Vec<_> =
        (0..limits::LEAF_NAMES).map(|n| format!("10.0.{}.{}", n / 200, n % 200)).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let mut auto = open(place.path(), &machine(&many), SystemTime::now()).unwrap();
    assert_eq!(auto.certificate().names().len(), limits::LEAF_NAMES);
    let moved = machine(&["192.168.7.7"]);
    let next = auto.renew(&moved, SystemTime::now()).unwrap().expect("another address");
    assert!(next.covers("192.168.7.7") && next.names().len() == limits::LEAF_NAMES);
    assert!(auto.renew(&moved, SystemTime::now()).unwrap().is_none());
}

#[test]
fn hosts_that_are_private_are_covered_and_others_left_out() {
    let place = tempfile::tempdir().unwrap();
    let hosts =
        ["chat.local", "chat.internal", "10.9.9.9", "[fd00::9]", "chat.example.org", "8.8.8.8"];
    let hosts = hosts.map(str::to_owned);
    let machine = machine(&["127.0.0.1", "9.9.9.9", "100.64.1.1"]);
    let auto =
        Auto::open(place.path(), &hosts, Times::default(), &machine, SystemTime::now()).unwrap();
    for name in ["chat.local", "chat.internal", "10.9.9.9", "fd00::9", "100.64.1.1"] {
        assert!(auto.certificate().covers(name), "{name}");
    }
    for name in ["chat.example.org", "8.8.8.8", "9.9.9.9"] {
        assert!(!auto.certificate().covers(name), "{name}");
    }
}

/// The certificate of the authority and that of a server, for programs that take files.
fn files(folder: &Path, certificate: &[u8]) -> (PathBuf, PathBuf) {
    let authority = Authority::open(folder, None, SystemTime::now()).unwrap();
    let (ca, leaf) = (folder.join("ca.crt"), folder.join("leaf.der"));
    fs::write(&ca, authority.pem()).unwrap();
    fs::write(&leaf, certificate).unwrap();
    (ca, leaf)
}

fn run_verify(folder: &Path, certificate: &Certificate) -> (bool, String) {
    let (ca, leaf) = files(folder, &der(certificate));
    let arguments = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"];
    let paths = [ca.to_str().unwrap(), leaf.to_str().unwrap()];
    run("openssl", &[&arguments[..], &paths[..]].concat())
}

/// A certificate that somebody makes who has stolen the authority's key.
fn forge(folder: &Path, names: Vec<SanType>) -> Vec<u8> {
    let text = fs::read_to_string(folder.join("authority.pem")).unwrap();
    let key = KeyPair::from_pem(&text[text.find("-----BEGIN PRIVATE KEY").unwrap()..]).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&text, key).unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(2026, 1, 1), rcgen::date_time_ymd(2030, 1, 1));
    params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().to_vec()
}

#[test]
fn openssl_takes_our_certificates_and_none_that_a_thief_of_the_key_makes_for_the_internet() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let auto = open(folder, &machine(&["127.0.0.1", "192.168.1.20", "fd00::7"]), SystemTime::now())
        .unwrap();
    let (good, text) = run_verify(folder, auto.certificate());
    assert!(good, "{text}");
    let (ca, _) = files(folder, &der(auto.certificate()));
    let (_, text) = run("openssl", &["x509", "-in", ca.to_str().unwrap(), "-noout", "-text"]);
    for part in [
        "Name Constraints: critical",
        "pathlen:0",
        "IP:10.0.0.0/255.0.0.0",
        "DNS:local\n",
        "DNS:chatbox\n",
        "CA:TRUE",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let ip = |text: &str| SanType::IpAddress(text.parse::<IpAddr>().unwrap());
    let mail = SanType::Rfc822Name("somebody@example.com".try_into().unwrap());
    let cases = [
        (dns("chat.chatbox.local"), true),
        (ip("172.31.255.255"), true),
        (dns("example.com"), false),
        (dns("notlocal"), false),
        (dns("local.com"), false),
        (ip("8.8.8.8"), false),
        (ip("172.32.0.1"), false),
        (ip("2606:4700::1"), false),
        (ip("::ffff:8.8.8.8"), false),
        (mail, false),
    ];
    for (name, is_good) in cases {
        let shown = format!("{name:?}");
        // Behind a name that is permitted, it would be overlooked by a verifier that stops early.
        let (ca, leaf) = files(folder, &forge(folder, vec![dns("localhost"), name]));
        let purpose = ["verify", "-purpose", "sslserver", "-CAfile"];
        let paths = [ca.to_str().unwrap(), leaf.to_str().unwrap()];
        let (good, text) = run("openssl", &[&purpose[..], &paths[..]].concat());
        assert_eq!(good, is_good, "{shown}: {text}");
        assert!(good || text.contains("permitted subtree violation"), "{shown}: {text}");
    }
}

#[tokio::test]
async fn handshakes_get_the_new_certificate_by_themselves() {
    let place = tempfile::tempdir().unwrap();
    let times = Times {
        life: 2 * DAY,
        // Always less than a day of the two is left, since a new one begins a day ago.
        renewal: DAY + Duration::from_millis(500),
        poll: Duration::from_millis(50),
    };
    let here = Machine::here().unwrap();
    let auto = Auto::open(place.path(), &[], times, &here, SystemTime::now()).unwrap();
    let certificates = Certificates::new(auto.certificate().clone());
    let first = der(&certificates.current());
    let (stop, stopped) = watch::channel(false);
    let keeping = tokio::spawn(auto.keep(certificates.clone(), stopped));
    let changed = async {
        while der(&certificates.current()) == first {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), changed).await.expect("a new certificate");
    stop.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(5), keeping).await.expect("it stops").unwrap();
}

/// A server as a program, and what it said until it was ready. Killed when dropped.
struct Program {
    child: Child,
    lines: Vec<String>,
}

impl Program {
    async fn start(data_dir: &Path, arguments: &[&str]) -> Self {
        let database = support::postgres::database().await;
        let mut command = Command::new(env!("CARGO_BIN_EXE_impulse"));
        command.arg("serve").args(arguments).arg("--data-dir").arg(data_dir);
        command.env("DATABASE_URL", database).env("IMPULSE_LOG", "warn").stdout(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut lines = Vec::new();
        for line in output.lines().map_while(Result::ok) {
            let is_last = line.contains("trust the server first") || line.starts_with("Error");
            lines.push(line);
            if is_last {
                break;
            }
        }
        Self { child, lines }
    }

    /// What follows this word at the beginning of a line.
    fn said(&self, word: &str) -> &str {
        let found = self.lines.iter().find_map(|line| line.strip_prefix(word));
        found.unwrap_or_else(|| panic!("{word} in {:#?}", self.lines))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PYTHON: &str = r#"
import hashlib, socket, ssl, sys, urllib.request
port, plain, fingerprint = int(sys.argv[1]), sys.argv[2], sys.argv[3].replace(":", "").lower()
pem = urllib.request.urlopen(f"http://127.0.0.1:{plain}/ca.crt").read().decode()
assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() == fingerprint, "the fingerprint"
page = urllib.request.urlopen(f"http://127.0.0.1:{plain}/ca").read().decode()
assert sys.argv[3] in page, "the page"
trusting = ssl.create_default_context(cadata=pem)
def visit(context, name):
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname=name) as tls:
        tls.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return tls.recv(100)
for name in ["127.0.0.1", "localhost"]:
    assert visit(trusting, name).startswith(b"HTTP/1.1 200"), name
for context, name in [(trusting, "example.com"), (ssl.create_default_context(), "localhost")]:
    try:
        visit(context, name)
        sys.exit(f"{name} was accepted")
    except ssl.SSLCertVerificationError:
        pass
"#;

#[tokio::test]
async fn a_server_for_the_network_says_where_it_is_and_python_takes_its_certificate() {
    let place = tempfile::tempdir().unwrap();
    let ports = ["--lan", "--listen", "0.0.0.0:0", "--http-listen", "0.0.0.0:0"];
    let server = Program::start(place.path(), &ports).await;
    let port = server.said("ready: https://127.0.0.1:").to_owned();
    let plain = server
        .said("trust: http://")
        .trim_end_matches("/ca")
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    let fingerprint = server.said("authority: SHA-256 ").to_owned();
    assert!(server.said("setup: https://").contains(&format!(":{port}/setup#")));
    let text = server.lines.join("\n");
    assert!(!text.contains('\u{1b}'), "no code where there is no terminal: {text}");
    let is_reachable = Machine::here().unwrap().addresses.iter().any(|one| !one.ip.is_loopback());
    assert!(!is_reachable || text.contains("on any device in this network:  https://"), "{text}");
    let asking = tokio::task::spawn_blocking(move || {
        run("python3", &["-c", PYTHON, &port, &plain, &fingerprint])
    });
    let (good, said) = asking.await.unwrap();
    assert!(good, "{said}");
}
