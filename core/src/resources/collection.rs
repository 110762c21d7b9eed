//! What all collections have in common (DSP0266 clause 9.7).

use serde::{Serialize, Serializer};

use super::{Link, Window};
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
    #[serde(rename = "Members@odata.nextLink", skip_serializing_if = "Option::is_none")]
    next_link: Option<NextLink<'a>>,
}

/// Where a page of a collection goes on.
#[derive(Clone, Copy)]
struct NextLink<'a> {
    collection: Route<'a>,
    skip: usize,
}

impl Serialize for NextLink<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}?$skip={}", self.collection, self.skip))
    }
}

/// Represents the collection at `route`, with all of its members: one that is never large.
pub(super) fn represent<'a>(
    schema: Schema,
    route: Route<'a>,
    name: &'static str,
    members: impl Iterator<Item = Route<'a>>,
) -> Representation {
    represent_window(schema, route, name, Window::ALL, members, |member| member)
}

/// Represents the members of the collection at `route` that are in a window. The others are counted, and `member` is
/// not asked about them, so that a page of a large collection costs little more than one of a small one.
pub(super) fn represent_window<'a, T>(
    schema: Schema,
    route: Route<'a>,
    name: &'static str,
    window: Window,
    mut ids: impl Iterator<Item = T>,
    member: impl Fn(T) -> Route<'a>,
) -> Representation {
    let mut before = 0;
    while before < window.skip && ids.next().is_some() {
        before += 1;
    }
    let members: Vec<Link<'a>> = ids.by_ref().take(window.take).map(|id| Link::to(member(id))).collect();
    let skip = before + members.len();
    let count = skip + ids.count();
    let collection = Collection {
        odata_id: route,
        odata_type: schema,
        odata_etag: ETAG_PLACEHOLDER,
        name,
        count,
        members,
        next_link: (skip < count).then_some(NextLink { collection: route, skip }),
    };
    Representation::of_resource(schema, &collection)
}
