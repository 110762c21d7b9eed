//! A look into JSON that this service wrote itself, without taking it apart: values are pieces of the body's own bytes.
//!
//! A body is copied in pieces, so that an answer made of thousands of resources costs little more than its bytes. What
//! is no JSON looks empty; nothing here can fail or read beyond the end.

use std::borrow::Cow;

/// A value, from its first byte to its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Json<'a>(&'a [u8]);

impl<'a> Json<'a> {
    /// The value that `bytes` hold.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.trim_ascii())
    }

    /// As it stands in the body.
    pub(super) fn bytes(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn is_object(self) -> bool {
        self.0.first() == Some(&b'{')
    }

    pub(super) fn is_array(self) -> bool {
        self.0.first() == Some(&b'[')
    }

    /// The members of an object in their order; none if it is something else.
    pub(super) fn members(self) -> Members<'a> {
        Members(self.0.strip_prefix(b"{").unwrap_or_default())
    }

    /// The elements of an array; none if it is something else.
    pub(super) fn elements(self) -> Elements<'a> {
        Elements(self.0.strip_prefix(b"[").unwrap_or_default())
    }

    /// The member of that name.
    pub(super) fn member(self, name: &str) -> Option<Self> {
        self.members().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// A string, with its escapes undone.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        let inner = self.0.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        if inner.contains(&b'\\') {
            return serde_json::from_slice(self.0).ok().map(Cow::Owned);
        }
        std::str::from_utf8(inner).ok().map(Cow::Borrowed)
    }

    /// The URI, if this is a reference: an object that has `@odata.id` and nothing else.
    pub(super) fn reference(self) -> Option<&'a str> {
        let mut members = self.members();
        let (name, value) = members.next()?;
        // No URI of the service has characters that would be escaped.
        let uri = value.0.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        (name == "@odata.id" && members.next().is_none()).then_some(uri)?;
        std::str::from_utf8(uri).ok()
    }
}

/// The members of an object.
#[derive(Clone, Debug)]
pub(super) struct Members<'a>(&'a [u8]);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Json<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = after_separator(self.0);
        let (name, rest) = rest.split_at_checked(value_length(rest))?;
        let name = name.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, rest) = rest.split_at_checked(value_length(rest))?;
        self.0 = rest;
        (!value.is_empty()).then_some((std::str::from_utf8(name).ok()?, Json(value)))
    }
}

/// The elements of an array.
#[derive(Clone, Debug)]
pub(super) struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = after_separator(self.0);
        let (value, rest) = rest.split_at_checked(value_length(rest))?;
        self.0 = rest;
        (!value.is_empty()).then_some(Json(value))
    }
}

fn after_separator(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.trim_ascii_start();
    bytes.strip_prefix(b",").map_or(bytes, <[u8]>::trim_ascii_start)
}

/// How long the value is that `bytes` begin with; zero if none does.
fn value_length(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(b'"') => string_length(bytes),
        Some(b'{' | b'[') => nested_length(bytes),
        _ => bytes
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']' | b':') || byte.is_ascii_whitespace())
            .unwrap_or(bytes.len()),
    }
}

/// How long the string is, its quotes included.
fn string_length(bytes: &[u8]) -> usize {
    let mut length = 1;
    while let Some(ahead) = bytes.get(length..) {
        match ahead.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            Some(at) if ahead.get(at) == Some(&b'"') => return length + at + 1,
            // Whatever is escaped is not the end.
            Some(at) => length += at + 2,
            None => break,
        }
    }
    bytes.len()
}

fn nested_length(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += string_length(bytes.get(at..).unwrap_or_default());
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Builds the same value again out of what the look finds.
    fn rebuilt(json: Json<'_>) -> Value {
        if json.is_object() {
            json.members()
                .map(|(name, value)| (name.to_owned(), rebuilt(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        } else if json.is_array() {
            json.elements().map(rebuilt).collect()
        } else {
            serde_json::from_slice(json.bytes()).expect("a scalar")
        }
    }

    #[test]
    fn a_body_is_seen_whole() {
        let text = r##" {"a":{"b":[1,-2.5e3,{"c":"}\"]\\"}],"d":[]},"e":null ,"f" : [ true, {} ],"#g.h":"\u00e4"} "##;
        assert_eq!(rebuilt(Json::new(text.as_bytes())), serde_json::from_str::<Value>(text).expect("JSON"));
        let json = Json::new(text.as_bytes());
        assert_eq!(json.member("#g.h").and_then(Json::text).as_deref(), Some("ä"));
        assert_eq!(json.member("x"), None);
        assert_eq!(Json::new(br#"{"@odata.id":"/a"}"#).reference(), Some("/a"));
        assert_eq!(Json::new(br#"{"@odata.id":"/a","b":1}"#).reference(), None);
    }

    proptest! {
        #[test]
        fn what_is_no_json_ends(text in "[\\[\\]{}\",:\\\\ a1]{0,40}") {
            fn walk(json: Json<'_>, depth: u8) -> usize {
                if depth == 0 { return 0; }
                json.members().map(|(_, value)| walk(value, depth - 1)).sum::<usize>()
                    + json.elements().map(|value| walk(value, depth - 1) + 1).sum::<usize>()
            }
            walk(Json::new(text.as_bytes()), 8);
        }
    }
}
