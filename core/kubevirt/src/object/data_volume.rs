//! `DataVolume`, of the Containerized Data Importer.

use serde::Deserialize;

use super::{Condition, Metadata, Object, Whole, lenient};
use crate::model::ObjectName;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DataVolume {
    #[serde(deserialize_with = "lenient")]
    pub(crate) metadata: Object<Metadata>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) spec: Object<DataVolumeSpec>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) status: Object<DataVolumeStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DataVolumeSpec {
    #[serde(deserialize_with = "lenient")]
    pub(crate) source: Object<DataVolumeSource>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DataVolumeSource {
    #[serde(deserialize_with = "lenient")]
    pub(crate) http: Option<Object<RemoteSource>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) registry: Option<Object<RemoteSource>>,
}

impl DataVolumeSource {
    /// The server that the image is fetched from.
    pub(crate) fn remote(&self) -> Option<&RemoteSource> {
        self.http.as_ref().or(self.registry.as_ref()).map(|source| &source.0)
    }
}

/// What the sources on the network have in common.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RemoteSource {
    #[serde(deserialize_with = "lenient")]
    pub(crate) url: Whole,
    #[serde(deserialize_with = "lenient")]
    pub(crate) secret_ref: Option<ObjectName>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) cert_config_map: Option<ObjectName>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DataVolumeStatus {
    #[serde(deserialize_with = "lenient")]
    pub(crate) phase: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) progress: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) restart_count: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) conditions: Vec<Object<Condition>>,
}
