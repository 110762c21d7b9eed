//! `/redfish/v1/odata`: the OData service document (DSP0266 clause 8.5.2).

use serde::Serialize;

use crate::http::{MediaType, Representation};
use crate::route::{Catalog, Route};

#[derive(Serialize)]
struct ServiceDocument {
    #[serde(rename = "@odata.context")]
    context: Route<'static>,
    value: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    kind: &'static str,
    url: Route<'static>,
}

pub(super) fn represent() -> Representation {
    let entry = |name, url| Entry { name, kind: "Singleton", url };
    let document = ServiceDocument {
        context: Route::Metadata,
        value: vec![
            entry("Service", Route::ServiceRoot),
            entry("Systems", Route::Systems),
            entry("Chassis", Route::ChassisCollection),
            entry("Managers", Route::Managers),
            entry("Registries", Route::Catalog(Catalog::Registries)),
            entry("JsonSchemas", Route::Catalog(Catalog::JsonSchemas)),
            entry("UpdateService", Route::Catalog(Catalog::UpdateService)),
            entry("CertificateService", Route::Catalog(Catalog::CertificateService)),
            entry("Tasks", Route::TaskService),
            entry("EventService", Route::EventService),
            entry("SessionService", Route::SessionService),
            entry("AccountService", Route::AccountService),
        ],
    };
    let body = serde_json::to_vec(&document).unwrap_or_default();
    Representation::of_document(MediaType::Json, body.into())
}
