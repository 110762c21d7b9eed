//! `/redfish/v1/CertificateService`: there because clients look for it. Schema `CertificateService`, version 1.2.1.
//!
//! The service's certificate is a file that its operator puts there and replaces; none is managed by way of Redfish,
//! and the resource says so by having no action and no certificate.

use serde::Serialize;

use super::{Link, NoActions};
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("CertificateService", "v1_2_1");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CertificateService {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'static>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    certificate_locations: Link<'static>,
    actions: NoActions,
}

pub(super) fn represent() -> Representation {
    let resource = CertificateService {
        odata_id: Route::Catalog(Catalog::CertificateService),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: "CertificateService",
        name: "Certificate Service",
        certificate_locations: Link::to(Route::Catalog(Catalog::CertificateLocations)),
        actions: NoActions {},
    };
    Representation::of_resource(SCHEMA, &resource)
}
