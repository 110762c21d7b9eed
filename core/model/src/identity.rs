//! Names of things in the cluster. Parsed once, at the edge; nothing passes bare strings around.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A virtual machine's namespace and name, kept as `<namespace>.<name>` and ordered by that text.
///
/// One allocation, and a map keyed by it can be searched with the text that stands in a URI.
#[derive(Clone)]
pub struct VmId {
    text: Arc<str>,
    namespace_length: u8,
}

impl VmId {
    /// Names the machine `name` in `namespace`.
    ///
    /// `None` unless both are names that Kubernetes accepts: a DNS label for the namespace, a DNS subdomain for the
    /// machine (RFC 1123). That leaves letters, digits, `-` and `.`, all of which are safe in a URI.
    pub fn new(namespace: &str, name: &str) -> Option<Self> {
        if !is_dns_label(namespace) || !is_dns_subdomain(name) {
            return None;
        }
        let namespace_length = u8::try_from(namespace.len()).ok()?;
        Some(Self { text: format!("{namespace}.{name}").into(), namespace_length })
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        self.text.split_at(usize::from(self.namespace_length)).0
    }

    /// The name within the namespace.
    pub fn name(&self) -> &str {
        self.text.split_at(usize::from(self.namespace_length) + 1).1
    }

    /// `<namespace>.<name>`. A namespace has no dots, so this can be read back.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for VmId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for VmId {}

impl PartialOrd for VmId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VmId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

/// As the text hashes, so that `Borrow<str>` holds.
impl Hash for VmId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Borrow<str> for VmId {
    fn borrow(&self) -> &str {
        &self.text
    }
}

/// Prints `<namespace>.<name>`.
impl fmt::Display for VmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for VmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::str::FromStr for VmId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (namespace, name) = text.split_once('.').ok_or(())?;
        Self::new(namespace, name).ok_or(())
    }
}

/// The cluster's identity of one object over its whole life: a new object of the same name has another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(Arc<str>);

impl Uid {
    /// Takes the cluster's text as it is.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The cluster's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The cluster's version of an object: of two readings of one object the higher is newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub u64);

impl Version {
    /// Newer than everything: what a complete listing did not show is gone, whatever was known of it.
    pub const LATEST: Self = Self(u64::MAX);
}

/// An image import's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImportId {
    /// The namespace, the same as that of the machine it serves.
    pub namespace: Namespace,
    /// The name within the namespace.
    pub name: ObjectName,
}

/// The name of a namespace: a DNS label (RFC 1123).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

/// The name of an object within its namespace: a DNS subdomain (RFC 1123). That leaves letters, digits, `-` and `.`, and
/// no part that is empty, so it can stand in a path as it is and leads to nothing but that object.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(Arc<str>);

/// What the cluster calls something that it can do to a machine: up to 63 letters, digits and `-`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verb(Cow<'static, str>);

impl Namespace {
    /// Takes the name of a namespace; `None` for a text that can be none.
    pub fn new(text: &str) -> Option<Self> {
        is_dns_label(text).then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ObjectName {
    /// Takes the name of an object; `None` for a text that can be none.
    pub fn new(text: &str) -> Option<Self> {
        is_dns_subdomain(text).then(|| Self(text.into()))
    }

    /// Takes a name that was made of names.
    pub(super) fn made(text: String) -> Self {
        debug_assert!(is_dns_subdomain(&text), "{text}");
        Self(text.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Verb {
    /// One that is known beforehand.
    pub const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Takes what the cluster calls it; `None` for a text that can be no name of that kind.
    pub fn new(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (plain && (1..=63).contains(&text.len())).then(|| Self(Cow::Owned(text.to_owned())))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl VmId {
    /// The namespace, as a name.
    pub fn place(&self) -> Namespace {
        Namespace(self.namespace().into())
    }
}

macro_rules! name_is_text {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }
    )*};
}

name_is_text!(Namespace, ObjectName, Verb);

fn is_dns_label(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.len() <= 63
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && edge(text.as_bytes().first())
        && edge(text.as_bytes().last())
}

fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label_of_any_length)
}

/// KubeVirt's own examples have parts over 63 characters in names: only the whole is bounded (253).
fn is_dns_label_of_any_length(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && edge(text.as_bytes().first())
        && edge(text.as_bytes().last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_machine_name_may_have_dots_and_a_namespace_may_not() {
        let id: VmId = "lab.node-0.rack-1".parse().expect("a valid id");
        assert_eq!((id.namespace(), id.name()), ("lab", "node-0.rack-1"));
        assert_eq!(VmId::new("lab.a", "node"), None);
    }

    #[test]
    fn names_that_kubernetes_refuses_are_refused() {
        for text in ["", "lab", "lab.", ".node", "Lab.node", "lab.no_de", "lab.-node", "lab.node-", "lab.a/b", "lab.é"]
        {
            assert!(text.parse::<VmId>().is_err(), "{text}");
        }
    }

    /// D8: what stands in a path leads to nothing but an object of that name.
    #[test]
    fn what_leads_elsewhere_is_no_name() {
        for text in [
            "",
            ".",
            "..",
            "a/b",
            "../a",
            "a..b",
            ".a",
            "a.",
            "a?watch=1",
            "a#b",
            "a%2fb",
            "a b",
            "a\n",
            "A",
            "-a",
            "a-",
            "\u{202e}a",
            &"a".repeat(254),
            &format!("{}/x", "a".repeat(10)),
        ] {
            assert_eq!(ObjectName::new(text), None, "{text}");
            assert_eq!(Namespace::new(text), None, "{text}");
        }
        assert_eq!(Namespace::new("a.b"), None);
        assert!(ObjectName::new("a.b-c.0").is_some() && Namespace::new("lab-0").is_some());
        for text in ["", "a/b", "..", "a.b", "a b", &"a".repeat(64)] {
            assert_eq!(Verb::new(text), None, "{text}");
        }
        assert!(Verb::new("injectNMI").is_some());
    }

    proptest! {
        #[test]
        fn ids_are_read_back_as_printed(namespace in "[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", name in "[a-z0-9]([a-z0-9.]{0,8}[a-z0-9])?") {
            if let Some(id) = VmId::new(&namespace, &name) {
                prop_assert_eq!(id.to_string().parse::<VmId>(), Ok(id));
            }
        }
    }
}
