//! `authentication.users[].password`: a text, or a map whose `hash` is one.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, EnumAccess, VariantAccess as _, Visitor};

/// What stands for a password in the file.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// The password, or a hash of it.
    Text(String),
    /// `{hash: …}`: nothing but a hash.
    Hash(String),
    /// No value.
    None,
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(Outer)
    }
}

const KEY: &str = "hash";

/// What is said of anything else.
pub(super) const NO_PASSWORD: &str = "expected a password, a hash of one, or a map with nothing but `hash`";

/// A text that is null is none.
struct Outer;

impl<'de> Visitor<'de> for Outer {
    type Value = Password;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a password, a hash of one, or a map with `hash`")
    }

    fn visit_none<E>(self) -> Result<Password, E> {
        Ok(Password::None)
    }

    fn visit_unit<E>(self) -> Result<Password, E> {
        Ok(Password::None)
    }

    /// As an enumeration, because the parser hands the name of a variant over as it stands there: what it takes for any
    /// value would make a number of `0123`.
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Password, D::Error> {
        deserializer.deserialize_enum("password", &[KEY], Inner)
    }
}

struct Inner;

impl<'de> Visitor<'de> for Inner {
    type Value = Password;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Outer.expecting(f)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Password, A::Error> {
        let (text, rest) = data.variant::<String>()?;
        if text == KEY {
            return rest.newtype_variant().map(Password::Hash);
        }
        match rest.unit_variant() {
            Ok(()) => Ok(Password::Text(text)),
            Err(_) => Err(de::Error::custom(NO_PASSWORD)),
        }
    }
}
