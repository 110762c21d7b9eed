//! `/redfish/v1/JsonSchemas/{schema}`: where a schema is found. Schema `JsonSchemaFile`, version 1.1.5.

use serde::Serialize;

use super::SCHEMAS;
use crate::http::{ETAG_PLACEHOLDER, Refusal, Representation, Schema, schema};
use crate::route::{Catalog, Route};

pub(super) const SCHEMA: Schema = schema!("JsonSchemaFile", "v1_1_5");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct JsonSchemaFile<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: String,
    languages: [&'static str; 1],
    schema: Schema,
    location: [Location; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Location {
    language: &'static str,
    publication_uri: String,
}

pub(super) fn represent(id: &str) -> Result<Representation, Refusal> {
    let schema =
        SCHEMAS.iter().find(|schema| schema.namespace == id).ok_or_else(|| Refusal::not_found("JsonSchemaFile", id))?;
    let resource = JsonSchemaFile {
        odata_id: Route::Catalog(Catalog::JsonSchema(schema.namespace)),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: schema.namespace,
        name: format!("{} Schema File", schema.name),
        languages: [LANGUAGE],
        schema: *schema,
        location: [Location {
            language: LANGUAGE,
            publication_uri: format!("https://redfish.dmtf.org/schemas/v1/{}.json", schema.namespace),
        }],
    };
    Ok(Representation::of_resource(SCHEMA, &resource))
}

const LANGUAGE: &str = "en";
