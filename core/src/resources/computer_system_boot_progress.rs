//! How far a system has booted: `BootProgress` of `ComputerSystem`.

use serde::Serialize;

use crate::model::Phase;
use crate::time::UnixTime;
use crate::view::Vm;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BootProgress {
    last_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::computer_system::as_text")]
    last_state_time: Option<UnixTime>,
}

impl BootProgress {
    /// What the cluster knows: that the guest runs, and that the agent in it is heard of. What is in between only the guest
    /// knows.
    pub(super) fn of(vm: &Vm) -> Self {
        // What runs on a host that is not heard of has booted all the same.
        let booted = |phase| matches!(phase, Phase::Running | Phase::Unknown);
        let run = vm.instance.as_ref().filter(|run| booted(run.phase));
        let (last_state, last_state_time) = match run {
            None => ("None", None),
            Some(run) if run.agent_since.is_some() => ("OSRunning", run.agent_since),
            Some(run) => ("OSBootStarted", run.started),
        };
        Self { last_state, last_state_time }
    }
}
