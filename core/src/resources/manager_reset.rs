//! `#Manager.Reset`: restarts a manager.
//!
//! A machine's manager is this service, which has no state that a restart would clear and serves other machines as
//! well. So nothing is restarted: a manager that is asked to restart is at once as one that has, and the request, which
//! clients make before they do anything else to a manager they do not trust, succeeds.

use serde::Serialize;

use super::parameters;
use crate::http::{JsonObject, Refusal};

/// The reset types that a manager accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum ResetType {
    ForceRestart,
    GracefulRestart,
}

impl ResetType {
    pub(super) const ALL: [Self; 2] = [Self::ForceRestart, Self::GracefulRestart];

    const fn name(self) -> &'static str {
        match self {
            Self::ForceRestart => "ForceRestart",
            Self::GracefulRestart => "GracefulRestart",
        }
    }
}

/// Checks the parameters of the action. `ResetType` may be left out.
pub(super) fn check(body: &JsonObject) -> Result<(), Refusal> {
    const ACTION: parameters::Action = parameters::Action("Manager.Reset");
    let mut problems = Vec::new();
    for (name, value) in parameters::of_action(body) {
        match name {
            "ResetType" => problems.extend(ACTION.choice(name, value, &ResetType::ALL, ResetType::name).err()),
            _ => problems.push(ACTION.unknown(name)),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Refusal::bad_request(problems)) }
}
