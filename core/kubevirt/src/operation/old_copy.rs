//! An older copy of an image that is being removed from the cluster: it keeps its name for as long as something uses it, and
//! whoever is given it by that name never starts. So it is looked for before a name is given away.

use bytes::Bytes;

use super::answer::Problem;
use super::engine::Decision;
use super::snapshot::Snapshot;
use crate::model::ObjectName;
use crate::object::{Claim, Element, Object};
use crate::request::{Place as _, Unwatched, get};

/// What is known of older copies.
#[derive(Debug, Default)]
pub(super) struct OldCopy {
    asked: Option<ObjectName>,
    /// The name that was asked for last, and the copy that is in the way.
    known: Option<(ObjectName, Option<Box<str>>)>,
}

/// What is there by a name.
#[derive(Debug)]
pub(super) enum Found {
    /// That has to be read.
    NotYet(Decision),
    /// Nothing that would be in the way, or nobody may know.
    Nothing,
    /// A copy that goes, of this uid.
    Going(Box<str>),
}

impl OldCopy {
    pub(super) fn look(&mut self, snapshot: &Snapshot<'_>, name: &ObjectName) -> Found {
        match self.known.take_if(|(known, _)| known == name) {
            Some((_, Some(uid))) => Found::Going(uid),
            Some(nothing) => {
                self.known = Some(nothing);
                Found::Nothing
            }
            None => {
                self.asked = Some(name.clone());
                let path = Unwatched::Claims.beside(&snapshot.command.vm).object(name);
                Found::NotYet(Decision::Read(Box::new(get(&path))))
            }
        }
    }

    /// Whether this was what was to be read.
    pub(super) fn has_read(&mut self, answer: &Result<Bytes, Problem>) -> bool {
        let Some(name) = self.asked.take() else { return false };
        let body = answer.as_ref().map(Bytes::as_ref).unwrap_or_default();
        let going = match serde_json::from_slice::<Element<Object<Claim>>>(body) {
            Ok(Element(Object(claim))) if claim.metadata.deleting() => claim.metadata.uid.clone(),
            Ok(_) | Err(_) => None,
        };
        self.known = Some((name, going));
        true
    }
}
