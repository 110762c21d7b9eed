//! The `Prefer` header (RFC 7240), as far as it says whether to wait.

use http::{HeaderMap, HeaderName};

/// Whether the client would rather have an answer at once than wait until its request is carried out. Whatever else
/// it prefers is left aside, as a server may.
pub(crate) fn prefers_async(headers: &HeaderMap) -> bool {
    headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|preference| preference.split([';', '=']).next().unwrap_or_default().trim())
        .any(|name| name.eq_ignore_ascii_case(RESPOND_ASYNC))
}

/// The request's header.
pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The preference, which `Preference-Applied` repeats when it has been heeded.
pub(crate) const RESPOND_ASYNC: &str = "respond-async";

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn the_preference_is_one_of_a_list() {
        for (text, expected) in [
            ("respond-async", true),
            ("Respond-Async; wait=10", true),
            ("wait=10, respond-async", true),
            ("return=minimal", false),
            ("respond-asynchronously", false),
            ("handling=respond-async", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(PREFER, HeaderValue::from_static(text))]);
            assert_eq!(prefers_async(&headers), expected, "{text}");
        }
        assert!(!prefers_async(&HeaderMap::new()));
    }
}
