//! What a store says about itself, so that it can be backed up: each knows its own tables and no others.

use super::migrate::Migration;

/// A store's part of a backup.
#[derive(Debug)]
pub struct Schema {
    /// Its schema in the database.
    pub name: &'static str,
    /// How that is made.
    pub migrations: &'static [Migration],
    /// Its tables, those that others refer to first.
    pub tables: &'static [Table],
    /// Tables whose rows mean nothing elsewhere.
    pub left_out: &'static [&'static str],
    /// Tables whose `id` is a number that the database gives.
    pub numbered: &'static [&'static str],
    /// Whether anybody has used this store: a query for one boolean.
    pub is_used: &'static str,
    /// What must be the same after a restore.
    pub checks: &'static [Check],
}

/// A table and its columns.
#[derive(Debug)]
pub struct Table {
    /// Its name in the schema.
    pub name: &'static str,
    /// Its columns, by comma.
    pub columns: &'static str,
}

/// A query whose rows must be the same after a restore.
#[derive(Debug)]
pub struct Check {
    /// What it compares, in words.
    pub name: &'static str,
    /// The query, which sorts its rows.
    pub sql: &'static str,
}
