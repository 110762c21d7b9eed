//! Collections: which members are chosen, and the page of them that is the answer.

use std::fmt::Write as _;

use super::compose::Composer;
use super::filter::Filter;
use super::json::Json;
use super::parse::filter_refusal;
use super::{Query, TooLarge, may_read};
use crate::http::{ETAG_DIGITS, ETAG_PLACEHOLDER, ETag, Refusal, Representation};
use crate::resources::{self, Context, PAGE_SIZE, Window};
use crate::route::{Location, Route};

/// The members that a query lets the service read at once.
pub(super) fn window(query: &Query) -> Window<'_> {
    let take = query.top.unwrap_or(PAGE_SIZE).min(PAGE_SIZE);
    Window { after: query.after.as_deref(), skip: query.skip.unwrap_or_default(), take }
}

/// The answer for the collection `source`, of which `is_cut` says that it has only the members of the window.
pub(super) fn answer(
    context: &Context<'_>,
    source: Representation,
    is_cut: bool,
    query: &Query,
) -> Result<Representation, Refusal> {
    // Bytes are shared, so this borrows nothing from what is given away at the end.
    let bytes = source.body.clone();
    let collection = Json::new(&bytes);
    let mut members: Vec<Json<'_>> =
        collection.member(MEMBERS).map(|members| members.elements().collect()).unwrap_or_default();
    let mut count = collection.member(COUNT).and_then(number).unwrap_or(members.len());
    if query.only {
        return only(context, source, &members, count);
    }
    if let Some(filter) = &query.filter {
        members = filtered(context, filter, members)?;
        count = members.len();
    }
    let window = window(query);
    let chosen: Vec<Json<'_>> =
        if is_cut { members } else { members.into_iter().skip(window.skip).take(window.take).collect() };
    let page = Page { collection, chosen: &chosen, count, is_cut, query };
    page.write(context, source)
}

/// The member of a collection that has just one; else the collection.
fn only(
    context: &Context<'_>,
    source: Representation,
    members: &[Json<'_>],
    count: usize,
) -> Result<Representation, Refusal> {
    if count != 1 {
        return Ok(source);
    }
    let uri = members.first().and_then(|member| member.member("@odata.id")).and_then(Json::text);
    match uri.as_deref().and_then(Location::parse) {
        Some(location) if may_read(context, &location.route) => resources::read(context, &location),
        _ => Ok(source),
    }
}

/// The members that a filter lets through.
fn filtered<'a>(context: &Context<'_>, filter: &Filter, members: Vec<Json<'a>>) -> Result<Vec<Json<'a>>, Refusal> {
    if members.len().saturating_mul(filter.cost()) > MAX_FILTER_WORK {
        return Err(TooLarge.into());
    }
    let mut matching = Vec::new();
    for member in members {
        let matches = match member.reference() {
            None => filter.matches(member),
            Some(uri) => {
                let location = Location::parse(uri).filter(|location| may_read(context, &location.route));
                // A member that cannot be read has no properties to match by.
                match location.map(|location| resources::read(context, &location)) {
                    Some(Ok(representation)) => filter.matches(Json::new(&representation.body)),
                    Some(Err(_)) | None => Ok(false),
                }
            }
        };
        if matches.map_err(|error| filter_refusal(error, filter.text()))? {
            matching.push(member);
        }
    }
    Ok(matching)
}

/// What is to be written of a collection.
struct Page<'a> {
    collection: Json<'a>,
    chosen: &'a [Json<'a>],
    /// How many members there are, on all pages together.
    count: usize,
    /// The collection has only the members of the window.
    is_cut: bool,
    query: &'a Query,
}

