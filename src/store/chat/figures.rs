//! Figures about messages, for whoever looks after the server. Bounded: an estimate where counting
//! would mean reading everything.

use super::{ChatStore, now_ms};
use crate::base::error::Result;
use crate::store::pool::failed;

/// Rows up to which they are counted one by one.
const COUNTED: i64 = 100_000;
/// One day, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

impl ChatStore {
    /// How many messages are kept, about.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn message_count(&self) -> Result<i64> {
        let client = self.database.get().await?;
        let sql = "SELECT reltuples::bigint FROM pg_class WHERE oid = 'chat.messages'::regclass";
        let estimate: i64 = client.query_one(sql, &[]).await.map_err(failed)?.get(0);
        if estimate > COUNTED {
            return Ok(estimate);
        }
        let sql = "SELECT count(*) FROM chat.messages WHERE kind = 'msg' AND NOT is_hidden";
        Ok(client.query_one(sql, &[]).await.map_err(failed)?.get(0))
    }

    /// How many messages were written on each of the last `days` days (UTC), oldest first; the last
    /// is today.
    ///
    /// # Errors
    /// `unavailable`, also if there are so many that counting takes too long.
    pub async fn messages_by_day(&self, days: usize) -> Result<Vec<i64>> {
        let client = self.database.get().await?;
        let (today, span) = (now_ms() / DAY_MS, i64::try_from(days).unwrap_or(30));
        let first = today - span + 1;
        let sql = "SELECT created_at / $1 AS day, count(*) FROM chat.messages
                   WHERE created_at >= $2 AND target IS NULL GROUP BY 1";
        let rows = client.query(sql, &[&DAY_MS, &(first * DAY_MS)]).await.map_err(failed)?;
        let mut counts = vec![0; days];
        for row in rows {
            let place = usize::try_from(row.get::<_, i64>(0) - first).ok();
            if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
                *count = row.get(1);
            }
        }
        Ok(counts)
    }
}
