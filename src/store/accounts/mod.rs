//! The account store: users, what they log in with, where they are signed in. It knows rooms only by number, as
//! what an invite link opens.

mod administration;
mod ambiguous_names;
mod audit;
mod auth_slots;
mod avatars;
pub mod backup;
mod directory;
mod directory_names;
mod directory_restored;
mod hooks;
mod invite_uses;
mod invites;
mod key_changes;
mod key_entries;
mod keys;
mod locks;
mod name_skeletons;
mod passwords;
mod profiles;
mod rows;
mod scope;
mod sessions;
mod settings;
mod tickets;
mod tokens;
mod user_change;
mod user_rows;
mod users;

pub use audit::{AuditCheck, AuditEntry, AuditFilter, AuditRow};
pub use auth_slots::{AuthSlot, KdfParams, StretchParams};
pub use directory::{Also, DirectoryKey, HasKeys, NamedEntry, Position};
pub use directory_restored::{Brought, Decision, Rival, decided};
pub use hooks::{Hook, NewHook};
pub use invite_uses::InviteUse;
pub use invites::{Invite, InviteFilter, Maker, NewInvite};
pub use key_changes::{Earlier, KeyChange};
pub use key_entries::{KeyEntry, KeyEntryKind, KeyPassword};
pub use keys::{AccountKeys, RecoveryRecord};
pub use passwords::{AllowedBy, LoginRecord, PendingSlot, Switch, Switched};
pub use profiles::{NameMatch, Profile, ProfileChange};
pub use scope::{Scope, SessionKind};
pub use sessions::{NewSession, SessionInfo, SessionRow, StartedSession};
pub use settings::{SettingsUpdate, StoredSettings};
pub use tickets::{NewTicket, TicketRecord};
pub use tokens::NewToken;
pub use user_change::UserChange;
pub use user_rows::{ShutOut, UserCounts, UserFilter, UserRow};
pub use users::NewUser;

use rows::bytes;

use super::migrate::{self, Migration};
use super::pool::{Database, failed};
use super::restorable_ms;
use crate::base::error::Result;
use crate::base::random;
use crate::base::time::now_ms;

const MIGRATIONS: &[Migration] = &migrate::numbered([
    ("users_and_sessions", include_str!("../../../sql/accounts/0001_users_and_sessions.sql")),
    (
        "people_and_administration",
        include_str!("../../../sql/accounts/0002_people_and_administration.sql"),
    ),
    ("names", include_str!("../../../sql/accounts/0003_names.sql")),
    ("last_seen", include_str!("../../../sql/accounts/0004_last_seen.sql")),
    (
        "invites_of_the_operator",
        include_str!("../../../sql/accounts/0005_invites_of_the_operator.sql"),
    ),
    ("write_probe", include_str!("../../../sql/accounts/0006_write_probe.sql")),
    ("shown_names", include_str!("../../../sql/accounts/0007_shown_names.sql")),
    ("scopes_and_ends", include_str!("../../../sql/accounts/0008_scopes_and_ends.sql")),
    ("uses_of_invites", include_str!("../../../sql/accounts/0009_uses_of_invites.sql")),
    ("name_skeletons", include_str!("../../../sql/accounts/0010_name_skeletons.sql")),
    ("numbers", include_str!("../../../sql/accounts/0011_numbers.sql")),
    ("hooks", include_str!("../../../sql/accounts/0012_hooks.sql")),
    ("keys", include_str!("../../../sql/accounts/0013_keys.sql")),
    ("directory", include_str!("../../../sql/accounts/0014_directory.sql")),
]);

/// Handle to the account store. Cheap to clone.
#[derive(Clone)]
pub struct AccountStore {
    database: Database,
}

/// Values that this installation chose at its first start and keeps for ever.
#[derive(Clone)]
pub struct Instance {
    /// Its identity in encrypted structures.
    pub id: [u8; 16],
    /// Makes the salts that unknown names get.
    pub salt_secret: [u8; 32],
}

impl AccountStore {
    /// Brings the schema up to date and opens the store.
    ///
    /// # Errors
    /// One sentence for the operator.
    pub async fn open(database: Database) -> std::result::Result<Self, String> {
        migrate::run(&database, "accounts", MIGRATIONS).await?;
        let store = Self { database };
        let filled = store.fill_in_skeletons().await;
        let filled = match filled {
            Ok(()) => store.fill_in_ambiguous_names().await,
            failed => failed,
        };
        filled.map_err(|error| format!("cannot prepare the user names: {}", error.message()))?;
        Ok(store)
    }

    /// Whether a write commits here now.
    ///
    /// # Errors
    /// `unavailable` with the reason.
    pub async fn try_write(&self) -> Result<()> {
        self.database.try_write("accounts.write_probe").await
    }

    /// The database behind it.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The installation's own values; the first call makes them.
    ///
    /// # Errors
    /// `unavailable`, or no randomness.
    pub async fn instance(&self) -> Result<Instance> {
        let (id, salt_secret) = (random::bytes::<16>()?, random::bytes::<32>()?);
        let client = self.database.get().await?;
        client
            .execute(
                "INSERT INTO accounts.instance (id, salt_secret, created_at, numbers_since)
                 VALUES ($1, $2, $3, $3) ON CONFLICT DO NOTHING",
                &[&id.as_slice(), &salt_secret.as_slice(), &now_ms()],
            )
            .await
            .map_err(failed)?;
        let row = client
            .query_one("SELECT id, salt_secret FROM accounts.instance", &[])
            .await
            .map_err(failed)?;
        Ok(Instance { id: bytes(row.get(0))?, salt_secret: bytes(row.get(1))? })
    }
}
