//! What ties the lines of the log to a request: a short id, the client's own if it sent a usable one.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Peer;

/// The header that carries the id, in both directions.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest id that is taken over from a client.
const LONGEST: usize = 64;

/// What ties a request to its lines in the log, and to what its client has of it.
pub(super) struct Correlation {
    /// The id.
    id: HeaderValue,
    /// Where the request is in the trace of its client (W3C Trace Context), if it is in one.
    trace: Option<HeaderValue>,
    /// The client calls its id by the other name.
    by_other_name: bool,
}

impl Correlation {
    /// That of a request: by the id that it came with, or else that of its trace, or else a new one.
    pub(super) fn of(peer: &Peer, headers: &HeaderMap) -> Self {
        let safe = |name: &HeaderName| headers.get(name).filter(|value| is_safe(value.as_bytes()));
        let other = safe(&CORRELATION_ID);
        let trace = headers.get(TRACE_PARENT).filter(|value| is_trace(value.as_bytes()));
        let named = safe(&REQUEST_ID).or(other).cloned();
        let of_trace = || HeaderValue::from_bytes(trace?.as_bytes().get(3..35)?).ok();
        let id = named.or_else(of_trace).unwrap_or_else(|| hexadecimal(peer.next_correlation()));
        Self { id, trace: trace.cloned(), by_other_name: other.is_some() }
    }

    /// The id as the log has it.
    pub(super) fn text(&self) -> &str {
        self.id.to_str().unwrap_or_default()
    }

    /// Tells the client.
    pub(super) fn answer(self, headers: &mut HeaderMap) {
        if self.by_other_name {
            headers.insert(CORRELATION_ID, self.id.clone());
        }
        headers.insert(REQUEST_ID, self.id);
        if let Some(trace) = self.trace {
            headers.insert(TRACE_PARENT, trace);
        }
    }
}

/// Only what cannot be mistaken for anything else in a log line or a header.
fn is_safe(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}

/// Version 00: `00-<trace>-<parent>-<flags>`, each in lower-case hexadecimal, the first two not all zeros.
fn is_trace(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b'-');
    let mut part = |length: usize, may_be_zero: bool| {
        parts.next().is_some_and(|part| {
            part.len() == length
                && part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
                && (may_be_zero || part.iter().any(|byte| *byte != b'0'))
        })
    };
    let is_whole = part(2, true) && part(32, false) && part(16, false) && part(2, true);
    is_whole && value.starts_with(b"00-") && parts.next().is_none()
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
        assert!(is_trace(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for wrong in [
            &b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"[..],
            b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            b"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            b"",
        ] {
            assert!(!is_trace(wrong), "{}", String::from_utf8_lossy(wrong));
        }
        assert!(!is_safe(b"") && !is_safe(b"a b") && !is_safe(b"\"x\"") && !is_safe(&[b'a'; 65]));
    }
}
