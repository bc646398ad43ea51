//! A database as the stores use it: where it is, a bounded pool, and whether it keeps its word.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, RecyclingMethod, Runtime, Timeouts};
use tokio::runtime::Handle;
use tokio_postgres::{Client, Config, NoTls};

use crate::error::{Error, Result};
use crate::limits::store as limits;
use crate::runtime::inside;

/// What our sessions are called in the database.
const APPLICATION: &str = "impulse";

/// One PostgreSQL database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    config: Config,
    pool: deadpool_postgres::Pool,
    /// Whose threads drive the connections.
    runtime: Handle,
}

impl Database {
    /// Prepares a pool; connects to nothing yet. Its connections belong to the runtime this is called
    /// in, whoever asks for them: a flood elsewhere does not make them wait.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    ///
    /// # Errors
    /// One sentence if the URL cannot be understood. It does not repeat the URL, which may hold a password.
    pub fn new(url: &str) -> std::result::Result<Self, String> {
        let mut config: Config = url.parse().map_err(|_| {
            "the database URL cannot be read; expected postgres://user:password@host:5432/name"
                .to_owned()
        })?;
        let options = session_options(config.get_options());
        config
            .application_name(APPLICATION)
            .connect_timeout(limits::CONNECT)
            .keepalives_idle(Duration::from_secs(30))
            // A host that vanished without a word is noticed by the first unanswered packet.
            .tcp_user_timeout(limits::STATEMENT)
            .options(options);
        let pool = pool(&config)?;
        Ok(Self { config, pool, runtime: Handle::current() })
    }

    /// The same database by a pool of its own, whose connections belong to that runtime.
    ///
    /// # Errors
    /// One sentence.
    pub fn with_pool_of(&self, runtime: &Handle) -> std::result::Result<Self, String> {
        let pool = pool(&self.config)?;
        Ok(Self { config: self.config.clone(), pool, runtime: runtime.clone() })
    }

    /// A connection from the pool.
    ///
    /// # Errors
    /// `unavailable` when the database does not answer or all connections stay busy.
    pub async fn get(&self) -> Result<Object> {
        inside(&self.runtime, self.pool.get()).await.map_err(Error::unavailable)
    }

    /// A connection of one's own, outside the pool; it ends when the client is dropped.
    ///
    /// # Errors
    /// `unavailable` when the database does not answer.
    pub async fn connect(&self) -> Result<Client> {
        let connecting = inside(&self.runtime, self.config.connect(NoTls));
        let connected = tokio::time::timeout(limits::CONNECT, connecting).await;
        let (client, connection) =
            connected.map_err(Error::unavailable)?.map_err(Error::unavailable)?;
        self.runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a database connection ended");
            }
        });
        Ok(client)
    }

    /// How the pool is used now.
    pub fn usage(&self) -> PoolUsage {
        let status = self.pool.status();
        PoolUsage {
            most: status.max_size,
            used: status.size.saturating_sub(status.available),
            idle: status.available,
            waiting: status.waiting,
        }
    }

    /// Ends the pool's connections: the server stops, and the database may be next.
    pub fn close(&self) {
        self.pool.close();
    }

    /// Whether the database answers now, within [`limits::PING`].
    pub async fn is_reachable(&self) -> bool {
        let ping = async { self.get().await?.simple_query("").await.map_err(Error::unavailable) };
        matches!(tokio::time::timeout(limits::PING, ping).await, Ok(Ok(_)))
    }

    /// Whether another process of ours has sessions there.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn is_in_use(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                       AND application_name = $1 AND pid <> pg_backend_pid())";
        let client = self.connect().await?;
        Ok(client.query_one(sql, &[&APPLICATION]).await.map_err(failed)?.get(0))
    }

    /// Refuses a database that may forget what it acknowledged.
    ///
    /// # Errors
    /// One sentence with the setting and what to do.
    pub async fn check_durability(&self) -> std::result::Result<(), String> {
        let client = self.connect().await.map_err(cannot_reach)?;
        // The server's own defaults count, not what this session asks for.
        let rows = client
            .query(
                "SELECT name, reset_val FROM pg_settings
                 WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')",
                &[],
            )
            .await
            .map_err(|error| format!("cannot read the database's settings: {error}"))?;
        for row in rows {
            let (name, value): (&str, &str) = (row.get(0), row.get(1));
            // `local` and `remote_write` acknowledge before a standby has the commit on its disk.
            if !matches!(value, "on" | "remote_apply") {
                return Err(format!(
                    "the database runs with {name}={value} and could lose acknowledged messages; \
                     set {name}=on, or start with --allow-weak-database to accept the loss"
                ));
            }
        }
        Ok(())
    }
}

fn pool(config: &Config) -> std::result::Result<deadpool_postgres::Pool, String> {
    let manager = Manager::from_config(
        config.clone(),
        NoTls,
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    deadpool_postgres::Pool::builder(manager)
        .max_size(limits::POOL)
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts {
            wait: Some(limits::POOL_WAIT),
            create: Some(limits::CONNECT),
            recycle: Some(limits::CONNECT),
        })
        .build()
        .map_err(|error| format!("cannot make a connection pool: {error}"))
}

/// How a pool is used.
#[derive(Debug, Clone, Copy)]
pub struct PoolUsage {
    /// Connections it may have.
    pub most: usize,
    /// Connections somebody works with.
    pub used: usize,
    /// Connections nobody works with.
    pub idle: usize,
    /// Who waits for one.
    pub waiting: usize,
}

/// What every session asks for; a URL's own options come first, so that ours win.
fn session_options(from_url: Option<&str>) -> String {
    let ours = format!("-c statement_timeout={}", limits::STATEMENT.as_millis());
    match from_url {
        Some(theirs) => format!("{theirs} {ours}"),
        None => ours,
    }
}

fn cannot_reach(error: Error) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(cause) => format!("cannot reach the database: {cause}"),
        None => "cannot reach the database".to_owned(),
    }
}

/// A failed statement: what the database said stays in the log.
pub fn failed(error: tokio_postgres::Error) -> Error {
    use tokio_postgres::error::SqlState;
    let busy = [
        SqlState::QUERY_CANCELED,
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::DISK_FULL,
        SqlState::OUT_OF_MEMORY,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    match error.code() {
        Some(code) if !busy.contains(code) => Error::internal(error),
        _ => Error::unavailable(error),
    }
}
