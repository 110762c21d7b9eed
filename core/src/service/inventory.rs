//! What is known of the cluster, joined into the view that reads are answered from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::FixedState;
use rpds::{HashTrieMapSync, RedBlackTreeMapSync};

use super::recently_deleted::RecentlyDeleted;
use super::{EXPECT_FOR, MAX_REMEMBERED};
use crate::auth::{
    AccountsContent, Authenticator, CredentialKey, Directory, Remembered, Reviewed, Sessions, SessionsContent, TokenKey,
};
use crate::changes::Before;
use crate::config::{Chassis, Config, IdConvention};
use crate::coverage::Coverage;
use crate::event::{Subscribed, SubscriptionId};
use crate::intent::TaskId;
use crate::membership::Membership;
use crate::model::{
    Import, ImportId, Instance, Machine, Next, Observation, Phase, Platform, PowerState, Version, VmId,
};
use crate::rendered::Rendered;
use crate::task::Task;
use crate::time::{Instant, Now};
use crate::view::{View, Vm};

/// What is known of the cluster.
#[derive(Debug)]
pub(super) struct Inventory {
    view: View,
    changed: bool,
    /// Runs of machines that are not shown, or not known yet: the two are listed independently.
    unmatched: BTreeMap<VmId, Arc<Instance>>,
    imports: BTreeMap<ImportId, Arc<Import>>,
    imports_by_machine: BTreeMap<VmId, BTreeSet<ImportId>>,
    /// What went: a command that was under way may still report a reading from before.
    gone_machines: RecentlyDeleted<VmId>,
    gone_instances: RecentlyDeleted<VmId>,
    gone_imports: RecentlyDeleted<ImportId>,
    /// Until when a power state that was asked for is shown.
    expected_until: BTreeMap<VmId, Instant>,
    /// That of the record that was made last.
    last_revision: u64,
    /// Machines that may be turned on at any time by what has been asked for.
    coming: BTreeSet<VmId>,
    /// How machines were shown that have changed since this was last taken; `None` if they were not.
    touched: BTreeMap<VmId, Option<Before>>,
}

impl Inventory {
    pub(super) fn new(config: Config, key: [u8; 32], now: Now) -> Self {
        let directory = Directory::new(&config, &AccountsContent::default());
        let coverage = Coverage::nothing(config.chassis.len());
        let view = View {
            rendered: Rendered::new(config.render_cache),
            authenticator: Arc::new(Authenticator::new(&directory, key)),
            directory: Arc::new(directory),
            service_uuid: None,
            network: Arc::default(),
            clock_correction: 0,
            sessions: Sessions::of(&SessionsContent::default(), &Sessions::default(), now),
            accounts_known: true,
            throttled: RedBlackTreeMapSync::new_sync(),
            locked: RedBlackTreeMapSync::new_sync(),
            config: Arc::new(config),
            remembered: RedBlackTreeMapSync::new_sync(),
            reviewed: RedBlackTreeMapSync::new_sync(),
            // A fixed seed: names come from the cluster's owners, not from whoever sends requests.
            systems: HashTrieMapSync::new_with_hasher_and_ptr_kind(FixedState::default()),
            membership: Membership::new(),
            by_name: RedBlackTreeMapSync::new_sync(),
            tasks: RedBlackTreeMapSync::new_sync(),
            platform: Arc::new(Platform::default()),
            importer: true,
            subscriptions: RedBlackTreeMapSync::new_sync(),
            ready: false,
            coverage,
        };
        Self {
            view,
            changed: true,
            unmatched: BTreeMap::new(),
            imports: BTreeMap::new(),
            imports_by_machine: BTreeMap::new(),
            gone_machines: RecentlyDeleted::default(),
            gone_instances: RecentlyDeleted::default(),
            gone_imports: RecentlyDeleted::default(),
            expected_until: BTreeMap::new(),
            last_revision: 0,
            coming: BTreeSet::new(),
            touched: BTreeMap::new(),
        }
    }

