//! Requests that were sent and not answered: whether they have had their effect, will have it, or never, is not known.

use std::fmt;
use std::time::Duration;

use super::{Action, PowerRequest};
use crate::time::{Instant, UnixTime};

/// A request about a machine's power that was sent and not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// What it does when it arrives.
    pub effect: PowerEffect,
    /// When it was sent, at the latest.
    pub sent: Instant,
    /// The state of the definition that it supposes, if it does: once that is another, the request has no effect any more.
    pub supposes: Option<Box<str>>,
    /// Whether nothing else is known to be under way that does the same, so that it can be told by what is seen that it has
    /// had its effect.
    pub telling: bool,
    /// What it is called on the machine, if it is noted down there.
    pub note: Option<RequestId>,
}

/// A request about a machine's power, of whichever replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// What tells the replica from others, and from what it was before a restart.
    pub replica: u32,
    /// Which of its requests.
    pub number: u64,
}

/// What replicas have noted down on a machine of their requests about its power, for each other.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PowerNote {
    /// The last request that was carried out.
    pub last: Option<LastRequest>,
    /// What is going to be sent, or was sent and is not answered.
    pub unanswered: Box<[(RequestId, PowerEffect)]>,
}

/// A request that was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastRequest {
    /// Which one.
    pub request: RequestId,
    /// When it was asked for, by the clock of its replica.
    pub asked: UnixTime,
    /// What came of it.
    pub goal: PowerGoal,
}

/// What a machine is to be in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerGoal {
    /// Off.
    Off,
    /// On, whether it was restarted for that or not.
    On,
    /// Paused.
    Paused,
}

/// `0a1b2c3d-1f`
impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:x}", self.replica, self.number)
    }
}

impl RequestId {
    /// Reads what [`Display`](fmt::Display) writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (replica, number) = text.split_once('-')?;
        let id =
            Self { replica: u32::from_str_radix(replica, 16).ok()?, number: u64::from_str_radix(number, 16).ok()? };
        (id.to_string() == text).then_some(id)
    }
}

/// What a request to the cluster does to a machine's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerEffect {
    /// Starts a machine that is off.
    TurnsOn,
    /// Ends the run that is there, and starts another.
    Restarts,
    /// Ends the run that is there.
    TurnsOff,
    /// Stops its processors.
    Pauses,
    /// Lets its processors go on.
    Resumes,
}

impl Unanswered {
    /// When it cannot have an effect any more.
    ///
    /// `kube-apiserver` gives up what it has taken after a minute (`--request-timeout`); whatever it has handed on by then is
    /// given as long again.
    pub fn over(&self) -> Instant {
        self.sent + OVER_AFTER
    }

    /// What remains of it when another replica has had the answer to it: what it does to the processors shows a moment later,
    /// all else in the definition at once.
    pub fn answered(&self, now: Instant) -> Option<Self> {
        let shows_later = matches!(self.effect, PowerEffect::Pauses | PowerEffect::Resumes);
        let sent = (now + SETTLING).earlier(OVER_AFTER);
        shows_later.then_some(Self { effect: self.effect, sent, supposes: None, telling: false, note: None })
    }
}

/// After how long a request cannot have an effect any more.
const OVER_AFTER: Duration = Duration::from_mins(2);

/// After how long what it does to the processors of a machine shows.
const SETTLING: Duration = Duration::from_secs(3);

impl PowerEffect {
    /// Whether what was asked for comes to nothing by it, if it comes later.
    pub fn opposes(self, request: PowerRequest) -> bool {
        match request {
            PowerRequest::ForceOff | PowerRequest::GracefulShutdown => matches!(self, Self::TurnsOn | Self::Restarts),
            PowerRequest::On
            | PowerRequest::GracefulRestart
            | PowerRequest::ForceRestart
            | PowerRequest::PowerCycle
            | PowerRequest::Resume => matches!(self, Self::TurnsOff | Self::Pauses),
            PowerRequest::Pause => matches!(self, Self::Resumes | Self::TurnsOff | Self::Restarts),
            // What it turns the machine to depends on what it finds.
            PowerRequest::PushPowerButton => true,
            PowerRequest::Interrupt => false,
        }
    }

    /// Whether a machine that is off may be on after it.
    pub const fn starts(self) -> bool {
        matches!(self, Self::TurnsOn | Self::Restarts)
    }

    /// What a command may have sent of which nothing more is known.
    pub fn of(action: &Action) -> &'static [Self] {
        match action {
            Action::Power(request) => match request {
                PowerRequest::On => &[Self::TurnsOn, Self::Resumes],
                PowerRequest::ForceOff | PowerRequest::GracefulShutdown => &[Self::TurnsOff],
                PowerRequest::GracefulRestart | PowerRequest::ForceRestart | PowerRequest::PowerCycle => {
                    &[Self::TurnsOn, Self::TurnsOff, Self::Restarts]
                }
                PowerRequest::PushPowerButton => &[Self::TurnsOn, Self::TurnsOff],
                PowerRequest::Pause => &[Self::Pauses],
                PowerRequest::Resume => &[Self::Resumes],
                PowerRequest::Interrupt => &[],
            },
            Action::ExecutePendingPowerOn(_) => &[Self::TurnsOn],
            Action::ReplaceRun(_) => &[Self::TurnsOff],
            _ => &[],
        }
    }
}
