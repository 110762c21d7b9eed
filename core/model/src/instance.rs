//! A machine's run: what exists between power-on and power-off.

use super::{BootDevice, FirmwareSettings, MacAddress, ObjectName, Processors, Uid, Version, VmId};
use crate::time::UnixTime;

/// One run of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the cluster tells each of them by itself")]
pub struct Instance {
    /// The machine that runs.
    pub id: VmId,
    /// Which run it is: every cold start has its own.
    pub uid: Uid,
    /// How new this reading is.
    pub version: Version,
    /// How far it got.
    pub phase: Phase,
    /// It has been told to end.
    pub stopping: bool,
    /// It has ended by a failure of its guest or its host, or because it was killed.
    pub failed: bool,
    /// The cluster does not hear from its host: what is said of its guest may not be so any more, or not yet.
    pub unheard: bool,
    /// Its processors are stopped.
    pub paused: bool,
    /// When its guest began to run.
    pub started: Option<UnixTime>,
    /// The processors that it was given; a machine made from a size template says so only here.
    pub processors: Option<Processors>,
    /// The memory that it was given, in bytes; as above.
    pub memory: Option<u64>,
    /// What its firmware and board are set to.
    pub firmware: Box<FirmwareSettings>,
    /// What its network interfaces have, in the cluster's order.
    pub addresses: Box<[NicAddress]>,
    /// Names of the drives whose medium was added during the run and is ready for the guest.
    pub ready_media: Box<[Box<str>]>,
    /// The device that it tries first, if it was given an order.
    pub boots_first: Option<BootDevice>,
    /// A reboot by the guest itself ends it, so that what follows is a new boot.
    pub ends_by_reboot: bool,
    /// What its volumes stand on, while its guest does not run yet: it waits for all of them.
    pub claims: Box<[ObjectName]>,
    /// How large the guest sees drives, in bytes, as far as that is known, by their names.
    pub drive_sizes: Box<[(Box<str>, u64)]>,
    /// Since when the guest's agent is heard of, if it is.
    pub agent_since: Option<UnixTime>,
    /// The host it runs on.
    pub host: Option<Box<str>>,
}

/// How far a run got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Its guest does not run yet.
    Starting,
    /// Its guest runs.
    Running,
    /// Its guest ended, by itself or by force.
    Ended,
    /// Nobody knows whether its guest runs.
    Unknown,
}

/// Addresses of a network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicAddress {
    /// The interface's name in the machine's definition.
    pub name: Box<str>,
    /// The MAC address.
    pub mac: Option<MacAddress>,
    /// Whether its link is up, if that is known.
    pub link_up: Option<bool>,
    /// IPv4 and IPv6 addresses.
    pub ips: Box<[Box<str>]>,
}
