//! What the cluster does with a machine by itself.

use super::{Instance, Phase, Uid};

/// What becomes of a machine though nobody asks for anything, as far as its definition and what the cluster has noted with
/// it tell. A controller acts in steps, and by what it has read before: what has not been shown to be over may still come.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Outlook {
    /// While there is no instance.
    pub absent: Next,
    /// When its instance has ended well.
    pub succeeded: Next,
    /// When its instance has failed.
    pub failed: Next,
    /// Whether an instance that is removed is made anew.
    pub recreates: bool,
    /// Whether any instance is to end, whether it shows that yet or not.
    pub halted: bool,
    /// The instance that has been told to end, whether it shows that yet or not.
    pub stops: Option<Box<Uid>>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Next {
    /// Nothing, until somebody asks for it.
    #[default]
    Nothing,
    /// An instance.
    Start,
    /// Perhaps an instance: the cluster has not shown yet whether it starts another.
    MayStart,
    /// Nothing more, though an instance that was about to be made before may still appear: the cluster has not shown yet that
    /// it has seen that the machine is to be off.
    Unseen,
}

impl Outlook {
    /// What follows an instance that has ended, or the absence of one; `None` while one lives.
    pub fn next(&self, instance: Option<&Instance>) -> Option<Next> {
        match instance {
            None => Some(self.absent),
            Some(instance) if instance.phase != Phase::Ended => None,
            Some(instance) => Some(self.after(instance.failed, instance.stopping)),
        }
    }

    /// What follows an instance that has ended, perhaps by a failure, and that perhaps is being removed.
    pub fn after(&self, failed: bool, going: bool) -> Next {
        match if failed { self.failed } else { self.succeeded } {
            Next::Nothing if going && self.recreates => Next::Start,
            next => next,
        }
    }

    /// Whether an instance has been told to end, by what is said of it elsewhere than on itself.
    pub fn stops(&self, uid: &str) -> bool {
        self.halted || self.stops.as_ref().is_some_and(|only| only.as_str() == uid)
    }
}
