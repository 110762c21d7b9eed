//! What can be asked of the cluster, in the domain's words.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{
    BootDevice, BootEnabled, BootMode, BootTarget, CorrelationId, Deferral, FirmwareSettings, ImportId, Indicator,
    InsertMedia, Machine, Observation, PowerRestore, RequestId, Slot, TrustChange, Uid, Unanswered, Url, VmId,
};
use crate::time::{Instant, UnixTime};

/// The number of a command, unique within one run of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub u64);

/// Something to be done to a machine. Ends in exactly one completion, cancellation or timeout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Which command it is.
    pub id: CommandId,
    /// The machine.
    pub vm: VmId,
    /// Which machine of that name was meant: one made since is not to be touched.
    pub uid: Uid,
    /// What to do.
    pub action: Action,
    /// Only upon a machine that has the settings of this.
    pub only_if: Option<Arc<Machine>>,
    /// When to give up.
    pub deadline: Instant,
    /// The request that asked for it, for the log; `None` for what the service does of its own accord.
    pub request: Option<CorrelationId>,
    /// For what may bring the machine up: how that is pending if it cannot be done at once. Without it, it is waited
    /// for as long as the deadline allows.
    pub deferral: Option<Deferral>,
    /// When it was begun.
    pub begun: UnixTime,
    /// An import that is older, and that no drive holds, is one that no insertion under way knows of any more: whoever
    /// looks for orphans may be about to remove it.
    pub orphaned_before: UnixTime,
    /// What tells this replica from others.
    pub replica: u32,
    /// When it was last asked for.
    pub asked: UnixTime,
    /// The last request about the machine's power that was known to have been carried out when it was asked for.
    pub known_last: Option<RequestId>,
    /// What earlier commands have sent about the machine's power of which it is not known what has come, or still comes, of
    /// it.
    pub unanswered: Vec<Unanswered>,
}

/// What to do to a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Change its power.
    Power(PowerRequest),
    /// Change how it is defined.
    Change(MachineChange),
    /// Carry out the pending power-on of that name, if it still stands and nothing is in its way.
    ExecutePendingPowerOn(Box<str>),
    /// Take back the pending power-on of that name.
    CancelPendingPowerOn(Box<str>),
    /// Take note that a run has been booted while a boot override was in force: put back the boot order that a used-up
    /// one-time override replaced, and arm one anew that was not used.
    RestoreBoot {
        /// The run.
        used_by: Uid,
        /// Whether it tried the override's device first.
        booted: bool,
    },
    /// Put an image into a drive.
    InsertMedia(InsertMedia),
    /// Take the image out of a drive; no error if there is none.
    EjectMedia(Slot),
    /// Change which servers a slot's images may come from.
    SetImageTrust {
        /// The slot.
        slot: Slot,
        /// What changes.
        change: TrustChange,
    },
    /// Remove an import that is in no drive of the machine it was made for.
    RemoveOrphan {
        /// The import.
        import: ImportId,
        /// When it was made: one made since is another.
        made: UnixTime,
    },
    /// Take out of its drive what cannot be had, so that the machine starts without it, and say so with the machine.
    LeaveOutMedia {
        /// The drive.
        slot: Slot,
        /// The import that does not bring it.
        import: ImportId,
        /// Why it does not, meant for the client.
        reason: Box<str>,
    },
    /// Take out of its drive what is not in the cluster any more, if that is so: a run that waits for it never begins.
    LeaveOutLostMedia {
        /// The drive.
        slot: Slot,
        /// What is in it.
        image: Box<str>,
    },
    /// End a run that waits for what has been left out of the machine, and pending power-on that another follows.
    ReplaceRun(Uid),
    /// Take away what the service has written for a choice of the owner's that is none any more: see
    /// [`Superseded`](super::Superseded).
    DropStaleNotes,
    /// Put back what firmware and board were set to before the service changed it.
    ResetFirmware,
}

/// A change of how a machine is defined; what is `None` stays as it is. All of it is made at once, or none.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct MachineChange {
    /// What it boots from.
    pub boot: Option<BootChange>,
    /// The free text attached to it; none to remove it.
    pub asset_tag: Option<Option<Box<str>>>,
    /// Its indicator.
    pub indicator: Option<Indicator>,
    /// What becomes of it when its host comes back.
    pub power_restore: Option<PowerRestore>,
    /// What its firmware and board are set to. A mode that `boot` names as well is the same.
    pub firmware: FirmwareSettings,
}

/// Without what stays as it is.
impl fmt::Debug for MachineChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boot, asset_tag, indicator, power_restore, firmware } = self;
        let firmware = Some(firmware).filter(|firmware| **firmware != FirmwareSettings::default());
        let fields: [(&str, Option<&dyn fmt::Debug>); 5] = [
            ("boot", boot.as_ref().map(|boot| boot as _)),
            ("asset_tag", asset_tag.as_ref().map(|tag| tag as _)),
            ("indicator", indicator.as_ref().map(|indicator| indicator as _)),
            ("power_restore", power_restore.as_ref().map(|choice| choice as _)),
            ("firmware", firmware.map(|firmware| firmware as _)),
        ];
        let mut shown = f.debug_struct("MachineChange");
        for (name, value) in fields {
            if let Some(value) = value {
                shown.field(name, value);
            }
        }
        shown.finish()
    }
}