    pub(super) fn view(&self) -> Arc<View> {
        Arc::new(self.view.clone())
    }

    /// The view, if it changed since it was last taken.
    pub(super) fn take_changed(&mut self) -> Option<Arc<View>> {
        std::mem::take(&mut self.changed).then(|| self.view())
    }

    /// Lets representations go that nobody reads any more.
    pub(super) fn renew_rendered(&mut self) {
        if let Some(renewed) = self.view.rendered.renewed() {
            self.view.rendered = renewed;
            self.changed = true;
        }
    }

    /// The view as it is now.
    pub(super) fn current(&self) -> &View {
        &self.view
    }

    /// The chassis that an account sees, by its `uid`; `None` if there is no such account, or none that may log in.
    pub(super) fn grants(&self, account: &str) -> Option<&[u16]> {
        self.view.directory.by_uid(account).filter(|account| account.enabled).map(|account| &*account.chassis)
    }

    /// Shows a subscription, or shows it no more.
    pub(super) fn show_subscription(&mut self, id: &SubscriptionId, shown: Option<Arc<Subscribed>>) {
        match shown {
            Some(shown) => self.view.subscriptions.insert_mut(id.clone(), shown),
            None => {
                self.view.subscriptions.remove_mut(id);
            }
        }
        self.changed = true;
    }

    /// How machines were shown that have changed since this was last asked.
    pub(super) fn take_touched(&mut self) -> BTreeMap<VmId, Option<Before>> {
        std::mem::take(&mut self.touched)
    }

    pub(super) fn system(&self, id: &VmId) -> Option<&Arc<Vm>> {
        self.view.systems.get(id)
    }

    /// An import, if the cluster has it.
    pub(super) fn import_of(&self, id: &ImportId) -> Option<&Arc<Import>> {
        self.imports.get(id)
    }

    /// Imports that were made for a machine and are in none of its drives.
    pub(super) fn orphans<'a>(&'a self, machine: &'a Machine) -> impl Iterator<Item = &'a Arc<Import>> {
        let imports = self.imports_by_machine.get(&machine.id).into_iter().flatten();
        let held = |id: &ImportId| machine.media.iter().any(|medium| medium.import.as_ref() == Some(id));
        imports.filter(move |id| !held(id)).filter_map(|id| self.imports.get(id)).filter(|import| !import.deleting)
    }

    pub(super) fn task(&self, id: &TaskId) -> Option<&Arc<Task>> {
        self.view.tasks.get(id)
    }

    pub(super) fn show_task(&mut self, task: Arc<Task>) {
        self.view.tasks.insert_mut(task.id.clone(), task);
        self.changed = true;
    }

    pub(super) fn hide_task(&mut self, id: &TaskId) {
        self.changed |= self.view.tasks.remove_mut(id);
    }

    pub(super) fn config(&self) -> &Config {
        &self.view.config
    }

    /// Says how much of the cluster is known, and whether that is all that will be for now.
    pub(super) fn set_coverage(&mut self, coverage: Coverage, ready: bool) {
        let ready = ready || self.view.ready;
        self.changed |= self.view.coverage != coverage || self.view.ready != ready;
        self.view.coverage = coverage;
        self.view.ready = ready;
    }

    /// Whether everything has been listed that there is in a namespace: before that, absence means nothing.
    pub(super) fn is_listed(&self, namespace: &str) -> bool {
        let chassis = (0..).zip(&self.view.config.chassis);
        let mut parts = chassis.filter(|(_, chassis)| chassis.namespace == namespace);
        parts.next().and_then(|(index, _)| self.view.coverage.of(index)).is_some_and(|part| part.listed)
    }

    /// The machines of chassis.
    pub(super) fn systems_in(&self, chassis: &BTreeSet<u16>) -> Vec<VmId> {
        let indices: Vec<u16> = chassis.iter().copied().collect();
        self.view.members_of(&indices).ids().cloned().collect()
    }

