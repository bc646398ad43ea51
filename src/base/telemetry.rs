//! Logs, on stderr: `IMPULSE_LOG` filters them, `IMPULSE_LOG_FORMAT=json` makes them machine-readable.
//! Stdout belongs to the lines programs wait for (`ready:`, `setup:`, a token).

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Without PostgreSQL's notices, which say at every start that the schemas exist already.
const DEFAULT: &str = "info,tokio_postgres=warn";
/// However much is asked for: this module would log what is bound to statements, which are messages, keys and what
/// passwords are compared with. It has nothing else to say.
const SILENT: &str = "tokio_postgres::query=off";

/// Starts logging. Called once.
///
/// # Errors
/// A sentence naming the variable and what it should look like.
pub fn start() -> Result<(), String> {
    let lookup = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let filter = lookup("IMPULSE_LOG").unwrap_or_else(|| DEFAULT.into());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        format!("IMPULSE_LOG={filter}: {error} (try info, debug or impulse=trace)")
    })?;
    let silent = SILENT.parse().map_err(|error| format!("{SILENT}: {error}"))?;
    let filter = filter.add_directive(silent);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match lookup("IMPULSE_LOG_FORMAT").as_deref() {
        None | Some("text") => builder.with_target(false).init(),
        Some("json") => builder.json().init(),
        Some(other) => return Err(format!("IMPULSE_LOG_FORMAT={other}: expected text or json")),
    }
    Ok(())
}
