//! `PersistentVolumeClaim`.

use serde::Deserialize;

use super::{Metadata, Object, lenient};
use crate::quantity::Quantity;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Claim {
    #[serde(deserialize_with = "lenient")]
    pub(crate) metadata: Object<Metadata>,
}

/// What is asked for of a claim, as `PersistentVolumeClaimSpec` and the `storage` of a `DataVolume` have it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ClaimSpec {
    #[serde(deserialize_with = "lenient")]
    pub(crate) resources: Object<ClaimResources>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ClaimResources {
    #[serde(deserialize_with = "lenient")]
    pub(crate) requests: Object<StorageAmount>,
}

/// A list of resources, of which only storage is of interest.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StorageAmount {
    #[serde(deserialize_with = "lenient")]
    pub(crate) storage: Option<Quantity>,
}
