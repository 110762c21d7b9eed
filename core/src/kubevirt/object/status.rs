//! `metav1.Status`, the body of most refusals.

use serde::Deserialize;

use super::{Object, lenient};

/// Why the API server refuses a request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    #[serde(deserialize_with = "lenient")]
    pub(crate) code: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) message: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) reason: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) details: Object<Details>,
}

/// What a [`Status`] is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Details {
    #[serde(deserialize_with = "lenient")]
    pub(crate) kind: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) retry_after_seconds: Option<u64>,
}
