//! `/redfish/v1`: the service root, where every client begins. Schema `ServiceRoot`, version 1.20.0.

use serde::Serialize;

use super::protocol_features::ProtocolFeatures;
use super::{Context, Link};
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("ServiceRoot", "v1_20_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceRoot<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    redfish_version: &'static str,
    /// It is the same for ever, so none is said before it is known.
    #[serde(rename = "UUID", skip_serializing_if = "Option::is_none")]
    uuid: Option<&'a str>,
    product: &'static str,
    vendor: &'static str,
    protocol_features_supported: ProtocolFeatures,
    systems: Link<'a>,
    chassis: Link<'a>,
    managers: Link<'a>,
    event_service: Link<'a>,
    registries: Link<'a>,
    json_schemas: Link<'a>,
    update_service: Link<'a>,
    certificate_service: Link<'a>,
    tasks: Link<'a>,
    session_service: Link<'a>,
    account_service: Link<'a>,
    links: Links<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Links<'a> {
    sessions: Link<'a>,
}

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let root = ServiceRoot {
        odata_id: Route::ServiceRoot,
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: "RootService",
        name: "Root Service",
        redfish_version: "1.22.0",
        uuid: context.view.service_uuid.as_deref(),
        product: "kubevirt-redfish",
        vendor: "KubeVirt",
        protocol_features_supported: ProtocolFeatures::SUPPORTED,
        systems: Link::to(Route::Systems),
        chassis: Link::to(Route::ChassisCollection),
        managers: Link::to(Route::Managers),
        event_service: Link::to(Route::EventService),
        registries: Link::to(Route::Catalog(Catalog::Registries)),
        json_schemas: Link::to(Route::Catalog(Catalog::JsonSchemas)),
        update_service: Link::to(Route::Catalog(Catalog::UpdateService)),
        certificate_service: Link::to(Route::Catalog(Catalog::CertificateService)),
        tasks: Link::to(Route::TaskService),
        session_service: Link::to(Route::SessionService),
        account_service: Link::to(Route::AccountService),
        links: Links { sessions: Link::to(Route::Sessions) },
    };
    Representation::of_resource(SCHEMA, &root)
}
