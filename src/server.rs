//! The assembly: which part is started after which, and stopped before which.
//!
//! [`Server::start`] opens stores and their schemas, then rooms, delivery threads and listeners.
//! [`Server::stop`] goes the other way round: no new connections, an answer to every accepted command,
//! `bye restart` to every socket, the last statuses into the store, then the private database. A stop
//! normally takes a second or two. Each step is bounded: requests, rooms, shards and threads take at most
//! ten seconds together, the private database seven more. Only a database that hangs while it is sent the
//! last statuses adds the time of its timeouts.
//!
//! Rooms, their journal and its connections run on threads of their own. What comes by HTTP runs on
//! those of the caller, so a flood of requests takes time from other requests only.

mod address;
mod listeners;
mod nearby;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub use address::Address;
use listeners::{Listeners, Secured};
pub use nearby::Nearby;

use crate::api::{Api, Demo, Settings};
use crate::auth::{self, Auth};
use crate::avatars::AvatarPipeline;
use crate::base::error::Error;
use crate::base::fd_budget::FdBudget;
use crate::base::limits;
use crate::base::memory::MemoryBudget;
use crate::base::runtime::{OwnThreads, inside};
use crate::config::{Config, Host, TlsMode};
use crate::control::{Control, ControlFile};
use crate::delivery::{self, PreparedShards, Shards};
use crate::demo;
use crate::e2ee::SharedDirectory;
use crate::files::FileStore;
use crate::http::{self, HttpCounters, Packer, Site};
use crate::metrics::{Metrics, Sources};
use crate::rooms::publisher::Publisher;
use crate::rooms::{Bounds, Rooms};
use crate::service::{Directory, Files, Parts, Plan, Search, Services};
use crate::settings::{self, RuntimeSettings};
use crate::store::accounts::AccountStore;
use crate::store::backup::{self, nightly::Nightly};
use crate::store::chat::ChatStore;
use crate::store::embedded::{self, Embedded};
use crate::store::ownership::Ownership;
use crate::store::pool::Database;
use crate::tls::{self, Tls};
use crate::ws::Limits;
use crate::ws::handshake::OriginPolicy;

/// A running server.
pub struct Server {
    addresses: Vec<SocketAddr>,
    address: Address,
    nearby: Option<Nearby>,
    services: Arc<Services>,
    stores: Stores,
    stop: watch::Sender<bool>,
    /// Listeners and jobs.
    tasks: JoinSet<()>,
    room_threads: OwnThreads,
    control: Control,
    /// Where the command line reads how to reach the server.
    _control_file: Option<ControlFile>,
}

impl Server {
    /// Starts everything; returns when connections are accepted.
    ///
    /// # Errors
    /// One sentence for the person who started it.
    pub async fn start(config: Config) -> Result<Self, String> {
        let data_dir = config.data_dir.clone().unwrap_or_else(embedded::default_data_dir);
        let tls = Tls::open(&config.tls, &config.hosts, &data_dir)?;
        // The addresses before the database: a second server on one should not touch it.
        let listeners = Listeners::bind(&config)?;
        let (addresses, local) = (listeners.addresses()?, listeners.local_address()?);
        let room_threads = OwnThreads::start("rooms", config.room_worker_count())
            .map_err(|error| format!("cannot start the threads of the rooms: {error}"))?;
        let (operator_token, operator) =
            auth::new_token().map_err(|error| error.message().to_owned())?;
        let tls_config =
            tls.as_ref().map(|tls| tls::server_config(&tls.certificates)).transpose()?;
        warn_of_plain_http(&config);
        let fds = FdBudget::here(config.shard_count(), config.connections_max);
        let mut stores = Stores::open(&config).await?;
        fds.log(config.connections_max);
        let own = Address::to_give(&config, &addresses, tls.as_ref());
        let nearby = tls
            .as_ref()
            .and_then(Tls::authority)
            .map(|authority| Nearby::new(authority, &config, &own, listeners.plain_port()));
        let address = nearby.as_ref().and_then(|nearby| nearby.address.clone()).unwrap_or(own);
        let entrance = Entrance { operator, tls: tls.as_ref(), address: &address };
        let built = build(&config, &fds, &stores, &room_threads, entrance);
        let (api, bot) = match built.await {
            Ok((api, bot)) => (Arc::new(api), bot),
            Err(error) => {
                stores.stop().await;
                return Err(error);
            }
        };
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let options = options(&config, &fds, &api, tls_config);
        let secured =
            tls.as_ref().map(|tls| Secured::new(&config, tls, address.clone(), &addresses));
        listeners.serve(&mut tasks, &api, &options, secured, &stopped);
        if let Some(tls) = tls {
            tasks.spawn(tls.keep(stopped.clone()));
        }
        api.services.start_jobs(&mut tasks, &stopped);
        if let Some(bot) = bot {
            let shards = api.services.shards.clone();
            tasks.spawn(bot.run(move || shards.connections(), stopped));
        }
        let control = control(&config, local, &address, operator_token);
        Ok(Self {
            _control_file: write_control_file(&config, &control),
            services: api.services.clone(),
            addresses,
            address,
            nearby,
            stores,
            stop,
            tasks,
            room_threads,
            control,
        })
    }

