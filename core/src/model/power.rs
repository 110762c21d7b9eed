//! Whether a machine is on, and how that is known.

use super::{Autostart, Instance, Machine, Phase};

/// A machine's power, as a fencing agent may rely on it: `Off` is said only when no guest can be running any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PowerState {
    /// A guest runs.
    On,
    /// No guest runs and none is on its way.
    Off,
    /// A guest has been asked for and does not run yet.
    PoweringOn,
    /// A guest has been asked to end and may still run.
    PoweringOff,
    /// A guest exists and its processors are stopped.
    Paused,
}

impl PowerState {
    /// Reads the power off the definition and the instance that the cluster shows.
    ///
    /// The instance decides, never a summary or a condition of the definition: those lag behind, and keep what was
    /// true of an instance that is gone.
    pub fn of(machine: &Machine, instance: Option<&Instance>) -> Self {
        let promised = machine.promised.as_ref().is_some_and(|promised| !promised.overruled);
        let comes = (machine.autostart == Autostart::Yes || promised) && !machine.deleting;
        let Some(instance) = instance else {
            return if comes { Self::PoweringOn } else { Self::Off };
        };
        match (instance.phase, instance.stopping) {
            // It has ended and another follows: said to be off, it would be taken for safe.
            (Phase::Ended, _) if comes => Self::PoweringOn,
            (Phase::Ended, _) => Self::Off,
            (Phase::Starting | Phase::Running, true) => Self::PoweringOff,
            (Phase::Starting, false) => Self::PoweringOn,
            (Phase::Running, false) if instance.paused => Self::Paused,
            (Phase::Running, false) => Self::On,
        }
    }
}

/// What becomes of a machine when whatever it ran on comes back: what its owner chose, also while something else is in
/// force because the machine has been turned off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum PowerRestore {
    /// It runs whatever happened before.
    AlwaysOn,
    /// It runs unless it was turned off from inside or from outside.
    LastState,
    /// It stays off until it is turned on.
    #[default]
    AlwaysOff,
}
