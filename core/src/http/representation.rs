//! A resource as bytes, with the entity tag that is computed from them.

use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;

use super::etag::DIGITS;
use super::{ETag, MediaType, gzip};

/// The schema of a resource, made by [`schema!`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The namespace without its version, which is also the name of the type.
    pub(crate) name: &'static str,
    /// The namespace: with its version, if it has one.
    pub(crate) namespace: &'static str,
    /// What `@odata.type` says.
    pub(crate) odata_type: &'static str,
    /// The value of the `Link` header that leads to where it is found.
    pub(crate) described_by: &'static str,
}

/// `schema!("ComputerSystem", "v1_27_0")`, or without a version for collections.
macro_rules! schema {
    ($name:literal $(, $version:literal)?) => {
        $crate::http::Schema {
            name: $name,
            namespace: concat!($name $(, ".", $version)?),
            odata_type: concat!("#", $name $(, ".", $version)?, ".", $name),
            described_by: concat!("</redfish/v1/JsonSchemas/", $name $(, ".", $version)?, ">; rel=describedby"),
        }
    };
}
pub(crate) use schema;

/// Prints what `@odata.type` says.
impl Serialize for Schema {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.odata_type)
    }
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A resource, described by a schema.
    Resource(Schema),
    /// A document of the protocol itself.
    Document(MediaType),
}

impl Content {
    pub(crate) fn media_type(self) -> MediaType {
        match self {
            Self::Resource(_) => MediaType::Json,
            Self::Document(media_type) => media_type,
        }
    }
}

/// A resource as bytes.
#[derive(Clone, Debug)]
pub(crate) struct Representation {
    pub(crate) body: Bytes,
    pub(crate) etag: ETag,
    /// The tag as it stands in a header, if the representation is kept.
    etag_header: Option<HeaderValue>,
    /// Where the tag's digits stand in the body; zero if they do not.
    etag_start: usize,
    pub(crate) content: Content,
    /// The compressed body, if the representation is kept: for all clones of it, from the first time it is asked for.
    gzipped: Option<Arc<OnceLock<Bytes>>>,
}

/// What a resource gives as its `@odata.etag`; as long as a tag, which takes its place once it is known.
pub(crate) const ETAG_PLACEHOLDER: &str = "\"------------------------\"";

/// The placeholder as it stands in a serialized body.
const ETAG_MEMBER: &[u8] = b"\"@odata.etag\":\"\\\"------------------------\\\"\"";

impl Representation {
    /// Serializes a resource that has [`ETAG_PLACEHOLDER`] as its `@odata.etag`, near its beginning.
    pub(crate) fn of_resource<T: Serialize>(schema: Schema, resource: &T) -> Self {
        Self::tagged(schema, resource, |etag| etag)
    }

    /// The same of a resource of which only some can be changed; see [`ETag::with_settings`].
    pub(crate) fn of_settings<T: Serialize>(
        schema: Schema,
        resource: &T,
        lasting: &impl Hash,
        passing: Option<&impl Hash>,
    ) -> Self {
        Self::tagged(schema, resource, |etag| etag.with_settings(lasting, passing))
    }

    fn tagged<T: Serialize>(schema: Schema, resource: &T, tag: impl FnOnce(ETag) -> ETag) -> Self {
        let mut body = Vec::with_capacity(TYPICAL_SIZE);
        // Writing to memory what has only string keys cannot fail; an empty body would show at once if it did.
        let written = serde_json::to_writer(&mut body, resource);
        debug_assert!(written.is_ok(), "a resource is serializable");
        let etag = tag(ETag::of(&body));
        let member = body.windows(ETAG_MEMBER.len()).position(|window| window == ETAG_MEMBER);
        let start = member.map_or(0, |start| start + ETAG_OFFSET);
        if start > 0 {
            fill_in(&mut body, start, etag);
        }
        let (body, content) = (body.into(), Content::Resource(schema));
        Self { body, etag, etag_header: None, etag_start: start, content, gzipped: None }
    }

    /// The same, for whoever keeps it: it is compressed once, and its tag printed once.
    pub(crate) fn kept(self) -> Self {
        let tag = self.etag.header();
        // One piece of memory for both, without the room that was left for the body to grow into.
        let mut both = Vec::with_capacity(self.body.len() + tag.len());
        both.extend_from_slice(&self.body);
        both.extend_from_slice(tag.as_bytes());
        let mut body = Bytes::from(both);
        let tag = body.split_off(self.body.len());
        Self { body, etag_header: HeaderValue::from_maybe_shared(tag).ok(), gzipped: Some(Arc::default()), ..self }
    }

    /// The tag as it stands in a header.
    pub(crate) fn etag_header(&self) -> HeaderValue {
        self.etag_header.clone().unwrap_or_else(|| self.etag.header())
    }

    /// The body as gzip has it.
    pub(crate) fn gzipped(&self) -> Bytes {
        match &self.gzipped {
            Some(kept) => kept.get_or_init(|| gzip(&self.body)).clone(),
            None => gzip(&self.body),
        }
    }

    /// The same body under the tag of `other`, which differs from it only in what changes with every read.
    pub(crate) fn with_etag_of(self, other: &Self) -> Self {
        let mut body = Vec::from(self.body);
        if self.etag_start > 0 {
            fill_in(&mut body, self.etag_start, other.etag);
        }
        Self { body: body.into(), etag: other.etag, etag_header: None, gzipped: None, ..self }
    }

    /// Another body made of this one, with the tag of all that went into it. The resource's own tag stays in the body.
    pub(crate) fn with_body(self, body: Vec<u8>, etag: ETag) -> Self {
        Self { body: body.into(), etag, etag_header: None, etag_start: 0, gzipped: None, ..self }
    }

    /// The same, with the new tag written into the body at `etag_start`; zero if it has none.
    pub(crate) fn with_tagged_body(self, mut body: Vec<u8>, etag: ETag, etag_start: usize) -> Self {
        if etag_start > 0 {
            fill_in(&mut body, etag_start, etag);
        }
        Self { etag_start, ..self.with_body(body, etag) }
    }

    /// A document of the protocol itself.
    pub(crate) fn of_document(media_type: MediaType, body: Bytes) -> Self {
        let (etag, content) = (ETag::of(&body), Content::Document(media_type));
        Self { body, etag, etag_header: None, etag_start: 0, content, gzipped: None }
    }
}

fn fill_in(body: &mut [u8], start: usize, etag: ETag) {
    if let Some(place) = body.get_mut(start..start + DIGITS) {
        place.copy_from_slice(&etag.digits());
    }
}

/// Where the digits begin in [`ETAG_MEMBER`].
const ETAG_OFFSET: usize = b"\"@odata.etag\":\"\\\"".len();

/// A system takes about two and a half kilobytes.
const TYPICAL_SIZE: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_member_carry_the_same_tag() {
        #[derive(Serialize)]
        struct Resource {
            #[serde(rename = "@odata.etag")]
            etag: &'static str,
            #[serde(rename = "Name")]
            name: &'static str,
        }
        let schema = schema!("Thing");
        let of = |name| Representation::of_resource(schema, &Resource { etag: ETAG_PLACEHOLDER, name });
        let (one, two) = (of("one"), of("two"));
        let parsed: serde_json::Value = serde_json::from_slice(&one.body).expect("JSON");
        assert_eq!(parsed.get("@odata.etag").and_then(|tag| tag.as_str()), Some(one.etag.to_string().as_str()));
        assert_ne!(one.etag, two.etag);
    }
}
