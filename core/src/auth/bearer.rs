//! Bearer tokens (RFC 6750) that the cluster vouches for, and what one of them lets its sender do here.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::mac::Keyed;
use super::{Privilege, Privileges};
use crate::config::{Config, Secret};
use crate::model::{BearerToken, Caller, Permission};
use crate::time::Instant;

/// What an `Authorization` header has to say after the scheme; `None` if the scheme is another one.
pub(crate) fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| rest.trim_ascii())
}

/// The token that a password is, if it has the form of one that the cluster signs: a JSON Web Token (RFC 7519). So no
/// password that somebody has chosen is ever shown to the cluster. What stands before its last colon is of the user name, as
/// in `system:serviceaccount:vms:installer`.
pub(crate) fn token_as_password(password: &Secret) -> Option<BearerToken> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(rename = "alg")]
        _algorithm: Box<str>,
    }
    #[derive(Deserialize)]
    struct Claims {}
    let token = std::str::from_utf8(password.expose()).ok()?.rsplit(':').next()?;
    let mut parts =
        token.split('.').map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok().filter(|part| !part.is_empty()));
    let (header, claims, _signature, None) = (parts.next()??, parts.next()??, parts.next()??, parts.next()) else {
        return None;
    };
    serde_json::from_slice::<Header>(&header).ok()?;
    serde_json::from_slice::<Claims>(&claims).ok()?;
    BearerToken::new(token)
}

/// A keyed hash of a token: what one that was reviewed is known by, without being kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TokenKey([u8; 32]);

impl TokenKey {
    /// `key` is secret and random.
    pub(super) fn new(key: &Keyed, token: &BearerToken) -> Self {
        Self(key.hmac(&[b"bearer", token.expose().as_bytes()]))
    }
}

/// What the cluster said of a token, and until when that counts.
#[derive(Clone, Debug)]
pub(crate) struct Reviewed {
    /// Whom it stands for; `None` if for nobody.
    pub(crate) caller: Option<Arc<ExternalUser>>,
    pub(crate) until: Instant,
}

/// Someone without an account here, whom the cluster vouches for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ExternalUser {
    /// What they are called where an account would be; no account can have it.
    pub(crate) uid: Box<str>,
    /// Indices into [`Config::chassis`], ascending.
    pub(crate) chassis: Arc<[u16]>,
    /// The groups that they belong to in the cluster.
    pub(crate) groups: Vec<Arc<str>>,
    /// What they may do to each of these chassis.
    privileges: Box<[Privileges]>,
}

impl ExternalUser {
    /// What a caller may do here: to each chassis what they may do in its namespace.
    pub(crate) fn new(caller: &Caller, config: &Config) -> Self {
        let permission = |namespace: &str| {
            let granted = caller.permissions.iter().filter(|(granted, _)| **granted == *namespace);
            granted.map(|(_, permission)| *permission).max()
        };
        let chassis = config.chassis.iter().enumerate();
        let (chassis, privileges): (Vec<u16>, Vec<Privileges>) = chassis
            .filter_map(|(index, chassis)| Some((u16::try_from(index).ok()?, permission(&chassis.namespace)?)))
            .map(|(index, permission)| (index, privileges(permission)))
            .unzip();
        Self {
            uid: external_uid(&caller.name),
            chassis: chassis.into(),
            groups: caller.groups.clone(),
            privileges: privileges.into(),
        }
    }

    /// What they may do to a chassis.
    pub(super) fn privileges_over(&self, chassis: u16) -> Privileges {
        let granted = self.chassis.iter().zip(&self.privileges).find(|(index, _)| **index == chassis);
        granted.map_or_else(Privileges::default, |(_, privileges)| *privileges)
    }

    /// What they may do to any chassis.
    pub(super) fn privileges(&self) -> Privileges {
        self.privileges.iter().fold(Privileges::default(), |all, one| all.union(*one))
    }
}

/// The privileges that come of what someone may do in the cluster: those of `ReadOnly`, those of `Operator`, and what
/// virtual media need besides. Nobody administers accounts that they do not have.
const fn privileges(permission: Permission) -> Privileges {
    use Privilege::{ConfigureComponents, ConfigureManager, ConfigureSelf, Login};
    match permission {
        Permission::See => Privileges::of(&[Login, ConfigureSelf]),
        Permission::Operate => Privileges::of(&[Login, ConfigureSelf, ConfigureComponents]),
        Permission::Import => Privileges::of(&[Login, ConfigureSelf, ConfigureComponents, ConfigureManager]),
    }
}

/// Accounts of the configuration begin with another word, and the `uid` of one that is made has no colon.
fn external_uid(name: &str) -> Box<str> {
    format!("{EXTERNAL}{name}").into()
}

/// Whether this is what someone without an account is called.
pub(crate) fn is_external(uid: &str) -> bool {
    uid.starts_with(EXTERNAL)
}

/// What the cluster calls someone without an account here.
pub(crate) fn external_name(uid: &str) -> Option<&str> {
    uid.strip_prefix(EXTERNAL)
}

const EXTERNAL: &str = "external:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_recognised_however_it_is_written() {
        assert_eq!(bearer(b"Basic YTpi"), None);
        assert_eq!(bearer(b"Bearer"), None);
        assert_eq!(bearer(b"Bearer "), Some(&b""[..]));
        assert_eq!(bearer(b"bEARER  abc "), Some(&b"abc"[..]));
    }

    #[test]
    fn only_a_signed_token_is_taken_for_one() {
        let token = |text: &str| token_as_password(&Secret::new(text.as_bytes())).is_some();
        // {"alg":"RS256"}, {"sub":"a"}
        assert!(token("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"));
        assert!(token("serviceaccount:vms:a:eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"));
        for password in [
            "",
            "secret",
            "correct.horse.battery",
            "a.b.c",
            "..",
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0",
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.",
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln.c2ln",
            "eyJhbGciOiJSUzI1NiJ9.c2ln.c2ln",
            "eyJzdWIiOiJhIn0.eyJzdWIiOiJhIn0.c2ln",
            " eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln",
        ] {
            assert!(!token(password), "{password}");
        }
    }

    #[test]
    fn each_chassis_is_granted_what_its_namespace_is() {
        let chassis = |name: &str, namespace: &str| crate::config::Chassis {
            name: crate::config::ChassisName::new(name).unwrap(),
            namespace: namespace.to_owned(),
            selector: Vec::new(),
            names: Vec::new(),
            description: None,
        };
        let chassis = vec![chassis("a", "one"), chassis("b", "two"), chassis("c", "one"), chassis("d", "three")];
        let config = Config { chassis, ..Config::default() };
        let permissions = vec![("one".into(), Permission::Import), ("three".into(), Permission::See)];
        let user = ExternalUser::new(&Caller { name: "jane".into(), groups: Vec::new(), permissions }, &config);
        assert_eq!((&*user.uid, &*user.chassis), ("external:jane", &[0, 2, 3][..]));
        assert!(user.privileges_over(2).has(Privilege::ConfigureManager));
        assert!(!user.privileges_over(3).has(Privilege::ConfigureComponents));
        assert_eq!(user.privileges_over(1), Privileges::default());
        assert!(!user.privileges().has(Privilege::ConfigureUsers));
    }
}
