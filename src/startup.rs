//! What the terminal shows when the server is ready: its addresses, the link for the first administrator, and with
//! `--lan` the address of this machine in the network, in words and as a QR code.

mod qr;

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use crate::server::Server;

/// Everything that whoever started the server wants to read.
pub fn greeting(server: &Server) -> String {
    let mut text = String::new();
    for url in server.urls() {
        line(&mut text, &format!("ready: {url}"));
    }
    if let Some(link) = server.setup_link() {
        line(&mut text, &format!("setup: {link}"));
    }
    let Some(authority) = server.authority() else { return text };
    line(&mut text, &format!("authority: SHA-256 {}", authority.fingerprint()));
    if let Some(page) = server.trust_page() {
        line(&mut text, &format!("trust: {page}"));
    }
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// How many columns and rows standard output has, if it is a terminal that can show colours.
fn terminal() -> Option<(usize, usize)> {
    let stdout = std::io::stdout();
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if !stdout.is_terminal() || is_dumb {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
    Some((size.ws_col.into(), size.ws_row.into()))
}
