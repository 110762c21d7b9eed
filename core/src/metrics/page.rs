//! The text of a page: families of samples, each with its kind and what it means.

use std::fmt::Write as _;
use std::time::Duration;

use super::Histogram;

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The text format of Prometheus, version 0.0.4.
    Prometheus,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Format {
    /// The one that an `Accept` header asks for: `OpenMetrics` for who names it, and what everyone can read for all others.
    pub fn accepted(accept: Option<&str>) -> Self {
        let named = |part: &str| {
            let mut parts = part.split(';').map(str::trim);
            let is_named = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"));
            is_named && !parts.any(|parameter| matches!(parameter, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        };
        if accept.is_some_and(|accept| accept.split(',').any(named)) { Self::OpenMetrics } else { Self::Prometheus }
    }

    /// What is said of the page in `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A page that is being written. No family may be begun twice.
#[derive(Debug)]
pub struct Page {
    format: Format,
    text: String,
}

/// A family of samples of one name.
#[derive(Debug)]
pub(crate) struct Family<'a> {
    page: &'a mut Page,
    name: &'static str,
    suffix: &'static str,
}

impl Page {
    /// An empty page.
    pub fn new(format: Format) -> Self {
        Self { format, text: String::with_capacity(16 * 1024) }
    }

    /// The whole text.
    pub fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    /// Something that only rises; its name without `_total`.
    pub(crate) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        let shown = if self.format == Format::OpenMetrics { "" } else { "_total" };
        self.family(name, shown, "_total", "counter", help)
    }

    /// Something that rises and falls.
    pub(crate) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "", "", "gauge", help)
    }

    /// How long things took.
    pub(crate) fn histogram(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "", "", "histogram", help)
    }

    fn family(&mut self, name: &'static str, shown: &str, suffix: &'static str, kind: &str, help: &str) -> Family<'_> {
        // Writing to a text does not fail.
        let _ = writeln!(self.text, "# HELP {name}{shown} {help}\n# TYPE {name}{shown} {kind}");
        Family { page: self, name, suffix }
    }
}

impl Family<'_> {
    /// A number.
    pub(crate) fn sample(&mut self, labels: &[(&str, &str)], value: u64) {
        self.begin(self.suffix, labels, None);
        let _ = writeln!(self.page.text, " {value}");
    }

    /// A count of things that there are.
    pub(crate) fn count(&mut self, labels: &[(&str, &str)], value: usize) {
        self.sample(labels, u64::try_from(value).unwrap_or(u64::MAX));
    }

    /// A duration or a point in time, in seconds.
    pub(crate) fn seconds(&mut self, labels: &[(&str, &str)], value: Duration) {
        self.begin(self.suffix, labels, None);
        let _ = writeln!(self.page.text, " {}", in_seconds(value));
    }

    /// Durations, by how long they were.
    pub(crate) fn buckets(&mut self, labels: &[(&str, &str)], histogram: &Histogram) {
        for (bound, count) in histogram.cumulated() {
            self.begin("_bucket", labels, Some(bound));
            let _ = writeln!(self.page.text, " {count}");
        }
        self.begin("_sum", labels, None);
        let _ = writeln!(self.page.text, " {}", in_seconds(histogram.sum()));
        self.begin("_count", labels, None);
        let _ = writeln!(self.page.text, " {}", histogram.count());
    }

    fn begin(&mut self, suffix: &str, labels: &[(&str, &str)], bound: Option<&str>) {
        let text = &mut self.page.text;
        text.push_str(self.name);
        text.push_str(suffix);
        let mut separator = '{';
        for (name, value) in labels.iter().copied().chain(bound.map(|bound| ("le", bound))) {
            text.push(separator);
            text.push_str(name);
            text.push_str("=\"");
            escape(text, value);
            text.push('"');
            separator = ',';
        }
        if separator == ',' {
            text.push('}');
        }
    }
}

fn escape(text: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}

fn in_seconds(value: Duration) -> String {
    let (seconds, nanoseconds) = (value.as_secs(), value.subsec_nanos());
    if nanoseconds == 0 {
        return seconds.to_string();
    }
    let digits = format!("{nanoseconds:09}");
    format!("{seconds}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(format: Format) -> String {
        let mut page = Page::new(format);
        let mut family = page.counter("kubevirt_redfish_things", "Things that came.");
        family.sample(&[], 3);
        family.sample(&[("a", "x"), ("b", "q\"\\\n")], 4);
        page.gauge("kubevirt_redfish_age_seconds", "An age.").seconds(&[], Duration::from_millis(1_250));
        let histogram = Histogram::default();
        histogram.add(Duration::from_micros(700));
        histogram.add(Duration::from_mins(1));
        page.histogram("kubevirt_redfish_took_seconds", "How long.").buckets(&[("v", "get")], &histogram);
        page.finish()
    }

    #[test]
    fn a_page_is_written_as_either_format_has_it() {
        let text = page(Format::Prometheus);
        for line in [
            "# HELP kubevirt_redfish_things_total Things that came.",
            "# TYPE kubevirt_redfish_things_total counter",
            "kubevirt_redfish_things_total 3",
            "kubevirt_redfish_things_total{a=\"x\",b=\"q\\\"\\\\\\n\"} 4",
            "kubevirt_redfish_age_seconds 1.25",
            "kubevirt_redfish_took_seconds_bucket{v=\"get\",le=\"0.0005\"} 0",
            "kubevirt_redfish_took_seconds_bucket{v=\"get\",le=\"0.001\"} 1",
            "kubevirt_redfish_took_seconds_bucket{v=\"get\",le=\"30.0\"} 1",
            "kubevirt_redfish_took_seconds_bucket{v=\"get\",le=\"+Inf\"} 2",
            "kubevirt_redfish_took_seconds_sum{v=\"get\"} 60.0007",
            "kubevirt_redfish_took_seconds_count{v=\"get\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        assert!(!text.contains("EOF"));
        let text = page(Format::OpenMetrics);
        assert!(text.contains("# TYPE kubevirt_redfish_things counter\nkubevirt_redfish_things_total 3\n"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn open_metrics_is_for_who_names_it() {
        for (accept, format) in [
            (None, Format::Prometheus),
            (Some("*/*"), Format::Prometheus),
            (Some("text/plain;version=0.0.4;q=0.5,*/*;q=0.1"), Format::Prometheus),
            (Some("application/openmetrics-text;version=1.0.0;q=0"), Format::Prometheus),
            (Some("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.2"), Format::OpenMetrics),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept:?}");
        }
    }
}
