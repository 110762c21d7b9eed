//! `/redfish/v1/AccountService/Accounts/{account}`: someone who may log in. Schema `ManagerAccount`, version 1.14.1.
//!
//! Who administers accounts deals with those that see nothing but what they see themselves, gives no privilege that
//! they do not have, and changes no account that has more than they have. Accounts of the configuration are shown and
//! can be unlocked; everything else of them is changed where they come from.

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::plan::Plan;
use super::{Context, Link, parameters};
use crate::auth::{
    Account, AccountChange, AccountEdit, Extent, Identity, LONGEST_PASSWORD, NewAccount, Privilege, Role,
    SHORTEST_PASSWORD, SessionEdit, UserNameForm,
};
use crate::config::{PasswordHash, Secret};
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::intent::{AccessEdit, Answer};
use crate::messages::{Message, base, cluster};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("ManagerAccount", "v1_14_1");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'a str,
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: &'static [&'static str],
    id: &'a str,
    name: &'static str,
    description: &'static str,
    user_name: &'a str,
    /// It can be written and never read; see `render`.
    password: Option<&'a str>,
    role_id: &'a str,
    account_types: [&'static str; 1],
    enabled: bool,
    locked: bool,
    password_change_required: bool,
    links: Links<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Links<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Link<'a>>,
}

pub(super) fn represent(context: &Context<'_>, id: &str) -> Result<Representation, Refusal> {
    Ok(render(context, find(context, id)?))
}

/// Whether who asks may know of an account.
pub(super) fn is_visible(context: &Context<'_>, account: &Account) -> bool {
    let Some(identity) = context.identity else { return false };
    let administers = |privilege| identity.has_over_all(privilege, &account.chassis);
    *account.uid == *identity.uid()
        || administers(Privilege::ConfigureUsers)
        || administers(Privilege::ConfigureManager)
}

/// Understands a POST to the collection.
pub(super) fn create(context: &Context<'_>, body: &JsonObject) -> Result<Plan, Refusal> {
    let identity = context.identity.ok_or_else(Refusal::forbidden)?;
    let mut patch = parameters::Patch::new(READ_ONLY);
    let (mut user_name, mut password, mut role) = (None, None, None);
    let (mut enabled, mut change_required) = (true, false);
    for (name, value) in parameters::members_of_new(body) {
        match name {
            "UserName" => user_name = read_user_name(&mut patch, value),
            "Password" => password = read_password(&mut patch, value),
            "RoleId" => role = read_role(&mut patch, context, value),
            "Enabled" => enabled = patch.boolean(name, value).unwrap_or(enabled),
            "PasswordChangeRequired" => change_required = patch.boolean(name, value).unwrap_or(change_required),
            "AccountTypes" => read_account_types(&mut patch, value),
            // What a new account is anyhow.
            LOCKED if *value == Value::Bool(false) => {}
            LOCKED => read_locked(&mut patch, value),
            _ => patch.not_writable(name),
        }
    }
    for name in ["UserName", "Password", "RoleId"] {
        if !body.contains_key(name) {
            patch.problem(Message::new(&base::PROPERTY_MISSING, [name]));
        }
    }
    patch.finish()?;
    let (Some(user_name), Some(password), Some(role)) = (user_name, password, role) else {
        return Err(Refusal::internal_error());
    };
    check_role(context, identity, role)?;
    let config = &context.view.config;
    let chassis = identity.chassis.iter().filter_map(|index| config.chassis.get(usize::from(*index)));
    let new = NewAccount {
        user_name,
        hash: PasswordHash::new(""),
        role: role.name(config).to_owned(),
        // A new account sees what its maker sees: never more.
        chassis: chassis.map(|chassis| chassis.name.as_str().to_owned()).collect(),
        enabled,
        password_change_required: change_required,
    };
    Ok(Plan::account(AccountEdit::Create(new), Some(password), Answer::Representation))
}

