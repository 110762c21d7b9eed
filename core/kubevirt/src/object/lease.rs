//! `Lease` of `coordination.k8s.io/v1`.

use serde::Deserialize;

use super::{Metadata, Object, lenient};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Lease {
    #[serde(deserialize_with = "lenient")]
    pub(crate) metadata: Object<Metadata>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) spec: Object<LeaseSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LeaseSpec {
    #[serde(deserialize_with = "lenient")]
    pub(crate) holder_identity: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) lease_transitions: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) lease_duration_seconds: Option<u64>,
}
