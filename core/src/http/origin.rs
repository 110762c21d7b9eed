//! The `Origin` header (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! Pages of the service's own origin may read its answers; no other page may, and none is granted anything by a
//! preflight. Clients that are no browsers send no `Origin` and notice nothing.

use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Method};

use super::host;

/// The origin to allow: the one that the request names, if that is the service's own.
pub(crate) fn same_origin(head: &Parts, secure: bool) -> Option<&HeaderValue> {
    let origin = head.headers.get(ORIGIN)?;
    let (scheme, authority) = origin.to_str().ok()?.split_once("://")?;
    // Whoever ends TLS in front of the service leaves it without: then either scheme may be its own.
    let is_own_scheme = scheme == "https" || (scheme == "http" && !secure);
    let host = host(head).ok()??;
    (is_own_scheme && !host.is_empty() && authority.eq_ignore_ascii_case(host)).then_some(origin)
}

/// Whether a browser asks what it may do. It sends no credentials with that.
pub(crate) fn is_preflight(head: &Parts) -> bool {
    let has = |name| head.headers.contains_key(name);
    head.method == Method::OPTIONS && has(ORIGIN) && has(ACCESS_CONTROL_REQUEST_METHOD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn only_the_own_origin_is_allowed() {
        let allowed = |origin: &str, host: Option<&str>, secure| {
            let mut request = Request::get("/redfish/v1").header("origin", origin);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            let (head, ()) = request.body(()).expect("a request").into_parts();
            same_origin(&head, secure).is_some()
        };
        assert!(allowed("https://bmc.example:8443", Some("bmc.example:8443"), true));
        assert!(allowed("https://BMC.example", Some("bmc.example"), false));
        assert!(allowed("http://bmc.example", Some("bmc.example"), false));
        assert!(!allowed("http://bmc.example", Some("bmc.example"), true));
        assert!(!allowed("https://bmc.example", Some("bmc.example:8443"), true));
        assert!(!allowed("https://evil.example", Some("bmc.example"), true));
        assert!(!allowed("null", Some("bmc.example"), true));
        assert!(!allowed("https://", Some(""), true));
        assert!(!allowed("https://bmc.example", None, true));
    }
}