    /// How the command line reaches this server.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Where it can be visited from this machine, with the ports it was given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The same, each as a browser opens it.
    pub fn urls(&self) -> impl Iterator<Item = String> + '_ {
        self.addresses.iter().map(|socket| self.address.with_socket(*socket).to_string())
    }

    /// The address to give to people.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What those around it need to know, if it makes its own certificates.
    pub fn nearby(&self) -> Option<&Nearby> {
        self.nearby.as_ref()
    }

    /// Where the first administrator is made, while there is none.
    pub fn setup_link(&self) -> Option<String> {
        let code = self.services.auth.setup_code()?;
        Some(format!("{}/setup#{code}", self.address))
    }

    /// Returns when the server cannot go on by itself, with the reason.
    pub async fn failed(&mut self) -> String {
        match self.tasks.join_next().await {
            Some(_) => "a listener ended".to_owned(),
            None => std::future::pending().await,
        }
    }

    /// Stops everything, in order.
    pub async fn stop(&mut self) {
        self.stop.send_replace(true);
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(limits::server::REQUESTS_STOP, drained).await.is_err() {
            tracing::warn!("some requests did not finish in time");
            self.tasks.abort_all();
        }
        self.services.rooms.stop().await;
        let shards = self.services.shards.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || shards.stop()).await {
            tracing::error!(%error, "the delivery threads did not stop");
        }
        if let Err(error) = self.services.status_writer.write_pending().await {
            tracing::warn!(?error, "the statuses that were chosen last are lost");
        }
        self.stores.close();
        self.room_threads.stop(limits::server::THREADS_STOP).await;
        self.stores.stop().await;
    }
}

/// Says what people would otherwise find out when their browser does not let them sign in.
fn warn_of_plain_http(config: &Config) {
    let is_reachable = config.listen.0.iter().any(|address| !address.ip().is_loopback());
    if is_reachable && !config.tls.is_on() && config.trusted_proxies.is_empty() {
        tracing::warn!(
            "this server can be reached by plain http, but browsers sign in by https or at localhost only: start it \
             with --lan for the devices of your own network, set IMPULSE_TLS (acme gets a certificate for a public \
             name, files reads yours), or put a proxy with https in front and name it in IMPULSE_TRUSTED_PROXIES"
        );
    }
}

/// What the command line needs to reach the server.
fn control(config: &Config, local: SocketAddr, address: &Address, token: String) -> Control {
    Control {
        address: local.to_string(),
        host: config.hosts.first().map(|host| host.with_port(local.port())),
        url: address.to_string(),
        token,
        pid: std::process::id(),
    }
}

