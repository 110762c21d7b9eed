//! Entity tags (RFC 9110 section 8.8.3): strong, and equal on every replica because they are a hash of the body.

use std::fmt;

use http::HeaderValue;

/// A strong entity tag: a quoted 64-bit hash in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ETag(u64);

impl ETag {
    /// The tag of a representation.
    pub(crate) fn of(body: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64(body))
    }

    /// The tag of something that is made of several.
    pub(crate) fn of_all(tags: &[Self]) -> Self {
        let bytes: Vec<u8> = tags.iter().flat_map(|tag| tag.0.to_be_bytes()).collect();
        Self::of(&bytes)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{:016x}\"", self.0)
    }
}

/// Whether a list of tags, as `If-Match` and `If-None-Match` carry it, names `etag`.
///
/// Compares weakly (RFC 9110 section 8.8.3.2): some clients send a strong tag back with `W/` before it. Anything
/// malformed matches nothing.
pub(crate) fn matches(list: &HeaderValue, etag: ETag) -> bool {
    let Ok(list) = list.to_str() else { return false };
    let tag = etag.to_string();
    list.split(',').map(str::trim).any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_matches_by_whole_tags() {
        let etag = ETag::of(b"body");
        let matches = |list: &str| matches(&HeaderValue::from_str(list).expect("a header value"), etag);
        assert!(matches(&etag.to_string()) && matches(&format!("\"x\", W/{etag}")) && matches("*"));
        assert!(!matches(&format!("{etag}foobar")) && !matches("\"x\"") && !matches(""));
    }
}
