//! The families of metrics, by the part of the server that counts them. `docs/operations.md` explains each;
//! `tests/delivery/metrics.rs` checks that.

use std::fmt::{self, Error};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::page::Page;
use super::sources::{Sources, Store};
use crate::base::limits::rooms as limits;

/// The metrics that are read at each scrape.
pub(super) struct Families {
    pub sources: Sources,
    pub stores: [Store; 4],
}

/// The metrics that are histograms.
pub(super) fn register_histograms(registry: &mut Registry, sources: &Sources) {
    let journal = sources.rooms.journal().counters();
    registry.register("journal_batch_rows", "Rows of one commit", journal.rows.clone());
    registry.register(
        "journal_commit_seconds",
        "From the first statement of a commit to its answer",
        journal.took.clone(),
    );
    registry.register(
        "http_request_duration_seconds",
        "From the head of a request to its answer",
        sources.http.duration.clone(),
    );
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Families").finish_non_exhaustive()
    }
}

impl Collector for Families {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), Error> {
        let mut page = Page(encoder);
        self.server(&mut page)?;
        self.connections(&mut page)?;
        self.delivery(&mut page)?;
        self.commands(&mut page)?;
        self.rooms(&mut page)?;
        self.journal(&mut page)?;
        self.http(&mut page)?;
        self.tls(&mut page)?;
        self.memory(&mut page)?;
        self.passwords(&mut page)?;
        self.databases(&mut page)?;
        self.files(&mut page)?;
        self.search(&mut page)?;
        self.backups(&mut page)
    }
}

impl Families {
    fn server(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let up = SystemTime::now().duration_since(self.sources.started).unwrap_or_default();
        page.gauge("uptime_seconds", "Since the server started.", up.as_secs_f64())?;
        page.gauges(
            "build_info",
            "1, with the version of the program.",
            "version",
            [(env!("CARGO_PKG_VERSION"), 1)].into_iter(),
        )
    }

    fn connections(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let Sources { shards, rooms, .. } = &self.sources;
        let (stats, loads) = (shards.counters(), shards.loads());
        page.gauge("connections", "Open WebSockets.", shards.connections())?;
        page.gauge(
            "connections_max",
            "WebSockets beyond which new ones are refused.",
            self.sources.connections_max,
        )?;
        page.gauges(
            "shard_connections",
            "Open WebSockets of a delivery thread.",
            "shard",
            loads.iter().enumerate().map(|(n, load)| (n.to_string(), load.connections)),
        )?;
        page.gauge(
            "subscriptions",
            "Rooms followed, over all connections.",
            loads.iter().map(|load| load.subscriptions).sum::<usize>(),
        )?;
        page.gauge("users_online", "Users with a connection.", rooms.presence().online())?;
        page.counter("adoptions", "WebSockets taken by a shard.", stats.adopted.get())?;
        page.counter(
            "adoptions_refused",
            "WebSockets dropped because too many waited for a shard.",
            stats.not_adopted.get(),
        )?;
        page.counter("lagging", "Connections that could not keep up.", stats.lagging.get())?;
        page.counter("revoked", "Connections whose login ended.", stats.revoked.get())
    }

    fn delivery(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let Sources { shards, rooms, .. } = &self.sources;
        let stats = shards.counters();
        page.counter("deliveries", "Frames of rooms written.", stats.deliveries.get())?;
        page.counter("writes", "Writes that took them.", stats.writes.get())?;
        page.counter("written_bytes", "Bytes written to WebSockets.", stats.bytes.get())?;
        // What the shard has taken out and not worked on waits as well.
        let waiting = rooms.publisher().waiting().zip(shards.loads());
        page.gauges(
            "shard_queue",
            "Deliveries waiting for a delivery thread.",
            "shard",
            waiting.enumerate().map(|(n, (queued, load))| (n.to_string(), queued + load.staged)),
        )
    }

    fn commands(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let Sources { shards, rooms, .. } = &self.sources;
        page.counters("commands", "Commands read.", "op", shards.counters().commands())?;
        page.counters(
            "commands_refused",
            "Commands answered with an error.",
            "code",
            rooms.refused().iter(),
        )
    }

