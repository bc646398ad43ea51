//! Whether the descriptors are enough for the connections.

use std::fs;

use super::row::Row;
use super::site::Site;
use crate::base::fd_budget::{self, FdBudget};
use crate::base::limits::descriptors as limits;

const CHECK: &str = "descriptors";
const HOW: &str =
    "raise the limit of open files (ulimit -n, LimitNOFILE= of systemd, ulimits of Docker)";

pub async fn check(site: &Site) -> Vec<Row> {
    let of_server = site.control.as_ref().and_then(|control| limit_of(control.pid));
    // A server raises its own limit as far as it may.
    fd_budget::raise_limit();
    let limit = of_server.unwrap_or_else(fd_budget::limit);
    vec![judge(limit, site.config.shard_count(), site.config.connections_max)]
}

fn judge(limit: usize, shards: usize, wanted: Option<usize>) -> Row {
    let FdBudget { fits, websockets, .. } = FdBudget::of(limit, shards, wanted);
    match wanted {
        Some(wanted) if wanted > fits => {
            let found =
                format!("{limit} are enough for {fits} connections, and {wanted} are wanted");
            Row::todo(CHECK, found, format!("{HOW}, or lower IMPULSE_CONNECTIONS_MAX"))
        }
        None if fits < limits::FEW => {
            Row::todo(CHECK, format!("{limit} are enough for {fits} connections only"), HOW)
        }
        _ => Row::ok(CHECK, format!("{limit}, room for {websockets} connections")),
    }
}

/// The limit that a process has.
fn limit_of(pid: u32) -> Option<usize> {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    #[test]
    fn too_few_for_what_is_wanted_or_for_anything_is_something_to_do() {
        assert_eq!(judge(100_000, 2, None).status, Status::Ok);
        assert_eq!(judge(1_024, 2, None).status, Status::Todo);
        assert_eq!(judge(1_024, 2, Some(100)).status, Status::Ok);
        assert_eq!(judge(4_096, 2, Some(10_000)).status, Status::Todo);
        assert_eq!(limit_of(std::process::id()), Some(fd_budget::limit()));
    }
}
