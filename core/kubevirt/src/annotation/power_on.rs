//! A power-on that is carried out when it can be.

use serde::{Deserialize, Serialize};

use super::bounds::{is_of, is_uid, record};
use crate::model::{Deferral, PendingPowerOn, Uid};
use crate::object::{RunStrategy, VirtualMachine};
use crate::time::UnixTime;

/// A power-on that has been pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PowerOnRecord {
    /// The id under which clients follow it.
    pub(crate) name: Box<str>,
    /// When it was asked for, as RFC 3339 has it.
    pub(crate) asked: Box<str>,
    /// When it is too late for it.
    pub(crate) until: Box<str>,
    /// The `runStrategy` in force. If the machine has another by now its owner has had a say since.
    pub(crate) run_strategy: Box<str>,
    /// The uid of the instance that was there. A strategy of `Manual` leaves no other trace of a run in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) instance: Option<Box<str>>,
    /// The uid of the machine that was to be turned on: one that was made from its definition is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) machine: Option<Box<str>>,
}

impl PowerOnRecord {
    pub(crate) fn new(
        deferral: &Deferral,
        machine: &VirtualMachine,
        strategy: RunStrategy,
        instance: Option<Box<str>>,
    ) -> Self {
        Self {
            name: deferral.name.clone(),
            asked: deferral.asked.to_string().into(),
            until: deferral.until.to_string().into(),
            run_strategy: strategy.name().into(),
            instance,
            machine: machine.metadata.uid.clone(),
        }
    }

    /// The record on a machine; `None` if there is none or nobody can make sense of it.
    pub(crate) fn read(machine: &VirtualMachine) -> Option<Self> {
        let record = Self::parse(machine.metadata.annotations.pending_power_on.as_deref()?)?;
        is_of(machine, record.machine.as_deref()).then_some(record)
    }

    /// Whether there is one that is about another machine.
    pub(super) fn is_of_another(machine: &VirtualMachine) -> bool {
        let record = machine.metadata.annotations.pending_power_on.as_deref().and_then(Self::parse);
        record.is_some_and(|record| !is_of(machine, record.machine.as_deref()))
    }

    /// Reads what was written; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let record: Self = record(text)?;
        let (asked, until) = (UnixTime::parse(&record.asked)?, UnixTime::parse(&record.until)?);
        // Clients are going to see it in URIs.
        let named = record.name.len() == 16 && record.name.bytes().all(|byte| byte.is_ascii_hexdigit());
        let timely = (0..=LONGEST).contains(&until.0.saturating_sub(asked.0));
        let uids = [&record.instance, &record.machine].into_iter().flatten().all(|uid| is_uid(uid));
        (named && timely && uids && RunStrategy::known(&record.run_strategy).is_some()).then_some(record)
    }

    /// Whether the owner has changed since when the machine is to run.
    pub(crate) fn superseded(&self, machine: &VirtualMachine) -> bool {
        machine.run_strategy().name() != &*self.run_strategy
    }

    /// The record in the domain's words.
    pub(crate) fn to_model(&self, machine: &VirtualMachine) -> Option<PendingPowerOn> {
        Some(PendingPowerOn {
            name: self.name.clone(),
            asked: UnixTime::parse(&self.asked)?,
            until: UnixTime::parse(&self.until)?,
            run: self.instance.as_deref().map(Uid::new),
            superseded: self.superseded(machine),
        })
    }

    pub(crate) fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

/// For how many seconds one can be pending: far longer than any is.
const LONGEST: i64 = 31 * 24 * 60 * 60;
