//! Searching names among given users, such as the members of a room.

use super::users::{PROFILE, Profile, profile};
use super::{AccountStore, failed};
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::base::names;

impl AccountStore {
    /// The profiles of these users, in the order of their user names.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn profiles_of(&self, uids: &[Uid]) -> Result<Vec<Profile>> {
        let uids: Vec<_> = uids.iter().map(|uid| uid.0).collect();
        let sql = format!(
            "SELECT {PROFILE} FROM accounts.users WHERE id = ANY($1) ORDER BY username_key"
        );
        let rows = self.database.get().await?.query(&sql, &[&uids]).await.map_err(failed)?;
        Ok(rows.iter().map(profile).collect())
    }

    /// Those of `uids` whose name contains `q`, in the order of their user names from after `after`
    /// on, at most `limit`; each with the name as it is sorted.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn search_members(
        &self,
        uids: &[Uid],
        q: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(Uid, String)>> {
        let uids: Vec<_> = uids.iter().map(|uid| uid.0).collect();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.database.get().await?;
        let rows = client
            .query(
                "SELECT id, username_key FROM accounts.users
                 WHERE id = ANY($1) AND username_key > $3
                   AND (position($2 in username_key) > 0 OR position($2 in display_key) > 0)
                 ORDER BY username_key LIMIT $4",
                &[&uids, &names::key(q), &after, &limit],
            )
            .await
            .map_err(failed)?;
        Ok(rows.iter().map(|row| (Uid(row.get(0)), row.get(1))).collect())
    }
}