    /// Says whether the cluster can fetch images. What systems offer follows from it.
    pub(super) fn set_importer(&mut self, importer: bool) {
        if self.view.importer == importer {
            return;
        }
        self.view.importer = importer;
        self.changed = true;
        let mut shown: Vec<VmId> = self.view.systems.keys().cloned().collect();
        shown.sort();
        for id in shown {
            self.update(&id, |_| ());
        }
    }

    /// Takes in an observation; the machines whose records changed by it, of which there are several only if they share an
    /// import.
    pub(super) fn observe(&mut self, observation: Observation) -> Vec<VmId> {
        let changed = match observation {
            Observation::Machine(machine) => self.machine(machine),
            Observation::MachineGone(id, version) => self.machine_gone(&id, version),
            Observation::Instance(instance) => self.instance(instance),
            Observation::InstanceGone(id, version) => self.instance_gone(&id, version),
            Observation::Import(import) => return self.import(import),
            Observation::ImportGone(id, version) => return self.import_gone(&id, version),
            Observation::Platform(platform) => {
                let interrupt = self.view.platform.interrupt.clone();
                self.set_platform(Platform { interrupt, ..platform });
                None
            }
            Observation::Interrupt(interrupt) => {
                self.set_platform(Platform { interrupt, ..Platform::clone(&self.view.platform) });
                None
            }
            Observation::Document(_)
            | Observation::DocumentGone(..)
            | Observation::Caller(_)
            | Observation::Leadership(_)
            | Observation::Listed(_)
            | Observation::Synchronised(_)
            | Observation::Seen(_)
            | Observation::Unseen(_) => None,
        };
        changed.into_iter().collect()
    }

    fn set_platform(&mut self, platform: Platform) {
        if *self.view.platform == platform {
            return;
        }
        let offers_another = self.view.platform.interrupt.is_some() != platform.interrupt.is_some();
        self.view.platform = Arc::new(platform);
        self.changed = true;
        // What can be done with a machine is among what is shown of it.
        let shown: Vec<VmId> = if offers_another { self.view.systems.keys().cloned().collect() } else { Vec::new() };
        for id in &shown {
            self.update(id, |_| ());
        }
    }

    /// Shows a power state that was asked for until the cluster shows it, or for as long as it may take to.
    pub(super) fn expect(&mut self, id: &VmId, state: PowerState, now: Instant) -> Instant {
        let until = now + EXPECT_FOR;
        self.expected_until.insert(id.clone(), until);
        self.update(id, |vm| vm.expected = Some(state));
        until
    }

    /// Whether a machine may be turned on at any time by what has been asked for: it is not shown to be off then.
    pub(super) fn set_coming(&mut self, id: &VmId, coming: bool) {
        let changed = if coming { self.coming.insert(id.clone()) } else { self.coming.remove(id) };
        // Of one that is not off nothing else is shown.
        if changed && self.system(id).is_some_and(|vm| vm.seen_power() == PowerState::Off) {
            self.update(id, |_| ());
        }
    }

    /// Shows what is there, whatever was expected.
    pub(super) fn expect_nothing(&mut self, id: &VmId) {
        if self.expected_until.remove(id).is_some() {
            self.update(id, |vm| vm.expected = None);
        }
    }

    /// What was asked for has not shown up in time: show what is there.
    pub(super) fn forget_expected(&mut self, id: &VmId, now: Instant) {
        if self.expected_until.get(id).is_some_and(|until| *until <= now) {
            self.expected_until.remove(id);
            self.update(id, |vm| vm.expected = None);
        }
    }

    /// Takes note that the password of an account is right. One is remembered of each.
    pub(super) fn remember(&mut self, account: &Arc<str>, key: CredentialKey, now: Instant) {
        self.view.remembered.insert_mut(Arc::clone(account), Arc::new(Remembered::new(key, now)));
        self.changed = true;
    }

