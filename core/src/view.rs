//! What a read needs: an immutable snapshot of everything the service knows.
//!
//! A GET is a function of a view, the time and the request. Views share what has not changed, so that publishing one
//! changed machine costs the same among ten as among a hundred thousand.

use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::FixedState;
use rpds::{HashTrieMapSync, RedBlackTreeMapSync};

use crate::auth::{
    Account, Authenticator, CredentialKey, Directory, Identity, Remembered, Reviewed, Sessions, TokenKey,
};
use crate::config::{Config, IdConvention};
use crate::coverage::{Age, Coverage, Readiness};
use crate::event::{Subscribed, SubscriptionId};
use crate::intent::TaskId;
use crate::membership::{Members, Membership};
use crate::model::{
    AddressPolicy, Architecture, Drive, FirmwareSettings, ImageTrust, Import, Instance, Machine, Medium, Phase,
    Platform, PowerState, ProcessorModel, Processors, Severity, Slot, VmId,
};
use crate::network::NetworkSettings;
use crate::rendered::Rendered;
use crate::task::Task;
use crate::time::{Instant, Now, UnixTime};

/// An immutable snapshot of what the service knows.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) config: Arc<Config>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) directory: Arc<Directory>,
    /// The `UUID` of the service; `None` before it is known.
    pub(crate) service_uuid: Option<Arc<str>>,
    pub(crate) network: Arc<NetworkSettings>,
    /// By how many seconds the clock is wrong, as a time server said.
    pub(crate) clock_correction: i64,
    pub(crate) sessions: Sessions,
    /// Stored accounts and sessions have been read: before that, nobody can be told that theirs is not there.
    pub(crate) accounts_known: bool,
    /// Clients that sent too many wrong passwords, and until when no more are taken from them.
    pub(crate) throttled: RedBlackTreeMapSync<IpAddr, Instant>,
    /// Accounts, by their `uid`, that were locked a moment ago, and until when: what is stored does not say so yet.
    pub(crate) locked: RedBlackTreeMapSync<Arc<str>, Instant>,
    /// Passwords that were found right, by the `uid` of the account.
    pub(crate) remembered: RedBlackTreeMapSync<Arc<str>, Arc<Remembered>>,
    /// Bearer tokens that were reviewed, and what came of it.
    pub(crate) reviewed: RedBlackTreeMapSync<TokenKey, Reviewed>,
    pub(crate) systems: HashTrieMapSync<VmId, Arc<Vm>, FixedState>,
    pub(crate) membership: Membership,
    /// Representations of systems, for those who see all of their chassis.
    pub(crate) rendered: Rendered,
    /// Which systems have a name, by that name without its namespace.
    pub(crate) by_name: RedBlackTreeMapSync<Arc<str>, Arc<[VmId]>>,
    /// What is still going on, and what has ended a moment ago.
    pub(crate) tasks: RedBlackTreeMapSync<TaskId, Arc<Task>>,
    pub(crate) platform: Arc<Platform>,
    /// The cluster has what fetches images, as far as is known.
    pub(crate) importer: bool,
    /// Event subscriptions, streams among them.
    pub(crate) subscriptions: RedBlackTreeMapSync<SubscriptionId, Arc<Subscribed>>,
    pub(crate) ready: bool,
    /// How much of the cluster is known, chassis by chassis.
    pub(crate) coverage: Coverage,
}

/// A machine as a system: its definition, its run, and what the service itself knows of it.
#[derive(Debug)]
pub(crate) struct Vm {
    pub(crate) machine: Arc<Machine>,
    pub(crate) instance: Option<Arc<Instance>>,
    /// Imports that media in its drives wait for, at most one for each slot.
    pub(crate) imports: Box<[Arc<Import>]>,
    /// A power state that was asked for and cannot be seen yet.
    pub(crate) expected: Option<PowerState>,
    /// Its last instance has been seen to end and to go, nothing follows, and its definition is older than that.
    pub(crate) settled: bool,
    /// What has been asked for may turn it on at any time.
    pub(crate) coming: bool,
    /// The chassis it is in: indices into [`Config::chassis`], ascending.
    pub(crate) chassis: Box<[u16]>,
    /// Rises with every change of any record: a representation is kept for one of them.
    pub(crate) revision: u64,
}

