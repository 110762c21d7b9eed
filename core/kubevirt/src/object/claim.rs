//! `PersistentVolumeClaim`.

use serde::Deserialize;

use super::{Metadata, Object, lenient};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Claim {
    #[serde(deserialize_with = "lenient")]
    pub(crate) metadata: Object<Metadata>,
}
