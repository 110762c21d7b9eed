//! What ties the lines of the log to a request: a short id, the client's own if it sent a usable one.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Peer;

/// The header that carries the id, in both directions.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// The longest id that is taken over from a client.
const LONGEST: usize = 64;

/// The id of a request.
pub(super) fn correlation_id(peer: &Peer, headers: &HeaderMap) -> HeaderValue {
    for name in [REQUEST_ID, CORRELATION_ID] {
        if let Some(value) = headers.get(name).filter(|value| is_safe(value.as_bytes())) {
            return value.clone();
        }
    }
    hexadecimal(peer.next_correlation())
}

/// Only what cannot be mistaken for anything else in a log line or a header.
fn is_safe(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}

fn hexadecimal(number: u64) -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'0'; 16];
    for (index, digit) in text.iter_mut().enumerate() {
        let nibble = usize::try_from((number >> (60 - 4 * index)) & 0xf).unwrap_or_default();
        *digit = DIGITS.get(nibble).copied().unwrap_or(b'0');
    }
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sixteen_digits() {
        assert_eq!(hexadecimal(0x0123_4567_89ab_cdef), "0123456789abcdef");
    }

    #[test]
    fn only_safe_ids_are_taken_over() {
        assert!(is_safe(b"req-7f.3_a:1"));
        assert!(!is_safe(b"") && !is_safe(b"a b") && !is_safe(b"\"x\"") && !is_safe(&[b'a'; 65]));
    }
}
