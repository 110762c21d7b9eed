//! What a request is sent to: whom the client believes to speak with, and the path.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use http::header::{HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri, Version};

/// Why it is not clear whom a client believes to speak with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHost {
    /// It does not say, though it has to (RFC 9112 section 3.2).
    Missing,
    /// What it says is no host, or more than one.
    Invalid,
}

/// Whom the client believes to speak with, as it stands in the request; `None` if it may be left out and is.
///
/// What the target itself says counts for more than `Host`, which has to be there and valid all the same (RFC 9112
/// section 3.2.2). In HTTP/2 the two are to agree (RFC 9113 section 8.3.1).
pub(crate) fn host(head: &Parts) -> Result<Option<&str>, NoHost> {
    let mut lines = head.headers.get_all(HOST).iter();
    let stated = match (lines.next(), lines.next()) {
        (None, _) => None,
        (Some(line), None) => Some(line.to_str().ok().filter(|text| is_host(text)).ok_or(NoHost::Invalid)?),
        (Some(_), Some(_)) => return Err(NoHost::Invalid),
    };
    let target = match head.uri.authority() {
        None => None,
        Some(authority) => Some(Some(authority.as_str()).filter(|text| is_host(text)).ok_or(NoHost::Invalid)?),
    };
    if head.uri.scheme_str().is_some_and(|scheme| !matches!(scheme, "http" | "https")) {
        return Err(NoHost::Invalid);
    }
    match (head.version, target, stated) {
        (Version::HTTP_09 | Version::HTTP_10, target, stated) => Ok(target.or(stated)),
        (Version::HTTP_11, _, None) | (_, None, None) => Err(NoHost::Missing),
        (Version::HTTP_11, target, stated) => Ok(target.or(stated)),
        (_, Some(target), Some(stated)) if !target.eq_ignore_ascii_case(stated) => Err(NoHost::Invalid),
        (_, target, stated) => Ok(target.or(stated)),
    }
}

/// Whether a text is a host that is not empty, with or without a port (RFC 3986 section 3.2, without what is before an
/// `@`; and a list is no host).
fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((address, rest)) = rest.split_once(']') else { return false };
            // Some clients leave the zone in that their address has.
            let (address, zone) = address.split_once('%').unwrap_or((address, "0"));
            if address.parse::<Ipv6Addr>().is_err() || !zone.bytes().all(is_unreserved) {
                return false;
            }
            ("literal", rest.strip_prefix(':').or_else(|| rest.is_empty().then_some("")))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        },
    };
    let Some(port) = port else { return false };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok());
    let is_name = |byte: u8| is_unreserved(byte) || b"!$&'()*+;=%".contains(&byte);
    is_port && !host.is_empty() && host.bytes().all(is_name)
}

