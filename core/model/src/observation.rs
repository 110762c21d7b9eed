//! What is seen of the cluster.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Caller, Document, DocumentName, Import, ImportId, Instance, Leadership, Machine, Verb, Version, VmId};
use crate::time;

/// One thing that was seen of the cluster.
///
/// Observations may be repeated and may arrive late: a reading older than what is known is dropped by whoever
/// receives it ([`Version`]). What a listing of no known version has not shown is gone as of [`Version::LATEST`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// A machine is defined like this.
    Machine(Arc<Machine>),
    /// A machine is no more, as of this version.
    MachineGone(VmId, Version),
    /// A machine runs like this.
    Instance(Arc<Instance>),
    /// A machine's run has left nothing behind, as of this version: one that is newer stays.
    InstanceGone(VmId, Version),
    /// An import is this far.
    Import(Arc<Import>),
    /// An import is no more, as of this version.
    ImportGone(ImportId, Version),
    /// A document says this.
    Document(Arc<Document>),
    /// A document is no more, as of this version.
    DocumentGone(DocumentName, Version),
    /// Whom a token stands for; `None` if for nobody.
    Caller(Option<Arc<Caller>>),
    /// Whose the duty is.
    Leadership(Leadership),
    /// The cluster can do this, [`Platform::interrupt`] apart.
    Platform(Platform),
    /// This is everything that there was of a kind, whoever has seen more of it before.
    Listed(Listed),
    /// The verb by which the cluster interrupts guests; `None` if it cannot.
    Interrupt(Option<Verb>),
    /// Everything of a kind has been listed: what was seen before and is not seen since has been reported as gone.
    Synchronised(Source),
    /// Everything is shown as it happens, as of now and until [`Observation::Unseen`].
    Seen(Sight),
    /// It is not any more, or never has been.
    Unseen(Blindness),
}

/// All objects of a kind in a namespace as of a version; each of them has been reported before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The kind.
    pub kind: Kind,
    /// The namespace.
    pub namespace: Arc<str>,
    /// Their names.
    pub names: BTreeSet<Box<str>>,
    /// As of when.
    pub as_of: Version,
}

/// A stream shows what there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Which stream.
    pub source: Source,
    /// As of when.
    pub at: time::Instant,
    /// How many attempts in a row had come to nothing before.
    pub failures: u32,
}

/// A stream does not show what there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blindness {
    /// Which stream.
    pub source: Source,
    /// When it certainly did; `None` if it never has.
    pub last_seen: Option<time::Instant>,
    /// Why it does not.
    pub obstacle: Obstacle,
}

/// Why a stream does not show what there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// There was no answer, or none that is to be believed.
    Unreachable(String),
    /// It was open and showed nothing, not even that there was nothing, for longer than that happens.
    Silent,
    /// The cluster does not show it for lack of this right, such as `list`, and will not until that changes.
    Forbidden(&'static str),
    /// The cluster does not have the kind, so nothing of it can be seen or made until that changes.
    Missing,
}

/// The kinds of which there may be readings beside those of a stream: what commands have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Observation::Instance`].
    Instances,
    /// [`Observation::Import`].
    Imports,
}

/// A stream of observations: one kind of object in one namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The kind, in the plural that the cluster uses.
    pub kind: &'static str,
    /// The namespace; `None` for all of them or for kinds without.
    pub namespace: Option<Arc<str>>,
    /// What it is watched for.
    pub purpose: Purpose,
}

/// What a stream of observations is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Without it nothing can be told of any machine.
    Machines,
    /// It shows what the cluster can do, which commands depend on.
    Platform,
    /// It adds to what is told of machines.
    Details,
    /// It shows how far images are that are fetched for machines.
    Imports,
    /// It shows the service's own documents.
    Documents,
}

/// What the cluster can do, as far as it makes a difference here.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Platform {
    /// The virtualisation layer's version, such as `v1.9.0`.
    pub version: Option<Box<str>>,
    /// An empty CD-ROM drive can take media while the machine runs.
    pub live_media: bool,
    /// A reboot from inside the guest can be made to count as a new boot.
    pub reboot_ends_run: bool,
    /// The network interface that a machine without any is given is behind address translation, not bridged.
    pub default_nic_is_masked: bool,
    /// The verb by which guests are sent an interrupt that they cannot mask, if there is one.
    pub interrupt: Option<Verb>,
}
