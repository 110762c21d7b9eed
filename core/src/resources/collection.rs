//! What all collections have in common (DSP0266 clause 9.7).

use serde::{Serialize, Serializer};

use super::{Link, Window};
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema};
use crate::membership::Members;
use crate::messages::Message;
use crate::model::VmId;
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
    /// What is missing of it.
    #[serde(rename = "@Message.ExtendedInfo", skip_serializing_if = "Vec::is_empty")]
    extended_info: Vec<Message>,
}

/// Where a page of a collection goes on: after a member, so that finding it takes no walk over all before.
#[derive(Clone, Copy)]
struct NextLink<'a> {
    collection: Route<'a>,
    after: &'a VmId,
}

impl Serialize for NextLink<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // An id has nothing in it that would have to be encoded.
        serializer.collect_str(&format_args!("{}?$skiptoken={}", self.collection, self.after))
    }
}

/// Represents the collection at `route`, with all of its members: one that is never large.
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
        next_link: None,
        extended_info: Vec::new(),
    };
    Representation::of_resource(schema, &collection)
}

/// Represents those of the collection at `route` that are in a window. Nothing is done about the others, so that a page
/// of a large collection costs no more than one of a small one.
pub(super) fn represent_window<'a>(
    schema: Schema,
    route: Route<'a>,
    name: &'static str,
    window: Window<'_>,
    systems: &Members<'a>,
    missing: Vec<Message>,
    member: impl Fn(&'a VmId) -> Route<'a>,
) -> Representation {
    let (members, next_link) = match window.after {
        Some(id) => page(route, window, systems.ids_after(id), member),
        None => page(route, window, systems.ids(), member),
    };
    let collection = Collection {
        odata_id: route,
        odata_type: schema,
        odata_etag: ETAG_PLACEHOLDER,
        name,
        count: systems.count(),
        members,
        next_link,
        extended_info: missing,
    };
    Representation::of_resource(schema, &collection)
}

fn page<'a>(
    route: Route<'a>,
    window: Window<'_>,
    ids: impl Iterator<Item = &'a VmId>,
    member: impl Fn(&'a VmId) -> Route<'a>,
) -> (Vec<Link<'a>>, Option<NextLink<'a>>) {
    let mut ids = ids.skip(window.skip);
    let mut last = None;
    let members =
        ids.by_ref().take(window.take).inspect(|id| last = Some(*id)).map(|id| Link::to(member(id))).collect();
    let next_link = last.filter(|_| ids.next().is_some()).map(|after| NextLink { collection: route, after });
    (members, next_link)
}
