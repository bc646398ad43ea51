//! How many connections there are, of which client, and which of them could give way.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::permit_state::{PermitState, WaitQueue};
use crate::base::net::{ClientPrefix, client_prefix, client_prefixes};

/// The connections of one listener.
#[derive(Default)]
pub(super) struct ConnectionTable {
    /// Connections with a permit.
    pub total: usize,
    /// Connections that wait for a permit: they have a descriptor, too.
    pub waiting: usize,
    /// By the narrowest network.
    clients: HashMap<ClientPrefix, Client>,
    /// How many connections the wider networks have.
    wider: HashMap<ClientPrefix, usize>,
    next_id: u64,
}

#[derive(Default)]
struct Client {
    permits: HashMap<u64, Arc<PermitState>>,
    queue: Arc<WaitQueue>,
}

impl Client {
    fn is_unused(&self) -> bool {
        self.permits.is_empty() && self.queue.is_empty()
    }
}

impl ConnectionTable {
    /// How many connections a network has.
    pub fn count(&self, network: ClientPrefix) -> usize {
        let narrow = self.clients.get(&network).map(|client| client.permits.len());
        narrow.or_else(|| self.wider.get(&network).copied()).unwrap_or(0)
    }

    /// Adds a connection.
    pub fn insert(&mut self, address: IpAddr) -> Arc<PermitState> {
        let network = client_prefix(address);
        for wider in client_prefixes(address).skip(1) {
            *self.wider.entry(wider).or_default() += 1;
        }
        self.total += 1;
        self.next_id += 1;
        let id = self.next_id;
        let client = self.clients.entry(network).or_default();
        let permit = Arc::new(PermitState::new(network, id, client.queue.clone()));
        client.permits.insert(id, permit.clone());
        permit
    }

    /// Removes a connection. False: it was removed before.
    pub fn remove(&mut self, permit: &PermitState) -> bool {
        let Some(client) = self.clients.get_mut(&permit.client) else { return false };
        if client.permits.remove(&permit.id).is_none() {
            return false;
        }
        if client.is_unused() {
            self.clients.remove(&permit.client);
        }
        self.total = self.total.saturating_sub(1);
        for wider in permit.client.wider() {
            if let Some(count) = self.wider.get_mut(&wider) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.wider.remove(&wider);
                }
            }
        }
        true
    }

    /// The connection that has been idle for the longest time, and since when, among those that have been
    /// idle since `latest` at least; in one network or in all.
    pub fn longest_idle(
        &self,
        latest: u64,
        network: Option<ClientPrefix>,
    ) -> Option<(u64, Arc<PermitState>)> {
        let within =
            |client: &ClientPrefix| network.is_none_or(|network| network.contains(*client));
        let clients = self.clients.iter().filter(|(client, _)| within(client));
        let idle = clients.flat_map(|(_, client)| client.permits.values()).filter_map(|permit| {
            let since = permit.idle_since().filter(|since| *since <= latest)?;
            Some((since, permit))
        });
        idle.min_by_key(|(since, _)| *since).map(|(since, permit)| (since, permit.clone()))
    }

    /// Connections of the same client that wait for a permit.
    pub fn queue_length(&self, address: IpAddr) -> usize {
        let client = self.clients.get(&client_prefix(address));
        client.map_or(0, |client| client.queue.length.load(Ordering::Relaxed))
    }

    /// Adds a connection to its client's queue.
    pub fn enqueue(&mut self, address: IpAddr) -> Arc<WaitQueue> {
        let queue = self.clients.entry(client_prefix(address)).or_default().queue.clone();
        queue.length.fetch_add(1, Ordering::Relaxed);
        self.waiting += 1;
        queue
    }

    /// Takes a connection out of its client's queue.
    pub fn dequeue(&mut self, address: IpAddr, queue: &WaitQueue) {
        self.waiting = self.waiting.saturating_sub(1);
        let left = queue.length.load(Ordering::Relaxed).saturating_sub(1);
        queue.length.store(left, Ordering::Relaxed);
        let network = client_prefix(address);
        if self.clients.get(&network).is_some_and(Client::is_unused) {
            self.clients.remove(&network);
        }
    }

    /// How many clients and wider networks are remembered.
    #[cfg(test)]
    pub fn remembered(&self) -> (usize, usize) {
        (self.clients.len(), self.wider.len())
    }
}
