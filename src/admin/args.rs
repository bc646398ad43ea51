//! The verbs of `impulse admin`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `impulse admin VERB`
#[derive(Debug, Args)]
pub struct Admin {
    /// The data directory of the server [default: by user]
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// PostgreSQL of the chat store, if no server runs [default: the private one]
    #[arg(long, global = true, value_name = "URL")]
    pub database_url: Option<String>,

    /// PostgreSQL of the account store, if no server runs
    #[arg(long, global = true, value_name = "URL")]
    pub accounts_database_url: Option<String>,

    /// Answer as JSON
    #[arg(long, global = true)]
    pub json: bool,

    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What an operator does from the shell. USER is a name or an id; `@7` is the name, `id:7` the id.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print one new bearer token for USER on stdout, alone; of several users, one a line
    Token {
        /// Names or ids
        #[arg(value_name = "USER", required = true)]
        users: Vec<String>,
        /// What the token is for, as shown in the list of tokens
        #[arg(long, default_value = "command line")]
        label: String,
        /// What the token may do: read, write as a member, or administrate the server
        #[arg(long, value_enum, default_value_t = TokenScope::Write)]
        scope: TokenScope,
        /// Days until it ends, at most 365
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=365))]
        days: u32,
        /// It does not end by itself
        #[arg(long, conflicts_with = "days")]
        forever: bool,
    },
    /// List users
    Users {
        /// Part of a name
        #[arg(long, default_value = "")]
        q: String,
        /// active, disabled, removed or admin
        #[arg(long, default_value = "")]
        state: String,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Add a user; prints the one-time link to choose a password
    CreateUser {
        /// The name to sign in with
        user: String,
        /// The name to be shown with
        #[arg(long, default_value = "")]
        display_name: String,
        /// Make the user an admin of the server
        #[arg(long)]
        admin: bool,
    },
    /// Make USER an admin of the server
    Promote {
        /// Name or id
        user: String,
    },
    /// Make USER an ordinary user again
    Demote {
        /// Name or id
        user: String,
    },
    /// Keep USER from signing in; open sockets close at once
    Disable {
        /// Name or id
        user: String,
    },
    /// Let USER sign in again
    Enable {
        /// Name or id
        user: String,
    },
    /// Remove USER; can be restored for thirty days
    RemoveUser {
        /// Name or id
        user: String,
        /// What the user wrote goes, too
        #[arg(long)]
        erase_messages: bool,
    },
    /// Take the removal of USER back
    RestoreUser {
        /// Name or id
        user: String,
    },
    /// Print a one-time link by which USER chooses a new password
    ResetTicket {
        /// Name or id
        user: String,
        /// Somebody else knows the password: end all sessions and tokens now
        #[arg(long)]
        compromised: bool,
    },
    /// Put back the keys and the password that USER had before the last change, if that was within thirty days
    RestoreKeys {
        /// Name or id
        user: String,
    },
    /// Sign USER out everywhere
    EndSessions {
        /// Name or id
        user: String,
    },
    /// Rooms: list, create, rename, archive, remove …
    #[command(subcommand)]
    Rooms(Rooms),
    /// Make an invite link
    Invite {
        /// What it is for
        #[arg(long, default_value = "")]
        label: String,
        /// Rooms to join, by id
        #[arg(long = "room", value_name = "ROOM")]
        rooms: Vec<String>,
        /// How often it may be used
        #[arg(long)]
        uses: Option<u32>,
        /// Days until it ends
        #[arg(long, default_value_t = 7)]
        days: u32,
    },
    /// List invite links that are good
    Invites {
        /// Used, ended and revoked ones, too
        #[arg(long)]
        all: bool,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Make an invite link useless
    RevokeInvite {
        /// Its id
        invite: String,
    },
    /// Show the settings, or change one: `settings registration invite`
    Settings {
        /// Which
        name: Option<String>,
        /// To what
        value: Option<String>,
    },
    /// The newest entries of the audit log, or `audit verify`
    Audit {
        /// Walk the chain of hashes and say whether it holds
        #[command(subcommand)]
        verb: Option<Audit>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// An action, such as user.disable, or the first part of several, such as user
        #[arg(long, default_value = "")]
        action: String,
    },
    /// Back everything up into FILE, while the server runs or not
    Backup {
        /// The file, which is replaced when the backup is complete; `-` is stdout
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Make no backup: restore this one into a temporary database and compare
        #[arg(long)]
        verify: bool,
    },
    /// Restore a backup into an empty database or data directory; the server must not run
    Restore {
        /// What `backup` has made
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// The list of everybody's keys: whether it takes new ones after a restore; `open` it, `adopt` another one
    Directory {
        /// What to do
        #[command(subcommand)]
        verb: Option<Directory>,
    },
    /// What files take: all together, and the people and rooms that have most
    Files,
    /// How far the index of messages has come, or `search rebuild`
    Search {
        /// What to do
        #[command(subcommand)]
        verb: Option<Search>,
    },
    /// Live figures
    Stats,
    /// Erase now what was removed more than thirty days ago
    Purge,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TokenScope {
    /// Read
    Read,
    /// Read and write, as a member
    Write,
    /// The same, and administrate the server; for admins
    Admin,
}

/// `impulse admin audit verify`
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Walk the chain of hashes and say whether it holds
    Verify,
}

/// `impulse admin directory VERB`
#[derive(Debug, Subcommand)]
pub enum Directory {
    /// Let it take new keys now: no browser has anything to bring back any more
    Open {
        /// Also if this server has signed a longer list, which is given up for good
        #[arg(long)]
        keep_ours: bool,
    },
    /// Put the longer list that a browser has shown in the place of ours
    Adopt,
}

/// `impulse admin search VERB`
#[derive(Debug, Subcommand)]
pub enum Search {
    /// Make the index of messages anew while the server runs; searches go on
    Rebuild,
}

/// `impulse admin rooms VERB`; ROOM is an id.
#[derive(Debug, Subcommand)]
pub enum Rooms {
    /// List rooms
    List {
        /// Part of a name
        #[arg(long, default_value = "")]
        q: String,
        /// active, archived or removed
        #[arg(long, default_value = "")]
        state: String,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Add a room
    Create {
        /// Its name
        name: String,
        /// What it is about
        #[arg(long, default_value = "")]
        topic: String,
        /// By invitation only
        #[arg(long)]
        closed: bool,
        /// New users join it
        #[arg(long)]
        default: bool,
        /// Whose it is: name or id
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
    },
    /// Give ROOM another name
    Rename {
        /// Its id
        room: String,
        /// The new name
        name: String,
    },
    /// Put ROOM away: it can be read, but nobody writes
    Archive {
        /// Its id
        room: String,
    },
    /// Bring ROOM back from the archive
    Unarchive {
        /// Its id
        room: String,
    },
    /// Make USER the owner of ROOM
    Owner {
        /// Its id
        room: String,
        /// Name or id
        user: String,
    },
    /// Remove ROOM; can be restored for thirty days
    Remove {
        /// Its id
        room: String,
    },
    /// Take the removal of ROOM back
    Restore {
        /// Its id
        room: String,
    },
}
