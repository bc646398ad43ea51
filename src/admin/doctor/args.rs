//! The arguments of `impulse doctor`.

use std::path::PathBuf;

use clap::Args;

/// `impulse doctor [URL]`
#[derive(Debug, Args)]
pub struct Doctor {
    /// The address by which people open the server, such as https://chat.example.org: checked from outside, too
    #[arg(value_name = "URL")]
    pub url: Option<String>,

    /// The data directory of the server [default: by user]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// PostgreSQL of the chat store [default: the private one]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,

    /// PostgreSQL of the account store
    #[arg(long, value_name = "URL")]
    pub accounts_database_url: Option<String>,

    /// PEM file with the authority that certifies URL, if it is not a public one
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Open a WebSocket at URL with this token of yours, or with that in @FILE; it is sent to URL
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,

    /// Answer as JSON
    #[arg(long)]
    pub json: bool,
}
