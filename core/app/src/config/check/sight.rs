//! How long what is known of the cluster counts, and how often replicas say that they live.

use std::time::Duration;

use kubevirt_redfish_core::config::Config;
use serde_saphyr::Spanned;

use super::{Check, describe, value};

impl Check<'_> {
    /// After how long it is not said any more whether a machine is on.
    pub(super) fn stale_after(&mut self, text: Option<&Spanned<String>>) -> Duration {
        let expected = "expected a duration from 15s to 1h, such as 2m";
        self.within(text, "stale_after", &AGES, expected).unwrap_or_else(|| Config::default().stale_after)
    }

    /// How often the lease is renewed.
    pub(super) fn lease_renew_interval(&mut self, text: Option<&Spanned<String>>) -> Duration {
        let expected = "expected a duration from 1s to 1m, such as 5s";
        self.within(text, "kubevirt.lease_renew_interval", &RENEWALS, expected)
            .unwrap_or_else(|| Config::default().lease_renew_interval)
    }

    fn within(
        &mut self,
        text: Option<&Spanned<String>>,
        key: &str,
        range: &std::ops::RangeInclusive<Duration>,
        expected: &str,
    ) -> Option<Duration> {
        let text = text.filter(|text| !text.value.is_empty())?;
        let duration = value::duration(&text.value).filter(|duration| range.contains(duration));
        if duration.is_none() {
            self.refuse(text.referenced, key, describe(&text.value, expected));
        }
        duration
    }
}

/// Less could not be told from a cluster that is slow; who fences a machine should not believe what is older.
const AGES: std::ops::RangeInclusive<Duration> = Duration::from_secs(15)..=Duration::from_hours(1);

/// More often is a burden, and after three times the interval another replica takes over.
const RENEWALS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(1);
