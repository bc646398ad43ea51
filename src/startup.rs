//! What the terminal shows when the server is ready: its addresses, the link for the first administrator, and with
//! `--lan` the address of this machine in the network, in words and as a QR code.

mod qr;

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use crate::server::{Nearby, Server};

/// How many columns and rows a terminal has.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    columns: usize,
    rows: usize,
}

impl Screen {
    /// The terminal that standard output is, if it is one that shows colours.
    pub fn here() -> Option<Self> {
        let stdout = std::io::stdout();
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if !stdout.is_terminal() || is_dumb {
            return None;
        }
        let size = rustix::termios::tcgetwinsize(&stdout).ok()?;
        Some(Self { columns: size.ws_col.into(), rows: size.ws_row.into() })
    }
}

/// The lines that programs read as well: one for each address, and what is needed to get in and to trust it.
pub fn lines(server: &Server) -> String {
    let mut text = String::new();
    for url in server.urls() {
        add(&mut text, &format!("ready: {url}"));
    }
    if let Some(link) = server.setup_link() {
        add(&mut text, &format!("setup: {link}"));
    }
    if let Some(nearby) = server.nearby() {
        add(&mut text, &format!("authority: SHA-256 {}", nearby.authority.fingerprint()));
        add(&mut text, &format!("trust: {}", nearby.trust_page));
    }
    text
}

/// With `--lan`: where the devices of this network open the server, as a code if there is a screen for it.
pub fn invitation(server: &Server, screen: Option<Screen>) -> String {
    let Some(nearby) = server.nearby() else { return String::new() };
    let Some(address) = &nearby.address else { return NOWHERE.to_owned() };
    let address = address.to_string();
    let setup = server.setup_link();
    let mut text = String::new();
    add(&mut text, "");
    add(&mut text, &format!("  Open it on any device in this network:  {address}"));
    add(&mut text, "");
    let target = setup.as_ref().unwrap_or(&address);
    if let Some(drawing) = qr::draw(target).filter(|drawing| fits(drawing, screen)) {
        for line in &drawing.lines {
            add(&mut text, &format!("  {line}"));
        }
        add(&mut text, "");
        let who = match setup {
            Some(_) => "Whoever scans this first becomes the administrator of this server.",
            None => "Scan it with the camera of a phone.",
        };
        add(&mut text, &format!("  {who}"));
    }
    add(
        &mut text,
        "  The browser warns, because nobody else vouches for this server: accept that, and chat.",
    );
    add(
        &mut text,
        &format!("  Or trust the server first, once on each device:  {}", nearby.trust_page),
    );
    for line in remarks(nearby) {
        add(&mut text, &format!("  {line}"));
    }
    text
}

const NOWHERE: &str = "\n  This machine is in no network that other devices could reach it by.\n";

/// What not everybody needs to know.
fn remarks(nearby: &Nearby) -> Vec<String> {
    let mut remarks = Vec::new();
    if nearby.is_public {
        remarks.push(
            "That is a public address, for which this server makes no certificate: see --tls acme."
                .into(),
        );
    }
    if !nearby.others.is_empty() {
        let others: Vec<_> = nearby.others.iter().map(ToString::to_string).collect();
        remarks.push(format!("Other addresses:  {}", others.join("  ")));
    }
    remarks
}

/// The code must be on the screen as a whole, with the line below it.
fn fits(drawing: &qr::Drawing, screen: Option<Screen>) -> bool {
    let indent = 2;
    screen.is_some_and(|screen| {
        drawing.width + indent <= screen.columns && drawing.lines.len() + 2 <= screen.rows
    })
}

fn add(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
