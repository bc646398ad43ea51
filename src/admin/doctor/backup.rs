//! How old the newest backup is.

use super::row::Row;
use super::site::Site;

const CHECK: &str = "backup";

pub async fn check(_site: &Site) -> Vec<Row> {
    vec![Row::unknown(CHECK, "not known")]
}