/// Understands a PATCH.
pub(super) fn patch(context: &Context<'_>, id: &str, body: &JsonObject) -> Result<Plan, Refusal> {
    let identity = context.identity.ok_or_else(Refusal::forbidden)?;
    let account = find(context, id)?;
    let own = *account.uid == *identity.uid();
    check_reach(identity, account, own, body)?;
    let mut patch = parameters::Patch::new(READ_ONLY);
    let mut change = AccountChange::default();
    let (mut password, mut role) = (None, None);
    for (name, value) in parameters::members(body) {
        match name {
            LOCKED if *value == Value::Bool(false) => change.unlock = true,
            LOCKED => read_locked(&mut patch, value),
            // Read-only here: it is the configuration's.
            _ if account.stored.is_none() && WRITEABLE.contains(&name) => {
                patch.problem(Message::new(&base::PROPERTY_NOT_WRITABLE, [name]).about(format!("#/{name}")));
            }
            "UserName" => change.user_name = read_user_name(&mut patch, value),
            "Password" => password = read_password(&mut patch, value),
            "RoleId" => role = read_role(&mut patch, context, value),
            "Enabled" => change.enabled = patch.boolean(name, value),
            "PasswordChangeRequired" => change.password_change_required = patch.boolean(name, value),
            "AccountTypes" => read_account_types(&mut patch, value),
            _ => patch.not_writable(name),
        }
    }
    patch.finish().map_err(|mut refusal| {
        if account.stored.is_none() {
            refusal.messages.push(Message::new(&cluster::CONFIGURED_ACCOUNT, [&account.user_name]));
        }
        refusal
    })?;
    if parameters::members(body).next().is_none() {
        return Err(Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])]));
    }
    if let Some(role) = role {
        check_role(context, identity, role)?;
        change.role = Some(role.name(&context.view.config).to_owned());
    }
    let edit = match &account.stored {
        Some(stored) => AccountEdit::Change { from: Arc::clone(stored), change },
        None => AccountEdit::Unlock { uid: Arc::clone(&account.uid) },
    };
    // With the password all sessions end that were opened with it, but for the one that changes it.
    let log_out = password.is_some().then(|| {
        AccessEdit::Session(SessionEdit::CloseAll {
            account: Arc::clone(&account.uid),
            except: identity.session.filter(|_| own),
        })
    });
    Ok(Plan { then: log_out, ..Plan::account(edit, password, Answer::Representation) })
}

/// Understands a DELETE.
pub(super) fn delete(context: &Context<'_>, id: &str) -> Result<Plan, Refusal> {
    let identity = context.identity.ok_or_else(Refusal::forbidden)?;
    let account = find(context, id)?;
    if !identity.privileges(Extent::Reaching(&account.chassis)).include(account.privileges) {
        return Err(Refusal::forbidden());
    }
    let Some(stored) = &account.stored else {
        return Err(Refusal {
            status: StatusCode::FORBIDDEN,
            messages: vec![
                Message::new(&base::RESOURCE_CANNOT_BE_DELETED, []),
                Message::new(&cluster::CONFIGURED_ACCOUNT, [&account.user_name]),
            ],
            header: None,
        });
    };
    let edit = AccountEdit::Delete { from: Arc::clone(stored) };
    Ok(Plan::account(edit, None, Answer::NoContent))
}

fn find<'a>(context: &Context<'a>, id: &str) -> Result<&'a Arc<Account>, Refusal> {
    let account = context.view.directory.by_id(id).filter(|account| is_visible(context, account));
    account.ok_or_else(|| Refusal::not_found("ManagerAccount", id))
}

fn render(context: &Context<'_>, account: &Account) -> Representation {
    let mut body = Body {
        odata_id: Route::Account(&account.id),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        writeable: if account.stored.is_some() { WRITEABLE } else { &[LOCKED] },
        id: &account.id,
        name: "User Account",
        description: if account.stored.is_some() { "User Account" } else { "User Account of the configuration" },
        user_name: &account.user_name,
        password: account.stored.as_ref().map(|stored| &*stored.hash),
        role_id: &account.role_name,
        account_types: ["Redfish"],
        enabled: account.enabled,
        locked: context.view.is_locked(account, context.now),
        password_change_required: account.password_change_required,
        links: Links { role: account.role.map(|role| Link::to(Route::Role(role.name(&context.view.config)))) },
    };
    // A new password makes a new entity tag, though nobody sees it: of two who change it at once, one is told.
    // That others have locked it by guessing, or that the time of that is over, is no change that a writer has to know.
    let settings = (body.user_name, body.password, body.role_id, body.enabled, body.password_change_required);
    let tagged = Representation::of_settings(SCHEMA, &body, &settings, None::<&()>);
    body.password = None;
    Representation::of_resource(SCHEMA, &body).with_etag_of(&tagged)
}

