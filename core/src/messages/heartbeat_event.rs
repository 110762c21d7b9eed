//! The `HeartbeatEvent` registry: its one entry, in our own words. Key and severity are those of DMTF's
//! `HeartbeatEvent.1.1`.

use super::{Definition, Severity};

pub(crate) const FUNCTIONAL: Definition = Definition {
    registry: "HeartbeatEvent.1.1",
    key: "RedfishServiceFunctional",
    text: "The service is up and delivers events.",
    severity: Severity::Ok,
    resolution: "None.",
};

/// Every entry.
#[cfg(test)]
pub(crate) const ALL: &[Definition] = &[FUNCTIONAL];