/// The data directory, unless nobody named one and the database is elsewhere: it is not made for small things alone.
fn data_dir(config: &Config) -> Option<PathBuf> {
    match (&config.data_dir, &config.database_url) {
        (None, Some(_)) => None,
        (named, _) => Some(named.clone().unwrap_or_else(embedded::default_data_dir)),
    }
}

/// The folder of files.
fn files_dir(config: &Config) -> PathBuf {
    config.data_dir.clone().unwrap_or_else(embedded::default_data_dir).join("files")
}

/// Writes the file in which the command line finds this server.
fn write_control_file(config: &Config, control: &Control) -> Option<ControlFile> {
    let data_dir = data_dir(config)?;
    ControlFile::write(&data_dir, control)
        .inspect_err(|error| {
            let folder = data_dir.display();
            tracing::warn!(%error, "impulse admin will not find this server: {folder} is not writable");
        })
        .ok()
}

/// The two stores, and the database that was started for them if the settings name none.
struct Stores {
    embedded: Option<Embedded>,
    /// That no other server uses them.
    ownership: Option<Ownership>,
    accounts: AccountStore,
    chat: ChatStore,
}

impl Stores {
    async fn open(config: &Config) -> Result<Self, String> {
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
        match Self::open_at(config, &url).await {
            Ok((ownership, accounts, chat)) => {
                Ok(Self { embedded, ownership: Some(ownership), accounts, chat })
            }
            Err(error) => {
                stop_embedded(embedded).await;
                Err(error)
            }
        }
    }

    async fn open_at(
        config: &Config,
        url: &str,
    ) -> Result<(Ownership, AccountStore, ChatStore), String> {
        let chat = Database::new(url)?;
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
        let ownership = Ownership::take(&chat).await?;
        backup::finish_interrupted(&chat, &accounts).await?;
        let (accounts, chat) = (AccountStore::open(accounts).await?, ChatStore::open(chat).await?);
        if config.backup.restored {
            accounts.instance().await.map_err(sentence)?;
            let epoch = backup::renew(chat.database(), accounts.database()).await?;
            tracing::warn!(%epoch, "a new epoch has begun; start without --restored from now on");
        }
        Ok((ownership, accounts, chat))
    }

    fn close(&self) {
        self.accounts.database().close();
        self.chat.database().close();
    }

    async fn stop(&mut self) {
        self.ownership = None;
        stop_embedded(self.embedded.take()).await;
    }
}

async fn stop_embedded(embedded: Option<Embedded>) {
    let Some(embedded) = embedded else { return };
    if let Err(error) = tokio::task::spawn_blocking(move || embedded.stop()).await {
        tracing::error!(%error, "the private database did not stop");
    }
}

/// Everything between the stores and the listeners, from below: sessions, rooms, delivery threads, services, and
/// the interface on top.
async fn build(
    config: &Config,
    fds: &FdBudget,
    stores: &Stores,
    room_threads: &OwnThreads,
    entrance: Entrance<'_>,
) -> Result<(Api, Option<demo::Bot>), String> {
    let (accounts, chat) = (stores.accounts.clone(), stores.chat.clone());
    let (publisher, seeds) = delivery::prepare(config.shard_count())
        .map_err(|error| format!("cannot prepare the delivery threads: {error}"))?;
    let auth = open_auth(config, &accounts).await?;
    let (avatars, traffic) = (Arc::new(AvatarPipeline::default()), Arc::default());
    let parts = demo::Parts { auth: &auth, accounts: &accounts, chat: &chat, avatars: &avatars };
    let stage = open_demo(config, parts).await?;
    let settings = interface_settings(config, fds, stage.as_ref(), &entrance);
    let publisher = match &stage {
        Some(stage) => publisher.with_sink(stage.sink.clone()),
        None => publisher,
    };
    let directory = Directory::load(&accounts).await.map_err(sentence)?;
    let (rooms, rooms_database) =
        start_rooms(config, &chat, publisher, directory.clone(), room_threads).await?;
    rooms.add_bots(accounts.bots().await.map_err(sentence)?);
    let shards = start_shards(config, seeds, &rooms)?;
    let disk = FileStore::open(files_dir(config), &config.files)?;
    let backups = nightly_backups(config, stores, &disk);
    let files = Files::new(chat.clone(), disk, rooms.clone(), auth.clone());
    let (search, search_database) = open_search(&chat, &accounts, &rooms)?;
    let parts = Parts {
        accounts,
        chat,
        auth,
        rooms,
        search,
        directory,
        shards,
        backups,
        files,
        rate_limit_scale: config.rate_limit_scale,
    };
    let pools = [("rooms", rooms_database), ("search", search_database)];
    let metrics = metrics(&parts, Arc::clone(&traffic), fds, &entrance, pools);
    let services = Arc::new(Services::new(parts));
    let bot = match stage {
        Some(stage) => stage.begin(&services).await.map_err(sentence)?,
        None => None,
    };
    let api = Api {
        services,
        avatars,
        site: Site::new(data_dir(config).as_deref()),
        packer: Packer::new(),
        origins: OriginPolicy::new(config.origins.clone(), config.hosts.clone()),
        traffic,
        metrics,
        operator: entrance.operator,
        settings,
    };
    Ok((api, bot))
}

