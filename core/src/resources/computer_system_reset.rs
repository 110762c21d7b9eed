//! `#ComputerSystem.Reset`: a system's power. Schema `Resource`, enumeration `ResetType`.

use serde::Serialize;

use super::parameters;
use crate::http::{JsonObject, Refusal};
use crate::messages::{Message, base};
use crate::model::{Action, Platform, PowerRequest};

/// The reset types that a virtual machine can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum ResetType {
    On,
    ForceOn,
    ForceOff,
    GracefulShutdown,
    GracefulRestart,
    ForceRestart,
    PowerCycle,
    PushPowerButton,
    Pause,
    Resume,
    Nmi,
}

impl ResetType {
    const ALL: [Self; 11] = [
        Self::On,
        Self::ForceOn,
        Self::ForceOff,
        Self::GracefulShutdown,
        Self::GracefulRestart,
        Self::ForceRestart,
        Self::PowerCycle,
        Self::PushPowerButton,
        Self::Pause,
        Self::Resume,
        Self::Nmi,
    ];

    /// Those that a cluster can do; there is none that cannot do those before the last.
    pub(super) fn of(platform: &Platform) -> &'static [Self] {
        match Self::ALL.split_last() {
            Some((_, others)) if platform.interrupt.is_none() => others,
            _ => &Self::ALL,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::On => "On",
            Self::ForceOn => "ForceOn",
            Self::ForceOff => "ForceOff",
            Self::GracefulShutdown => "GracefulShutdown",
            Self::GracefulRestart => "GracefulRestart",
            Self::ForceRestart => "ForceRestart",
            Self::PowerCycle => "PowerCycle",
            Self::PushPowerButton => "PushPowerButton",
            Self::Pause => "Pause",
            Self::Resume => "Resume",
            Self::Nmi => "Nmi",
        }
    }

    const fn request(self) -> PowerRequest {
        match self {
            // A virtual machine has nothing that could hold a forced start back and not a plain one.
            Self::On | Self::ForceOn => PowerRequest::On,
            Self::ForceOff => PowerRequest::ForceOff,
            Self::GracefulShutdown => PowerRequest::GracefulShutdown,
            Self::GracefulRestart => PowerRequest::GracefulRestart,
            Self::ForceRestart => PowerRequest::ForceRestart,
            Self::PowerCycle => PowerRequest::PowerCycle,
            Self::PushPowerButton => PowerRequest::PushPowerButton,
            Self::Pause => PowerRequest::Pause,
            Self::Resume => PowerRequest::Resume,
            Self::Nmi => PowerRequest::Interrupt,
        }
    }
}

const ACTION: parameters::Action = parameters::Action("ComputerSystem.Reset");
const RESET_TYPE: &str = "ResetType";

/// Understands the parameters of the action.
pub(super) fn parse(platform: &Platform, body: &JsonObject) -> Result<Action, Refusal> {
    let mut reset_type = None;
    let mut problems = Vec::new();
    for (name, value) in parameters::of_action(body) {
        match name {
            RESET_TYPE => match ACTION.choice(name, value, ResetType::of(platform), ResetType::name) {
                Ok(choice) => reset_type = Some(choice),
                Err(problem) => problems.push(problem),
            },
            _ => problems.push(ACTION.unknown(name)),
        }
    }
    match reset_type {
        Some(reset_type) if problems.is_empty() => Ok(Action::Power(reset_type.request())),
        None if problems.is_empty() => {
            let missing = Message::new(&base::ACTION_PARAMETER_MISSING, [ACTION.0, RESET_TYPE]);
            Err(Refusal::bad_request(vec![missing.about("#/ResetType")]))
        }
        Some(_) | None => Err(Refusal::bad_request(problems)),
    }
}
