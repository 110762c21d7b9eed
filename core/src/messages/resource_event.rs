//! The `ResourceEvent` registry: what becomes of resources, in our own words.
//!
//! Keys, arguments and severities are those of DMTF's `ResourceEvent.1.4`.

use super::{Definition, Severity};

/// The registry and its version, as message ids begin.
const REGISTRY: &str = "ResourceEvent.1.4";

/// Nothing has to be done about what merely happened.
const NOTHING: &str = "None.";

const fn notice(key: &'static str, text: &'static str) -> Definition {
    Definition { registry: REGISTRY, key, text, severity: Severity::Ok, resolution: NOTHING }
}

pub(crate) const CREATED: Definition = notice("ResourceCreated", "The resource now exists.");

pub(crate) const REMOVED: Definition = notice("ResourceRemoved", "The resource no longer exists.");

pub(crate) const CHANGED: Definition = notice("ResourceChanged", "Properties of the resource have new values.");

pub(crate) const POWERED_ON: Definition = notice("ResourcePoweredOn", "The resource '%1' is on.");

pub(crate) const POWERING_ON: Definition = notice("ResourcePoweringOn", "The resource '%1' is being turned on.");

pub(crate) const POWERED_OFF: Definition = notice("ResourcePoweredOff", "The resource '%1' is off.");

pub(crate) const POWERING_OFF: Definition = notice("ResourcePoweringOff", "The resource '%1' is being turned off.");

pub(crate) const PAUSED: Definition = notice("ResourcePaused", "The resource '%1' is paused.");

pub(crate) const STATE_CHANGED: Definition =
    notice("ResourceStateChanged", "The state of the resource '%1' is now '%2'.");

pub(crate) const STATUS_OK: Definition =
    notice("ResourceStatusChangedOK", "The health of the resource '%1' is now '%2'.");

pub(crate) const STATUS_WARNING: Definition = Definition {
    registry: REGISTRY,
    key: "ResourceStatusChangedWarning",
    text: "The health of the resource '%1' is now '%2': it needs attention.",
    severity: Severity::Warning,
    resolution: "Read the status of the resource for what is wrong with it.",
};

pub(crate) const STATUS_CRITICAL: Definition = Definition {
    registry: REGISTRY,
    key: "ResourceStatusChangedCritical",
    text: "The health of the resource '%1' is now '%2': it does not work.",
    severity: Severity::Critical,
    resolution: "Read the status of the resource for what is wrong with it.",
};

pub(crate) const TEST_MESSAGE: Definition = notice("TestMessage", "This is a test of event delivery.");

/// Every entry.
#[cfg(test)]
pub(crate) const ALL: &[Definition] = &[
    CREATED,
    REMOVED,
    CHANGED,
    POWERED_ON,
    POWERING_ON,
    POWERED_OFF,
    POWERING_OFF,
    PAUSED,
    STATE_CHANGED,
    STATUS_OK,
    STATUS_WARNING,
    STATUS_CRITICAL,
    TEST_MESSAGE,
];