    fn rooms(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let Sources { shards, rooms, .. } = &self.sources;
        let (counts, inboxes) = (rooms.counts(), rooms.inboxes());
        let kinds = [
            ("open", counts.open),
            ("closed", counts.closed),
            ("direct", counts.direct),
            ("archived", counts.archived),
        ];
        page.gauges(
            "rooms",
            "Rooms that can be spoken in or read.",
            "kind",
            kinds.into_iter().map(|(kind, count)| (kind, count as usize)),
        )?;
        page.gauge("room_inbox", "Commands waiting for all rooms.", inboxes.waiting)?;
        page.gauge("room_inbox_longest", "Commands waiting for one room.", inboxes.longest)?;
        page.gauge("room_inbox_max", "Commands that may wait for one room.", limits::INBOX)?;
        page.counter(
            "room_inbox_full",
            "Commands that found the inbox full and had to wait.",
            shards.counters().inbox_full.get(),
        )?;
        page.gauge(
            "e2ee_wraps_missing",
            "Members who have lacked the key of a room for long although somebody could give it.",
            rooms.wraps_missing(),
        )
    }

    fn journal(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let journal = self.sources.rooms.journal();
        let counts = journal.counters();
        page.counter("messages", "Messages and changes made durable.", counts.committed.get())?;
        page.counter("journal_failures", "Commits that failed.", counts.failed.get())?;
        page.gauge("journal_queue", "Appends waiting for the next commit.", journal.waiting())?;
        page.gauge("journal_queue_max", "Appends that may wait.", limits::JOURNAL)
    }

    fn http(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let http = &self.sources.http;
        page.gauge("http_connections", "Connections that speak HTTP.", http.open.get())?;
        page.counter("http_accepted", "Connections accepted.", http.accepted.get())?;
        page.counters(
            "connects_refused",
            "Connections and WebSockets not let in.",
            "reason",
            http.refused(),
        )?;
        page.gauge("http_uploads", "Bodies read piece by piece.", http.uploads.get())?;
        page.gauge("http_downloads", "Answers sent as they are read.", http.downloads.get())?;
        page.counter(
            "http_transfers_gave_way",
            "Of both, those that were slow and ended because others waited.",
            http.gave_way.get(),
        )?;
        page.gauge("http2_connections", "Connections of HTTP/2.", http.http2_open.get())?;
        page.counter(
            "http2_floods",
            "Connections of HTTP/2 ended for floods.",
            http.http2_floods.get(),
        )?;
        page.counters("http_versions", "Requests by version of HTTP.", "version", http.versions())?;
        page.counters("http_requests", "Requests answered.", "class", http.classes())?;
        page.counters("http_errors", "Requests refused.", "code", http.errors.iter())
    }

    fn tls(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let handshakes = self.sources.http.handshakes();
        page.counters("tls_handshakes", "TLS handshakes.", "result", handshakes)?;
        let family = page.family(
            "tls_certificate_end_seconds",
            "When the certificate ends, in seconds since 1970.",
            MetricType::Gauge,
        )?;
        // Without TLS there is the name of the metric and no value.
        let Some(certificates) = &self.sources.certificates else { return Ok(()) };
        let ends = certificates.current().ends().duration_since(UNIX_EPOCH).unwrap_or_default();
        ConstGauge::new(ends.as_secs_f64()).encode(family)
    }

    fn memory(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let budget = self.sources.rooms.memory();
        page.gauge("memory_budget_bytes", "All buffers for clients together.", budget.total())?;
        page.gauges(
            "buffer_bytes",
            "Bytes that wait for clients.",
            "kind",
            budget.usage().map(|usage| (usage.kind, usage.used)),
        )?;
        page.gauges(
            "buffer_bytes_max",
            "Bytes that may wait for clients.",
            "kind",
            budget.usage().map(|usage| (usage.kind, usage.most)),
        )?;
        page.counters(
            "buffers_refused",
            "Buffers that were not made, and readers that were cut, because a bound was reached.",
            "kind",
            budget.usage().map(|usage| (usage.kind, usage.refused)),
        )
    }

    fn backups(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let backups = &self.sources.backups;
        let age = backups.age(SystemTime::now()).map_or(-1.0, |age| age.as_secs_f64());
        page.gauge(
            "backup_age_seconds",
            "Since the last good nightly backup; -1 without one.",
            age,
        )?;
        let bytes = backups.last().map_or(0, |last| i64::try_from(last.bytes).unwrap_or(i64::MAX));
        page.gauge("backup_size_bytes", "Size of the last good nightly backup.", bytes)?;
        page.counter("backup_failures", "Nightly backups that failed.", backups.failures())
    }