/// Whether they may change this account at all, and these properties of it.
fn check_reach(identity: &Identity, account: &Account, own: bool, body: &JsonObject) -> Result<(), Refusal> {
    let only_password = parameters::members(body).all(|(name, _)| name == "Password");
    if own && account.password_change_required && !only_password {
        let uri = Route::Account(&account.id).to_string();
        return Err(Refusal::password_change_required(&uri));
    }
    let privileges = identity.privileges(Extent::Reaching(&account.chassis));
    if own && only_password && privileges.has(Privilege::ConfigureSelf) {
        return Ok(());
    }
    if privileges.has(Privilege::ConfigureUsers) && privileges.include(account.privileges) {
        Ok(())
    } else {
        Err(Refusal::forbidden())
    }
}

/// Nobody gives what they do not have.
fn check_role(context: &Context<'_>, identity: &Identity, role: Role) -> Result<(), Refusal> {
    let config = &context.view.config;
    if identity.privileges(Extent::Reaching(&identity.chassis)).include(role.privileges(config)) {
        return Ok(());
    }
    let message = Message::new(&base::RESTRICTED_ROLE, [role.name(config)]).about("#/RoleId");
    Err(Refusal::new(StatusCode::FORBIDDEN, message))
}

fn read_user_name(patch: &mut parameters::Patch, value: &Value) -> Option<String> {
    let text = patch.text("UserName", value)?;
    if UserNameForm::of(&text) != UserNameForm::Plain {
        patch.problem(Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [&text, "UserName"]).about("#/UserName"));
        patch.problem(Message::new(&cluster::USER_NAME_FORMAT, []).about("#/UserName"));
        return None;
    }
    Some(text)
}

fn read_password(patch: &mut parameters::Patch, value: &Value) -> Option<Secret> {
    let secret = patch.secret("Password", value)?;
    let length = String::from_utf8_lossy(secret.expose()).chars().count();
    if !(SHORTEST_PASSWORD..=LONGEST_PASSWORD).contains(&length) {
        patch.problem(Message::new(&base::PASSWORD_INCORRECT_LENGTH, []).about("#/Password"));
        return None;
    }
    Some(secret)
}

fn read_role(patch: &mut parameters::Patch, context: &Context<'_>, value: &Value) -> Option<Role> {
    let name = patch.text("RoleId", value)?;
    let role = Role::find(&name, &context.view.config);
    if role.is_none() {
        patch.problem(Message::new(&base::PROPERTY_VALUE_NOT_IN_LIST, [&name, "RoleId"]).about("#/RoleId"));
    }
    role
}

/// The one type that there is may be named.
fn read_account_types(patch: &mut parameters::Patch, value: &Value) {
    if *value != serde_json::json!(["Redfish"]) {
        let args = [&*value.to_string(), "AccountTypes"];
        patch.problem(Message::new(&base::PROPERTY_VALUE_NOT_IN_LIST, args).about("#/AccountTypes"));
    }
}

/// An account is locked by wrong passwords alone; who wants to shut one out disables it.
fn read_locked(patch: &mut parameters::Patch, value: &Value) {
    if patch.boolean("Locked", value) == Some(true) {
        patch.problem(Message::new(&base::PROPERTY_VALUE_NOT_IN_LIST, ["true", "Locked"]).about("#/Locked"));
    }
}

const LOCKED: &str = "Locked";

/// What of an account can be written that was made over Redfish. One of the configuration can be unlocked.
const WRITEABLE: &[&str] =
    &[LOCKED, "UserName", "Password", "RoleId", "Enabled", "PasswordChangeRequired", "AccountTypes"];

const READ_ONLY: &[&str] = &["Id", "Name", "Description", "Links"];
