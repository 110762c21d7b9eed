//! `events`: how events are pushed to subscribers.

use std::time::Duration;

use kubevirt_redfish_core::AddressPolicy;
use kubevirt_redfish_core::config::EventConfig;

use super::super::file::Events;
use super::{Check, describe, value};

impl Check<'_> {
    pub(super) fn events(&mut self, events: &Events) -> EventConfig {
        let usual = EventConfig::default();
        let flags = AddressPolicy {
            private: events.allow_private.unwrap_or(usual.policy.private),
            loopback: events.allow_loopback.unwrap_or(usual.policy.loopback),
            link_local: events.allow_link_local.as_ref().map_or(usual.policy.link_local, |allow| allow.value),
            ..usual.policy
        };
        let policy = self.hosts("events", &flags, &events.allowed_hosts, events.only_allowed_hosts.as_ref());
        if let Some(allow) = events.allow_link_local.as_ref().filter(|allow| allow.value) {
            let message = "true: whoever may subscribe can have requests sent to what answers there, such as a cloud \
                           provider's metadata service";
            self.warn(allow.referenced, "events.allow_link_local", message);
        }
        let retry_attempts = events.retry_attempts.as_ref().map_or(usual.retry_attempts, |attempts| {
            u32::try_from(attempts.value).ok().filter(|attempts| *attempts <= 100).unwrap_or_else(|| {
                let message = format!("{} is out of range; expected 0 to 100", attempts.value);
                self.refuse(attempts.referenced, "events.retry_attempts", message);
                0
            })
        });
        let retry_interval = events.retry_interval.as_ref().map_or(usual.retry_interval, |interval| {
            value::duration(&interval.value).filter(|interval| INTERVALS.contains(interval)).unwrap_or_else(|| {
                let message = describe(&interval.value, "expected a duration from 1s to 1h, such as 30s");
                self.refuse(interval.referenced, "events.retry_interval", message);
                Duration::ZERO
            })
        });
        EventConfig { policy, retry_attempts, retry_interval }
    }
}

/// Whole seconds are what clients are shown; after an hour there is little left to tell.
const INTERVALS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);
