//! What the service tells of itself to who measures it.

use std::collections::BTreeMap;

use super::Service;
use crate::metrics::Page;
use crate::time::Now;

impl Service {
    /// How much waits of what has its turn here.
    pub fn depths(&self) -> [(&'static str, usize); 4] {
        [
            ("commands", self.commands.waiting()),
            ("passwords", self.passwords.waiting()),
            ("token reviews", self.callers.waiting()),
            ("events", self.events.waiting()),
        ]
    }

    /// Tells what nobody else knows.
    pub fn measure(&self, now: Now, page: &mut Page) {
        page.gauge("kubevirt_redfish_leader", "Whether this replica is the one that pushes events.")
            .count(&[], usize::from(self.election.is_ours()));

        // Of several namespaces the one that is worst off: their names are their owners' business.
        let mut ages = BTreeMap::new();
        let mut listed = BTreeMap::new();
        for (kind, sight) in self.sources.sights(now.mono) {
            let age = ages.entry(kind).or_insert(sight.age);
            *age = sight.age.max(*age);
            *listed.entry(kind).or_insert(true) &= sight.listed;
        }
        let mut family = page.gauge(
            "kubevirt_redfish_watch_age_seconds",
            "Time since the cluster last showed that what is known of a resource is current; the longest of all namespaces.",
        );
        for (kind, age) in ages {
            family.seconds(&[("resource", kind)], age);
        }
        let mut family = page.gauge(
            "kubevirt_redfish_watch_synced",
            "Whether a resource has been listed in every namespace that it is watched in.",
        );
        for (kind, listed) in listed {
            family.count(&[("resource", kind)], usize::from(listed));
        }
    }
}
