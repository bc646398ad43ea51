//! Which process is the server, if it runs on this machine (proc(5)). The kernel says what it costs, not
//! the server itself.

use std::fs;
use std::net::SocketAddr;

/// The process that listens on this address, if it is on this machine and its descriptors may be read.
pub fn listening_on(address: SocketAddr) -> Option<u32> {
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
    fn this_process_is_found_by_the_port_it_listens_on() {
        let listener_of_ours = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener_of_ours.local_addr().unwrap();
        assert_eq!(listening_on(address), Some(std::process::id()));
        drop(listener_of_ours);
        assert_eq!(listening_on(address), None);
    }
}
