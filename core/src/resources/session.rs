//! `/redfish/v1/SessionService/Sessions/{session}`: a log-in. Schema `Session`, version 1.8.0.

use std::sync::Arc;

use serde::Serialize;

use super::plan::Plan;
use super::{Context, parameters};
use crate::auth::{Privilege, Session, SessionEdit, SessionId};
use crate::config::Secret;
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::intent::Answer;
use crate::messages::{Message, base};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("Session", "v1_8_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: String,
    name: &'static str,
    user_name: &'a str,
    /// It can be written and never read.
    password: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    session_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    #[serde(rename = "ClientOriginIPAddress", skip_serializing_if = "Option::is_none")]
    client: Option<&'a str>,
    created_time: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<&'a str>,
    #[serde(rename = "@Message.ExtendedInfo", skip_serializing_if = "Vec::is_empty")]
    extended_info: Vec<Message>,
}

pub(super) fn represent(context: &Context<'_>, id: SessionId) -> Result<Representation, Refusal> {
    Ok(render(context, find(context, id)?, Vec::new()))
}

/// What is told of a session that has just been opened, with what its user should know.
pub(crate) fn represent_opened(context: &Context<'_>, id: SessionId) -> Result<Representation, Refusal> {
    let session = find(context, id)?;
    let account = context.view.directory.by_uid(&session.account);
    let info = account
        .filter(|account| account.password_change_required)
        .map(|account| Message::new(&base::PASSWORD_CHANGE_REQUIRED, [&Route::Account(&account.id).to_string()]));
    Ok(render(context, session, info.into_iter().collect()))
}

/// Understands a DELETE.
pub(super) fn delete(context: &Context<'_>, id: SessionId) -> Result<Plan, Refusal> {
    // Another replica may have opened one's own session a moment ago.
    if context.identity.is_none_or(|identity| identity.session != Some(id)) {
        find(context, id)?;
    }
    Ok(Plan::session(SessionEdit::Close(id), Answer::NoContent))
}

/// Whether who asks may know of a session: of their own, and of those of accounts that reach no further than they do.
pub(super) fn is_visible(context: &Context<'_>, session: &Session) -> bool {
    let (Some(identity), Some(account)) = (context.identity, context.view.directory.by_uid(&session.account)) else {
        return false;
    };
    *account.uid == *identity.uid() || identity.has_over_all(Privilege::ConfigureManager, &account.chassis)
}

/// What a log-in is made with.
#[derive(Debug)]
pub(crate) struct LogIn {
    pub(crate) user_name: String,
    pub(crate) password: Secret,
    pub(crate) context: Option<String>,
}

/// Understands the body of a log-in. Says nothing of what the password was.
pub(crate) fn log_in(body: &JsonObject) -> Result<LogIn, Refusal> {
    let mut patch = parameters::Patch::new(IGNORED);
    let (mut user_name, mut password, mut context) = (None, None, None);
    for (name, value) in parameters::members_of_new(body) {
        match name {
            "UserName" => user_name = patch.text(name, value),
            "Password" => password = patch.secret(name, value),
            "Context" => context = patch.text(name, value).filter(|text| is_context(text)),
            // Properties of the schema that some clients send back, and OEM ones: a log-in does not fail for them.
            _ if IGNORED.contains(&name) => {}
            _ => patch.not_writable(name),
        }
    }
    for (name, missing) in [("UserName", !body.contains_key("UserName")), ("Password", !body.contains_key("Password"))]
    {
        if missing {
            patch.problem(Message::new(&base::PROPERTY_MISSING, [name]));
        }
    }
    patch.finish()?;
    Ok(LogIn {
        user_name: user_name.unwrap_or_default(),
        password: password.unwrap_or_else(|| Secret::new(b"")),
        context,
    })
}

fn find<'a>(context: &Context<'a>, id: SessionId) -> Result<&'a Arc<Session>, Refusal> {
    let session = context.view.sessions.find(id, context.now);
    session.filter(|session| is_visible(context, session)).ok_or_else(|| Refusal::not_found("Session", &id.to_string()))
}

fn render(context: &Context<'_>, session: &Session, extended_info: Vec<Message>) -> Representation {
    let account = context.view.directory.by_uid(&session.account);
    let body = Body {
        odata_id: Route::Session(session.id),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: session.id.to_string(),
        name: "User Session",
        user_name: account.map_or(&*session.user_name, |account| &*account.user_name),
        password: (),
        session_type: Some("Redfish"),
        context: session.context.as_deref(),
        client: session.client.as_deref(),
        created_time: session.created.to_string(),
        roles: account.iter().map(|account| &*account.role_name).collect(),
        extended_info,
    };
    Representation::of_resource(SCHEMA, &body)
}

const IGNORED: &[&str] = &["Token", "SessionType", "OemSessionType", "Oem"];

/// Whether a text can be attached to a session; another one is left out.
fn is_context(text: &str) -> bool {
    text.len() <= LONGEST_CONTEXT && !text.chars().any(char::is_control)
}

/// What a client may attach to its session, in bytes.
const LONGEST_CONTEXT: usize = 256;