    /// Takes note of what the cluster said of a token. When there is no room, what counts for the shortest time goes.
    pub(super) fn show_reviewed(&mut self, key: TokenKey, result: Reviewed, now: Instant) {
        let reviewed = &mut self.view.reviewed;
        if reviewed.size() >= MAX_REMEMBERED {
            let expired: Vec<_> =
                reviewed.iter().filter(|(_, known)| known.until <= now).map(|(key, _)| *key).collect();
            for key in expired {
                reviewed.remove_mut(&key);
            }
        }
        if reviewed.size() >= MAX_REMEMBERED
            && let Some(first) = reviewed.iter().min_by_key(|(_, known)| known.until).map(|(key, _)| *key)
        {
            reviewed.remove_mut(&first);
        }
        reviewed.insert_mut(key, result);
        self.changed = true;
    }

    /// Shows other accounts. What was remembered of passwords stays valid for those whose hash is the same.
    pub(super) fn set_accounts(&mut self, content: &AccountsContent, key: [u8; 32]) {
        let directory = Directory::new(&self.view.config, content);
        self.view.authenticator = Arc::new(Authenticator::new(&directory, key));
        let gone: Vec<_> = self.view.remembered.keys().filter(|uid| directory.by_uid(uid).is_none()).cloned().collect();
        for uid in gone {
            self.view.remembered.remove_mut(&uid);
        }
        self.view.directory = Arc::new(directory);
        self.view.network = Arc::new(content.network.clone());
        // What was shown is shown on: should it have been removed by hand, it is stored again.
        if let Some(uuid) = &content.service_uuid {
            self.view.service_uuid = Some(uuid.as_str().into());
        }
        self.changed = true;
    }

    /// Shows another time as that of the clock.
    pub(super) fn set_clock_correction(&mut self, correction: i64) {
        self.changed |= self.view.clock_correction != correction;
        self.view.clock_correction = correction;
    }

    /// Shows other sessions.
    pub(super) fn set_sessions(&mut self, content: &SessionsContent, now: Now) {
        self.view.sessions = Sessions::of(content, &self.view.sessions, now);
        self.changed = true;
    }

    pub(super) fn sessions(&self) -> Sessions {
        self.view.sessions.clone()
    }

    /// What the service is called, if that is known.
    pub(super) fn service_uuid(&self) -> Option<&Arc<str>> {
        self.view.service_uuid.as_ref()
    }

    /// Whether it is known which accounts and sessions are stored.
    pub(super) fn is_accounts_known(&self) -> bool {
        self.view.accounts_known
    }

    /// Whether accounts and sessions that are stored have been read.
    pub(super) fn set_accounts_known(&mut self, known: bool) {
        self.changed |= self.view.accounts_known != known;
        self.view.accounts_known = known;
    }

    /// Shows which accounts are locked besides those of which that is stored, and until when.
    pub(super) fn set_locked(&mut self, locked: impl Iterator<Item = (Arc<str>, Instant)>) {
        let locked: RedBlackTreeMapSync<_, _> = locked.collect();
        if locked != self.view.locked {
            self.view.locked = locked;
            self.changed = true;
        }
    }

    /// Takes no more passwords from a client until then, but for those that were right before.
    pub(super) fn throttle(&mut self, client: IpAddr, until: Instant, now: Instant) {
        let throttled = &mut self.view.throttled;
        let over: Vec<_> = throttled.iter().filter(|(_, until)| **until <= now).map(|(client, _)| *client).collect();
        for client in over {
            throttled.remove_mut(&client);
        }
        if throttled.size() < MAX_THROTTLED {
            throttled.insert_mut(client, until);
        }
        self.changed = true;
    }

