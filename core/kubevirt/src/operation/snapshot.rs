//! What a decision is made upon: the machine, its instance and an import as they were read, and what the command and
//! the cluster are.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::engine::{Purpose, Write};
use super::json_patch::{Upon, json_patch};
use crate::Settings;
use crate::model::{Command, ImportId, ObjectName, Observation, Platform, Version, VmId};
use crate::object::{Claim, DataVolume, VirtualMachine, VirtualMachineInstance};
use crate::request::{self, Collection, Place as _, merge_patch};
use crate::time::Instant;
use crate::translate;

/// Everything a task may look at.
#[derive(Debug)]
pub(super) struct Snapshot<'a> {
    pub(super) now: Instant,
    pub(super) command: &'a Command,
    pub(super) platform: &'a Platform,
    pub(super) settings: &'a Settings,
    /// The machine as it came, for what has to be written back whole.
    pub(super) raw: &'a Value,
    pub(super) machine: &'a VirtualMachine,
    pub(super) instance: Option<&'a VirtualMachineInstance>,
    pub(super) import: Looked<&'a NamedImport>,
    pub(super) claim: Looked<&'a Claim>,
    pub(super) lock: Lock,
}

/// What has to be as it was read for a patch to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lock {
    /// Everything.
    #[default]
    Version,
    /// What the decision was made upon; for some that is what the machine does as well.
    Parts { state: bool },
}

impl Snapshot<'_> {
    /// The uid of the run that is there and has not ended.
    pub(super) fn live_uid(&self) -> Option<Box<str>> {
        self.instance.filter(|instance| !instance.ended()).and_then(|instance| instance.metadata.uid.clone())
    }

    /// Begins a patch of the machine.
    pub(super) fn patch(&self) -> Patch {
        // The lock: somebody else's change in between makes it a 409 (facts, section 6).
        let body = json!({ "metadata": { "resourceVersion": self.machine.metadata.resource_version } });
        let parts_of = match self.lock {
            Lock::Version => None,
            Lock::Parts { state } => {
                Some((self.raw.clone(), Upon { state, all_settings: self.command.only_if.is_some() }))
            }
        };
        Patch { body, parts_of }
    }

    /// A list of the template's devices as it came.
    pub(super) fn devices(&self, list: &str) -> Vec<Value> {
        let path = format!("/spec/template/spec/domain/devices/{list}");
        self.raw.pointer(&path).and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// The template's networks as they came.
    pub(super) fn networks(&self) -> Vec<Value> {
        self.raw.pointer("/spec/template/spec/networks").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// The template's volumes as they came.
    pub(super) fn volumes(&self) -> Vec<Value> {
        self.raw.pointer("/spec/template/spec/volumes").and_then(Value::as_array).cloned().unwrap_or_default()
    }
}

/// A merge patch of the machine in the making.
#[derive(Debug)]
pub(super) struct Patch {
    body: Value,
    /// The machine as it came, if only parts of it have to be as they were.
    parts_of: Option<(Value, Upon)>,
}

impl Patch {
    /// Sets what `path` leads to; null removes it.
    pub(super) fn set(mut self, path: &[&str], value: Value) -> Self {
        let mut place = &mut self.body;
        for key in path {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place = &mut place[*key];
        }
        *place = value;
        self
    }

    /// Sets something below the template's domain.
    pub(super) fn set_domain(self, path: &[&str], value: Value) -> Self {
        let mut whole = vec!["spec", "template", "spec", "domain"];
        whole.extend(path);
        self.set(&whole, value)
    }

    /// Sets an annotation, or removes it.
    pub(super) fn annotate(self, key: &str, value: Option<&str>) -> Self {
        self.set(&["metadata", "annotations", key], json!(value))
    }

    pub(super) fn into_write(self, purpose: Purpose, command: &Command) -> Write {
        let path = Collection::VirtualMachines.of_machine(&command.vm);
        let parts = self.parts_of.and_then(|(raw, upon)| json_patch(&raw, &self.body, upon));
        let request = match parts {
            Some(operations) => request::json_patch(&path, &operations),
            None => merge_patch(&path, &self.body),
        };
        Write { purpose, request: Box::new(request) }
    }
}

/// What came of looking for something. That nobody has looked, or may look, does not mean that it is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Looked<T> {
    /// Not looked for.
    #[default]
    NotYet,
    /// The service may not look.
    Hidden,
    /// The API server says that there is none.
    Missing,
    There(T),
}