/// Sessions and tokens, with the settings that administrators change.
async fn open_auth(config: &Config, accounts: &AccountStore) -> Result<Arc<Auth>, String> {
    let settings = settings::Settings::open(accounts.clone(), RuntimeSettings::of(config));
    let settings = settings.await.map_err(sentence)?;
    let auth = Auth::new(accounts.clone(), settings, config.rate_limit_scale);
    auth.await.map_err(sentence)
}

fn start_shards(
    config: &Config,
    prepared: PreparedShards,
    rooms: &Rooms,
) -> Result<Shards, String> {
    let rate_limit_scale = config.rate_limit_scale;
    if rate_limit_scale == 0.0 {
        tracing::warn!("rate limits are lifted: for load tests only");
    }
    let settings = delivery::Settings { rate_limit_scale, ..delivery::Settings::default() };
    let started = prepared.start(rooms.clone(), settings);
    started.map_err(|error| format!("cannot start the delivery threads: {error}"))
}

/// Searching, through a pool of its own.
fn open_search(
    chat: &ChatStore,
    accounts: &AccountStore,
    rooms: &Rooms,
) -> Result<(Arc<Search>, Database), String> {
    let pool = chat.database().with_small_pool(limits::search::AT_ONCE)?;
    let search = Search::new(chat.through(pool.clone()), accounts.clone(), rooms.clone());
    Ok((Arc::new(search), pool))
}