    /// Takes a new configuration: every machine is sorted into its chassis anew.
    ///
    /// Machines that were in no chassis before are not known here; whoever watches the cluster lists them anew.
    pub(super) fn configure(&mut self, config: Config) {
        let shown: Vec<VmId> = self.view.systems.keys().cloned().collect();
        for id in &shown {
            self.touch(id);
        }
        self.view.membership = Membership::new();
        if self.view.config.render_cache != config.render_cache {
            self.view.rendered = Rendered::new(config.render_cache);
        }
        self.view.config = Arc::new(config);
        self.view.reviewed = RedBlackTreeMapSync::new_sync();
        let systems = std::mem::replace(
            &mut self.view.systems,
            HashTrieMapSync::new_with_hasher_and_ptr_kind(FixedState::default()),
        );
        self.view.by_name = RedBlackTreeMapSync::new_sync();
        // What the old configuration hid, the new one may show.
        self.gone_machines = RecentlyDeleted::default();
        let mut all: Vec<_> = systems.values().cloned().collect();
        all.sort_by(|one, other| one.machine.id.cmp(&other.machine.id));
        for vm in all {
            if let Some(instance) = &vm.instance {
                self.unmatched.insert(vm.machine.id.clone(), Arc::clone(instance));
            }
            self.machine(Arc::clone(&vm.machine));
        }
        self.changed = true;
    }

    fn machine(&mut self, machine: Arc<Machine>) -> Option<VmId> {
        let id = machine.id.clone();
        let known = self.view.systems.get(&id).cloned();
        if known.as_ref().is_some_and(|known| is_older(machine.version, known.machine.version))
            || self.gone_machines.covers(&id, machine.version)
        {
            return None;
        }
        let chassis = chassis_of(&self.view.config.chassis, &machine);
        if chassis.is_empty() {
            return self.hide(&id, machine.version);
        }
        if known.as_ref().is_some_and(|known| known.machine == machine && known.chassis == chassis) {
            return None;
        }
        let same = known.filter(|known| known.machine.uid == machine.uid);
        let instance = match &same {
            Some(known) => known.instance.clone(),
            None => self.unmatched.remove(&id).or_else(|| self.system(&id).and_then(|vm| vm.instance.clone())),
        };
        let vm = Vm {
            imports: self.imports_of(&machine),
            instance,
            expected: same.as_ref().and_then(|known| known.expected),
            settled: same.as_ref().is_some_and(|known| known.settled)
                && self.gone_instances.covers(&id, machine.version),
            coming: false,
            chassis,
            revision: 0,
            machine,
        };
        self.show(vm);
        Some(id)
    }

    fn machine_gone(&mut self, id: &VmId, version: Version) -> Option<VmId> {
        let known = self.view.systems.get(id)?;
        if is_older(version, known.machine.version) {
            return None;
        }
        self.hide(id, version)
    }

    fn instance(&mut self, instance: Arc<Instance>) -> Option<VmId> {
        let id = instance.id.clone();
        if self.gone_instances.covers(&id, instance.version) {
            return None;
        }
        let Some(vm) = self.view.systems.get(&id) else {
            if self.unmatched.get(&id).is_none_or(|known| !is_older(instance.version, known.version)) {
                self.unmatched.insert(id, instance);
            }
            return None;
        };
        let instance = vm.instance.as_deref().map_or_else(|| Arc::clone(&instance), |known| as_heard(known, &instance));
        if let Some(known) = &vm.instance
            && (is_older(instance.version, known.version) || *known == instance)
        {
            return None;
        }
        let moved = vm.instance.as_ref().is_none_or(|known| {
            (&known.uid, known.phase, known.stopping, known.paused)
                != (&instance.uid, instance.phase, instance.stopping, instance.paused)
        });
        if moved {
            self.expected_until.remove(&id);
        }
        self.update(&id, |vm| {
            vm.instance = Some(instance);
            vm.settled = false;
            if moved {
                vm.expected = None;
            }
        });
        Some(id)
    }

    fn instance_gone(&mut self, id: &VmId, version: Version) -> Option<VmId> {
        if let Some(known) = self.unmatched.get(id).filter(|known| !is_older(version, known.version)) {
            self.gone_instances.bury(id, version, known.version);
            self.unmatched.remove(id);
        }
        let known = self.view.systems.get(id)?.instance.as_ref()?;
        if is_older(version, known.version) {
            return None;
        }
        self.gone_instances.bury(id, version, known.version);
        self.expected_until.remove(id);
        self.update(id, |vm| {
            let ended = vm.instance.take().filter(|instance| !instance.unheard);
            let next = ended.and_then(|instance| vm.machine.outlook.next(Some(&instance)));
            vm.settled = next == Some(Next::Nothing);
            vm.expected = None;
        });
        Some(id.clone())
    }

