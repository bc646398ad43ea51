//! Settings of backups.

use std::path::PathBuf;

use clap::Args;

use super::parse_switch;

/// Nightly backups, and what a server does after its database was set back.
#[derive(Debug, Clone, Args)]
pub struct BackupSettings {
    /// Folder for a backup every night [default: none is made]
    #[arg(long, env = "IMPULSE_BACKUP_DIR", value_name = "DIR")]
    pub backup_dir: Option<PathBuf>,

    /// Hour of the day (UTC) at which it is made
    #[arg(
        long,
        env = "IMPULSE_BACKUP_HOUR",
        value_parser = clap::value_parser!(u8).range(..24),
        default_value = "3",
        value_name = "0-23",
    )]
    pub backup_hour: u8,

    /// Days after which it is removed
    #[arg(
        long,
        env = "IMPULSE_BACKUP_KEEP",
        value_parser = clap::value_parser!(u32).range(1..),
        default_value = "14",
        value_name = "DAYS",
    )]
    pub backup_keep: u32,

    /// The database was restored by other means than `impulse admin restore`, or is a standby that took over: begin a new
    /// epoch. For one start only
    #[arg(
        long,
        env = "IMPULSE_RESTORED",
        value_parser = parse_switch,
        default_value = "0",
        num_args = 0..=1,
        default_missing_value = "1",
        value_name = "0|1",
    )]
    pub restored: bool,
}
