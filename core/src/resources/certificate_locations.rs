//! `/redfish/v1/CertificateService/CertificateLocations`: the certificates of the service that can be managed, of
//! which there are none. Those of virtual media are found at each drive.
//! Schema `CertificateLocations`, version 1.0.4.

use serde::Serialize;

use super::Link;
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("CertificateLocations", "v1_0_4");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CertificateLocations {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'static>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    links: Links,
}

#[derive(Serialize)]
struct Links {
    #[serde(rename = "Certificates")]
    certificates: [Link<'static>; 0],
    #[serde(rename = "Certificates@odata.count")]
    count: usize,
}

pub(super) fn represent() -> Representation {
    let resource = CertificateLocations {
        odata_id: Route::Catalog(Catalog::CertificateLocations),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: "CertificateLocations",
        name: "Certificate Locations",
        links: Links { certificates: [], count: 0 },
    };
    Representation::of_resource(SCHEMA, &resource)
}