impl<T> Looked<T> {
    pub(super) const fn as_ref(&self) -> Looked<&T> {
        match self {
            Self::NotYet => Looked::NotYet,
            Self::Hidden => Looked::Hidden,
            Self::Missing => Looked::Missing,
            Self::There(found) => Looked::There(found),
        }
    }

    pub(super) fn there(self) -> Option<T> {
        match self {
            Self::There(found) => Some(found),
            Self::NotYet | Self::Hidden | Self::Missing => None,
        }
    }

    /// Whether it was looked for and is not there.
    pub(super) const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

/// A `DataVolume`, by the name that it was looked for.
#[derive(Debug)]
pub(super) struct NamedImport {
    pub(super) name: ObjectName,
    object: DataVolume,
}

impl std::ops::Deref for NamedImport {
    type Target = DataVolume;

    fn deref(&self) -> &DataVolume {
        &self.object
    }
}

/// What was read last.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) raw: Value,
    pub(super) machine: VirtualMachine,
    pub(super) instance: Looked<VirtualMachineInstance>,
    pub(super) import: Looked<NamedImport>,
    pub(super) claim: Looked<Claim>,
    /// What was last seen of each import that was looked for.
    imports: BTreeMap<ObjectName, Observation>,
    /// The newest version of anything that was read.
    newest: Version,
    /// What that was when the instance was read: one that is missing may have come since.
    instance_as_of: Version,
}

impl Reading {
    pub(super) fn machine_read(&mut self, raw: Value, machine: VirtualMachine) {
        self.raw = raw;
        self.saw(machine.metadata.resource_version.as_deref());
        self.machine = machine;
    }

    pub(super) fn instance_read(&mut self, instance: Option<VirtualMachineInstance>) {
        self.saw(instance.as_ref().and_then(|instance| instance.metadata.resource_version.as_deref()));
        self.instance_as_of = self.newest;
        self.instance = instance.map_or(Looked::Missing, Looked::There);
        self.import = Looked::NotYet;
        self.claim = Looked::NotYet;
    }

    /// What came of looking for an import of that name. One that is missing is gone as of the newest version that was read
    /// before: should something newer be known, the watch will have the last word.
    pub(super) fn import_read(&mut self, vm: &VmId, name: ObjectName, import: Looked<DataVolume>) {
        let seen = match &import {
            Looked::There(import) => {
                self.saw(import.metadata.resource_version.as_deref());
                translate::import(import).map(|import| Observation::Import(Arc::new(import)))
            }
            Looked::Missing => {
                let id = ImportId { namespace: vm.place(), name: name.clone() };
                Some(Observation::ImportGone(id, self.newest))
            }
            Looked::NotYet | Looked::Hidden => None,
        };
        self.imports.extend(seen.map(|seen| (name.clone(), seen)));
        self.import = match import {
            Looked::There(object) => Looked::There(NamedImport { name, object }),
            Looked::Missing => Looked::Missing,
            Looked::NotYet => Looked::NotYet,
            Looked::Hidden => Looked::Hidden,
        };
    }

    /// What the completion of a command shows.
    pub(super) fn observations(&self, command: &Command) -> Vec<Observation> {
        let machine = translate::machine(&self.machine).map(|machine| Observation::Machine(Arc::new(machine)));
        let instance = match &self.instance {
            Looked::There(instance) => {
                translate::instance(instance).map(|instance| Observation::Instance(Arc::new(instance)))
            }
            Looked::Missing => Some(Observation::InstanceGone(command.vm.clone(), self.instance_as_of)),
            Looked::NotYet | Looked::Hidden => None,
        };
        machine.into_iter().chain(instance).chain(self.imports.values().cloned()).collect()
    }

    fn saw(&mut self, version: Option<&str>) {
        let version = version.and_then(|version| version.parse().ok()).map_or(Version(0), Version);
        self.newest = self.newest.max(version);
    }
}
