//! PostgreSQL: pools, migrations, the embedded server and the two stores.
