//! The shape of a YAML text with the place of every node: what turns the line and column of an error into a key.

use std::fmt::{self, Write as _};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Location, Spanned};

/// What is looked for at a place: several nodes may begin there, as a map does with its first key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seek {
    /// A key or value: the innermost.
    Innermost,
    /// A value, such as a map that lacks something: the outermost.
    OutermostValue,
}

/// The key at a place, such as `chassis[0].vm_selector`; empty if no node begins there or the whole text does.
pub(super) fn key_at(text: &str, location: Location, seek: Seek) -> String {
    let options = serde_saphyr::options! { duplicate_keys: DuplicateKeyPolicy::FirstWins, with_snippet: false };
    let Ok(outline) = serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options) else {
        return String::new();
    };
    let place = (location.line(), location.column());
    let mut found = None;
    if seek == Seek::OutermostValue && is_at(outline.referenced, place) {
        return String::new();
    }
    find(&outline.value, place, seek, &mut String::new(), &mut found);
    found.unwrap_or_default()
}

/// Leaves the key that begins at `place` in `found`.
fn find(node: &Node, place: (u64, u64), seek: Seek, path: &mut String, found: &mut Option<String>) {
    let length = path.len();
    let mut consider = |is_key_there: bool, value: &Spanned<Node>, path: &mut String| {
        let is_there = is_at(value.referenced, place);
        match seek {
            Seek::Innermost if is_there || is_key_there => *found = Some(path.clone()),
            Seek::OutermostValue if is_there && found.is_none() => *found = Some(path.clone()),
            Seek::Innermost | Seek::OutermostValue => {}
        }
        find(&value.value, place, seek, path, found);
        path.truncate(length);
    };
    match node {
        Node::Leaf => {}
        Node::Map(entries) => {
            for (key, value) in entries {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&key.value);
                consider(is_at(key.referenced, place), value, path);
            }
        }
        Node::Seq(items) => {
            for (index, item) in items.iter().enumerate() {
                // Writing to a text does not fail.
                let _ = write!(path, "[{index}]");
                consider(false, item, path);
            }
        }
    }
}

fn is_at(location: Location, place: (u64, u64)) -> bool {
    (location.line(), location.column()) == place
}

enum Node {
    Leaf,
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
    Seq(Vec<Spanned<Self>>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Seq(items))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Node::Leaf)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf)
    }
}