impl Vm {
    /// Whether it is on, as far as can be told: a request that was carried out shows before the cluster follows.
    pub(crate) fn power_state(&self) -> PowerState {
        match self.expected.unwrap_or_else(|| self.seen_power()) {
            PowerState::Off if self.coming => PowerState::PoweringOn,
            state => state,
        }
    }

    /// The same by what is seen alone.
    pub(crate) fn seen_power(&self) -> PowerState {
        match &self.instance {
            None if self.settled => PowerState::after_end(&self.machine),
            instance => PowerState::of(&self.machine, instance.as_deref()),
        }
    }

    /// How bad the worst is that there is to be said of it.
    pub(crate) fn severity(&self) -> Option<Severity> {
        let unheard = self.instance.as_ref().filter(|instance| instance.unheard).map(|_| Severity::Warning);
        let ignored = self.imports.iter().any(|import| !import.ignored.is_empty()).then_some(Severity::Warning);
        self.machine.severity().max(unheard).max(ignored)
    }

    /// How large a drive is, in bytes: as the guest sees it, or as it is defined.
    pub(crate) fn drive_size(&self, drive: &Drive) -> Option<u64> {
        let sizes = self.instance.iter().flat_map(|instance| instance.drive_sizes.iter());
        let seen = sizes.filter(|(name, _)| *name == drive.name).map(|(_, bytes)| *bytes).next();
        seen.or(drive.capacity)
    }

    /// Its processors: those of its run, or else those of its definition. `None` if both leave it open, as for a
    /// machine that is off and takes its size from a template.
    pub(crate) fn processors(&self) -> Option<&Processors> {
        let defined = || self.is_sized().then_some(&self.machine.processors);
        self.instance.as_ref().and_then(|instance| instance.processors.as_ref()).or_else(defined)
    }

    /// Its memory in bytes; `None` as above, and for a machine that has none.
    pub(crate) fn memory(&self) -> Option<u64> {
        let defined = Some(self.machine.memory).filter(|bytes| *bytes > 0);
        self.instance.as_ref().and_then(|instance| instance.memory).or(defined)
    }

    /// What firmware and board will be set to in its next run.
    pub(crate) fn next_firmware(&self) -> FirmwareSettings {
        let defined: &FirmwareSettings = &self.machine.firmware.settings;
        let Some(instance) = &self.instance else { return defined.clone() };
        let mut next = defined.or(&instance.firmware);
        if defined.processor_model.is_none() {
            // Only an instance type has a say in what the definition leaves to the cluster.
            let of_type = self.machine.size.as_ref().and_then(|_| instance.firmware.processor_model.clone());
            next.processor_model = of_type.filter(|model| *model != self.usual_processor_model());
        }
        next
    }

    /// What they are set to in its present run, or without one as above.
    pub(crate) fn firmware(&self) -> FirmwareSettings {
        let Some(run) = self.run().map(|instance| &instance.firmware) else { return self.next_firmware() };
        let defined: &FirmwareSettings = &self.machine.firmware.settings;
        let mut now = run.or(defined);
        // The run has a model even where nobody has chosen one: it is told as the definition tells it.
        if run.processor_model.as_ref() == Some(&self.usual_processor_model())
            && run.processor_model != defined.processor_model
        {
            now.processor_model = None;
        }
        now
    }

    /// The processor model of a machine for which nobody has chosen one.
    fn usual_processor_model(&self) -> ProcessorModel {
        ProcessorModel::Named(
            match self.machine.processors.architecture {
                Architecture::X86_64 | Architecture::S390x => "host-model",
                Architecture::Aarch64 => "host-passthrough",
            }
            .into(),
        )
    }

