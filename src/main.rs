//! The `impulse` program: reads the command line, starts one verb, turns its failure into one line.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use impulse::base::shutdown::StopSignals;
use impulse::cli::{Cli, Command};
use impulse::config::Config;
use impulse::server::Server;
use impulse::startup::{self, Screen};
use impulse::{admin, base::fd_budget, base::telemetry, loadtest};

/// Memory is taken by the control plane and given back by shards. The C library makes threads wait for
/// each other then, and a connect cost about a fifth more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::read()) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("Error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode, String> {
    let config = cli.config_of_serve();
    let threads = match &cli.command {
        None | Some(Command::Serve(_)) => config.http_worker_count(),
        Some(_) => config.worker_count(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    match cli.command {
        None => runtime.block_on(serve(cli.config))?,
        Some(Command::Serve(config)) => runtime.block_on(serve(*config))?,
        Some(Command::Loadtest(plan)) => runtime.block_on(loadtest::run(plan))?,
        Some(Command::Doctor(doctor)) => return Ok(run_doctor(&runtime, cli.config, doctor)),
        Some(Command::Healthcheck { address, timeout }) => {
            let timeout = Duration::from_secs(timeout);
            runtime.block_on(admin::healthcheck(&cli.config, address.as_deref(), timeout))?;
        }
        Some(Command::Admin(verb)) => {
            if let Some(answer) = runtime.block_on(admin::run(cli.config, verb))? {
                let written = writeln!(std::io::stdout(), "{answer}");
                written.map_err(|error| format!("cannot write the answer: {error}"))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// 0 if all is well, 1 if there is something to do, 2 if the checks cannot begin.
fn run_doctor(
    runtime: &tokio::runtime::Runtime,
    config: Config,
    doctor: admin::Doctor,
) -> ExitCode {
    runtime.block_on(admin::doctor(config, doctor)).unwrap_or_else(|message| {
        eprintln!("Error: {message}");
        ExitCode::from(2)
    })
}

/// Runs the server until a signal; a second signal ends it at once.
async fn serve(config: Config) -> Result<(), String> {
    telemetry::start()?;
    config.check()?;
    // A socket is a descriptor.
    fd_budget::raise_limit();
    let mut signals =
        StopSignals::listen().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let is_lan = config.lan;
    let mut server = tokio::select! {
        started = Server::start(config) => started?,
        name = signals.next() => return Err(format!("stopped by {name} while starting")),
    };
    print!("{}", startup::lines(&server));
    if is_lan {
        print!("{}", startup::invitation(&server, Screen::here()));
    }
    let ended = tokio::select! {
        name = signals.next() => {
            tracing::info!("{name}: stopping");
            Ok(())
        }
        reason = server.failed() => Err(reason),
    };
    tokio::select! {
        () = server.stop() => {}
        name = signals.next() => tracing::warn!("{name} again: leaving at once"),
    }
    ended
}
