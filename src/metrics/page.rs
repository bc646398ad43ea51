//! Writing families of metrics: one call per family, with name, help, and a value or values by label.

use std::fmt::Error;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric, MetricEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// The page that is being written.
pub(super) struct Page<'a>(pub DescriptorEncoder<'a>);

impl Page<'_> {
    /// What goes up and down.
    pub fn gauge<N>(&mut self, name: &str, help: &str, value: N) -> Result<(), Error>
    where
        ConstGauge<N>: EncodeMetric,
        N: EncodeGaugeValue,
    {
        let family = self.family(name, help, MetricType::Gauge)?;
        ConstGauge::new(value).encode(family)
    }

    /// What only goes up; `_total` is added to the name.
    pub fn counter<N>(&mut self, name: &str, help: &str, value: N) -> Result<(), Error>
    where
        ConstCounter<N>: EncodeMetric,
        N: EncodeCounterValue,
    {
        let family = self.family(name, help, MetricType::Counter)?;
        ConstCounter::new(value).encode(family)
    }

    /// A gauge for each value of one label.
    pub fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (impl AsRef<str>, usize)>,
    ) -> Result<(), Error> {
        let mut family = self.family(name, help, MetricType::Gauge)?;
        for (which, value) in values {
            let labels = [(label, which.as_ref())];
            ConstGauge::new(value as i64).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    /// A counter for each value of one label.
    pub fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (impl AsRef<str>, u64)>,
    ) -> Result<(), Error> {
        let mut family = self.family(name, help, MetricType::Counter)?;
        for (which, value) in values {
            let labels = [(label, which.as_ref())];
            ConstCounter::new(value).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    pub fn family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }
}
