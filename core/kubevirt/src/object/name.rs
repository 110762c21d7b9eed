//! Names in objects and in annotations: what cannot be the name of an object counts as absent, so that no path is made of
//! it.

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
