//! The exposition formats: OpenMetrics 1.0, and the older text format that everything reads.
//!
//! They differ in what the head of a counter is called (with `_total` in the older one), in `# UNIT`, in the type `info`,
//! and in the last line. <https://prometheus.io/docs/specs/om/open_metrics_spec/>,
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use super::Reading;
use std::fmt::{Display, Write};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Plain,
    OpenMetrics,
}

impl Format {
    /// What the client's `Accept` header asks for.
    pub fn wanted(accept: &str) -> Format {
        if accept.contains("application/openmetrics-text") { Format::OpenMetrics } else { Format::Plain }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its samples' name ends with `_total`.
    Counter,
    Gauge,
    Histogram,
    /// Its name ends with `_info`, its value is 1, its labels say something.
    Info,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
        }
    }
}

/// The name of a family ends with its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    None,
    Seconds,
    Bytes,
    Ratio,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Unit::None => "",
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            Unit::Ratio => "ratio",
        }
    }
}

/// Samples of one name.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Without `_total` or `_info`.
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    pub labels: &'static [&'static str],
    /// One line.
    pub help: &'static str,
}

pub struct Writer {
    out: String,
    format: Format,
    family: Option<&'static Family>,
}

impl Writer {
    pub fn new(format: Format) -> Writer {
        Writer { out: String::with_capacity(32 << 10), format, family: None }
    }

    /// What follows belongs to this one.
    pub fn family(&mut self, family: &'static Family) {
        let Family { name, kind, unit, help, .. } = family;
        let (name, kind) = match (self.format, kind) {
            (Format::Plain, Kind::Counter) => (format!("{name}_total"), "counter"),
            (Format::Plain, Kind::Info) => (format!("{name}_info"), "gauge"),
            (_, kind) => ((*name).to_owned(), kind.name()),
        };
        let _ = writeln!(self.out, "# TYPE {name} {kind}");
        if self.format == Format::OpenMetrics && *unit != Unit::None {
            let _ = writeln!(self.out, "# UNIT {name} {}", unit.name());
        }
        let _ = writeln!(self.out, "# HELP {name} {}", escaped(help, self.format == Format::OpenMetrics));
        self.family = Some(family);
    }

    /// One value per label of the family.
    pub fn sample(&mut self, labels: &[&str], value: impl Display) {
        let Some(family) = self.family else { return };
        let suffix = match family.kind {
            Kind::Counter => "_total",
            Kind::Info => "_info",
            Kind::Gauge | Kind::Histogram => "",
        };
        self.line(family, suffix, labels, None, value);
    }

    /// `scale`: what the histogram's numbers are multiplied with.
    pub fn histogram(&mut self, labels: &[&str], reading: &Reading, scale: f64) {
        let Some(family) = self.family else { return };
        let mut below = 0;
        for (index, count) in reading.counts.iter().enumerate() {
            below += count;
            let bound = reading.bounds.get(index);
            let bound = bound.map_or("+Inf".to_owned(), |bound| float(*bound as f64 * scale));
            self.line(family, "_bucket", labels, Some(&bound), below);
        }
        self.line(family, "_sum", labels, None, reading.sum as f64 * scale);
        self.line(family, "_count", labels, None, below);
    }

    fn line(
        &mut self,
        family: &Family,
        suffix: &str,
        labels: &[&str],
        bound: Option<&str>,
        value: impl Display,
    ) {
        debug_assert_eq!(family.labels.len(), labels.len(), "{}", family.name);
        let _ = write!(self.out, "{}{suffix}", family.name);
        let pairs = family.labels.iter().copied().zip(labels.iter().copied()).chain(bound.map(|b| ("le", b)));
        let mut before = '{';
        for (name, value) in pairs {
            let _ = write!(self.out, "{before}{name}=\"{}\"", escaped(value, true));
            before = ',';
        }
        if before == ',' {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}");
    }

    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.out.push_str("# EOF\n");
        }
        self.out
    }
}

/// A bound always has a point (OpenMetrics: "canonical numbers").
fn float(value: f64) -> String {
    // Of a product of a whole number and a power of ten there is nothing behind the ninth place but noise.
    let text = format!("{value:.9}");
    let text = text.trim_end_matches('0');
    if text.ends_with('.') { format!("{text}0") } else { text.to_owned() }
}

fn escaped(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Histogram;

    static REQUESTS: Family = Family {
        name: "a_requests",
        kind: Kind::Counter,
        unit: Unit::None,
        labels: &["who"],
        help: "What \"x\" asks",
    };
    static TIME: Family =
        Family { name: "a_seconds", kind: Kind::Histogram, unit: Unit::Seconds, labels: &[], help: "Time" };
    static BUILD: Family =
        Family { name: "a_build", kind: Kind::Info, unit: Unit::None, labels: &["v"], help: "Build" };

    fn text(format: Format) -> String {
        let mut writer = Writer::new(format);
        writer.family(&REQUESTS);
        writer.sample(&["a\"b\\c\nd"], 3);
        writer.family(&TIME);
        let histogram = Histogram::new(&[1000, 2_500_000]);
        [500, 2000, 3_000_000].into_iter().for_each(|value| histogram.note(value, 1));
        writer.histogram(&[], &histogram.read(), 1e-6);
        writer.family(&BUILD);
        writer.sample(&["1"], 1);
        writer.finish()
    }

    #[test]
    fn both_formats() {
        let samples = "a_requests_total{who=\"a\\\"b\\\\c\\nd\"} 3\n";
        let time = "a_seconds_bucket{le=\"0.001\"} 1\na_seconds_bucket{le=\"2.5\"} 2\na_seconds_bucket{le=\"+Inf\"} 3\n\
                    a_seconds_sum 3.0025\na_seconds_count 3\n";
        assert_eq!(
            text(Format::Plain),
            format!(
                "# TYPE a_requests_total counter\n# HELP a_requests_total What \"x\" asks\n{samples}\
                 # TYPE a_seconds histogram\n# HELP a_seconds Time\n{time}\
                 # TYPE a_build_info gauge\n# HELP a_build_info Build\na_build_info{{v=\"1\"}} 1\n"
            )
        );
        assert_eq!(
            text(Format::OpenMetrics),
            format!(
                "# TYPE a_requests counter\n# HELP a_requests What \\\"x\\\" asks\n{samples}\
                 # TYPE a_seconds histogram\n# UNIT a_seconds seconds\n# HELP a_seconds Time\n{time}\
                 # TYPE a_build info\n# HELP a_build Build\na_build_info{{v=\"1\"}} 1\n# EOF\n"
            )
        );
        assert_eq!(
            Format::wanted("application/openmetrics-text;version=1.0.0,text/plain"),
            Format::OpenMetrics
        );
        assert_eq!(Format::wanted("*/*"), Format::Plain);
    }

    #[test]
    fn bounds() {
        assert_eq!([1.0, 0.1, 0.000_25, 1e-6 * 100.0].map(float), ["1.0", "0.1", "0.00025", "0.0001"]);
    }
}
