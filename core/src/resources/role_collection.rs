//! `/redfish/v1/AccountService/Roles`: the standard's roles and those of the configuration. Schema `RoleCollection`.

use super::{Context, collection};
use crate::auth::Role;
use crate::http::{Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("RoleCollection");

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let config = &context.view.config;
    let members = Role::all(config).map(|role| Route::Role(role.name(config)));
    collection::represent(SCHEMA, Route::Roles, "Roles Collection", members)
}
