//! `VirtualMachine`.

use serde::Deserialize;

use super::claim::ClaimSpec;
use super::{Condition, Metadata, Object, TemplateSpec, lenient};
use crate::model::ObjectName;
use crate::quantity::Quantity;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct VirtualMachine {
    #[serde(deserialize_with = "lenient")]
    pub(crate) metadata: Object<Metadata>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) spec: Object<Spec>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) status: Object<MachineStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Spec {
    /// Deprecated; excludes `runStrategy`.
    #[serde(deserialize_with = "lenient")]
    pub(crate) running: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) run_strategy: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) update_volumes_strategy: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) instancetype: Object<Named>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) preference: Object<Named>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) data_volume_templates: Vec<Object<DataVolumeTemplate>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) template: Object<Template>,
}

/// A volume that is made with the machine and goes with it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DataVolumeTemplate {
    #[serde(deserialize_with = "lenient")]
    pub(crate) metadata: Object<Named>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) spec: Object<DataVolumeTemplateSpec>,
}

/// How large it is to be, in either of two ways.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DataVolumeTemplateSpec {
    #[serde(deserialize_with = "lenient")]
    storage: Object<ClaimSpec>,
    #[serde(deserialize_with = "lenient")]
    pvc: Object<ClaimSpec>,
}

impl DataVolumeTemplateSpec {
    /// In bytes, if it says so.
    pub(crate) fn size(&self) -> Option<u64> {
        let asked = |claim: &ClaimSpec| claim.resources.requests.storage;
        asked(&self.storage).or_else(|| asked(&self.pvc)).map(Quantity::ceil)
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    #[serde(deserialize_with = "lenient")]
    pub(crate) name: Option<ObjectName>,
}

impl Named {
    /// Whether it names anything.
    fn is_set(&self) -> bool {
        self.name.is_some()
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Template {
    #[serde(deserialize_with = "lenient")]
    pub(crate) spec: Object<TemplateSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MachineStatus {
    #[serde(deserialize_with = "lenient")]
    pub(crate) printable_status: Option<Box<str>>,
    /// The strategy by which the controller has last looked at the machine.
    #[serde(deserialize_with = "lenient")]
    pub(crate) run_strategy: Option<Box<str>>,
    /// Whether there is a `VirtualMachineInstance`.
    #[serde(deserialize_with = "lenient")]
    pub(crate) created: Option<bool>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) conditions: Vec<Object<Condition>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) state_change_requests: Vec<Object<StateChangeRequest>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StateChangeRequest {
    #[serde(deserialize_with = "lenient")]
    pub(crate) action: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) uid: Option<Box<str>>,
}

impl VirtualMachine {
    /// Whether an instance type says how large the machine is.
    pub(crate) fn has_instance_type(&self) -> bool {
        self.spec.instancetype.is_set()
    }

    /// Whether a preference fills in what the definition leaves open.
    pub(crate) fn has_preference(&self) -> bool {
        self.spec.preference.is_set()
    }

    /// When the machine is to run; the deprecated `spec.running` says the same as two of the strategies.
    pub(crate) fn run_strategy(&self) -> RunStrategy {
        match (self.spec.running, self.spec.run_strategy.as_deref()) {
            (Some(true), None) => RunStrategy::Always,
            (Some(false), None) => RunStrategy::Halted,
            (_, strategy) => strategy.map_or(RunStrategy::Manual, RunStrategy::parse),
        }
    }

    /// The strategy, if it is none that is known here.
    pub(crate) fn unknown_strategy(&self) -> Option<&str> {
        let strategy = self.spec.run_strategy.as_deref();
        strategy.filter(|text| !text.is_empty() && RunStrategy::parse(text).name() != *text)
    }

    /// The strategy by which the controller has last looked at the machine; `None` if it has never run.
    pub(crate) fn seen_strategy(&self) -> Option<RunStrategy> {
        self.status.run_strategy.as_deref().filter(|name| !name.is_empty()).map(RunStrategy::parse)
    }

    /// The run of which a stop has been asked for and not yet been carried out.
    pub(crate) fn stopped_instance(&self) -> Option<&str> {
        let mut stops = self.status.state_change_requests.iter();
        stops.find(|request| request.action.as_deref() == Some("Stop")).and_then(|request| request.uid.as_deref())
    }

    /// Whether a start has been asked for and not yet been carried out.
    pub(crate) fn start_requested(&self) -> bool {
        self.status.state_change_requests.iter().any(|request| request.action.as_deref() == Some("Start"))
    }

    /// Whether a stop of the run `uid` (of any run if `None`) has been asked for and not yet been carried out.
    pub(crate) fn stop_requested(&self, uid: Option<&str>) -> bool {
        self.status.state_change_requests.iter().any(|request| {
            request.action.as_deref() == Some("Stop") && (uid.is_none() || request.uid.as_deref() == uid)
        })
    }
}

/// `spec.runStrategy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RunStrategy {
    Always,
    RerunOnFailure,
    /// Also any strategy that is not known: nothing is to be expected to happen by itself.
    Manual,
    Once,
    Halted,
}

impl RunStrategy {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 5] = [Self::Always, Self::RerunOnFailure, Self::Manual, Self::Once, Self::Halted];

    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "Always" => Self::Always,
            "RerunOnFailure" => Self::RerunOnFailure,
            "Once" => Self::Once,
            "Halted" => Self::Halted,
            _ => Self::Manual,
        }
    }

    /// The same of a text that has to be one that is known.
    pub(crate) fn known(text: &str) -> Option<Self> {
        Some(Self::parse(text)).filter(|strategy| strategy.name() == text)
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::RerunOnFailure => "RerunOnFailure",
            Self::Manual => "Manual",
            Self::Once => "Once",
            Self::Halted => "Halted",
        }
    }
}