    fn import(&mut self, import: Arc<Import>) -> Vec<VmId> {
        let known = self.imports.get(&import.id);
        if known.is_some_and(|known| is_older(import.version, known.version) || **known == *import)
            || self.gone_imports.covers(&import.id, import.version)
        {
            return Vec::new();
        }
        let before = known.cloned();
        let mut machines: BTreeSet<VmId> = before.iter().flat_map(|before| before.machines.iter()).cloned().collect();
        for former in machines.iter().filter(|machine| !import.machines.contains(machine)) {
            unlink(&mut self.imports_by_machine, &import.id, former);
        }
        for machine in &import.machines {
            self.imports_by_machine.entry(machine.clone()).or_default().insert(import.id.clone());
            machines.insert(machine.clone());
        }
        self.imports.insert(import.id.clone(), import);
        self.refresh_imports(machines)
    }

    fn import_gone(&mut self, id: &ImportId, version: Version) -> Vec<VmId> {
        let Some(known) = self.imports.get(id).filter(|known| !is_older(version, known.version)) else {
            return Vec::new();
        };
        let machines: BTreeSet<VmId> = known.machines.iter().cloned().collect();
        self.gone_imports.bury(id, version, known.version);
        self.imports.remove(id);
        for machine in &machines {
            unlink(&mut self.imports_by_machine, id, machine);
        }
        self.refresh_imports(machines)
    }

    fn refresh_imports(&mut self, mut machines: BTreeSet<VmId>) -> Vec<VmId> {
        machines.retain(|id| self.view.systems.contains_key(id));
        for id in &machines {
            if let Some(vm) = self.view.systems.get(id) {
                let imports = self.imports_of(&vm.machine);
                self.update(id, |vm| vm.imports = imports);
            }
        }
        machines.into_iter().collect()
    }

    fn imports_of(&self, machine: &Machine) -> Box<[Arc<Import>]> {
        machine.media.iter().filter_map(|medium| self.imports.get(medium.import.as_ref()?)).cloned().collect()
    }

    /// Changes the record of a machine that is shown.
    fn update(&mut self, id: &VmId, change: impl FnOnce(&mut Vm)) {
        let Some(known) = self.view.systems.get(id) else { return };
        let mut vm = Vm {
            machine: Arc::clone(&known.machine),
            instance: known.instance.clone(),
            imports: known.imports.clone(),
            expected: known.expected,
            settled: known.settled,
            coming: known.coming,
            chassis: known.chassis.clone(),
            revision: 0,
        };
        change(&mut vm);
        self.replace(vm);
    }

    /// Remembers how a machine is shown, before that changes. What is listed for the first time is no news.
    fn touch(&mut self, id: &VmId) {
        if self.is_listed(id.namespace()) && !self.touched.contains_key(id) {
            let vm = self.view.systems.get(id).cloned();
            let before = vm.map(|vm| Before { name: self.view.shown_name(id).into(), vm });
            self.touched.insert(id.clone(), before);
        }
    }

    fn replace(&mut self, mut vm: Vm) {
        self.touch(&vm.machine.id);
        self.last_revision += 1;
        vm.revision = self.last_revision;
        vm.coming = self.coming.contains(&vm.machine.id);
        self.view.systems.insert_mut(vm.machine.id.clone(), Arc::new(vm));
        self.changed = true;
    }

    /// Enters a machine under its name and into its chassis.
    fn show(&mut self, vm: Vm) {
        let id = vm.machine.id.clone();
        let (before, is_new) = match self.view.systems.get(&id) {
            Some(known) => (known.chassis.clone(), false),
            None => (Box::default(), true),
        };
        let after = vm.chassis.clone();
        self.replace(vm);
        if before != after {
            self.view.membership.relocate(&id, &before, &after);
        }
        if is_new {
            self.name(&id);
        }
    }

