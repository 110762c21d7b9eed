//! `/redfish/v1/AccountService`: what holds for all accounts. Schema `AccountService`, version 1.18.1.

use serde::Serialize;

use super::plan::Plan;
use super::{Context, Link, Status, parameters, privilege_registry};
use crate::auth::{AccountEdit, LONGEST_PASSWORD, Privilege, SHORTEST_PASSWORD};
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::intent::Answer;
use crate::messages::{Message, base};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("AccountService", "v1_18_1");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccountService {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'static>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: &'static [&'static str],
    id: &'static str,
    name: &'static str,
    status: Status,
    service_enabled: bool,
    local_account_auth: &'static str,
    #[serde(rename = "HTTPBasicAuth")]
    basic: &'static str,
    supported_account_types: [&'static str; 1],
    min_password_length: usize,
    max_password_length: usize,
    account_lockout_threshold: u32,
    account_lockout_duration: u32,
    account_lockout_counter_reset_after: u32,
    account_lockout_counter_reset_enabled: bool,
    accounts: Link<'static>,
    roles: Link<'static>,
    privilege_map: Link<'static>,
}

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let policy = context.view.directory.policy;
    let service = AccountService {
        odata_id: Route::AccountService,
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        writeable: &[THRESHOLD, DURATION, RESET_AFTER],
        id: "AccountService",
        name: "Account Service",
        status: Status::ENABLED,
        service_enabled: true,
        local_account_auth: "Enabled",
        basic: "Enabled",
        supported_account_types: ["Redfish"],
        min_password_length: SHORTEST_PASSWORD,
        max_password_length: LONGEST_PASSWORD,
        account_lockout_threshold: policy.threshold,
        account_lockout_duration: policy.duration,
        account_lockout_counter_reset_after: policy.reset_after,
        account_lockout_counter_reset_enabled: true,
        accounts: Link::to(Route::Accounts),
        roles: Link::to(Route::Roles),
        privilege_map: Link::to(Route::Catalog(Catalog::RegistryDocument(privilege_registry::ID))),
    };
    Representation::of_resource(SCHEMA, &service)
}

/// Understands a PATCH. It reaches every tenant, so only who has the privilege over all chassis may make one.
pub(super) fn patch(context: &Context<'_>, body: &JsonObject) -> Result<Plan, Refusal> {
    if !context.has_everywhere(Privilege::ConfigureUsers) {
        return Err(Refusal::forbidden());
    }
    let from = context.view.directory.policy;
    let mut to = from;
    let mut patch = parameters::Patch::new(READ_ONLY);
    let mut named = false;
    for (name, value) in parameters::members(body) {
        let (place, most) = match name {
            THRESHOLD => (&mut to.threshold, MOST_ATTEMPTS),
            DURATION => (&mut to.duration, LONGEST_PERIOD),
            RESET_AFTER => (&mut to.reset_after, LONGEST_PERIOD),
            _ => {
                patch.not_writable(name);
                continue;
            }
        };
        named = true;
        *place = patch.number(name, value, 0..=most).unwrap_or(*place);
    }
    // Zero means that no account is locked; the schema's rule makes no sense then.
    if to.duration > 0 && to.reset_after > to.duration {
        let args = [RESET_AFTER, DURATION];
        patch.problem(Message::new(&base::PROPERTY_VALUE_CONFLICT, args).about("#/AccountLockoutCounterResetAfter"));
    }
    patch.finish()?;
    if !named {
        return Err(Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])]));
    }
    Ok(Plan::account(AccountEdit::Policy { from, to }, None, Answer::Representation))
}

const THRESHOLD: &str = "AccountLockoutThreshold";
const DURATION: &str = "AccountLockoutDuration";
const RESET_AFTER: &str = "AccountLockoutCounterResetAfter";

/// More wrong passwords than that are no protection.
const MOST_ATTEMPTS: u32 = 1_000;

/// A day, in seconds.
const LONGEST_PERIOD: u32 = 86_400;

const READ_ONLY: &[&str] = &[
    "Id",
    "Name",
    "Status",
    "ServiceEnabled",
    "LocalAccountAuth",
    "HTTPBasicAuth",
    "SupportedAccountTypes",
    "MinPasswordLength",
    "MaxPasswordLength",
    "AccountLockoutCounterResetEnabled",
    "Accounts",
    "Roles",
    "PrivilegeMap",
];
