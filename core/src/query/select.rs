//! `$select` (DSP0266 clause 7.3.2): which properties are wanted.

use std::collections::BTreeMap;

use super::parse::{bad_request, format_error};
use crate::http::Refusal;
use crate::messages::{Message, base};

/// The properties that are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The whole property is wanted, with everything in it.
    whole: bool,
    /// Only these of its members are.
    members: BTreeMap<String, Self>,
}

/// How much of a value is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted<'q> {
    All,
    Some(&'q Selection),
    None,
}

impl Selection {
    /// Understands the value of `$select`, already decoded; `None` if it asks for everything.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, Refusal> {
        let mut selection = Self::default();
        for (count, path) in text.split(',').map(str::trim).enumerate() {
            if count >= MAX_PROPERTIES {
                return Err(bad_request(Message::new(&base::QUERY_PARAMETER_VALUE_ERROR, [NAME])));
            }
            if path == "*" {
                return Ok(None);
            }
            let mut place = &mut selection;
            for (depth, name) in path.split('/').enumerate() {
                if !is_name(name) || depth >= MAX_DEPTH {
                    return Err(format_error(text, NAME));
                }
                place = place.members.entry(name.to_owned()).or_default();
            }
            place.whole = true;
        }
        Ok(Some(selection))
    }

    /// How much of a member is wanted. An annotation goes with the property that it is about.
    pub(super) fn wanted(&self, name: &str) -> Wanted<'_> {
        let found = self.members.get(name).or_else(|| self.members.get(annotated(name)?));
        match found {
            Some(selection) if selection.whole => Wanted::All,
            Some(selection) => Wanted::Some(selection),
            None => Wanted::None,
        }
    }
}

impl Wanted<'_> {
    /// The same for a member of what it is about.
    pub(super) fn member(self, name: &str) -> Self {
        match self {
            Self::All => Self::All,
            Self::Some(selection) => selection.wanted(name),
            Self::None => Self::None,
        }
    }
}

/// The property that an annotation such as `Members@odata.count` is about.
pub(super) fn annotated(name: &str) -> Option<&str> {
    name.split_once('@').map(|(property, _)| property).filter(|property| !property.is_empty())
}

/// What stays in every resource, whatever is selected.
pub(super) fn is_always_wanted(name: &str) -> bool {
    matches!(name, "@odata.id" | "@odata.type" | "@odata.context" | "@odata.etag")
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'@' | b'#' | b'-'))
}

const NAME: &str = "$select";

/// How many properties may be named: more than a resource has.
const MAX_PROPERTIES: usize = 128;

/// How deep they may lie: deeper than any resource is.
const MAX_DEPTH: usize = 16;
