//! What a view tells of: systems, tasks, imports, sessions, subscriptions.

use std::collections::BTreeMap;

use super::Page;
use crate::event::{Kind, Standing};
use crate::model::{ImportState, PowerState};
use crate::task::{End, Progress};
use crate::time::Now;
use crate::view::View;

impl View {
    /// Tells how many there are of what is shown. Takes as long as there are systems: not for where others wait.
    pub fn measure(&self, now: Now, page: &mut Page) {
        page.gauge("kubevirt_redfish_ready", "Whether all has been seen of the cluster that will be for now.")
            .count(&[], usize::from(self.is_ready()));

        let mut systems: BTreeMap<&str, usize> = POWER_STATES.iter().map(|(_, name)| (*name, 0)).collect();
        let mut imports = BTreeMap::new();
        for vm in self.systems.values() {
            let state = vm.power_state();
            if let Some((_, name)) = POWER_STATES.iter().find(|(other, _)| *other == state) {
                *systems.entry(name).or_default() += 1;
            }
            imports.extend(vm.imports.iter().map(|import| (&import.id, &import.state)));
        }
        let mut family = page.gauge("kubevirt_redfish_systems", "Systems, by power state.");
        for (name, count) in systems {
            family.count(&[("power_state", name)], count);
        }

        let mut by_state = ["pending", "running", "succeeded", "failed"].map(|name| (name, 0));
        for state in imports.into_values() {
            let [pending, running, succeeded, failed] = &mut by_state;
            let (_, count) = match state {
                ImportState::Pending => pending,
                ImportState::Running { .. } => running,
                ImportState::Succeeded => succeeded,
                ImportState::Failed { .. } => failed,
            };
            *count += 1;
        }
        let mut family = page.gauge("kubevirt_redfish_imports", "Imports of images that media wait for, by state.");
        for (name, count) in by_state {
            family.count(&[("state", name)], count);
        }

        let mut by_state = ["pending", "running", "cancelling", "ended"].map(|name| (name, 0));
        for task in self.tasks.values() {
            let [pending, running, cancelling, ended] = &mut by_state;
            let (_, count) = match task.progress() {
                Progress::Pending => pending,
                // The cluster goes on trying an import that fails.
                Progress::Running(_) | Progress::Ended(End::ImportFailed(_)) => running,
                Progress::Cancelling => cancelling,
                Progress::Ended(_) => ended,
            };
            *count += 1;
        }
        let mut family = page.gauge("kubevirt_redfish_tasks", "Tasks, by state.");
        for (name, count) in by_state {
            family.count(&[("state", name)], count);
        }

        let open = self.sessions.iter().filter(|session| !self.sessions.has_ended(session, now)).count();
        page.gauge("kubevirt_redfish_sessions", "Sessions that are open.").count(&[], open);

        let mut by_kind = [("push", "enabled"), ("push", "failing"), ("push", "suspended"), ("stream", "enabled")]
            .map(|labels| (labels, 0));
        for subscribed in self.subscriptions.values() {
            let [enabled, failing, suspended, streams] = &mut by_kind;
            let (_, count) = match (&subscribed.subscription.kind, subscribed.standing) {
                (Kind::Stream { .. }, _) => streams,
                (Kind::Push { .. }, Standing::Enabled) => enabled,
                (Kind::Push { .. }, Standing::Failing) => failing,
                (Kind::Push { .. }, Standing::Suspended) => suspended,
            };
            *count += 1;
        }
        let mut family = page.gauge("kubevirt_redfish_subscriptions", "Subscriptions to events, by kind and state.");
        for ((kind, state), count) in by_kind {
            family.count(&[("kind", kind), ("state", state)], count);
        }
    }
}

/// What the states are called.
const POWER_STATES: [(PowerState, &str); 5] = [
    (PowerState::On, "On"),
    (PowerState::Off, "Off"),
    (PowerState::PoweringOn, "PoweringOn"),
    (PowerState::PoweringOff, "PoweringOff"),
    (PowerState::Paused, "Paused"),
];
