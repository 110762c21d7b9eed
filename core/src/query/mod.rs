//! Query parameters (DSP0266 clause 7.3): parsed once into types, and applied to representations.
//!
//! `$filter`, `$skip` and `$top` choose members, then the service cuts its page, then `$expand` and `$select` decide
//! what is written of it. Everything works on the bytes of representations and reads resources as any request of the
//! same account would, so that nothing appears here which that account could not get.
//!
//! The entity tag of an answer covers everything in it: it is made of the tags of all resources that were read for it,
//! so that it is as stable as they are. With `$select` alone it is the resource's own, which an `If-Match` may name.

mod compose;
mod expand;
mod filter;
mod json;
mod page;
mod parse;
mod select;
mod token;

use http::{Method, StatusCode};

pub(crate) use parse::Query;

use crate::auth::{Extent, Required};
use crate::http::{Content, Refusal, Representation, Schema};
use crate::messages::{Message, base};
use crate::resources::{self, Context, Window};
use crate::route::{Catalog, Location, Route};
use crate::view::View;

/// The answer would be larger than the service sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TooLarge;

impl From<TooLarge> for Refusal {
    fn from(_: TooLarge) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, Message::new(&base::INSUFFICIENT_STORAGE, []))
    }
}

/// Represents a resource as a query asks for it.
pub(crate) fn answer(context: &Context<'_>, location: &Location<'_>, query: &Query) -> Result<Representation, Refusal> {
    if query.is_plain() {
        return resources::read(context, location);
    }
    let window = match &query.filter {
        Some(_) => Window::ALL,
        None => page::window(query),
    };
    let (source, is_cut) = match resources::read_window(context, location, window) {
        Some(windowed) => (windowed?, query.filter.is_none()),
        None if query.after.is_some() => {
            return Err(parse::bad_request(Message::new(&base::QUERY_NOT_SUPPORTED_ON_RESOURCE, [])));
        }
        None => (resources::read(context, location)?, false),
    };
    match source.content {
        Content::Resource(schema) if is_collection(schema) => page::answer(context, source, is_cut, query),
        Content::Resource(_) if !query.needs_collection() => whole(context, source, query),
        Content::Resource(_) | Content::Document(_) => {
            Err(parse::bad_request(Message::new(&base::QUERY_NOT_SUPPORTED_ON_RESOURCE, [])))
        }
    }
}

/// Whether answering takes so long that others should not have to wait for it: more than a millisecond or so.
pub(crate) fn takes_long(view: &View, location: &Location<'_>, query: &Query) -> bool {
    let looks_at_many = query.filter.is_some() || query.expand.is_some();
    // What references lead to has references of its own: a few systems make an answer of megabytes.
    let goes_deep = query.expand.is_some_and(expand::Expand::goes_deep);
    let walks = matches!(location.route, Route::Chassis(_) | Route::Catalog(Catalog::CertificateLocations));
    goes_deep || (looks_at_many && view.len() > FEW) || (view.len() > MANY && walks)
}

/// The answer for a resource that is not a collection.
fn whole(context: &Context<'_>, source: Representation, query: &Query) -> Result<Representation, Refusal> {
    if query.expand.is_none() && query.select.is_none() {
        return Ok(source);
    }
    let size = source.body.len();
    let mut composer = compose::Composer::new(context, query.expand, query.select.as_ref(), size, source.etag);
    composer.resource(json::Json::new(&source.body))?;
    let (body, etag) = composer.finish();
    Ok(source.with_body(body, etag))
}

/// Schemas of collections have a name of that form, and no version.
fn is_collection(schema: Schema) -> bool {
    schema.name.ends_with("Collection") && schema.name == schema.namespace
}

/// Whether the asking account may read a resource by its role. Whether it sees it is found out by reading it.
fn may_read(context: &Context<'_>, route: &Route<'_>) -> bool {
    let required = route.required(&Method::GET);
    required == Required::Nothing
        || context.identity.is_some_and(|identity| {
            let owned = resources::owned(context.view, route, identity);
            let held_up = identity.account().is_some_and(|account| account.password_change_required);
            !held_up && required.is_met_by(identity.privileges(Extent::Service), owned)
        })
}

/// Systems that a query may look at one by one without taking long, at ten microseconds each.
const FEW: usize = 100;

/// Systems that a chassis may refer to without taking long, at a tenth of a microsecond each.
const MANY: usize = 10_000;
