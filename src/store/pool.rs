//! A database as the stores use it: its address, a bounded pool, and whether it is durable.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime, Timeouts,
};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use crate::base::error::{Error, Outage, Result};
use crate::base::limits::store as limits;
use crate::base::runtime::inside;
use crate::base::time::now_ms;

/// What our sessions are called in the database.
const APPLICATION: &str = "impulse";

/// One PostgreSQL database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    config: Config,
    pool: deadpool_postgres::Pool,
    /// For connections that are used to change something.
    changes: Arc<Semaphore>,
    /// Whose threads drive the connections.
    runtime: Handle,
}

impl Database {
    /// Prepares a pool; connects to nothing yet. Its connections belong to the runtime in which this is called, also if
    /// another one uses them, so a flood elsewhere does not make them wait.
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
            .keepalives_idle(limits::KEEPALIVE)
            // A host that has vanished is noticed by the first packet without an answer.
            .tcp_user_timeout(limits::STATEMENT)
            .options(options);
        Self::with(config, limits::POOL, Handle::current())
    }

    /// The same database by a pool of its own, whose connections belong to that runtime.
    ///
    /// # Errors
    /// One sentence.
    pub fn with_pool_of(&self, runtime: &Handle) -> std::result::Result<Self, String> {
        Self::with(self.config.clone(), limits::POOL, runtime.clone())
    }

    /// The same database by a pool of its own with so many connections: whoever uses them takes none from others.
    ///
    /// # Errors
    /// One sentence.
    pub fn with_small_pool(&self, connections: usize) -> std::result::Result<Self, String> {
        Self::with(self.config.clone(), connections, self.runtime.clone())
    }

    fn with(
        config: Config,
        connections: usize,
        runtime: Handle,
    ) -> std::result::Result<Self, String> {
        let pool = pool(&config, connections)?;
        let changes = Arc::new(Semaphore::new(limits::CHANGES.min(connections)));
        Ok(Self { config, pool, changes, runtime })
    }

    /// A connection from the pool.
    ///
    /// # Errors
    /// `unavailable` when the database does not answer or all connections stay busy.
    pub async fn get(&self) -> Result<Object> {
        inside(&self.runtime, self.pool.get()).await.map_err(|error| match error {
            PoolError::Backend(error) => unreachable_or(error),
            PoolError::Timeout(_) => Error::outage(Outage::Slow, error),
            // The pool closes when the server stops.
            PoolError::Closed => Error::outage(Outage::Busy, error),
            error => Error::internal(error),
        })
    }

    /// A connection from the pool for a transaction. Whoever changes something may have to wait for a lock, and keeps
    /// its connection meanwhile. So only some of them are given out for that, and those who read always find one.
    ///
    /// # Errors
    /// `unavailable` as [`get`](Self::get).
    pub async fn get_to_change(&self) -> Result<Changing> {
        let waiting = timeout(limits::POOL_WAIT, self.changes.clone().acquire_owned()).await;
        let place = waiting.map_err(|late| Error::outage(Outage::Slow, late))?;
        let place = place.map_err(Error::internal)?;
        Ok(Changing { client: self.get().await?, _place: place })
    }

    /// A connection of one's own, outside the pool; it ends when the client is dropped.
    ///
    /// # Errors
    /// `unavailable` when the database does not answer.
    pub async fn connect(&self) -> Result<Client> {
        let connecting = inside(&self.runtime, self.config.connect(NoTls));
        let connecting = tokio::time::timeout(limits::CONNECT, connecting).await;
        let connected = connecting.map_err(|late| Error::outage(Outage::Slow, late))?;
        let (client, connection) = connected.map_err(unreachable_or)?;
        self.runtime.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a database connection ended");
            }
        });
        Ok(client)
    }

    /// The same, for an operator.
    ///
    /// # Errors
    /// One sentence.
    pub async fn connect_or_say(&self) -> std::result::Result<Client, String> {
        self.connect().await.map_err(cannot_reach)
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
        self.ping().await.is_ok()
    }

    /// The same, with the reason.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn ping(&self) -> Result<()> {
        self.batch_in_time("").await?.map_err(failed)
    }

    /// Whether a write commits now, within [`limits::PING`]: one of the row that `table` has for this,
    /// which the database's log must take, and one that needs new pages, which are given back at once.
    ///
    /// # Errors
    /// `unavailable` with the reason.
    pub async fn try_write(&self, table: &str) -> Result<()> {
        // Nobody waits for it any longer than that, so the database need not, either.
        let update = format!(
            "SET LOCAL statement_timeout = {}; UPDATE {table} SET at = {}",
            limits::PING.as_millis(),
            now_ms()
        );
        // The table belongs to the session and stays, empty, so that the catalogue is not written each time.
        let pages = format!(
            "SET LOCAL client_min_messages = warning;
             CREATE TEMPORARY TABLE IF NOT EXISTS write_probe (filler text) ON COMMIT DELETE ROWS;
             INSERT INTO pg_temp.write_probe
             SELECT repeat(chr(64 + n % 32), 1900) FROM generate_series(1, {}) n",
            limits::PROBE_ROWS
        );
        match self.batch_in_time(&format!("{update}; {pages}")).await? {
            // A role that may have no tables of its own can still change the row.
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                self.batch_in_time(&update).await?.map_err(failed)
            }
            done => done.map_err(failed),
        }
    }

    /// A connection that has not answered by then is given up: the next asker must not wait for it.
    async fn batch_in_time(
        &self,
        sql: &str,
    ) -> Result<std::result::Result<(), tokio_postgres::Error>> {
        let late = |late| Error::outage(Outage::Slow, late);
        let deadline = tokio::time::Instant::now() + limits::PING;
        let client = tokio::time::timeout_at(deadline, self.get()).await.map_err(late)??;
        match tokio::time::timeout_at(deadline, client.batch_execute(sql)).await {
            Ok(done) => Ok(done),
            Err(elapsed) => {
                drop(Object::take(client));
                Err(late(elapsed))
            }
        }
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
        let client = self.connect_or_say().await?;
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

/// A connection of those that are given out for changes.
pub struct Changing {
    client: Object,
    _place: OwnedSemaphorePermit,
}

impl Deref for Changing {
    type Target = Object;

    fn deref(&self) -> &Object {
        &self.client
    }
}

impl DerefMut for Changing {
    fn deref_mut(&mut self) -> &mut Object {
        &mut self.client
    }
}

fn pool(
    config: &Config,
    connections: usize,
) -> std::result::Result<deadpool_postgres::Pool, String> {
    let manager = Manager::from_config(
        config.clone(),
        NoTls,
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    deadpool_postgres::Pool::builder(manager)
        .max_size(connections)
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
    match error.code() {
        Some(code) => match outage_of(code) {
            Some(outage) => Error::outage(outage, error),
            None => Error::internal(error),
        },
        None if is_connection_lost(&error) => Error::outage(Outage::Unreachable, error),
        // A value or a number of rows that this program did not expect.
        None => Error::internal(error),
    }
}

fn is_connection_lost(error: &tokio_postgres::Error) -> bool {
    use std::error::Error as _;
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

/// A failed connection: the database's own refusal has a code, everything else means that nobody answers.
fn unreachable_or(error: tokio_postgres::Error) -> Error {
    let outage = error.code().and_then(outage_of).unwrap_or(Outage::Unreachable);
    Error::outage(outage, error)
}

/// What is the matter with a database that refuses like this; nothing if the statement was wrong.
fn outage_of(code: &SqlState) -> Option<Outage> {
    const OUTAGES: [(SqlState, Outage); 8] = [
        (SqlState::DISK_FULL, Outage::DiskFull),
        (SqlState::READ_ONLY_SQL_TRANSACTION, Outage::ReadOnly),
        (SqlState::QUERY_CANCELED, Outage::Slow),
        (SqlState::TOO_MANY_CONNECTIONS, Outage::Slow),
        (SqlState::ADMIN_SHUTDOWN, Outage::Unreachable),
        (SqlState::CRASH_SHUTDOWN, Outage::Unreachable),
        (SqlState::CANNOT_CONNECT_NOW, Outage::Unreachable),
        (SqlState::OUT_OF_MEMORY, Outage::Failing),
    ];
    OUTAGES.iter().find(|(known, _)| known == code).map(|(_, outage)| *outage)
}
