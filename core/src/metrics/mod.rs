//! What can be measured of the service, and how it is told: a page in the text format of Prometheus or of `OpenMetrics`.
//!
//! What happens on the way of a request is counted in atomics that nobody waits for ([`Measured`]); everything else is
//! counted or looked up where it is known, when somebody asks. Labels have values of a fixed few: no name of a machine,
//! a namespace, a user or a client is in any.

mod histogram;
mod page;
mod process;
mod requests;
mod shown;

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::{Method, StatusCode};

pub use histogram::Histogram;
pub use page::{Format, Page};
pub use process::{Process, Reloads};
pub use requests::Requests;

use crate::time::UnixTime;

/// What is counted by whoever it happens to.
#[derive(Debug, Default)]
pub struct Measured {
    /// Requests of clients.
    pub requests: Requests,
    /// How often the configuration was read again.
    pub reloads: Reloads,
    /// When the certificate ends that clients are shown, in seconds since 1970; 0 without one.
    certificate_ends: AtomicI64,
}

impl Measured {
    /// Clients are shown a certificate from now on that ends then.
    pub fn set_certificate_end(&self, ends: Option<UnixTime>) {
        self.certificate_ends.store(ends.map_or(0, |ends| ends.0), Ordering::Relaxed);
    }

    /// Tells what has been counted.
    pub fn write(&self, page: &mut Page) {
        self.requests.write(page);
        self.reloads.write(page);
        let mut family = page.gauge(
            "kubevirt_redfish_certificate_expiry_timestamp_seconds",
            "When the certificate ends that clients are shown, in seconds since 1970.",
        );
        if let Ok(ends @ 1..) = u64::try_from(self.certificate_ends.load(Ordering::Relaxed)) {
            family.sample(&[], ends);
        }
    }
}

/// How long the engine is waited for that has to tell its part. One that takes longer is not well.
pub const ANSWER_TIME: Duration = Duration::from_secs(5);

/// What is asked of the listener that metrics are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The page.
    Metrics,
    /// Whether the service goes on: whether its engine answers.
    Alive,
    /// Whether clients should be sent to it.
    Ready,
    /// Something that is refused with this status.
    Refused(StatusCode),
}

impl Question {
    /// Reads what a request asks.
    pub fn of(method: &Method, path: &str) -> Self {
        let question = match path {
            "/metrics" => Self::Metrics,
            "/livez" | "/healthz" => Self::Alive,
            "/readyz" => Self::Ready,
            _ => return Self::Refused(StatusCode::NOT_FOUND),
        };
        if matches!(*method, Method::GET | Method::HEAD) {
            question
        } else {
            Self::Refused(StatusCode::METHOD_NOT_ALLOWED)
        }
    }
}
