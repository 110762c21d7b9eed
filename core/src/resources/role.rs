//! `/redfish/v1/AccountService/Roles/{role}`: a set of privileges. Schema `Role`, version 1.3.3.
//!
//! Nothing of it can be changed here: the standard fixes its own roles, and others are the configuration's.

use serde::Serialize;

use super::Context;
use crate::auth::Role;
use crate::http::{ETAG_PLACEHOLDER, Refusal, Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("Role", "v1_3_3");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'a str,
    name: &'a str,
    role_id: &'a str,
    is_predefined: bool,
    assigned_privileges: Vec<&'static str>,
}

pub(super) fn represent(context: &Context<'_>, name: &str) -> Result<Representation, Refusal> {
    let config = &context.view.config;
    let role = Role::find(name, config).ok_or_else(|| Refusal::not_found("Role", name))?;
    let body = Body {
        odata_id: Route::Role(name),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: name,
        name,
        role_id: name,
        is_predefined: role.is_predefined(),
        assigned_privileges: role.privileges(config).iter().map(crate::auth::Privilege::name).collect(),
    };
    Ok(Representation::of_resource(SCHEMA, &body))
}