impl Page<'_> {
    fn write(&self, context: &Context<'_>, source: Representation) -> Result<Representation, Refusal> {
        let query = self.query;
        let size = source.body.len();
        let mut composer = Composer::new(context, query.expand, query.select.as_ref(), size, source.etag);
        if query.chooses_members() {
            for member in self.chosen {
                composer.depends_on(ETag::of(member.bytes()));
            }
            composer.depends_on(ETag::of(self.count.to_string().as_bytes()));
        }
        let mut etag_start = 0;
        composer.raw(b"{");
        for (name, value) in self.collection.members() {
            if name == NEXT_LINK || !composer.wants(self.collection, name, value) {
                continue;
            }
            match name {
                MEMBERS => {
                    let written = self.write_members(&mut composer)?;
                    if let Some(link) = self.next_link(context, written) {
                        composer.name(NEXT_LINK);
                        composer.raw(&serde_json::to_vec(&link).unwrap_or_default());
                    }
                }
                COUNT => {
                    composer.name(name);
                    composer.raw(self.count.to_string().as_bytes());
                }
                "@odata.etag" => {
                    composer.name(name);
                    composer.raw(&serde_json::to_vec(ETAG_PLACEHOLDER).unwrap_or_default());
                    // Before the digits end, a quote with its escape and the one that ends the string.
                    etag_start = composer.length().saturating_sub(ETAG_DIGITS + 3);
                }
                _ => composer.member(name, value)?,
            }
        }
        composer.raw(b"}");
        let (body, etag) = composer.finish();
        Ok(source.with_tagged_body(body, etag, etag_start))
    }

    /// Writes members until all are written or the answer is as large as it may get; how many they are.
    fn write_members(&self, composer: &mut Composer<'_>) -> Result<usize, TooLarge> {
        composer.name(MEMBERS);
        composer.raw(b"[");
        let mut written = 0;
        for member in self.chosen {
            let mark = composer.mark();
            if written > 0 {
                composer.raw(b",");
            }
            match composer.element(*member) {
                Ok(()) => written += 1,
                // The page ends here, and the rest is on the next.
                Err(TooLarge) if written > 0 => {
                    composer.take_back(mark);
                    break;
                }
                Err(TooLarge) => return Err(TooLarge),
            }
        }
        composer.raw(b"]");
        Ok(written)
    }

    /// Where the next page is, if there is one: the service cut this one short of what was asked for.
    fn next_link(&self, context: &Context<'_>, written: usize) -> Option<String> {
        let left = self.query.top.map(|top| top.saturating_sub(written));
        if left == Some(0) {
            return None;
        }
        let place = self.next_place(context, written)?;
        let path = self.collection.member("@odata.id").and_then(Json::text)?;
        let mut link = format!("{path}?{}", self.query.carried);
        let separator = if self.query.carried.is_empty() { "" } else { "&" };
        // Writing to a string cannot fail.
        let _ = write!(link, "{separator}{place}");
        if let Some(left) = left {
            let _ = write!(link, "&$top={left}");
        }
        Some(link)
    }

    /// Where the members after those that were written begin; `None` if there are none.
    fn next_place(&self, context: &Context<'_>, written: usize) -> Option<String> {
        if !self.is_cut {
            let next = self.query.skip.unwrap_or_default().saturating_add(written);
            return (next < self.count).then(|| format!("$skip={next}"));
        }
        let has_more = written < self.chosen.len() || self.collection.member(NEXT_LINK).is_some();
        let last = self.chosen.get(written.checked_sub(1)?).filter(|_| has_more)?.reference()?;
        let (Route::System(name) | Route::Manager(name)) = Location::parse(last)?.route else { return None };
        let vm = context.view.system(name, context.identity?).ok()?;
        Some(format!("$skiptoken={}", vm.machine.id))
    }
}

fn number(value: Json<'_>) -> Option<usize> {
    std::str::from_utf8(value.bytes()).ok()?.parse().ok()
}

const MEMBERS: &str = "Members";
const COUNT: &str = "Members@odata.count";
const NEXT_LINK: &str = "Members@odata.nextLink";

/// How many operands and operators a filter may come to over all members. A hundred thousand systems with three
/// comparisons are within it, and take about half a second.
const MAX_FILTER_WORK: usize = 1_000_000;
