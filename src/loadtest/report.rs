//! The report of a scenario: one JSON object, or a table for people.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Latencies, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// Half are not slower.
    pub p50: u64,
    /// Nine of ten.
    pub p90: u64,
    /// 99 of a hundred.
    pub p99: u64,
    /// 999 of a thousand.
    pub p999: u64,
    /// The slowest.
    pub max: u64,
}

/// What the server's process cost, without its database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct ServerCost {
    /// CPU seconds while it was measured.
    pub cpu_s: f64,
    /// The same per delivery, in microseconds.
    pub cpu_us_per_delivery: Option<f64>,
    /// Per message.
    pub cpu_us_per_message: Option<f64>,
    /// Per connection that was opened.
    pub cpu_us_per_connect: Option<f64>,
    /// Resident memory at the end, in bytes.
    pub rss_bytes: u64,
    /// By how much it has grown for each connection.
    pub rss_bytes_per_connection: Option<u64>,
}

/// What the load test itself cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct ClientCost {
    /// CPU seconds while it was measured, including those of polls that found nothing.
    pub cpu_s: f64,
    /// The share of the time in which it had something to do: one thread does it all.
    pub busy: f64,
    /// It was busy nearly all the time: the server might have done more.
    pub was_bottleneck: bool,
}

/// One scenario.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Its name.
    pub scenario: &'static str,
    /// Open at the end.
    pub connections: usize,
    /// Rooms that were used.
    pub rooms: usize,
    /// Messages in flight at once, in a room or of a writer.
    pub in_flight: Option<usize>,
    /// Bytes of a message.
    pub size: Option<usize>,
    /// Bytes of a delivery, as a text of JSON.
    pub frame_bytes: Option<f64>,
    /// How long it was measured.
    pub seconds: f64,
    /// Messages sent (acknowledged, if the server does that).
    pub messages: Option<u64>,
    /// The same per second.
    pub messages_per_s: Option<f64>,
    /// Messages received, by all connections together.
    pub deliveries: Option<u64>,
    /// The same per second.
    pub deliveries_per_s: Option<f64>,
    /// Connections opened per second, each with its first frame.
    pub connects_per_s: Option<f64>,
    /// From the start of a storm until all connections are back.
    pub settle_s: Option<f64>,
    /// What the scenario is about: send to delivery, send to acknowledgement (durable), or SYN to
    /// first frame (connect, storm).
    pub latency_us: Option<Percentiles>,
    /// Deliveries that were promised and never arrived.
    pub lost: u64,
    /// Deliveries that arrived again.
    pub doubled: u64,
    /// Deliveries that arrived after a later one.
    pub out_of_order: u64,
    /// Commands that were refused and connections that ended and should not have.
    pub errors: u64,
    /// The first of them.
    pub first_error: Option<String>,
    /// Attempts to connect that had to be repeated.
    pub refused: u64,
    /// Acknowledged since the scenario began, including the warm-up.
    #[serde(skip)]
    pub acknowledged_in_all: u64,
    /// What the server cost, if its process can be seen.
    pub server: Option<ServerCost>,
    /// What the load test cost.
    pub client: ClientCost,
}

impl Percentiles {
    /// Of a histogram of microseconds; nothing of an empty one.
    pub fn of(latency: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| latency.value_at_quantile(quantile);
        (!latency.is_empty()).then(|| Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: latency.max(),
        })
    }
}

impl Report {
    /// Whether a promise was broken.
    pub fn is_broken(&self) -> bool {
        self.lost + self.doubled + self.out_of_order > 0
    }

    /// Lines with a name and a value.
    pub fn table(&self) -> String {
        let mut rows = vec![("connections", number(self.connections as f64))];
        let mut row = |name: &'static str, value: Option<String>| {
            rows.extend(value.map(|value| (name, value)));
        };
        let rate = |count: Option<f64>| count.map(|count| format!("{}/s", number(count)));
        row("connects", rate(self.connects_per_s));
        row("settled after", self.settle_s.map(|s| format!("{s:.1} s")));
        row("messages", rate(self.messages_per_s));
        row("deliveries", rate(self.deliveries_per_s));
        row("latency", self.latency_us.map(|latency| latency.row()));
        row("promises", Some(self.promises()));
        row("refused", (self.errors > 0).then(|| self.refusals()));
        row("server", self.server.map(|server| server.row()));
        row("load test", Some(self.client.row()));
        let mut text = format!("{} ({:.1} s)\n", self.scenario, self.seconds);
        for (name, value) in rows {
            text.push_str(&format!("  {name:<14} {value}\n"));
        }
        text
    }

    fn promises(&self) -> String {
        format!(
            "{} lost, {} doubled, {} out of order",
            number(self.lost as f64),
            number(self.doubled as f64),
            number(self.out_of_order as f64)
        )
    }

    fn refusals(&self) -> String {
        let first = self.first_error.as_deref().unwrap_or_default();
        format!("{} ({first})", number(self.errors as f64))
    }
}

impl Percentiles {
    fn row(&self) -> String {
        format!(
            "p50 {}  p90 {}  p99 {}  p99.9 {}  max {}",
            time(self.p50),
            time(self.p90),
            time(self.p99),
            time(self.p999),
            time(self.max)
        )
    }
}

impl ServerCost {
    fn row(&self) -> String {
        let mut text = format!("{:.2} s CPU", self.cpu_s);
        let per = [
            (self.cpu_us_per_delivery, "delivery"),
            (self.cpu_us_per_message, "message"),
            (self.cpu_us_per_connect, "connect"),
        ];
        for (cost, what) in per {
            if let Some(cost) = cost {
                text.push_str(&format!(", {cost:.2} us/{what}"));
            }
        }
        text.push_str(&format!(", {:.1} MiB", self.rss_bytes as f64 / 1_048_576.0));
        if let Some(bytes) = self.rss_bytes_per_connection {
            text.push_str(&format!(", {} bytes/connection", number(bytes as f64)));
        }
        text
    }
}

impl ClientCost {
    fn row(&self) -> String {
        let warning = match self.was_bottleneck {
            true => ": IT WAS THE BOTTLENECK, the server might have done more",
            false => "",
        };
        format!("{:.2} s CPU, busy {:.0} % of the time{warning}", self.cpu_s, self.busy * 100.0)
    }
}

/// Thousands by comma; a fraction only of small numbers.
pub fn number(value: f64) -> String {
    let whole = format!("{value:.0}");
    if value < 10.0 && value.fract() != 0.0 {
        return format!("{value:.2}");
    }
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn time(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} us"),
        1_000..1_000_000 => format!("{:.2} ms", us as f64 / 1e3),
        _ => format!("{:.2} s", us as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(number(1_234_567.0), "1,234,567");
        assert_eq!(number(999.4), "999");
        assert_eq!(number(2.5), "2.50");
        assert_eq!(time(999), "999 us");
        assert_eq!(time(1_500), "1.50 ms");
        assert_eq!(time(2_000_000), "2.00 s");
    }

    #[test]
    fn a_table_shows_what_there_is_and_warns_of_itself() {
        let report = Report {
            scenario: "fanout",
            connections: 1_000,
            deliveries_per_s: Some(12_345.0),
            client: ClientCost { cpu_s: 9.9, busy: 0.99, was_bottleneck: true },
            ..Report::default()
        };
        let table = report.table();
        assert!(table.contains("deliveries     12,345/s"), "{table}");
        assert!(table.contains("0 lost, 0 doubled, 0 out of order"), "{table}");
        assert!(table.contains("BOTTLENECK"), "{table}");
        assert!(!table.contains("latency") && !report.is_broken());
    }
}
