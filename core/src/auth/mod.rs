//! Who a request comes from and what they may do: roles, privileges, HTTP Basic, and which chassis are seen.

mod basic;
mod identity;
mod privilege;

pub(crate) use basic::BasicCredentials;
pub(crate) use identity::{Authenticator, CredentialKey, Identity, Login};
pub(crate) use privilege::required;
pub use privilege::{Privilege, Role};
