//! A line as JSON: when, how bad, what, of which request, and everything else in `fields`. Deployments of earlier versions have
//! filters for this form.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use kubevirt_redfish_core::time::UnixTime;

/// Writes such lines.
#[derive(Debug)]
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let mut found = Found::default();
        event.record(&mut found);
        let Found { message, mut fields } = found;
        // Who asks for other crates' lines wants to know whose they are.
        if !metadata.target().starts_with("kubevirt_redfish") {
            fields.insert("target", metadata.target().into());
        }
        writer.write_str(&line(&now(), metadata.level().as_str(), &message, &fields))
    }
}

/// A line.
pub(super) fn line(timestamp: &str, level: &str, message: &str, fields: &BTreeMap<&str, Value>) -> String {
    let id = fields.get("correlation_id").map(|id| format!(",\"correlation_id\":{id}")).unwrap_or_default();
    let (message, fields) = (json!(message), json!(fields));
    format!("{{\"timestamp\":\"{timestamp}\",\"level\":\"{level}\",\"message\":{message}{id},\"fields\":{fields}}}\n")
}

/// The time, to the millisecond.
pub(super) fn now() -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = UnixTime(i64::try_from(now.as_secs()).unwrap_or_default()).to_string();
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), now.subsec_millis())
}

#[derive(Default)]
struct Found {
    message: String,
    fields: BTreeMap<&'static str, Value>,
}

impl Found {
    fn put(&mut self, field: &Field, value: Value) {
        self.fields.insert(field.name(), value);
    }
}

impl Visit for Found {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.put(field, value.into());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}
