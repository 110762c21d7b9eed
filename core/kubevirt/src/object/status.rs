//! `metav1.Status`, the body of most refusals.

use serde::Deserialize;

use super::{Element, Object, Whole, lenient};

/// Why the API server refuses a request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    #[serde(deserialize_with = "lenient")]
    kind: Option<Box<str>>,
    #[serde(rename = "apiVersion", deserialize_with = "lenient")]
    api_version: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) code: Option<u64>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) message: Whole,
    #[serde(deserialize_with = "lenient")]
    pub(crate) reason: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    pub(crate) details: Object<Details>,
}

impl Status {
    /// Reads one; `None` for anything else that answers with the code of a refusal, such as the page of a proxy.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let Element(Object(status)) = serde_json::from_slice::<Element<Object<Self>>>(body).ok()?;
        (status.kind.as_deref() == Some("Status") && status.api_version.as_deref() == Some("v1")).then_some(status)
    }
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
