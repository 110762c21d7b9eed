//! `/redfish/v1/Chassis/{chassis}`: a configured slice of a namespace. Schema `Chassis`, version 1.28.0.

use serde::Serialize;

use super::condition::StatusWithConditions;
use super::{Context, Link, coverage};
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("Chassis", "v1_28_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Chassis<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(rename = "ChassisType")]
    kind: &'static str,
    manufacturer: &'static str,
    model: &'static str,
    status: StatusWithConditions,
    links: Links<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Links<'a> {
    computer_systems: Vec<Link<'a>>,
    #[serde(rename = "ComputerSystems@odata.count")]
    count: usize,
}

pub(super) fn represent(context: &Context<'_>, index: u16) -> Representation {
    let config = context.chassis_config(index);
    let name = config.map_or("", |chassis| chassis.name.as_str());
    let part = context.view.coverage.of(index).cloned().unwrap_or_default();
    // Before all have been listed, what is known of a system may be half of it.
    let known = if part.listed { &[index][..] } else { &[] };
    let computer_systems: Vec<Link<'_>> =
        context.view.members_of(known).ids().map(|id| Link::to(Route::System(context.view.shown_name(id)))).collect();
    let chassis = Chassis {
        odata_id: Route::Chassis(name),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: name,
        name,
        description: config.and_then(|chassis| chassis.description.as_deref()).filter(|text| !text.is_empty()),
        kind: "Enclosure",
        manufacturer: "KubeVirt",
        model: "Namespace",
        status: StatusWithConditions {
            state: Some("Enabled"),
            health: coverage::health(part.severity(), part.age),
            conditions: coverage::conditions(context, index),
        },
        links: Links { count: computer_systems.len(), computer_systems },
    };
    Representation::of_resource(SCHEMA, &chassis)
}
