//! What the cluster's objects mean in the domain's words.
//!
//! Pure functions from the narrow readings of `object` to the model. Nothing is invented: what an object does not say
//! stays absent.

use super::object::Metadata;
use crate::model::{Uid, Version, VmId};
use crate::time::UnixTime;

mod document;
pub(super) mod firmware;
mod hardware;
mod import;
mod instance;
mod machine;
mod outlook;
mod platform;
#[cfg(test)]
mod tests;
mod trouble;

pub(crate) use document::{document, document_name, secret_name};
pub(crate) use hardware::architecture;
pub(crate) use import::import;
pub(crate) use instance::{instance, paused, phase};
pub(crate) use machine::machine;
pub(crate) use outlook::outlook;
pub(crate) use platform::{interrupt, platform};

/// Where a machine or its instance is, and what it is called.
pub(crate) fn vm_id(metadata: &Metadata) -> Option<VmId> {
    VmId::new(metadata.namespace.as_deref()?, metadata.name.as_deref()?)
}

fn uid(metadata: &Metadata) -> Uid {
    Uid::new(metadata.uid.as_deref().unwrap_or_default())
}

/// Resource versions are opaque by contract and numbers in fact; one that is no number is older than everything.
pub(crate) fn version(metadata: &Metadata) -> Version {
    Version(metadata.resource_version.as_deref().and_then(|version| version.parse().ok()).unwrap_or(0))
}

fn time(text: Option<&str>) -> Option<UnixTime> {
    UnixTime::parse(text?)
}
