//! Clients that are not ours.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use crate::support::tls::Certified;

/// What `openssl s_client` prints that sends `input` and waits for the end of the connection.
pub async fn openssl(
    address: SocketAddr,
    certified: &Certified,
    args: &[&str],
    input: &str,
) -> String {
    let authority = file(&certified.authority);
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address.to_string(), "-ign_eof"]);
    command.args(["-servername", "chat.test", "-verify_return_error", "-CAfile"]);
    command.arg(authority.path()).args(args);
    let output = run(command, input.to_owned()).await;
    drop(authority);
    output
}

/// What a Python program prints. It finds `context`, `address`, and `connect()` for a socket with TLS.
pub async fn python(address: SocketAddr, certified: &Certified, program: &str) -> String {
    let authority = file(&certified.authority);
    let mut command = Command::new("python3");
    let frame = format!(
        "import socket, ssl\n\
         context = ssl.create_default_context(cafile={:?})\n\
         address = ({:?}, {})\n\
         def connect(**more):\n\
         \x20   plain = socket.create_connection(address, timeout=15)\n\
         \x20   return context.wrap_socket(plain, server_hostname='chat.test', **more)\n\
         {program}",
        authority.path(),
        address.ip().to_string(),
        address.port()
    );
    command.args(["-c", &frame]);
    let output = run(command, String::new()).await;
    drop(authority);
    output
}

/// What `curl` prints for a path, and then the version of HTTP and the status.
pub async fn curl(
    address: SocketAddr,
    certified: &Certified,
    args: &[&str],
    paths: &[&str],
) -> String {
    let authority = file(&certified.authority);
    let port = address.port();
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--no-buffer", "--max-time", "15", "--cacert"]);
    command.arg(authority.path()).arg("--resolve").arg(format!("chat.test:{port}:127.0.0.1"));
    command.args(["--write-out", "\\nHTTP/%{http_version} %{http_code} %{num_connects}\\n"]);
    command.args(args);
    command.args(paths.iter().map(|path| format!("https://chat.test:{port}{path}")));
    let output = run(command, String::new()).await;
    drop(authority);
    output
}

pub fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

async fn run(mut command: Command, input: String) -> String {
    let running = tokio::task::spawn_blocking(move || {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("the program is installed");
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let texts = [output.stdout, output.stderr];
        texts.map(|text| String::from_utf8_lossy(&text).into_owned()).concat()
    });
    tokio::time::timeout(crate::client::PATIENCE, running).await.expect("an end in time").unwrap()
}
