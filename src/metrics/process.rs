//! The process as the system sees it, under the names all Prometheus clients use. What the system does
//! not tell is left out.

use std::fmt::Error;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::Page;
use crate::descriptors;

#[derive(Debug)]
pub(super) struct Process {
    pub started: SystemTime,
}

/// `/proc` counts time in hundredths of a second, on every architecture Linux runs on.
const TICKS: f64 = 100.0;

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), Error> {
        let mut page = Page(encoder);
        if let Some(bytes) = resident_bytes() {
            page.gauge("process_resident_memory_bytes", "Memory it occupies.", bytes as f64)?;
        }
        if let Some(seconds) = cpu_seconds() {
            page.counter("process_cpu_seconds", "Time it has computed, all threads.", seconds)?;
        }
        if let Some(open) = open_descriptors() {
            page.gauge("process_open_fds", "Descriptors it has open.", open)?;
        }
        page.gauge("process_max_fds", "Descriptors it may have open.", descriptors::limit())?;
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        page.gauge("process_start_time_seconds", "When it started.", started.as_secs_f64())
    }
}

/// What this process holds of the machine's memory, where the system tells.
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program may hold anything, but no field behind it a parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map_while(|ticks| ticks.parse::<f64>().ok());
    Some((times.next()? + times.next()?) / TICKS)
}

fn open_descriptors() -> Option<usize> {
    // Since Linux 6.2 the size of the folder; before, it must be counted, the counting one included.
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1)),
        count => usize::try_from(count).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_about_this_process() {
        let before = open_descriptors().unwrap();
        let files: Vec<_> = (0..50).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        assert!(open_descriptors().unwrap() >= before + 25, "{before}");
        drop(files);
        assert!(resident_bytes().unwrap() > 1_000_000);
        assert!(cpu_seconds().unwrap() >= 0.0);
    }
}
