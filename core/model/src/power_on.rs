//! A power-on that cannot be carried out at once: it is pending, and carried out when it can be.

use std::time::Duration;

use super::{ObjectName, Uid};
use crate::time::UnixTime;

/// A power-on that has been pending. It stands with the machine's definition, so that any replica can carry it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingPowerOn {
    /// What it is called: 16 hexadecimal digits, chosen by who made it wait.
    pub name: Box<str>,
    /// When it was asked for.
    pub asked: UnixTime,
    /// When it is too late for it.
    pub until: UnixTime,
    /// The run that was ending then, if there was one. Once there is another, nothing is left to do.
    pub run: Option<Uid>,
    /// The owner has changed since when the machine is to run: it is not to be carried out any more.
    pub superseded: bool,
}

/// How a power-on is to be pending, should it turn out that it cannot be carried out at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deferral {
    /// See [`PendingPowerOn::name`].
    pub name: Box<str>,
    /// See [`PendingPowerOn::asked`].
    pub asked: UnixTime,
    /// See [`PendingPowerOn::until`].
    pub until: UnixTime,
    /// An image in a drive is not there yet, by what whoever gave the command has seen: until it is, the machine is not
    /// to be started.
    pub awaits_media: bool,
}

/// An image that a machine was started without, because it could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutMedia {
    /// The image as the client named it.
    pub image: Box<str>,
    /// Why it could not be had.
    pub reason: Box<str>,
    /// What it stood on, or was to: a run that was begun before waits for that.
    pub claim: Option<ObjectName>,
}

/// For how long a pending power-on waits for a run to end: the longest grace periods that machines have are an hour
/// (Windows guests).
pub const LONGEST_STOP: Duration = Duration::from_secs(3_700);
