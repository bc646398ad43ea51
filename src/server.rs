//! The assembly: which part is started after which, and stopped before which.
//!
//! Up: stores and their schemas, rooms, delivery threads, listeners. Down the same way back, each
//! step with its own bound, so that a stop is over within ten seconds: no new connections, every
//! accepted send answered, `bye restart` to every socket, then the database.
//!
//! Rooms, their journal and its connections run on threads of their own. What comes by HTTP runs on
//! those of the caller, so a flood of requests takes time from other requests only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::api::{Api, Audited, Figures, Readiness, Removals, Settings};
use crate::auth::{self, Auth};
use crate::avatars::Studio;
use crate::base::allowance::Allowances;
use crate::base::error::Error;
use crate::base::fd_budget::FdBudget;
use crate::base::limits;
use crate::base::memory::MemoryBudget;
use crate::base::runtime::{OwnThreads, inside};
use crate::config::Config;
use crate::control::{Control, ControlFile};
use crate::delivery;
use crate::demo;
use crate::http::{self, Site};
use crate::metrics::{Metrics, Sources};
use crate::rooms::{Bounds, Rooms};
use crate::settings::{self, RuntimeSettings};
use crate::store::accounts::AccountStore;
use crate::store::chat::ChatStore;
use crate::store::embedded::{self, Embedded};
use crate::store::pool::Database;
use crate::ws::Limits;
use crate::ws::handshake::OriginPolicy;

/// Requests in flight get this long when the server stops. Rooms and shards have their own bounds.
const REQUESTS_STOP: Duration = Duration::from_millis(1_500);
/// What still runs beside the rooms when they have stopped gets this long.
const THREADS_STOP: Duration = Duration::from_millis(500);

/// A running server.
pub struct Server {
    addresses: Vec<SocketAddr>,
    api: Arc<Api>,
    embedded: Option<Embedded>,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
    /// Of the rooms.
    room_threads: OwnThreads,
    control: Option<Control>,
    /// Tells the command line where the server is.
    _control_file: Option<ControlFile>,
}

impl Server {
    /// Starts everything; returns when connections are accepted.
    ///
    /// # Errors
    /// One sentence for the person who started it.
    pub async fn start(config: Config) -> Result<Self, String> {
        // The address first: a second server on it should not touch the database.
        let sockets = config.listen.0.iter().map(|address| {
            http::bind(*address).map_err(|error| format!("cannot listen on {address}: {error}"))
        });
        let sockets: Vec<_> = sockets.collect::<Result<_, _>>()?;
        let room_threads = OwnThreads::start("rooms", config.room_worker_count())
            .map_err(|error| format!("cannot start the threads of the rooms: {error}"))?;
        let (embedded, accounts, chat) = open_stores(&config).await?;
        let operator = auth::new_token().map_err(|error| error.message().to_owned())?;
        let share = FdBudget::here(config.shard_count(), config.connections_max);
        share.announce(config.connections_max);
        let api = match assemble(&config, &share, accounts, chat, &room_threads).await {
            Ok(api) => Arc::new(Api { operator: Some(operator.1), ..api }),
            Err(error) => {
                stop_embedded(embedded).await;
                return Err(error);
            }
        };

        let (stop, stopped) = watch::channel(false);
        let mut addresses = Vec::new();
        let mut listeners = JoinSet::new();
        let options = options(&config, &share, &api);
        for socket in sockets {
            addresses.push(as_visited(socket.local_addr().map_err(|error| error.to_string())?));
            listeners.spawn(http::serve(socket, api.clone(), options.clone(), stopped.clone()));
        }
        listeners.spawn(Figures::watch(api.clone(), stop.subscribe()));
        listeners.spawn(Api::purge_for_ever(api.clone(), stop.subscribe()));
        listeners.spawn(Api::end_expired_for_ever(api.clone(), stop.subscribe()));
        listeners.spawn(Api::keep_words(api.clone(), stop.subscribe()));
        let control = addresses.first().map(|address| Control {
            address: address.to_string(),
            host: config.hosts.first().map(|host| host.with_port(address.port())),
            token: operator.0,
            pid: std::process::id(),
        });
        let file = control.as_ref().and_then(|control| tell_where(&config, control));
        Ok(Self {
            addresses,
            api,
            embedded,
            stop,
            listeners,
            room_threads,
            control,
            _control_file: file,
        })
    }

