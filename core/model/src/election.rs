//! The leadership: what one replica of the service does for all, and how replicas agree on which.
//!
//! Whose it is is written down beyond them all, and renewed while it is theirs. Another may take it over once nothing
//! has been renewed for as long as its holder says by its own clock: nobody compares clocks.

use std::time::Duration;

use super::{CommandId, Version};
use crate::time::{Instant, UnixTime};

/// Whose the leadership is, as it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The replica; `None` if it is nobody's.
    pub holder: Option<Box<str>>,
    /// Which state of it: another after every renewal.
    pub version: Version,
    /// For how long it is its holder's after a renewal, as the holder says.
    pub lasts: Option<Duration>,
}

/// To get the leadership, to keep it, or to let it go. Its completion shows whose it then is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// Which command it is.
    pub id: CommandId,
    /// The replica that asks.
    pub replica: Box<str>,
    /// What it wants.
    pub goal: LeaseGoal,
    /// The state in which this replica left it when it last was its own. As long as it still is that, nothing has to be read.
    pub left: Option<Version>,
    /// For how long it is to be this replica's.
    pub lasts: Duration,
    /// What time it is, for people who look at what is written down.
    pub time: UnixTime,
    /// When to give up.
    pub deadline: Instant,
}

/// What a request for the lease is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseGoal {
    /// Keep it, or take it if it is nobody's, or if it still is what it was when it was last seen to be renewed.
    Hold {
        /// That state, if it has lasted for long enough.
        expired: Option<Version>,
    },
    /// Let it go, if it is this replica's.
    Release,
}
