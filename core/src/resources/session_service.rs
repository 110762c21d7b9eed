//! `/redfish/v1/SessionService`: for how long a log-in lasts. Schema `SessionService`, version 1.2.0.

use serde::Serialize;

use super::plan::Plan;
use super::{Context, Link, Status, parameters};
use crate::auth::{Privilege, SessionEdit};
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::intent::Answer;
use crate::messages::{Message, base};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("SessionService", "v1_2_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SessionService {
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
    session_timeout: u32,
    sessions: Link<'static>,
}

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let service = SessionService {
        odata_id: Route::SessionService,
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        writeable: &[TIMEOUT],
        id: "SessionService",
        name: "Session Service",
        status: Status::ENABLED,
        service_enabled: true,
        session_timeout: context.view.sessions.timeout,
        sessions: Link::to(Route::Sessions),
    };
    Representation::of_resource(SCHEMA, &service)
}

/// Understands a PATCH. It reaches every tenant, so only who has the privilege over all chassis may make one.
pub(super) fn patch(context: &Context<'_>, body: &JsonObject) -> Result<Plan, Refusal> {
    if !context.has_everywhere(Privilege::ConfigureManager) {
        return Err(Refusal::forbidden());
    }
    let mut patch = parameters::Patch::new(READ_ONLY);
    let mut timeout = None;
    for (name, value) in parameters::members(body) {
        match name {
            TIMEOUT => timeout = patch.number(name, value, SHORTEST_TIMEOUT..=LONGEST_TIMEOUT),
            _ => patch.not_writable(name),
        }
    }
    patch.finish()?;
    let Some(to) = timeout else {
        return Err(Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])]));
    };
    let edit = SessionEdit::Timeout { from: context.view.sessions.timeout, to };
    Ok(Plan::session(edit, Answer::Representation))
}

const TIMEOUT: &str = "SessionTimeout";

/// The bounds that the schema gives, in seconds.
const SHORTEST_TIMEOUT: u32 = 30;
const LONGEST_TIMEOUT: u32 = 86_400;

const READ_ONLY: &[&str] = &["Id", "Name", "Status", "ServiceEnabled", "Sessions"];
