//! Writes the answer: the resource with what `$expand` brings in and without what `$select` leaves out.
//!
//! With both, the selection counts for every resource in the answer, and what leads to an expanded resource stays:
//! DSP0266 gets the UUIDs of all systems by `$select=UUID&$expand=.($levels=1)`.

use super::expand::{Expand, Place};
use super::json::Json;
use super::select::{Selection, Wanted, annotated, is_always_wanted};
use super::{TooLarge, may_read};
use crate::http::{Content, ETag};
use crate::resources::{self, Context};
use crate::route::Location;

/// Writes one answer.
pub(super) struct Composer<'a> {
    context: &'a Context<'a>,
    expand: Option<Expand>,
    select: Option<&'a Selection>,
    out: Vec<u8>,
    /// The tags of all resources that the answer depends on.
    tags: Vec<ETag>,
    resources_left: usize,
    bytes_left: usize,
}

/// How far an answer had got.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    length: usize,
    tags: usize,
}

impl<'a> Composer<'a> {
    /// `size` is that of the resource that was asked for, and `tag` its entity tag.
    pub(super) fn new(
        context: &'a Context<'a>,
        expand: Option<Expand>,
        select: Option<&'a Selection>,
        size: usize,
        tag: ETag,
    ) -> Self {
        Self {
            context,
            expand,
            select,
            out: Vec::with_capacity(size),
            tags: vec![tag],
            resources_left: MAX_RESOURCES,
            bytes_left: MAX_BYTES,
        }
    }

    /// Writes the resource that was asked for.
    pub(super) fn resource(&mut self, body: Json<'_>) -> Result<(), TooLarge> {
        let levels = self.levels();
        self.write_resource(body, self.wanted(), levels)
    }

    /// Writes a member of the resource that was asked for, under its name.
    pub(super) fn member(&mut self, name: &str, value: Json<'_>) -> Result<(), TooLarge> {
        self.name(name);
        let wanted = if is_always_wanted(name) { Wanted::All } else { self.wanted().member(name) };
        self.value(value, wanted, Place::Elsewhere.member(name), self.levels())
    }

    /// Writes an element of the property `Members` of the collection that was asked for.
    pub(super) fn element(&mut self, value: Json<'_>) -> Result<(), TooLarge> {
        self.value(value, self.wanted().member("Members"), Place::Elsewhere, self.levels())
    }

    /// Whether a member of the resource that was asked for belongs into the answer.
    pub(super) fn wants(&self, resource: Json<'_>, name: &str, value: Json<'_>) -> bool {
        is_always_wanted(name) || self.keeps(resource, name, value, self.wanted(), Place::Elsewhere, self.levels())
    }

    /// Begins a member: its name, with what comes before it.
    pub(super) fn name(&mut self, name: &str) {
        if !matches!(self.out.last(), Some(b'{')) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// Writes bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Takes note of something that the answer depends on.
    pub(super) fn depends_on(&mut self, tag: ETag) {
        self.tags.push(tag);
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { length: self.out.len(), tags: self.tags.len() }
    }

    /// Takes back what was written since.
    pub(super) fn take_back(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        self.tags.truncate(mark.tags);
    }

    /// What was written, and the tag for all that it depends on.
    pub(super) fn finish(self) -> (Vec<u8>, ETag) {
        let tag = match self.tags.as_slice() {
            [only] => *only,
            several => ETag::of_all(several),
        };
        (self.out, tag)
    }

    pub(super) fn length(&self) -> usize {
        self.out.len()
    }

    fn wanted(&self) -> Wanted<'a> {
        self.select.map_or(Wanted::All, Wanted::Some)
    }

    fn levels(&self) -> u8 {
        self.expand.map_or(0, |expand| expand.levels)
    }

