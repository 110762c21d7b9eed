//! `KubeVirt`, the custom resource that configures the virtualisation layer.

use serde::Deserialize;

use super::{Metadata, Object, lenient};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct KubeVirt {
    #[serde(deserialize_with = "lenient")]
    pub(crate) metadata: Object<Metadata>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) spec: Object<KubeVirtSpec>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) status: Object<KubeVirtStatus>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct KubeVirtSpec {
    #[serde(deserialize_with = "lenient")]
    pub(crate) configuration: Object<Configuration>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Configuration {
    #[serde(deserialize_with = "lenient")]
    pub(crate) developer_configuration: Object<DeveloperConfiguration>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) network: Object<NetworkConfiguration>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct NetworkConfiguration {
    /// How the interface is bound that a machine without any is given; nothing is `bridge`.
    #[serde(deserialize_with = "lenient")]
    pub(crate) default_network_interface: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DeveloperConfiguration {
    #[serde(deserialize_with = "lenient")]
    pub(crate) feature_gates: Vec<Option<Box<str>>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) disabled_feature_gates: Vec<Option<Box<str>>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct KubeVirtStatus {
    #[serde(rename = "observedKubeVirtVersion", deserialize_with = "lenient")]
    pub(crate) observed_version: Option<Box<str>>,
}