    /// Its present run.
    pub(crate) fn run(&self) -> Option<&Instance> {
        self.instance.as_deref().filter(|instance| instance.phase != Phase::Ended)
    }

    /// Whether its definition itself says how large it is.
    fn is_sized(&self) -> bool {
        self.machine.memory > 0 || self.machine.size.is_none()
    }

    /// What is in a slot.
    pub(crate) fn medium(&self, slot: Slot) -> Option<&Medium> {
        self.machine.media.iter().find(|medium| medium.slot == slot)
    }

    /// What was chosen about the servers that a slot's images may come from, if anything was.
    pub(crate) fn trust(&self, slot: Slot) -> Option<&ImageTrust> {
        self.machine.trust.iter().find(|trust| trust.slot == slot)
    }

    /// How far the import of what is in a slot got, if it is known.
    pub(crate) fn import(&self, slot: Slot) -> Option<&Import> {
        let id = self.medium(slot)?.import.as_ref()?;
        self.imports.iter().map(|import| &**import).find(|import| import.id == *id)
    }
}

impl View {
    /// The task of that id and its machine, if `identity` sees the machine.
    pub(crate) fn task(&self, id: &str, identity: &Identity) -> Option<(&Arc<Task>, &Arc<Vm>)> {
        let task = self.tasks.get(id)?;
        Some((task, self.origin(task, identity)?))
    }

    /// The tasks of all machines that `identity` sees, in the order of their ids.
    pub(crate) fn tasks_of<'a>(&'a self, identity: &'a Identity) -> impl Iterator<Item = &'a Arc<Task>> + 'a {
        self.tasks.values().filter(|task| self.origin(task, identity).is_some())
    }

    /// The machine that a task is about, if it is still there.
    pub(crate) fn machine_of(&self, task: &Task) -> Option<&Arc<Vm>> {
        let is_same = |vm: &&Arc<Vm>| task.uid.as_ref().is_none_or(|uid| *uid == vm.machine.uid);
        self.systems.get(&task.vm).filter(is_same)
    }

    fn origin(&self, task: &Task, identity: &Identity) -> Option<&Arc<Vm>> {
        self.machine_of(task).filter(|vm| identity.sees_any(&vm.chassis))
    }
}

/// Why a name stands for no system.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoSystem {
    /// There is none, or none that the asking account sees.
    Unknown,
    /// There are several; these are those that the asking account sees.
    Ambiguous(Vec<VmId>),
    /// That is not known: there may be one in the chassis of that index, whose systems are not known.
    Unlisted(u16),
}

impl View {
    /// What the cluster can do, for whoever carries out commands.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Whether searches for Redfish services are answered.
    pub fn answers_searches(&self) -> bool {
        self.config.ssdp && !self.network.ssdp_is_off
    }

    /// The servers to be asked for the time, best first.
    pub fn time_servers(&self) -> &[String] {
        if self.network.ntp_is_on { &self.network.ntp_servers } else { &[] }
    }

    /// Which servers may be asked for the time, whatever their names stand for.
    pub fn time_server_policy(&self) -> &AddressPolicy {
        &self.config.events.policy
    }

    /// What the clock of a manager says.
    pub(crate) fn clock(&self, now: Now) -> UnixTime {
        let correction = if self.network.ntp_is_on { self.clock_correction } else { 0 };
        UnixTime(now.unix.0.saturating_add(correction))
    }

    /// Whether too many wrong passwords keep an account from logging in.
    pub(crate) fn is_locked(&self, account: &Account, now: Now) -> bool {
        account.is_locked(self.sessions.clock.read(now), self.directory.policy)
            || self.locked.get(&account.uid).is_some_and(|until| now.mono < *until)
    }

    /// Whether these credentials of an account were found right, and were used lately.
    pub(crate) fn is_remembered(&self, account: &str, key: &CredentialKey, now: Instant) -> bool {
        self.remembered.get(account).is_some_and(|known| known.recognises(key, now))
    }

