//! One server for each chat store. Two would each keep the state of rooms in memory and not see what the other changes.

use std::time::Instant;

use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::pool::Database;
use crate::base::limits::backup as limits;

/// The advisory lock that a server holds as long as it runs, and a restore as long as it takes. Any constant does.
pub const LOCK: i64 = 0x696d_7075_6c73_6531;

/// A server whose machine is gone without a word holds the lock until the database has missed it so long.
const SESSION: &str = "
SET statement_timeout = 0;
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 5;
SET tcp_keepalives_count = 3;
SET application_name = 'impulse'";

/// The right to serve a database, as long as this lives.
pub struct Ownership {
    keeper: JoinHandle<()>,
}

impl Ownership {
    /// Takes the lock; waits a moment for a server that is stopping.
    ///
    /// # Errors
    /// One sentence.
    pub async fn take(database: &Database) -> Result<Self, String> {
        let deadline = Instant::now() + limits::HANDOVER;
        let client = loop {
            let client = database.connect_or_say().await?;
            match try_lock(&client).await {
                Ok(true) => break client,
                Ok(false) if Instant::now() < deadline => {
                    tokio::time::sleep(limits::OWNERSHIP).await
                }
                Ok(false) => {
                    return Err(
                        "another impulse serves this database: stop it first, or give this one a database of its \
                         own. (If the machine of the other one has just failed, try again in half a minute.)"
                            .to_owned(),
                    );
                }
                Err(error) => return Err(format!("cannot lock the database: {error}")),
            }
        };
        Ok(Self { keeper: tokio::spawn(keep(database.clone(), client)) })
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

async fn try_lock(client: &Client) -> Result<bool, tokio_postgres::Error> {
    client.batch_execute(SESSION).await?;
    Ok(client.query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK]).await?.get(0))
}

/// A database that was restarted has forgotten the lock, so it is taken again.
async fn keep(database: Database, mut client: Client) {
    let mut is_known = false;
    loop {
        while !client.is_closed() {
            tokio::time::sleep(limits::OWNERSHIP).await;
        }
        tokio::time::sleep(limits::OWNERSHIP).await;
        let Ok(next) = database.connect().await else { continue };
        match try_lock(&next).await {
            Ok(true) => (client, is_known) = (next, false),
            Ok(false) if !is_known => {
                is_known = true;
                tracing::error!("another impulse serves this database, too: stop one of the two");
            }
            _ => {}
        }
    }
}
