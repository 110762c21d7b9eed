//! Who a request comes from and what they may do: accounts, sessions, roles, privileges, HTTP Basic, bearer tokens, and
//! which chassis are seen.

mod account;
mod basic;
mod bearer;
mod edit;
mod identity;
mod login;
mod mac;
mod privilege;
mod session;
mod session_store;
mod user_name;

pub use crate::config::{Privilege, Privileges, Role};
pub(crate) use account::{
    Account, AccountChange, AccountEdit, AccountsContent, Directory, LONGEST_PASSWORD, Lock, NewAccount, Policy,
    SHORTEST_PASSWORD,
};
pub(crate) use basic::BasicCredentials;
pub(crate) use bearer::{ExternalUser, Reviewed, TokenKey, bearer, external_name, is_external, token_as_password};
pub(crate) use edit::{EditError, Edited, merged};
pub(crate) use identity::{Extent, Identity};
pub use login::PasswordCheck;
pub(crate) use login::{Attempt, Authenticator, CredentialKey, Login, Remembered, Verdict};
pub(crate) use mac::Entropy;
pub(crate) use privilege::{Entity, Need, Owned, Required, required_by};
pub(crate) use session::{Session, SessionId, Sessions, Token};
pub(crate) use session_store::{SessionEdit, SessionsContent, tenant};
pub use user_name::UserNameForm;