    /// How the command line reaches it.
    pub fn control(&self) -> Option<&Control> {
        self.control.as_ref()
    }

    /// Where it can be visited from this machine, with the ports it was given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where the first administrator is made, while there is none.
    pub fn setup_link(&self) -> Option<String> {
        let (control, code) = (self.control.as_ref()?, self.api.auth.setup_code()?);
        let host = control.host.as_ref().unwrap_or(&control.address);
        Some(format!("http://{host}/setup#{code}"))
    }

    /// Returns when the server cannot go on by itself, with the reason.
    pub async fn failed(&mut self) -> String {
        match self.listeners.join_next().await {
            Some(_) => "a listener ended".to_owned(),
            None => std::future::pending().await,
        }
    }

    /// Stops everything, in order.
    pub async fn stop(&mut self) {
        self.stop.send_replace(true);
        let drained = async { while self.listeners.join_next().await.is_some() {} };
        if tokio::time::timeout(REQUESTS_STOP, drained).await.is_err() {
            tracing::warn!("some requests did not finish in time");
            self.listeners.abort_all();
        }
        self.api.rooms.stop().await;
        let shards = self.api.shards.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || shards.stop()).await {
            tracing::error!(%error, "the delivery threads did not stop");
        }
        if let Err(error) = self.api.write_words().await {
            tracing::warn!(?error, "the last words that were said are lost");
        }
        self.api.accounts.database().close();
        self.api.chat.database().close();
        self.room_threads.stop(THREADS_STOP).await;
        stop_embedded(self.embedded.take()).await;
    }
}

/// Leaves word for the command line. A data directory that nobody named is not made for this alone.
fn tell_where(config: &Config, control: &Control) -> Option<ControlFile> {
    if config.data_dir.is_none() && config.database_url.is_some() {
        return None;
    }
    let data_dir = config.data_dir.clone().unwrap_or_else(embedded::default_data_dir);
    ControlFile::write(&data_dir, control)
        .inspect_err(|error| {
            let folder = data_dir.display();
            tracing::warn!(%error, "impulse admin will not find this server: {folder} is not writable");
        })
        .ok()
}

async fn stop_embedded(embedded: Option<Embedded>) {
    let Some(embedded) = embedded else { return };
    if let Err(error) = tokio::task::spawn_blocking(move || embedded.stop()).await {
        tracing::error!(%error, "the private database did not stop");
    }
}

/// The two stores, where the settings say, and the database that was started for them.
async fn open_stores(
    config: &Config,
) -> Result<(Option<Embedded>, AccountStore, ChatStore), String> {
    let (embedded, url) = match &config.database_url {
        Some(url) => (None, url.clone()),
        None => {
            let data_dir = config.data_dir.clone().unwrap_or_else(embedded::default_data_dir);
            let starting = tokio::task::spawn_blocking(move || Embedded::start(&data_dir));
            let embedded = starting.await.map_err(|error| error.to_string())??;
            let url = embedded.url();
            (Some(embedded), url)
        }
    };
    let opened = async {
        let chat = Database::new(&url)?;
        let accounts = match &config.accounts_database_url {
            Some(url) => Database::new(url)?,
            None => chat.clone(),
        };
        if !config.allow_weak_database {
            chat.check_durability().await?;
            if config.accounts_database_url.is_some() {
                accounts.check_durability().await?;
            }
        }
        Ok((AccountStore::open(accounts).await?, ChatStore::open(chat).await?))
    };
    match opened.await {
        Ok((accounts, chat)) => Ok((embedded, accounts, chat)),
        Err(error) => {
            stop_embedded(embedded).await;
            Err(error)
        }
    }
}

