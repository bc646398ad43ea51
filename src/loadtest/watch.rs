//! What processes cost, as the kernel counts it (proc(5)): the server's, if it is on this machine,
//! and our own, so that nobody takes a tired load test for a slow server.

use std::fs;
use std::net::SocketAddr;

/// A process at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// CPU seconds of all its threads, user and system.
    pub cpu_s: f64,
    /// Resident memory, in bytes.
    pub rss: u64,
}

/// Looks at a process.
pub fn usage(pid: u32) -> Option<Usage> {
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

/// The process that listens at this address, if it is on this machine and may be looked at.
pub fn listener(address: SocketAddr) -> Option<u32> {
    let table = if address.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    let table = fs::read_to_string(table).ok()?;
    let inode = listening_inode(&table, address.port())?;
    let socket = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).find(|pid| {
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
        descriptors.is_ok_and(|mut fds| {
            fds.any(|fd| {
                let link = fd.and_then(|fd| fs::read_link(fd.path()));
                link.is_ok_and(|link| link.as_os_str() == socket.as_str())
            })
        })
    })
}

/// The inode of the socket in state LISTEN (0A) on a port.
fn listening_inode(table: &str, port: u16) -> Option<&str> {
    let port = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<_> = line.split_ascii_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&port) && *fields.get(3)? == "0A";
        is_it.then(|| fields.get(9).copied())?
    })
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
    fn this_process_is_found_by_the_port_it_listens_on() {
        let listener_of_ours = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener_of_ours.local_addr().unwrap();
        assert_eq!(listener(address), Some(std::process::id()));
        assert!(usage(std::process::id()).unwrap().rss > 0);
        drop(listener_of_ours);
        assert_eq!(listener(address), None);
    }
}
