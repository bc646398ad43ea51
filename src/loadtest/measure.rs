//! What happened, and what it cost, between two moments.

use std::time::{Duration, Instant};

use super::report::{ClientCost, Percentiles, Report, ServerCost};
use super::swarm::Swarm;
use super::target::Target;
use crate::base::limits::loadtest as limits;
use crate::base::process_usage::{self, Usage};

/// What is measured from one moment to another.
pub struct Measure {
    began: Instant,
    pid: Option<u32>,
    server: Option<Usage>,
    own: Usage,
    idle_time: Duration,
    ready: usize,
}

impl Measure {
    /// Begins now.
    pub fn begin(target: &Target, swarm: &Swarm) -> Self {
        Self {
            began: Instant::now(),
            pid: target.pid,
            server: target.pid.and_then(process_usage::of),
            own: process_usage::of(std::process::id()).unwrap_or_default(),
            idle_time: swarm.idle_time,
            ready: swarm.ready,
        }
    }

    /// The report since the beginning.
    pub fn end(&self, swarm: &Swarm) -> Report {
        let seconds = self.began.elapsed().as_secs_f64();
        let tally = &swarm.tally;
        let opened = swarm.ready.saturating_sub(self.ready) as f64;
        let messages = match tally.acknowledged {
            0 => tally.sent, // a plain peer acknowledges nothing
            acknowledged => acknowledged,
        };
        let per = |count: f64| (count > 0.0).then_some(count / seconds);
        let server = self.pid.and_then(process_usage::of).zip(self.server).map(|(now, before)| {
            let cpu_s = now.cpu_s - before.cpu_s;
            let share = |count: f64| (count > 0.0).then_some(cpu_s * 1e6 / count);
            ServerCost {
                cpu_s,
                cpu_us_per_delivery: share(tally.deliveries as f64),
                cpu_us_per_message: share(messages as f64),
                cpu_us_per_connect: share(opened),
                rss_bytes: now.rss,
                rss_bytes_per_connection: None,
            }
        });
        Report {
            seconds,
            messages: (messages > 0).then_some(messages),
            messages_per_s: per(messages as f64),
            deliveries: (tally.deliveries > 0).then_some(tally.deliveries),
            deliveries_per_s: per(tally.deliveries as f64),
            frame_bytes: (tally.deliveries > 0)
                .then(|| tally.bytes as f64 / tally.deliveries as f64),
            connects_per_s: per(opened),
            latency_us: Percentiles::of(&swarm.connects),
            lost: swarm.lost(),
            doubled: tally.doubled,
            out_of_order: tally.out_of_order,
            errors: tally.errors,
            first_error: tally.first_error.clone().filter(|_| tally.errors > 0),
            server,
            client: self.own_cost(seconds, swarm),
            ..Report::default()
        }
    }

    /// What the load test itself has cost.
    fn own_cost(&self, seconds: f64, swarm: &Swarm) -> ClientCost {
        let own = process_usage::of(std::process::id()).unwrap_or_default();
        let idle = swarm.idle_time.saturating_sub(self.idle_time).as_secs_f64();
        let busy = (1.0 - idle / seconds).max(0.0);
        let cpu_s = own.cpu_s - self.own.cpu_s;
        ClientCost { cpu_s, busy, was_bottleneck: busy > limits::BUSY }
    }

    /// The server was restarted: its process is another one, which has cost nothing before.
    pub fn server_restarted(&mut self, pid: u32) {
        self.pid = Some(pid);
        self.server = Some(Usage::default());
    }
}