    fn files(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let counts = &self.sources.files;
        let files = [
            ("used", counts.used.get()),
            ("unsent", counts.unsent.get()),
            ("erasing", counts.erasing.get()),
        ];
        page.gauges(
            "files",
            "Files in messages, in none, and about to go, a minute ago at most.",
            "state",
            files.into_iter(),
        )?;
        let bytes = [("used", counts.used_bytes.get()), ("unsent", counts.unsent_bytes.get())];
        page.gauges("file_bytes", "Bytes of the same.", "state", bytes.into_iter())?;
        let uploads = [
            ("completed", counts.completed.get()),
            ("interrupted", counts.interrupted.get()),
            ("refused", counts.refused.get()),
        ];
        page.counters(
            "file_uploads",
            "Uploads, by how they ended.",
            "outcome",
            uploads.into_iter(),
        )?;
        page.counter(
            "file_received_bytes",
            "Bytes of files that arrived.",
            counts.received_bytes.get(),
        )?;
        let pictures =
            [("drawn", counts.pictures_drawn.get()), ("refused", counts.pictures_refused.get())];
        page.counters(
            "file_pictures",
            "Pictures that were decoded and drawn smaller, and that could not be.",
            "outcome",
            pictures.into_iter(),
        )?;
        page.counter(
            "file_pictures_seconds",
            "What that took.",
            counts.pictures_us.get() as f64 / 1e6,
        )?;
        page.counter("files_erased", "Files whose bytes are gone.", counts.erased.get())?;
        let orphans = [("missing", counts.missing.get()), ("stray", counts.strays.get())];
        page.counters(
            "file_orphans",
            "Files that a message has and the disk has not, and files that no row knows.",
            "kind",
            orphans.into_iter(),
        )
    }

    fn passwords(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let hashing = self.sources.auth.hasher_load();
        page.gauge("argon2_running", "Passwords being computed.", hashing.running)?;
        page.gauge("argon2_queue", "Passwords waiting to be.", hashing.waiting)?;
        page.counter("argon2_refused", "Passwords refused: too many waited.", hashing.refused)
    }

    fn search(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let search = &self.sources.search;
        let (counters, filing) = (search.counters(), search.filing());
        page.counter("searches", "Searches that were answered.", counters.answered.get())?;
        page.counter(
            "searches_cut",
            "Searches that had not looked at everything when the time was over.",
            counters.cut.get(),
        )?;
        page.counter("searches_failed", "Searches that were not answered.", counters.failed.get())?;
        page.counter(
            "searches_seconds",
            "What the answered ones took.",
            counters.took_us.get() as f64 / 1e6,
        )?;
        page.counter(
            "searches_looked_at",
            "Messages whose text they have looked at.",
            counters.looked_at.get(),
        )?;
        page.counter("search_filed", "Messages filed in the search index.", filing.filed.get())?;
        page.counter(
            "search_filing_failures",
            "Attempts to file messages that failed.",
            filing.failed.get(),
        )?;
        page.gauge(
            "search_behind",
            "Changes of rooms that the search index has not seen.",
            filing.behind(),
        )
    }

    fn databases(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let each = |value: fn(&Store) -> usize| {
            self.stores.iter().map(move |store| (store.name, value(store)))
        };
        page.gauges(
            "database_reachable",
            "1 if the store answers now.",
            "store",
            each(|store| usize::from(store.is_reachable())),
        )?;
        page.gauges(
            "database_pool_max",
            "Connections the pool may have.",
            "store",
            each(|store| store.database.usage().most),
        )?;
        page.gauges(
            "database_pool_waiting",
            "Requests waiting for a connection of the pool.",
            "store",
            each(|store| store.database.usage().waiting),
        )?;
        let mut family = page.family(
            "database_pool_connections",
            "Connections of the pool.",
            MetricType::Gauge,
        )?;
        for store in &self.stores {
            let usage = store.database.usage();
            for (state, count) in [("used", usage.used), ("idle", usage.idle)] {
                let labels = [("store", store.name), ("state", state)];
                ConstGauge::new(count as i64).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
