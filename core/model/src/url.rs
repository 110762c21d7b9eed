//! URLs that clients name: of images, and of receivers of events.

use std::fmt;
use std::sync::Arc;

use super::Host;

/// An absolute `http` or `https` URL without a user name, a password or a fragment, kept to the letter.
///
/// It has visible ASCII characters only, as RFC 3986 wants: a host of another alphabet stands in its coded form, and
/// everything else percent-encoded. So what it looks like is what is fetched.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(Arc<Parts>);

#[derive(PartialEq, Eq)]
struct Parts {
    text: Box<str>,
    secure: bool,
    host: Host,
}

impl Url {
    /// Reads a URL; `None` if it is none, or one of another kind.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let secure = match scheme {
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ => return None,
        };
        if text.len() > LONGEST || !text.bytes().all(is_allowed) || !escapes_are_whole(text) {
            return None;
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host = host_of(authority)?;
        // Whoever sends it reads it in this way.
        text.parse::<http::Uri>().ok()?;
        Some(Self(Arc::new(Parts { text: text.into(), secure, host })))
    }

    /// The URL, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// Whether it is fetched over TLS.
    pub fn is_secure(&self) -> bool {
        self.0.secure
    }

    /// The host that it leads to.
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    /// The same for whoever sends requests.
    pub fn to_uri(&self) -> http::Uri {
        // It was read in this way before.
        self.0.text.parse().unwrap_or_default()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.text, f)
    }
}

/// The host of an authority that has no more than a port beside it; `None` if it is no authority.
pub(super) fn host_of(authority: &str) -> Option<Host> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at_checked(end)?;
    let is_port = |digits: &str| {
        digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port > 0)
    };
    let valid = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    Host::parse_in_url(host).filter(|_| valid)
}

/// Visible, and neither the beginning of a fragment nor what browsers and libraries read in different ways.
fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'#' | b'\\' | b'"' | b'<' | b'>')
}

/// Whether every `%` begins a byte in hexadecimal.
fn escapes_are_whole(text: &str) -> bool {
    let coded =
        |rest: &str| rest.as_bytes().first_chunk::<2>().is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    text.split('%').skip(1).all(coded)
}

/// Signed URLs are long; this is longer than any server accepts.
const LONGEST: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_are_kept_to_the_letter() {
        for (text, host, secure) in [
            ("http://a/b.iso", "a", false),
            ("HTTP://A.Example:80", "a.example", false),
            ("https://[::1]:8080/x?api_key=a&arch=B", "::1", true),
            ("https://images.example/boot.iso?a=$(reboot);'b'&c=`d`|e", "images.example", true),
            ("http://a?b=/@:x", "a", false),
            ("http://a:65535/%2e%2E/c", "a", false),
            ("http://images.example/a/../b", "images.example", false),
        ] {
            let url = Url::parse(text).expect(text);
            assert_eq!((url.as_str(), &*url.host().to_string(), url.is_secure()), (text, host, secure));
            assert_eq!(
                url.to_uri().host().map(|host| host.trim_matches(['[', ']']).to_lowercase()).as_deref(),
                Some(host)
            );
        }
    }

    /// F13, L5.
    #[test]
    fn what_is_no_authority_is_no_url() {
        for text in [
            "",
            "a",
            "/a",
            "//a/b",
            "http:/a",
            "http:a",
            "http://",
            "http:///a",
            "http://?a",
            "ftp://a/b",
            "http ://a/",
            "http://a:/",
            "http://a:0/",
            "http://a:99999/",
            "http://a:abc/b.iso",
            "http://a:+1/",
            "http://a:1:2/",
            "http://a:80x/",
            "http://:80/",
            "http://../a",
            "http://./a",
            "http://a..b/",
            "http://-a/",
            "http://a_/%",
            "http://u:p@a/b",
            "http://u@a/",
            "http://@a/",
            "http://a@/",
            "http://[::1/",
            "http://::1/",
            "http://[::1]a/",
            "http://[::1]:/",
            "http://[fe80::1%25eth0]/",
            "http://a b/",
            "http://a/b c",
            "http://a/\n",
            "http://a/\t",
            "http://a\\@b/",
            "http://a/b\\c",
            "http://a/#b",
            "http://a#b",
            "http://a/%zz",
            "http://a/%2",
            "http://a/%",
            "http://a%2eb/",
            "http://\u{e9}.example/",
            "http://a/\u{e9}",
            "http://a/\u{202e}osi.exe",
            "http://a/\u{200b}",
            "http://a/\"b",
            "http://a/<b>",
            "http://127.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://0177.0.0.1/",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
        let long = format!("http://a/{}", "b".repeat(LONGEST));
        assert_eq!(Url::parse(&long), None);
    }

    proptest! {
        /// Whatever is taken leads to the host that whoever sends it finds in it.
        #[test]
        fn everybody_reads_the_same_host(text in "[hH]ttps?://[a-c0-9.:@/\\\\\\[\\]%?#_x-]{0,24}") {
            if let Some(url) = Url::parse(&text) {
                let uri = url.to_uri();
                let host = uri.host().map(|host| host.trim_end_matches('.').trim_matches(['[', ']']).to_ascii_lowercase());
                let host = host.as_deref().and_then(Host::parse);
                prop_assert_eq!(Some(url.host()), host.as_ref());
                prop_assert!(uri.authority().is_some_and(|authority| !authority.as_str().contains('@')));
            }
        }
    }
}