/// A change of power. Asking for what is already so is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PowerRequest {
    /// Start it; if it is still stopping, as soon as it has stopped.
    On,
    /// End it at once, without asking the guest.
    ForceOff,
    /// Ask the guest to shut down; end it when the machine's grace period is over.
    GracefulShutdown,
    /// Ask the guest to reboot.
    GracefulRestart,
    /// Restart it without asking the guest.
    ForceRestart,
    /// Take the power away and give it back: a cold boot.
    PowerCycle,
    /// Press the power button: starts a machine that is off, asks a running guest to shut down.
    PushPowerButton,
    /// Stop its processors.
    Pause,
    /// Let its processors go on.
    Resume,
    /// Interrupt its guest in a way that cannot be masked, by which guests that hang are made to dump their memory.
    /// Only where [`Platform::interrupt`](super::Platform::interrupt) says that this can be done.
    Interrupt,
}

impl PowerRequest {
    /// Every request there is.
    pub const ALL: &'static [Self] = &[
        Self::On,
        Self::ForceOff,
        Self::GracefulShutdown,
        Self::GracefulRestart,
        Self::ForceRestart,
        Self::PowerCycle,
        Self::PushPowerButton,
        Self::Pause,
        Self::Resume,
        Self::Interrupt,
    ];
}

/// A change of what a machine boots from; what is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BootChange {
    /// What to boot from.
    pub target: Option<BootTarget>,
    /// The device, if the target is [`BootTarget::UefiBootNext`].
    pub next: Option<BootDevice>,
    /// The URL of an image, if the target is [`BootTarget::UefiHttp`]; none to leave it to the network.
    pub http_uri: Option<Option<Url>>,
    /// For how long.
    pub enabled: Option<BootEnabled>,
    /// Which firmware.
    pub mode: Option<BootMode>,
    /// The machine's own order, in which an override in force changes nothing.
    pub order: Option<BootOrderChange>,
}

/// A change of a machine's own boot order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootOrderChange {
    /// These devices are tried, the first one first. None at all leaves the choice to the cluster.
    Whole(Box<[BootDevice]>),
    /// This device is tried too, after all others; where it is tried already, it keeps its place.
    Enable(BootDevice),
    /// This device is not tried.
    Disable(BootDevice),
}

/// What came of a command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Completion {
    /// What the cluster showed afterwards, so that a read that follows sees the change before any watch does.
    pub observations: Vec<Observation>,
}

/// Why a command was not carried out. Unless said otherwise nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The machine is no more.
    #[error("the machine no longer exists")]
    NotFound,
    /// The machine's present state does not allow it.
    #[error("not possible in the present state: {0}")]
    Conflict(String),
    /// Others kept changing the machine in between.
    #[error("others changed it at the same time, again and again")]
    Contended,
    /// It was called off, by its sender or by a later request; the text says which.
    #[error("called off: {0}")]
    CalledOff(String),
    /// The cluster refuses it; the text is its explanation, meant for the client.
    #[error("refused by the cluster: {0}")]
    Refused(String),
    /// The service itself lacks the right to do it; the text, for the log, says which.
    #[error("the service is not permitted to do it: {0}")]
    Forbidden(String),
    /// The cluster refuses to keep what the service has to store; the text is its explanation, for the log.
    #[error("not stored: {0}")]
    NotStored(String),
    /// This cluster has no way to do it.
    #[error("not supported by this cluster: {0}")]
    Unsupported(String),
    /// The cluster does not answer, or asks to be left alone for a while.
    #[error("the cluster is unavailable: {reason}")]
    Unavailable {
        /// For the log.
        reason: String,
        /// When to try again, if the cluster said.
        retry_after: Option<Duration>,
    },
    /// It was to be carried out only upon certain settings, and others are in force: this was seen.
    #[error("the settings are others than those it was made for")]
    Superseded(Vec<Observation>),
    /// The deadline came first; it may or may not have taken effect.
    #[error("not finished within the time allowed")]
    TimedOut,
    /// It has taken effect, and an earlier request that the cluster has not answered may undo it yet.
    #[error("an earlier request that the cluster has not answered may still take effect")]
    Unsettled {
        /// When that is over.
        retry_after: Duration,
    },
}

/// Why a command was not begun, though nothing is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Congestion {
    /// As many wait for the same machine as may: so many.
    ManyWaiting(usize),
    /// Those of the same machine before it took longer than this.
    LongWait(Duration),
    /// As many are under way in all as may.
    ManyUnderWay,
}