/// What is told of the parts, and of these pools besides those of the stores.
fn metrics(
    parts: &Parts,
    http: Arc<HttpCounters>,
    fds: &FdBudget,
    entrance: &Entrance<'_>,
    [rooms_pool, search_pool]: [(&'static str, Database); 2],
) -> Metrics {
    let Parts { accounts, chat, auth, rooms, search, shards, backups, files, .. } = parts;
    Metrics::new(Sources {
        backups: backups.nightly.clone(),
        started: SystemTime::now(),
        connections_max: fds.websockets,
        shards: shards.clone(),
        rooms: rooms.clone(),
        auth: auth.clone(),
        http,
        files: files.counts().clone(),
        certificates: entrance.tls.map(|tls| tls.certificates.clone()),
        stores: [
            ("accounts", accounts.database().clone()),
            ("chat", chat.database().clone()),
            rooms_pool,
            search_pool,
        ],
        search: search.clone(),
    })
}

/// When backups are made, and what of: what `impulse admin backup` would take.
fn nightly_backups(config: &Config, stores: &Stores, files: &FileStore) -> Plan {
    let accounts = stores.accounts.database().clone();
    Plan {
        source: backup::Source {
            chat: stores.chat.database().clone(),
            accounts: config.accounts_database_url.is_some().then_some(accounts),
            data_dir: Some(config.data_dir.clone().unwrap_or_else(embedded::default_data_dir)),
            files: Some(files.clone()),
        },
        hour: config.backup.backup_hour,
        keep: Duration::from_secs(u64::from(config.backup.backup_keep) * 86_400),
        nightly: Arc::new(Nightly::new(config.backup.backup_dir.clone())),
    }
}

/// The demo, if this server is one.
async fn open_demo(config: &Config, parts: demo::Parts<'_>) -> Result<Option<demo::Stage>, String> {
    if config.demo {
        return demo::open(parts).await.map_err(sentence);
    }
    demo::warn_of_leftovers(parts.accounts).await.map_err(sentence)?;
    Ok(None)
}

/// Starts the rooms on threads of their own, with connections of their own to the database.
async fn start_rooms(
    config: &Config,
    chat: &ChatStore,
    publisher: Publisher,
    directory: Arc<SharedDirectory>,
    threads: &OwnThreads,
) -> Result<(Rooms, Database), String> {
    let bounds = Bounds {
        memory: MemoryBudget::new(config.memory_budget),
        owned: scaled(limits::rooms::OWNED, config),
        joined: scaled(limits::rooms::JOINED, config),
        rotations: scaled(limits::encryption::ROTATIONS, config),
        wrap_missing: config.wrap_missing,
    };
    let runtime = threads.handle().ok_or("the threads of the rooms have ended")?;
    let database = chat.database().with_pool_of(runtime)?;
    let store = chat.through(database.clone());
    let starting = inside(runtime, Rooms::start_within(bounds, store, publisher, directory));
    let rooms = starting.await.map_err(sentence)?.with_callers_store(chat.clone());
    Ok((rooms, database))
}

fn sentence(error: Error) -> String {
    format!("cannot start: {}", error.message())
}

/// How one gets to the interface.
struct Entrance<'a> {
    /// The digest of the operator's token.
    operator: [u8; 32],
    tls: Option<&'a Tls>,
    /// The address to give to people.
    address: &'a Address,
}

impl Entrance<'_> {
    /// The https address that the server knows to be its own: here, or at the proxy that it trusts.
    fn secure_address(&self, config: &Config) -> Option<String> {
        if self.tls.is_some() {
            return Some(self.address.to_string());
        }
        let is_name = |host: &&Host| {
            host.name() != "localhost" && self.address.with_host(host).ip().is_none()
        };
        let named =
            config.hosts.iter().find(is_name).filter(|_| !config.trusted_proxies.is_empty())?;
        Some(format!("https://{}", named.name()))
    }
}

fn interface_settings(
    config: &Config,
    fds: &FdBudget,
    stage: Option<&demo::Stage>,
    entrance: &Entrance<'_>,
) -> Settings {
    Settings {
        dev_echo: config.dev_echo.clone(),
        dev_echo_limits: Limits {
            message: config.dev_echo_message,
            fragments: u32::try_from(config.dev_echo_fragments).unwrap_or(u32::MAX),
        },
        sockets: fds.websockets,
        sockets_per_user: scaled(limits::delivery::CONNECTIONS_PER_USER, config),
        secure_address: entrance.secure_address(config),
        authority: entrance.tls.and_then(Tls::authority),
        hsts: matches!(config.tls.mode, TlsMode::Files | TlsMode::Acme),
        demo: stage.map(|stage| Demo { password: demo::PASSWORD, people: stage.cast.visitors() }),
    }
}

/// The options that all listeners share.
fn options(
    config: &Config,
    fds: &FdBudget,
    api: &Api,
    tls: Option<Arc<ServerConfig>>,
) -> http::Options {
    http::Options {
        max_connections: limits::http::CONNECTIONS,
        max_per_client: scaled(limits::http::CONNECTIONS_PER_ADDRESS, config),
        max_sockets: fds.sockets,
        max_refusals: fds.refusals,
        tls,
        trusted_proxies: http::TrustedProxies::new(config.trusted_proxies.clone()),
        deadlines: http::Deadlines::default(),
        patience: http::Patience::default(),
        counters: api.traffic.clone(),
        memory: api.services.rooms.memory().clone(),
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
