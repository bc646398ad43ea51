//! Whether the memory is enough for the budget.

use std::fs;

use super::row::Row;
use super::site::Site;
use crate::base::limits::doctor as limits;

const CHECK: &str = "memory";

pub async fn check(site: &Site) -> Vec<Row> {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let Some(machine) = total(&meminfo) else {
        return vec![Row::unknown(CHECK, "the memory of this machine cannot be read")];
    };
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").unwrap_or_default();
    let all = group.trim().parse().map_or(machine, |most: u64| most.min(machine));
    vec![judge(all, site.config.memory_budget as u64)]
}

fn judge(all: u64, budget: u64) -> Row {
    let found = format!("{} MiB, of which waiting data may take {} MiB", all >> 20, budget >> 20);
    match budget.saturating_add(limits::MEMORY_BESIDE) > all {
        true => Row::todo(
            CHECK,
            found,
            "lower IMPULSE_MEMORY_BUDGET, or give the machine or container more memory",
        ),
        false => Row::ok(CHECK, found),
    }
}

fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::super::row::Status;
    use super::*;

    #[test]
    fn a_budget_that_does_not_fit_is_something_to_do() {
        assert_eq!(total("MemTotal:        2048 kB\nMemFree: 1 kB"), Some(2 << 20));
        assert_eq!(total("x"), None);
        let budget = 512 << 20;
        assert_eq!(judge(budget + limits::MEMORY_BESIDE, budget).status, Status::Ok);
        assert_eq!(judge(budget + limits::MEMORY_BESIDE - 1, budget).status, Status::Todo);
    }
}
