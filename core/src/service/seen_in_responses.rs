//! What only commands have seen: while a stream is broken nobody else sees it, nor that it goes.

use std::collections::BTreeMap;

use crate::model::{ImportId, Kind, Listed, Observation, Version, VmId};

/// Runs and imports that a command has reported and no stream yet.
#[derive(Debug, Default)]
pub(super) struct SeenInResponses {
    instances: BTreeMap<VmId, Version>,
    imports: BTreeMap<ImportId, Version>,
}

impl SeenInResponses {
    /// A command has reported this.
    pub(super) fn note(&mut self, observation: &Observation) {
        match observation {
            Observation::Instance(instance) => {
                self.instances.insert(instance.id.clone(), instance.version);
            }
            Observation::Import(import) => {
                self.imports.insert(import.id.clone(), import.version);
            }
            _ => {}
        }
    }

    /// A stream has reported this: it will report as well what becomes of it.
    pub(super) fn confirm(&mut self, observation: &Observation) {
        match observation {
            Observation::Instance(instance) => self.instances.remove(&instance.id),
            Observation::InstanceGone(id, _) => self.instances.remove(id),
            Observation::Import(import) => self.imports.remove(&import.id),
            Observation::ImportGone(id, _) => self.imports.remove(id),
            _ => None,
        };
    }

    /// What is gone, because it is older than a listing and not in it.
    pub(super) fn missing_from(&self, listed: &Listed) -> Vec<Observation> {
        let is_gone = |namespace: &str, name: &str, version: Version| {
            *namespace == *listed.namespace && version <= listed.as_of && !listed.names.contains(name)
        };
        match listed.kind {
            Kind::Instances => {
                let gone = self.instances.iter().filter(|(id, version)| is_gone(id.namespace(), id.name(), **version));
                gone.map(|(id, _)| Observation::InstanceGone(id.clone(), listed.as_of)).collect()
            }
            Kind::Imports => {
                let gone = self.imports.iter().filter(|(id, version)| is_gone(&id.namespace, &id.name, **version));
                gone.map(|(id, _)| Observation::ImportGone(id.clone(), listed.as_of)).collect()
            }
        }
    }
}