    /// Whether all that will be known for now of the cluster is known: before that, absence means nothing.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Whether what is made of all systems that somebody sees can be told.
    pub(crate) fn readiness(&self, identity: Option<&Identity>) -> Readiness {
        self.coverage.readiness(identity.map_or(&[], |identity| &identity.chassis))
    }

    /// How old it is what is shown of a system.
    pub(crate) fn age(&self, vm: &Vm) -> Age {
        // Its chassis are all in one namespace.
        vm.chassis.first().and_then(|index| self.coverage.of(*index)).map_or(Age::Current, |part| part.age)
    }

    /// How many systems there are.
    pub fn len(&self) -> usize {
        self.systems.size()
    }

    /// Whether there are no systems.
    pub fn is_empty(&self) -> bool {
        self.systems.is_empty()
    }

    /// Finds the system that `name` stands for, in either form, among those that `identity` sees.
    pub(crate) fn system(&self, name: &str, identity: &Identity) -> Result<&Arc<Vm>, NoSystem> {
        let visible = |vm: &&Arc<Vm>| identity.sees_any(&vm.chassis);
        if let Some(vm) = self.systems.get(name).filter(visible) {
            return self.listed(vm);
        }
        let part = |index: &u16| self.coverage.of(*index);
        let in_namespace = self.namespace_of(name, identity);
        if let Some(index) = in_namespace.filter(|index| part(index).is_none_or(|part| !part.listed)) {
            return Err(NoSystem::Unlisted(index));
        }
        // In the meantime a name without a namespace may turn out to be that of several.
        let awaited = identity.chassis.iter().find(|index| part(index).is_none_or(|part| !part.is_settled()));
        if let Some(index) = awaited {
            return Err(NoSystem::Unlisted(*index));
        }
        let candidates: Vec<&Arc<Vm>> = self
            .by_name
            .get(name)
            .into_iter()
            .flat_map(|ids| ids.iter())
            .filter_map(|id| self.systems.get(id))
            .filter(visible)
            .filter(|vm| self.listed(vm).is_ok())
            .collect();
        match candidates.as_slice() {
            [] if in_namespace.is_some() => Err(NoSystem::Unknown),
            [] => {
                let unlisted = identity.chassis.iter().find(|index| part(index).is_none_or(|part| !part.listed));
                Err(unlisted.map_or(NoSystem::Unknown, |index| NoSystem::Unlisted(*index)))
            }
            [only] => Ok(only),
            several => Err(NoSystem::Ambiguous(several.iter().map(|vm| vm.machine.id.clone()).collect())),
        }
    }

    /// A chassis that somebody sees of the namespace that a name begins with.
    fn namespace_of(&self, name: &str, identity: &Identity) -> Option<u16> {
        let begins = |index: &&u16| {
            let chassis = self.config.chassis.get(usize::from(**index));
            let rest = chassis.and_then(|chassis| name.strip_prefix(chassis.namespace.as_str()));
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        identity.chassis.iter().find(begins).copied()
    }

    /// The system, if everything that is shown of it has been listed.
    fn listed<'a>(&self, vm: &'a Arc<Vm>) -> Result<&'a Arc<Vm>, NoSystem> {
        let index = vm.chassis.first().copied().unwrap_or_default();
        if self.coverage.of(index).is_some_and(|part| part.listed) { Ok(vm) } else { Err(NoSystem::Unlisted(index)) }
    }

    /// The systems of the chassis at `indices`.
    pub(crate) fn members_of(&self, indices: &[u16]) -> Members<'_> {
        self.membership.of(indices)
    }

    /// The name under which URIs show a system.
    pub(crate) fn shown_name<'a>(&self, id: &'a VmId) -> &'a str {
        let collides = || self.by_name.get(id.name()).is_some_and(|ids| ids.len() > 1);
        // A bare name that reads as another system's full name would lead there.
        let misleads = || id.name().contains('.') && self.systems.contains_key(id.name());
        match self.config.id_convention {
            IdConvention::Legacy if !collides() && !misleads() => id.name(),
            IdConvention::Legacy | IdConvention::Enhanced => id.as_str(),
        }
    }
}
