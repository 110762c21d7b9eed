//! An object together with what it says that it is, so that one of another kind is not taken for it.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::lenient::{Element, Lenient};

/// An object with its `kind` and `apiVersion`.
#[derive(Debug, Default)]
pub(crate) struct Typed<T> {
    pub(crate) kind: Option<Box<str>>,
    pub(crate) api_version: Option<Box<str>>,
    pub(crate) object: T,
}

impl<'de, T: Deserialize<'de> + Default> Lenient<'de> for Typed<T> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let (mut kind, mut api_version) = (None, None);
        let rest = Rest { map, kind: &mut kind, api_version: &mut api_version };
        let object = T::deserialize(MapAccessDeserializer::new(rest))?;
        Ok(Self { kind, api_version, object })
    }
}

/// What is left of a map once its type has been taken out.
struct Rest<'a, A> {
    map: A,
    kind: &'a mut Option<Box<str>>,
    api_version: &'a mut Option<Box<str>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<Key>()? {
            match key {
                Key::Kind => *self.kind = self.map.next_value::<Element<_>>()?.0,
                Key::ApiVersion => *self.api_version = self.map.next_value::<Element<_>>()?.0,
                Key::Other(name) => {
                    return seed.deserialize(StrDeserializer::new(&name)).map(Some);
                }
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

enum Key {
    Kind,
    ApiVersion,
    Other(Box<str>),
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        Ok(match name {
            "kind" => Key::Kind,
            "apiVersion" => Key::ApiVersion,
            other => Key::Other(other.into()),
        })
    }
}
