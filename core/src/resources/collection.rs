//! What all collections have in common (DSP0266 clause 9.7).

use serde::Serialize;

use super::Link;
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema};
use crate::route::Route;

#[derive(Serialize)]
struct Collection<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    #[serde(rename = "Name")]
    name: &'static str,
    #[serde(rename = "Members@odata.count")]
    count: usize,
    #[serde(rename = "Members")]
    members: Vec<Link<'a>>,
}

/// Represents the collection at `route`.
pub(super) fn represent<'a>(
    schema: Schema,
    route: Route<'a>,
    name: &'static str,
    members: impl Iterator<Item = Route<'a>>,
) -> Representation {
    let members: Vec<Link<'a>> = members.map(Link::to).collect();
    let collection = Collection {
        odata_id: route,
        odata_type: schema,
        odata_etag: ETAG_PLACEHOLDER,
        name,
        count: members.len(),
        members,
    };
    Representation::of_resource(schema, &collection)
}
