//! The `Accept` header (RFC 9110 section 12.5.1), as far as a service with fixed representations needs it.

use http::HeaderMap;
use http::header::ACCEPT;

/// What a representation is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`
    Json,
    /// `text/event-stream`
    EventStream,
    /// `application/xml`
    Xml,
}

impl MediaType {
    /// The value of `Content-Type`.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::EventStream => "text/event-stream",
            Self::Xml => "application/xml",
        }
    }

    /// The same, for clients that ask for the character set to be stated.
    pub(crate) const fn content_type_with_charset(self) -> &'static str {
        match self {
            Self::Json => "application/json;charset=utf-8",
            Self::EventStream => "text/event-stream;charset=utf-8",
            Self::Xml => "application/xml;charset=utf-8",
        }
    }
}

/// Whether the request accepts `media`: `None` if not, otherwise whether it asked for the character set to be stated.
pub(crate) fn accepts(headers: &HeaderMap, media: MediaType) -> Option<bool> {
    let mut lines = headers.get_all(ACCEPT).iter();
    match (lines.next(), lines.next()) {
        (None, _) => return Some(false),
        // What clients send that are no browsers.
        (Some(only), None) if only == "*/*" || only == media.content_type() => return Some(false),
        (Some(_), _) => {}
    }
    let ranges =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut accepted = None;
    for range in ranges {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let wanted = name == "*/*" || name.eq_ignore_ascii_case(family(media)) || is(media, name);
        let mut charset = false;
        let mut zero = false;
        for parameter in parts {
            let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            charset |= key.eq_ignore_ascii_case("charset") && value.trim_matches('"').eq_ignore_ascii_case("utf-8");
            zero |= key.eq_ignore_ascii_case("q") && value.parse().is_ok_and(|weight: f32| weight <= 0.0);
        }
        if wanted && !zero {
            accepted = Some(accepted.unwrap_or(false) || charset);
        }
    }
    accepted
}

fn family(media: MediaType) -> &'static str {
    match media {
        MediaType::Json | MediaType::Xml => "application/*",
        MediaType::EventStream => "text/*",
    }
}

/// Browsers ask for pages. There are none, and what there is they can show.
fn is(media: MediaType, name: &str) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    match media {
        MediaType::Json => is("application/json") || is_page(name),
        MediaType::EventStream => is("text/event-stream"),
        MediaType::Xml => is("application/xml") || is("text/xml") || is_page(name),
    }
}

fn is_page(name: &str) -> bool {
    name.eq_ignore_ascii_case("text/html") || name.eq_ignore_ascii_case("application/xhtml+xml")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn what_clients_send() {
        let json = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(value));
            accepts(&headers, MediaType::Json)
        };
        for value in ["application/json", "*/*", "application/*", "text/html, */*;q=0.1", "Application/JSON;q=0.5"] {
            assert_eq!(json(value), Some(false), "{value}");
        }
        assert_eq!(json("application/json;charset=utf-8"), Some(true));
        // What browsers send (N4).
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";
        for value in [browser, "text/html", "TEXT/HTML", "application/xhtml+xml"] {
            assert_eq!(json(value), Some(false), "{value}");
        }
        for value in [
            "text/html;q=0",
            "text/plain",
            "image/png",
            "text/*",
            "application/xml",
            "",
            "application/json;q=0",
            "garbage;;=;",
        ] {
            assert_eq!(json(value), None, "{value}");
        }
        assert_eq!(accepts(&HeaderMap::new(), MediaType::Json), Some(false));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, application/*"));
        assert_eq!(accepts(&headers, MediaType::EventStream), None);
    }
}
