//! Preconditions (RFC 9110 section 13): of reads upon what is shown, of writes upon the settings that their sender knows.

use std::sync::Arc;

use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{Method, StatusCode};

use super::Exchange;
use crate::auth::Identity;
use crate::http::{Refusal, Representation, Tags};
use crate::resources::{self, Context};
use crate::route::Location;
use crate::time::Now;
use crate::view::View;

/// What the preconditions of a read come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is to be shown.
    Show,
    /// The client has it already.
    NotModified,
}

impl Exchange {
    /// Looks at the preconditions of a read.
    pub(super) fn judge_read(&self, representation: &Representation) -> Result<Verdict, Refusal> {
        let headers = &self.head.headers;
        let shown = representation.etag;
        match Tags::if_match(headers) {
            Some(Err(_)) => return Err(Refusal::header_invalid(StatusCode::BAD_REQUEST, &IF_MATCH)),
            Some(Ok(tags)) if !tags.name(shown) => return Err(Refusal::precondition_failed()),
            Some(Ok(_)) | None => {}
        }
        // Who polls sends back the tag as it came.
        let mut unwanted = headers.get_all(IF_NONE_MATCH).iter();
        match (unwanted.next(), unwanted.next()) {
            (None, _) => return Ok(Verdict::Show),
            (Some(only), None) if *only == representation.etag_header() => return Ok(Verdict::NotModified),
            (Some(_), _) => {}
        }
        match Tags::if_none_match(headers) {
            Some(Err(_)) => Err(Refusal::header_invalid(StatusCode::BAD_REQUEST, &IF_NONE_MATCH)),
            Some(Ok(tags)) if tags.name(shown) => Ok(Verdict::NotModified),
            Some(Ok(_)) | None => Ok(Verdict::Show),
        }
    }

    /// Looks at the preconditions of a write. They count for a resource that is changed, removed or added to, and are
    /// ignored for an action: clients send whatever tag they have read last along with an action, often that of another
    /// resource, and there is no representation of an action that a tag could be of.
    ///
    /// A tag that is none matches nothing: the protocol validator takes the end of a tag that was tampered with for a
    /// mismatch, as it does for a log-in that is not conditional at all.
    pub(super) fn check_precondition(
        &self,
        view: &Arc<View>,
        now: Now,
        identity: &Identity,
        location: &Location<'_>,
    ) -> Result<(), Refusal> {
        let context = Context { view, identity: Some(identity), now };
        if let Some(refusal) = resources::not_known(&context, location, false) {
            return Err(refusal);
        }
        if !self.is_conditional() {
            return Ok(());
        }
        let known = Tags::if_match(&self.head.headers).transpose();
        let Ok(unwanted) = Tags::if_none_match(&self.head.headers).transpose() else {
            return Err(Refusal::header_invalid(StatusCode::BAD_REQUEST, &IF_NONE_MATCH));
        };
        let current = resources::read(&context, location)?.etag;
        let is_known = known.is_ok_and(|known| known.is_none_or(|tags| tags.name_settings(current)));
        if is_known && !unwanted.is_some_and(|tags| tags.name(current)) {
            Ok(())
        } else {
            Err(Refusal::precondition_failed())
        }
    }

    /// Whether the write is to be made only under a precondition.
    pub(super) fn is_conditional(&self) -> bool {
        let has = |name| self.head.headers.contains_key(name);
        let is_of_a_resource = || self.location().is_ok_and(|at| at.route.allows(&Method::GET));
        (has(IF_MATCH) || has(IF_NONE_MATCH)) && is_of_a_resource()
    }
}
