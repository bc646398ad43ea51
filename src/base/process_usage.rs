//! What a process costs, as the kernel counts it (proc(5)).

use std::fs;

/// A process at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// CPU seconds of all its threads, user and system.
    pub cpu_s: f64,
    /// Resident memory, in bytes.
    pub rss: u64,
}

/// Reads the usage of a process; nothing if it is gone or may not be read.
pub fn of(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
    Some(Usage { cpu_s: ticks(&stat)? as f64 / per_second as f64, rss: rss(&status)? })
}

/// Fields 14 and 15 of `stat`; the second one, the name, may hold anything but ends with the last `)`.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

fn rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_whose_name_is_odd_is_read_rightly() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 100 1 1";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(rss("Name:\tx\nVmRSS:\t    1024 kB\n"), Some(1_048_576));
        assert_eq!(ticks("nonsense"), None);
    }

    #[test]
    fn this_process_is_seen_to_work() {
        let now = of(std::process::id()).unwrap();
        assert!(now.rss > 1_000_000 && now.cpu_s >= 0.0, "{now:?}");
    }
}