    fn write_resource(&mut self, body: Json<'_>, wanted: Wanted<'_>, levels: u8) -> Result<(), TooLarge> {
        if wanted == Wanted::All && levels == 0 {
            self.raw(body.bytes());
            return Ok(());
        }
        self.out.push(b'{');
        for (name, value) in body.members() {
            if is_always_wanted(name) {
                self.name(name);
                self.raw(value.bytes());
            } else {
                self.object_member(body, name, value, wanted, Place::Elsewhere, levels)?;
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    fn object_member(
        &mut self,
        object: Json<'_>,
        name: &str,
        value: Json<'_>,
        wanted: Wanted<'_>,
        place: Place,
        levels: u8,
    ) -> Result<(), TooLarge> {
        if !self.keeps(object, name, value, wanted, place, levels) {
            return Ok(());
        }
        self.name(name);
        if annotated(name).is_some() {
            self.raw(value.bytes());
            return Ok(());
        }
        self.value(value, wanted.member(name), place.member(name), levels)
    }

    /// Whether a member of an object belongs into the answer: it is wanted, or leads to what is.
    fn keeps(
        &self,
        object: Json<'_>,
        name: &str,
        value: Json<'_>,
        wanted: Wanted<'_>,
        place: Place,
        levels: u8,
    ) -> bool {
        match wanted.member(name) {
            Wanted::All => true,
            Wanted::Some(_) => annotated(name).is_some() || value.is_object() || value.is_array(),
            Wanted::None if levels == 0 => false,
            Wanted::None => match annotated(name) {
                Some(property) => {
                    object.member(property).is_some_and(|value| self.leads_on(value, place.member(property)))
                }
                None => self.leads_on(value, place.member(name)),
            },
        }
    }

    /// Whether there is a reference in a value that is followed.
    fn leads_on(&self, value: Json<'_>, place: Place) -> bool {
        if value.reference().is_some() {
            return self.follows(place);
        }
        value.members().any(|(name, value)| self.leads_on(value, place.member(name)))
            || value.elements().any(|value| self.leads_on(value, place))
    }

    fn follows(&self, place: Place) -> bool {
        self.expand.is_some_and(|expand| expand.followed.includes(place))
    }

    fn value(&mut self, value: Json<'_>, wanted: Wanted<'_>, place: Place, levels: u8) -> Result<(), TooLarge> {
        if let Some(uri) = value.reference() {
            if levels > 0 && self.follows(place) {
                return self.follow(value, uri, wanted, levels - 1);
            }
            self.raw(value.bytes());
        } else if wanted == Wanted::All && levels == 0 {
            self.raw(value.bytes());
        } else if value.is_object() {
            self.out.push(b'{');
            for (name, member) in value.members() {
                self.object_member(value, name, member, wanted, place, levels)?;
            }
            self.out.push(b'}');
        } else if value.is_array() {
            self.out.push(b'[');
            let mut separator = false;
            for element in value.elements() {
                if wanted == Wanted::None && !self.leads_on(element, place) {
                    continue;
                }
                if std::mem::replace(&mut separator, true) {
                    self.out.push(b',');
                }
                self.value(element, wanted, place, levels)?;
            }
            self.out.push(b']');
        } else {
            self.raw(value.bytes());
        }
        Ok(())
    }

    /// Writes what a reference leads to, or the reference itself if that is not for the asking account to read.
    fn follow(&mut self, reference: Json<'_>, uri: &str, wanted: Wanted<'_>, levels: u8) -> Result<(), TooLarge> {
        let location = Location::parse(uri).filter(|location| may_read(self.context, &location.route));
        let found = location.and_then(|location| resources::read(self.context, &location).ok());
        let Some(representation) = found.filter(|found| matches!(found.content, Content::Resource(_))) else {
            self.raw(reference.bytes());
            return Ok(());
        };
        self.resources_left = self.resources_left.checked_sub(1).ok_or(TooLarge)?;
        self.bytes_left = self.bytes_left.checked_sub(representation.body.len()).ok_or(TooLarge)?;
        self.tags.push(representation.etag);
        // A selection that does not lead here counts from here.
        let wanted = if wanted == Wanted::None { self.wanted() } else { wanted };
        self.write_resource(Json::new(&representation.body), wanted, levels)
    }
}

/// How many resources `$expand` brings into one answer: a thousand systems with some fifteen resources each.
const MAX_RESOURCES: usize = 16_384;

/// How many bytes the resources have that `$expand` reads for one answer. Bounds the work, and so the time for which
/// a request keeps others waiting, as well as the memory.
const MAX_BYTES: usize = 16 << 20;
