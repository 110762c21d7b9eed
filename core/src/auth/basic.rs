//! HTTP Basic authentication (RFC 7617).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::config::Secret;

/// A user name and a password as they came in an `Authorization` header.
#[derive(Clone, Debug)]
pub(crate) struct BasicCredentials {
    pub(crate) user_name: String,
    pub(crate) password: Secret,
}

impl BasicCredentials {
    /// Reads the value of an `Authorization` header; `None` if it is of another scheme or malformed.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (scheme, rest) = value.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"Basic ") {
            return None;
        }
        let mut decoded = BASE64_STANDARD.decode(rest.trim_ascii()).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let password = Secret::new(decoded.get(colon + 1..)?);
        decoded.truncate(colon);
        Some(Self { user_name: String::from_utf8(decoded).ok()?, password })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_may_have_colons() {
        let credentials = BasicCredentials::parse(b"basic YTpiOmM=").expect("well formed");
        assert_eq!((credentials.user_name.as_str(), credentials.password.expose()), ("a", &b"b:c"[..]));
    }

    #[test]
    fn garbage_is_nobody() {
        for value in [
            &b""[..],
            b"Basic",
            b"Basic ",
            b"Basic !!!!",
            b"Bearer abc",
            b"Basic YQ==",
            b"\xff\xfe\xfd\xfc\xfb\xfa\xf9",
        ] {
            assert!(BasicCredentials::parse(value).is_none());
        }
    }
}
