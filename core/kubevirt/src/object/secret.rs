//! `Secret`, as far as the service's own documents are kept in it.

use serde::Deserialize;

use super::{Metadata, Object, Whole, lenient};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Secret {
    #[serde(deserialize_with = "lenient")]
    pub(crate) metadata: Object<Metadata>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) data: Object<SecretData>,
}

/// The keys that are read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SecretData {
    /// In base64.
    #[serde(deserialize_with = "lenient")]
    pub(crate) content: Whole,
}
