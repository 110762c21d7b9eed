//! Names in objects and in annotations: what cannot be the name of an object counts as absent, so that no path is made of
//! it.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Lenient;
use crate::model::{Namespace, ObjectName};

impl Lenient<'_> for Option<ObjectName> {
    fn from_text(text: &str) -> Self {
        ObjectName::new(text)
    }
}

impl Lenient<'_> for Option<Namespace> {
    fn from_text(text: &str) -> Self {
        Namespace::new(text)
    }
}

impl<'de> Deserialize<'de> for ObjectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| D::Error::custom("no name of an object"))
    }
}

impl Serialize for ObjectName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl Serialize for Namespace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}
