//! Reading JSON without being put off by it: a field that is null or of another type than expected counts as absent,
//! so that neither a newer cluster nor a broken object stops a stream. Only text that is no JSON at all is an error.
//!
//! No value is buffered on the way: what is not wanted is skipped where it stands.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::plain;

/// Reads a field; to be named in `#[serde(deserialize_with = ...)]`, beside `#[serde(default)]`.
pub(crate) fn lenient<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Lenient<'de>,
{
    deserializer.deserialize_any(AnyVisitor(PhantomData))
}

/// What can be read from any JSON value, from most of them as if it were absent.
pub(crate) trait Lenient<'de>: Default {
    fn from_text(_text: &str) -> Self {
        Self::default()
    }

    fn from_number(_number: u64) -> Self {
        Self::default()
    }

    fn from_fraction(_number: f64) -> Self {
        Self::default()
    }

    fn from_flag(_flag: bool) -> Self {
        Self::default()
    }

    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

/// A text as it can be shown, and no longer than is of use: whoever may edit an object may have written it. One that was
/// changed on the way is the name of nothing.
impl Lenient<'_> for Option<Box<str>> {
    fn from_text(text: &str) -> Self {
        Some(plain(text, LONGEST_TEXT))
    }
}

/// What names, enumerations, versions, addresses and explanations have at most.
const LONGEST_TEXT: usize = 1_024;

/// A text that is needed to the letter, however long it is: it is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Whole(pub(crate) Option<Box<str>>);

impl Lenient<'_> for Whole {
    fn from_text(text: &str) -> Self {
        Self(Some(text.into()))
    }
}

impl Lenient<'_> for Option<u64> {
    fn from_number(number: u64) -> Self {
        Some(number)
    }
}

impl Lenient<'_> for Option<bool> {
    fn from_flag(flag: bool) -> Self {
        Some(flag)
    }
}

/// A list, of whose elements each is read leniently.
impl<'de, T: Lenient<'de>> Lenient<'de> for Vec<T> {
    fn from_list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut items = Self::new();
        while let Some(Element(item)) = list.next_element()? {
            items.push(item);
        }
        Ok(items)
    }
}

/// An object of the API, read by its own derived [`Deserialize`], whose fields are lenient in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de> + Default> Lenient<'de> for Object<T> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Self)
    }
}

impl<T> std::ops::Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// An object whose presence says something even if it is empty.
impl<'de, T: Deserialize<'de> + Default> Lenient<'de> for Option<Object<T>> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Object::from_map(map).map(Some)
    }
}

/// Text by text, ordered by key; entries whose value is no text are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextMap(pub(crate) Vec<(Box<str>, Box<str>)>);

impl<'de> Lenient<'de> for TextMap {
    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, Element(value))) = map.next_entry::<Box<str>, Element<Option<Box<str>>>>()? {
            if let Some(value) = value {
                entries.push((key, value));
            }
        }
        entries.sort_unstable();
        Ok(Self(entries))
    }
}

/// A [`Lenient`] value in the place of an element.
pub(crate) struct Element<T>(pub(crate) T);

impl<'de, T: Lenient<'de>> Deserialize<'de> for Element<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient(deserializer).map(Self)
    }
}

struct AnyVisitor<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for AnyVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::from_text(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::from_number(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<T, E> {
        Ok(u64::try_from(number).map_or_else(|_| T::default(), T::from_number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<T, E> {
        Ok(T::from_fraction(number))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<T, E> {
        Ok(T::from_flag(flag))
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_none<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::from_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }
}
