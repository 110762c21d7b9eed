//! `/redfish/v1/JsonSchemas`: the schemas of which the service has resources. Schema `JsonSchemaFileCollection`.

use super::{SCHEMAS, collection};
use crate::http::{Representation, Schema, schema};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("JsonSchemaFileCollection");

pub(super) fn represent() -> Representation {
    let members = SCHEMAS.iter().map(|schema| Route::Catalog(Catalog::JsonSchema(schema.namespace)));
    let route = Route::Catalog(Catalog::JsonSchemas);
    collection::represent(SCHEMA, route, "JSON Schema File Collection", members)
}
