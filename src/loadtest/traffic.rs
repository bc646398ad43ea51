//! Sending messages through a swarm, as fast as a window or a rate allows.

use std::time::{Duration, Instant};

use super::swarm::Swarm;
use crate::base::limits::loadtest as limits;

/// When messages are sent.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    /// Messages that may be in flight for each room and writer.
    pub window: usize,
    /// Messages a second over all rooms; without it, as many as the window allows.
    pub rate: Option<f64>,
    pub ends: Instant,
}

impl Traffic {
    /// Sends until the end, then waits for what is in flight.
    ///
    /// # Errors
    /// It cannot go on.
    pub fn pump(&self, swarm: &mut Swarm) -> Result<(), String> {
        let began = Instant::now();
        let (mut sent, mut next_room) = (0_u64, 0);
        while Instant::now() < self.ends && !swarm.is_stopped() {
            let timeout = match self.rate {
                None => {
                    self.fill(swarm)?;
                    limits::POLL
                }
                Some(rate) => {
                    let due = |sent: u64| Duration::from_secs_f64(sent as f64 / rate);
                    while due(sent) <= began.elapsed() {
                        sent += 1;
                        next_room = (next_room + 1) % swarm.rooms.len().max(1);
                        self.send_if_open(swarm, next_room)?;
                    }
                    due(sent).saturating_sub(began.elapsed())
                }
            };
            swarm.poll(timeout.min(limits::POLL))?;
        }
        let until = Instant::now() + limits::DRAIN;
        while swarm.in_flight() > 0 && Instant::now() < until && !swarm.is_stopped() {
            swarm.poll(limits::SHORT_POLL)?;
        }
        Ok(())
    }

    /// Fills every room's window.
    fn fill(&self, swarm: &mut Swarm) -> Result<(), String> {
        for room in 0..swarm.rooms.len() {
            while self.send_if_open(swarm, room)? {}
        }
        Ok(())
    }

    fn send_if_open(&self, swarm: &mut Swarm, room: usize) -> Result<bool, String> {
        let Some(load) = swarm.rooms.get(room) else { return Ok(false) };
        if load.ledger.in_flight >= self.window * load.writers.len() {
            return Ok(false);
        }
        if swarm.send_message(room) || swarm.reconnects {
            return Ok(true);
        }
        let why = swarm.tally.first_error.as_deref().unwrap_or("it hung up");
        Err(format!("who writes was cut off: {why}"))
    }

    /// Sends at the rate until the end, without waiting for what is in flight.
    ///
    /// # Errors
    /// It cannot go on.
    pub fn send_until_end(&self, swarm: &mut Swarm) -> Result<(), String> {
        let pause = Duration::from_secs_f64(1.0 / self.rate.unwrap_or(limits::STORM_RATE));
        let mut due = Instant::now();
        while Instant::now() < self.ends && !swarm.is_stopped() {
            if Instant::now() >= due {
                self.send_if_open(swarm, 0)?;
                due = Instant::now() + pause;
            }
            swarm.poll(limits::SHORT_POLL)?;
        }
        Ok(())
    }
}