    /// Takes a machine out of what is shown; its run stays known, in case that it is shown again.
    fn hide(&mut self, id: &VmId, version: Version) -> Option<VmId> {
        let known = self.view.systems.get(id).cloned()?;
        self.gone_machines.bury(id, version, known.machine.version);
        if let Some(instance) = &known.instance {
            self.unmatched.insert(id.clone(), Arc::clone(instance));
        }
        self.expected_until.remove(id);
        self.touch(id);
        self.view.systems.remove_mut(id);
        self.view.membership.relocate(id, &known.chassis, &[]);
        self.unname(id);
        self.changed = true;
        Some(id.clone())
    }

    fn name(&mut self, id: &VmId) {
        let mut ids = self.namesakes(id);
        ids.push(id.clone());
        ids.sort();
        self.view.by_name.insert_mut(id.name().into(), ids.into());
        self.rename(id);
    }

    fn unname(&mut self, id: &VmId) {
        let ids = self.namesakes(id);
        if ids.is_empty() {
            self.view.by_name.remove_mut(id.name());
        } else {
            self.view.by_name.insert_mut(id.name().into(), ids.into());
        }
        self.rename(id);
    }

    /// The other machines with the same name.
    fn namesakes(&self, id: &VmId) -> Vec<VmId> {
        let ids = self.view.by_name.get(id.name());
        ids.into_iter().flat_map(|ids| ids.iter()).filter(|other| *other != id).cloned().collect()
    }

    /// Under the legacy convention one machine's name decides how others of the same name are shown.
    fn rename(&mut self, id: &VmId) {
        if self.view.config.id_convention == IdConvention::Legacy {
            let misled = self.view.by_name.get(id.as_str()).map_or_else(Vec::new, |ids| ids.to_vec());
            for other in self.namesakes(id).iter().chain(&misled) {
                self.update(other, |_| ());
            }
        }
    }
}

/// An import is not, or not any more, one that serves a machine.
fn unlink(by_machine: &mut BTreeMap<VmId, BTreeSet<ImportId>>, id: &ImportId, machine: &VmId) {
    if let Some(imports) = by_machine.get_mut(machine) {
        imports.remove(id);
        if imports.is_empty() {
            by_machine.remove(machine);
        }
    }
}

/// A reading of an instance, with what an earlier one has told of its host: that it was heard of when its guest ended, or
/// that it was not when it was told to end.
fn as_heard(known: &Instance, reading: &Arc<Instance>) -> Arc<Instance> {
    let same = known.uid == reading.uid;
    let both_ended = known.phase == Phase::Ended && reading.phase == Phase::Ended;
    let both_live = known.phase != Phase::Ended && reading.phase != Phase::Ended;
    let unheard = match reading.unheard {
        true if same && both_ended => known.unheard,
        false if same && both_live && reading.stopping => known.unheard,
        unheard => unheard,
    };
    if unheard == reading.unheard {
        return Arc::clone(reading);
    }
    Arc::new(Instance { unheard, ..Instance::clone(reading) })
}

/// Whether a reading is older than what is known. A version of zero cannot be compared and counts as new.
fn is_older(version: Version, known: Version) -> bool {
    version < known && version != Version::default()
}

/// The chassis that a machine is in.
fn chassis_of(chassis: &[Chassis], machine: &Machine) -> Box<[u16]> {
    let has = |(key, value): &(String, String)| {
        machine.labels.iter().any(|(name, text)| **name == **key && **text == **value)
    };
    let named = |names: &[String]| names.is_empty() || names.iter().any(|name| name == machine.id.name());
    chassis
        .iter()
        .enumerate()
        .filter(|(_, chassis)| chassis.namespace == machine.id.namespace())
        .filter(|(_, chassis)| chassis.selector.iter().all(has) && named(&chassis.names))
        .filter_map(|(index, _)| u16::try_from(index).ok())
        .collect()
}

/// How many clients are kept from logging in at a time; there are more only while somebody attacks from many addresses.
const MAX_THROTTLED: usize = 1_024;
