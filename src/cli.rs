//! The command line: one binary with one verb per job. Without a verb it serves.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::admin::{Admin, Doctor};
use crate::config::{Config, Given};
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
        Self::parse_all(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    /// The same of these arguments.
    ///
    /// # Errors
    /// What clap says of them, or that `--lan` contradicts another one.
    pub fn parse_all<T>(arguments: impl IntoIterator<Item = T>) -> Result<Self, clap::Error>
    where
        T: Into<OsString> + Clone,
    {
        let matches = forget_blank_variables(Self::command()).try_get_matches_from(arguments)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        let (config, matches) = match (&mut cli.command, matches.subcommand()) {
            (Some(Command::Serve(config)), Some((_, matches))) => (config.as_mut(), matches),
            _ => (&mut cli.config, &matches),
        };
        let applied = config.apply_lan(given(matches));
        applied
            .map_err(|sentence| clap::Error::raw(ErrorKind::ArgumentConflict, sentence + "\n"))?;
        Ok(cli)
    }

    /// The settings of the server, whatever the verb.
    pub fn config_of_serve(&self) -> &Config {
        match &self.command {
            Some(Command::Serve(config)) => config,
            _ => &self.config,
        }
    }
}

/// What was set by hand of what `--lan` stands for.
fn given(matches: &ArgMatches) -> Given {
    let is_given = |id| matches.value_source(id).is_some_and(|by| by != ValueSource::DefaultValue);
    Given { listen: is_given("listen"), tls: is_given("mode") }
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
    Serve(Box<Config>),
    /// Manage a server from its own machine
    Admin(Admin),
    /// Check everything a server needs, a line each: ok, or what to do
    Doctor(Doctor),
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
    use crate::config::TlsMode;

    #[test]
    fn lan_stands_for_every_address_with_a_certificate_of_its_own() {
        for verb in [&["impulse", "--lan"][..], &["impulse", "serve", "--lan"]] {
            let cli = Cli::parse_all(verb).unwrap();
            let config = cli.config_of_serve();
            assert_eq!(config.listen.0[0].to_string(), "[::]:8443");
            assert_eq!(config.tls.mode, TlsMode::Auto);
            assert_eq!(config.tls.http_listen.as_ref().unwrap().0[0].to_string(), "[::]:8080");
        }
        let ports = ["--listen", "0.0.0.0:9443", "--http-listen", "127.0.0.1:0", "--tls", "auto"];
        let cli = Cli::parse_all(["impulse", "--lan"].iter().chain(&ports)).unwrap();
        assert_eq!(cli.config.listen.0[0].to_string(), "0.0.0.0:9443");
        assert_eq!(cli.config.tls.http_listen.unwrap().0[0].to_string(), "127.0.0.1:0");
        let without = Cli::parse_all(["impulse"]).unwrap().config;
        assert_eq!((without.tls.mode, without.listen.0.len()), (TlsMode::Off, 1));
    }

    #[test]
    fn what_contradicts_lan_is_named_in_one_sentence() {
        for (more, named) in [
            (&["--listen", "127.0.0.1:8080"][..], "IMPULSE_LISTEN names 127.0.0.1:8080"),
            (&["--tls", "off"], "IMPULSE_TLS"),
            (&["--tls", "files"], "IMPULSE_TLS"),
        ] {
            let arguments = ["impulse", "serve", "--lan"].iter().chain(more);
            let sentence = Cli::parse_all(arguments).unwrap_err().to_string();
            assert!(sentence.contains(named) && sentence.lines().count() == 1, "{sentence}");
        }
    }

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