async fn assemble(
    config: &Config,
    share: &FdBudget,
    accounts: AccountStore,
    chat: ChatStore,
    room_threads: &OwnThreads,
) -> Result<Api, String> {
    let sentence = |error: Error| format!("cannot start: {}", error.message());
    let (publisher, seeds) = delivery::prepare(config.shard_count())
        .map_err(|error| format!("cannot prepare the delivery threads: {error}"))?;
    let settings = settings::Settings::open(accounts.clone(), RuntimeSettings::of(config));
    let settings = settings.await.map_err(sentence)?;
    let auth = Auth::new(accounts.clone(), settings, config.rate_limit_scale);
    let auth = auth.await.map_err(sentence)?;
    if config.demo {
        demo::fill(&auth, &accounts, &chat).await.map_err(sentence)?;
    }
    let bounds = Bounds {
        memory: MemoryBudget::new(config.memory_budget),
        owned: scaled(limits::rooms::OWNED, config),
        joined: scaled(limits::rooms::JOINED, config),
    };
    let runtime = room_threads.handle().ok_or("the threads of the rooms have ended")?;
    let own = chat.database().with_pool_of(runtime)?;
    let own_store = chat.through(own.clone());
    let starting = inside(runtime, Rooms::start_within(bounds, own_store, publisher));
    let rooms = starting.await.map_err(sentence)?.with_callers_store(chat.clone());
    let rate_limit_scale = config.rate_limit_scale;
    let settings = delivery::Settings { rate_limit_scale, ..delivery::Settings::default() };
    let shards = seeds
        .start(rooms.clone(), settings)
        .map_err(|error| format!("cannot start the delivery threads: {error}"))?;
    if config.rate_limit_scale == 0.0 {
        tracing::warn!("rate limits are lifted: for load tests only");
    }
    let traffic = Arc::new(http::HttpCounters::default());
    let sources = Sources {
        started: SystemTime::now(),
        connections_max: share.websockets,
        shards: shards.clone(),
        rooms: rooms.clone(),
        auth: auth.clone(),
        http: traffic.clone(),
        stores: [
            ("accounts", accounts.database().clone()),
            ("chat", chat.database().clone()),
            ("rooms", own),
        ],
    };
    Ok(Api {
        allowances: Allowances::new(rate_limit_scale),
        traffic,
        metrics: Metrics::new(sources),
        auth,
        accounts,
        chat,
        rooms,
        shards,
        studio: Arc::new(Studio::default()),
        figures: Figures::default(),
        removals: Removals::default(),
        readiness: Readiness::default(),
        audited: Audited::new(config.rate_limit_scale),
        operator: None,
        site: Site::new(),
        origins: OriginPolicy::new(config.origins.clone(), config.hosts.clone()),
        started: Instant::now(),
        settings: Settings {
            dev_echo: config.dev_echo.clone(),
            dev_echo_limits: Limits {
                message: config.dev_echo_message,
                fragments: u32::try_from(config.dev_echo_fragments).unwrap_or(u32::MAX),
            },
            sockets: share.websockets,
            sockets_per_user: scaled(limits::delivery::CONNECTIONS_PER_USER, config),
        },
    })
}

/// Nobody can open `http://0.0.0.0`, and no browser does its cryptography there: a server on every
/// address is visited on loopback.
fn as_visited(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// What all listeners share.
fn options(config: &Config, share: &FdBudget, api: &Api) -> http::Options {
    http::Options {
        max_connections: limits::http::CONNECTIONS,
        max_per_client: scaled(limits::http::CONNECTIONS_PER_ADDRESS, config),
        max_sockets: share.sockets,
        max_refusals: share.refusals,
        trusted_proxies: config.trusted_proxies.clone(),
        deadlines: http::Deadlines::default(),
        counters: api.traffic.clone(),
        memory: api.rooms.memory().clone(),
        limiter: Arc::new(http::RequestLimiter::new(config.rate_limit_scale)),
    }
}

/// A limit times the scale; 0 lifts it.
fn scaled(limit: usize, config: &Config) -> usize {
    match config.rate_limit_scale {
        0.0 => usize::MAX,
        scale => (limit as f64 * scale).max(1.0) as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_visited_on_loopback() {
        let visited = |text: &str| as_visited(text.parse().unwrap()).to_string();
        assert_eq!(visited("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(visited("[::]:8080"), "[::1]:8080");
        assert_eq!(visited("10.0.0.7:8080"), "10.0.0.7:8080");
    }
}
