//! Whether a machine is on, and how that is known.

use super::{Instance, Machine, Next, Phase};

/// A machine's power, as a fencing agent may rely on it: `Off` is said only when no guest can be running any more and none
/// comes before somebody asks for one.
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
    /// true of an instance that is gone. Of the definition only what may still follow counts (see
    /// [`Outlook`](super::Outlook)).
    pub fn of(machine: &Machine, instance: Option<&Instance>) -> Self {
        let Some(next) = machine.outlook.next(instance) else {
            return instance.map_or(Self::Off, |instance| Self::of_live(machine, instance));
        };
        let pending_power_on =
            machine.pending_power_on.as_ref().is_some_and(|pending_power_on| !pending_power_on.superseded);
        let unheard = instance.is_some_and(|instance| instance.unheard);
        match next {
            // Nothing is started on a machine that is being removed.
            _ if machine.deleting && unheard => Self::PoweringOff,
            _ if machine.deleting => Self::Off,
            // It has ended and another follows: said to be off, it would be taken for safe.
            Next::Start | Next::MayStart => Self::PoweringOn,
            Next::Nothing | Next::Unseen if pending_power_on => Self::PoweringOn,
            Next::Unseen => Self::PoweringOff,
            // The cluster has forgotten its guest, whose host has not said that it has ended.
            Next::Nothing if unheard => Self::PoweringOff,
            Next::Nothing => Self::Off,
        }
    }

    /// The same of a machine whose instance has been seen to end, and to go, in a way that nothing follows: that the cluster
    /// has not written that down with the machine yet makes no difference.
    pub fn after_end(machine: &Machine) -> Self {
        match machine.outlook.absent {
            Next::MayStart | Next::Unseen
                if machine.pending_power_on.as_ref().is_none_or(|pending_power_on| pending_power_on.superseded) =>
            {
                Self::Off
            }
            _ => Self::of(machine, None),
        }
    }

    fn of_live(machine: &Machine, instance: &Instance) -> Self {
        let stops = instance.stopping || machine.deleting || machine.outlook.stops(instance.uid.as_str());
        match instance.phase {
            _ if stops => Self::PoweringOff,
            Phase::Unknown => Self::PoweringOff,
            Phase::Starting => Self::PoweringOn,
            Phase::Running | Phase::Ended if instance.paused => Self::Paused,
            Phase::Running | Phase::Ended => Self::On,
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