/// The same URI with every character of its path as it is: those that need no percent-encoding mean the same with it
/// (RFC 3986 section 6.2.2.2), and so does the `$` of `$metadata`. `None` if that changes nothing.
///
/// What has a meaning of its own, such as `%2F`, stays as it came, and nothing is decoded twice.
pub(crate) fn normalised(uri: &Uri) -> Option<Uri> {
    let target = uri.path_and_query()?;
    let Cow::Owned(path) = plain(target.path()) else { return None };
    let text = match target.query() {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

/// The same for the path of a URI that stands in a body.
pub(crate) fn plain(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut text = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        let digits = after.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if is_unreserved(byte) || byte == b'$' => {
                text.push(char::from(byte));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                text.push('%');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    if text == path { Cow::Borrowed(path) } else { Cow::Owned(text) }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Whether the client waits for something before it sends the body that no server of this kind does (RFC 9110 section
/// 10.1.1). HTTP/1.0 has no expectations.
pub(crate) fn expects_more_than_continue(head: &Parts) -> bool {
    let others = |value: &HeaderValue| {
        let listed = value.to_str().unwrap_or("?").split(',').map(str::trim);
        listed.filter(|expected| !expected.is_empty()).any(|expected| !expected.eq_ignore_ascii_case("100-continue"))
    };
    head.version > Version::HTTP_10 && head.headers.get_all(http::header::EXPECT).iter().any(others)
}

/// What is wrong with how a body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// It is coded in a way that the service does not understand.
    Unknown,
    /// It is in chunks of chunks.
    Repeated,
}

/// Looks at the transfer codings of a request. A runtime reads chunks, which come last; whatever comes before them would be
/// taken for the body (RFC 9112 section 6.1).
pub(crate) fn framing(head: &Parts) -> Result<(), Framing> {
    let lines = head.headers.get_all(TRANSFER_ENCODING).iter();
    let codings = lines.flat_map(|line| line.to_str().unwrap_or("?").split(',')).map(str::trim);
    let mut codings = codings.filter(|coding| !coding.is_empty()).map(|coding| coding.eq_ignore_ascii_case("chunked"));
    match (codings.next(), codings.next()) {
        (None | Some(true), None) => Ok(()),
        (Some(true), Some(true)) => Err(Framing::Repeated),
        _ => Err(Framing::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn parts(version: Version, uri: &str, hosts: &[&[u8]]) -> Parts {
        let mut request = Request::get(uri).version(version);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(()).expect("a request").into_parts().0
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for text in
            ["bmc.example", "bmc", "192.0.2.1:443", "[2001:db8::1]", "[::1]:8443", "[fe80::1%25eth0]", "bmc_1:", "a:0"]
        {
            assert!(is_host(text), "{text}");
        }
        for text in [
            "",
            ":443",
            "a b",
            "a/b",
            "a?b",
            "a#b",
            "user@a",
            "user:pass@a",
            "a:b",
            "a:70000",
            "a:-1",
            "a:1:2",
            "[::1",
            "::1",
            "[a]",
            "[::1]x",
            "[]",
            "a,b",
            "http://a",
            "a\\b",
            "\"a\"",
            "<a>",
            "[192.0.2.1]",
            "[::1]:",
        ] {
            let empty_port = text == "[::1]:";
            assert_eq!(is_host(text), empty_port, "{text}");
        }
    }

    #[test]
    fn each_version_says_in_its_own_way_whom_it_means() {
        let v11 = |uri, hosts: &[&[u8]]| host(&parts(Version::HTTP_11, uri, hosts)).map(|host| host.map(str::to_owned));
        assert_eq!(v11("/x", &[b"a"]), Ok(Some("a".to_owned())));
        assert_eq!(v11("/x", &[]), Err(NoHost::Missing));
        for hosts in [&[b"a".as_slice(), b"a"][..], &[b"a", b"b"], &[b""], &[b"a b"], &[b"u@a"], &[b"\xff"]] {
            assert_eq!(v11("/x", hosts), Err(NoHost::Invalid), "{hosts:?}");
        }
        // What the target says counts, and the header has to be there.
        assert_eq!(v11("http://b/x", &[b"a"]), Ok(Some("b".to_owned())));
        assert_eq!(v11("http://b/x", &[]), Err(NoHost::Missing));
        assert_eq!(v11("http://u@b/x", &[b"a"]), Err(NoHost::Invalid));
        assert_eq!(v11("ftp://b/x", &[b"b"]), Err(NoHost::Invalid));
        let v10 = |uri, hosts: &[&[u8]]| host(&parts(Version::HTTP_10, uri, hosts)).map(|host| host.map(str::to_owned));
        assert_eq!(v10("/x", &[]), Ok(None));
        assert_eq!(v10("/x", &[b"a", b"a"]), Err(NoHost::Invalid));
        let v2 = |uri, hosts: &[&[u8]]| host(&parts(Version::HTTP_2, uri, hosts)).map(|host| host.map(str::to_owned));
        assert_eq!(v2("https://a/x", &[]), Ok(Some("a".to_owned())));
        assert_eq!(v2("https://a:1/x", &[b"A:1"]), Ok(Some("a:1".to_owned())));
        assert_eq!(v2("/x", &[b"a"]), Ok(Some("a".to_owned())));
        assert_eq!(v2("https://a/x", &[b"b"]), Err(NoHost::Invalid));
        assert_eq!(v2("https://u@a/x", &[]), Err(NoHost::Invalid));
        assert_eq!(v2("/x", &[]), Err(NoHost::Missing));
    }

    #[test]
    fn what_needs_no_encoding_means_the_same_with_it() {
        let normal = |text: &str| normalised(&text.parse().expect("a URI")).map(|uri| uri.to_string());
        assert_eq!(normal("/redfish/v1/Systems/lab%2Enode%2d0").as_deref(), Some("/redfish/v1/Systems/lab.node-0"));
        assert_eq!(normal("/%72edfish/v1/%24metadata?a=%24b").as_deref(), Some("/redfish/v1/$metadata?a=%24b"));
        assert_eq!(normal("http://bmc/%61?x").as_deref(), Some("http://bmc/a?x"));
        for text in ["/a/b", "/a%2Fb", "/a%252Eb", "/a%5Cb", "/a%", "/a%2", "/a%zz", "/%00", "/a%3Fb", "/%C3%A4", "*"] {
            assert_eq!(normal(text), None, "{text}");
        }
        // Once, and no more.
        assert_eq!(plain("%2561%61"), "%2561a");
        assert_eq!(plain("a%+1%E4\u{e4}"), "a%+1%E4\u{e4}");
    }

    #[test]
    fn only_the_expectation_of_an_interim_answer_is_met() {
        let expects = |version, value: &str| {
            let request = Request::post("/").version(version).header("expect", value).body(()).expect("a request");
            expects_more_than_continue(&request.into_parts().0)
        };
        for value in ["100-continue", "100-Continue", "", "100-continue, 100-continue"] {
            assert!(!expects(Version::HTTP_11, value), "{value}");
        }
        for value in ["200-ok", "100-continue, gold", "100-continue=1"] {
            assert!(expects(Version::HTTP_11, value) && expects(Version::HTTP_2, value), "{value}");
            assert!(!expects(Version::HTTP_10, value));
        }
    }
}
