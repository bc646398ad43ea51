//! The process as the system sees it, under the names that all Prometheus clients use. What the system
//! does not report is left out.

use std::fmt::Error;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::Page;
use crate::base::fd_budget;
use crate::base::process_usage::{self, Usage};

#[derive(Debug)]
pub(super) struct Process {
    pub started: SystemTime,
}

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), Error> {
        let mut page = Page(encoder);
        if let Some(Usage { cpu_s, rss }) = process_usage::of(std::process::id()) {
            page.gauge("process_resident_memory_bytes", "Memory it occupies.", rss as f64)?;
            page.counter("process_cpu_seconds", "Time it has computed, all threads.", cpu_s)?;
        }
        if let Some(open) = open_descriptors() {
            page.gauge("process_open_fds", "Descriptors it has open.", open)?;
        }
        page.gauge("process_max_fds", "Descriptors it may have open.", fd_budget::limit())?;
        let started = self.started.duration_since(UNIX_EPOCH).unwrap_or_default();
        page.gauge("process_start_time_seconds", "When it started.", started.as_secs_f64())
    }
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
    }
}
