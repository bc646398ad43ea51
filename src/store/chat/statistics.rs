//! Statistics about messages, for the administrators of the server. Each query is bounded: where counting would
//! mean reading everything, it is an estimate.

use super::ChatStore;
use crate::base::error::Result;
use crate::base::limits::store as limits;
use crate::base::time::now_ms;
use crate::store::pool::failed;

/// One day, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

impl ChatStore {
    /// About how many messages are stored.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn message_count(&self) -> Result<i64> {
        let client = self.database.get().await?;
        let sql = "SELECT reltuples::bigint FROM pg_class WHERE oid = 'chat.messages'::regclass";
        let estimate: i64 = client.query_one(sql, &[]).await.map_err(failed)?.get(0);
        if estimate > limits::COUNTED {
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
            let index = usize::try_from(row.get::<_, i64>(0) - first).ok();
            if let Some(count) = index.and_then(|index| counts.get_mut(index)) {
                *count = row.get(1);
            }
        }
        Ok(counts)
    }
}
