//! The command line: one binary with one verb per job. Without a verb it serves.

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::admin::Admin;
use crate::config::Config;
use crate::loadtest;

/// Self-hosted real-time group chat.
#[derive(Debug, Parser)]
#[command(name = "impulse", version, about, subcommand_negates_reqs = true)]
pub struct Cli {
    /// What to do; `serve` if left out
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Settings of `serve` when no command is named
    #[command(flatten)]
    pub config: Config,
}

impl Cli {
    /// Parses the command line and the environment. Prints help or an error and exits, as clap does.
    pub fn read() -> Self {
        let matches = forget_blank_variables(Self::command()).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// The settings of the server, whatever the verb.
    pub fn config_of_serve(&self) -> &Config {
        match &self.command {
            Some(Command::Serve(config)) => config,
            _ => &self.config,
        }
    }
}

/// An empty variable counts as unset, because a `.env` file may have empty lines (`DATABASE_URL=`).
fn forget_blank_variables(command: clap::Command) -> clap::Command {
    let verbs: Vec<_> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        let blank = value.is_some_and(|value| value.to_string_lossy().trim().is_empty());
        if blank { arg.env(Resettable::Reset) } else { arg }
    });
    verbs.iter().fold(command, |command, verb| command.mut_subcommand(verb, forget_blank_variables))
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server (the default)
    Serve(Config),
    /// Manage a server from its own machine
    Admin(Admin),
    /// Measure what a server can do: how fast, how late, at what cost
    Loadtest(loadtest::Plan),
    /// Exit 0 if the server answers /ready
    Healthcheck {
        /// The server's address or URL [default: where the settings of the server say]
        #[arg(long, env = "IMPULSE_HEALTHCHECK_URL", value_name = "ADDR")]
        address: Option<String>,
        /// Seconds to wait for the answer
        #[arg(long, default_value_t = 3, value_name = "SECONDS")]
        timeout: u64,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    fn variables(command: &clap::Command) -> Vec<String> {
        let own = command.get_arguments().filter_map(|argument| argument.get_env());
        let own = own.map(|name| name.to_string_lossy().into_owned());
        own.chain(command.get_subcommands().flat_map(variables)).collect()
    }

    #[test]
    fn the_readme_names_every_environment_variable() {
        let (readme, all) = (include_str!("../README.md"), variables(&Cli::command()));
        assert!(all.len() > 15, "{all:?}");
        let is_missing = |name: &&String| !readme.contains(name.as_str());
        let missing: Vec<_> = all.iter().filter(is_missing).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
