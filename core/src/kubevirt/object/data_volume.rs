//! `DataVolume`, of the Containerized Data Importer.

use serde::Deserialize;

use super::{Condition, Metadata, Object, lenient};

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
    pub(crate) http: Object<HttpSource>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HttpSource {
    #[serde(deserialize_with = "lenient")]
    pub(crate) secret_ref: Option<Box<str>>,
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
