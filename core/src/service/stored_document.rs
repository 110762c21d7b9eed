//! One document as the service works with it: what counts, and the changes that are on their way to be stored.
//!
//! Changes wait while one writing is under way, and then go together in the next. A change counts once it is stored;
//! until then nobody sees it. Should another replica have stored something in between, the changes are made anew upon
//! what that replica stored.
//!
//! Where nothing can be stored a change counts at once, for this replica alone. What was changed in that way is not lost
//! when something can be stored again: it is merged with what others have stored meanwhile, and stored.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{OutcomeKind, Ticket};
use crate::auth::Entropy;
use crate::config::Config;
use crate::model::{CommandError, CommandId, Document, LONGEST_DOCUMENT, Version};
use crate::time::{Now, UnixTime};

/// What a document says.
pub(super) trait Content: Clone + Default + PartialEq + Serialize + DeserializeOwned {
    /// A change of it.
    type Edit;

    /// What others have stored, with everything that was changed here since both were `base`.
    fn merge(&self, base: &Self, theirs: Self) -> Self;

    /// Makes a change, or says why it is not made; then nothing has changed.
    fn apply(&mut self, edit: &Self::Edit, context: &mut EditContext<'_>) -> Applied;

    /// Marks it as written by this writer and no other.
    fn stamp(&mut self, stamp: String);
}

/// What is at hand when a change is made.
pub(super) struct EditContext<'a> {
    pub(super) config: &'a Config,
    pub(super) now: Now,
    /// The same by a clock that does not go back.
    pub(super) steady: UnixTime,
    pub(super) entropy: &'a mut Entropy,
}

/// What came of a change, with the answer to whoever asked for it.
#[derive(Debug)]
pub(super) enum Applied {
    /// It is made.
    Changed(OutcomeKind),
    /// It was so already.
    Unchanged(OutcomeKind),
    /// It is not made.
    Refused(OutcomeKind),
}

/// Answers to be given, in order.
pub(super) type Answers = Vec<(Ticket, OutcomeKind)>;

/// One document as the service works with it.
pub(super) struct StoredDocument<C: Content> {
    content: C,
    /// What is stored, by its version; `None` if nothing is.
    stored: Option<Version>,
    /// What is stored, as far as is known, while what counts is something else.
    apart_from: Option<C>,
    /// An attempt to store what is apart has failed: not another one before it is asked for.
    rests: bool,
    /// What is stored makes no sense, so it must not be overwritten.
    unreadable: bool,
    /// What counts is another than when that was last asked.
    changed: bool,
    waiting: VecDeque<Waiting<C::Edit>>,
    in_flight: Option<WriteInFlight<C>>,
}

struct Waiting<E> {
    edit: E,
    ticket: Option<Ticket>,
    attempts: u8,
}

/// A writing that is under way.
struct WriteInFlight<C: Content> {
    id: CommandId,
    draft: C,
    bytes: Bytes,
    edits: Vec<(Waiting<C::Edit>, OutcomeKind)>,
}

/// What is to be written.
pub(super) struct Draft {
    pub(super) expected: Option<Version>,
    pub(super) content: Bytes,
}

/// Where changes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keeping {
    /// Into the cluster, by the command of this id.
    Stored(CommandId),
    /// Nowhere but here.
    InMemory,
}

impl<C: Content> Default for StoredDocument<C> {
    fn default() -> Self {
        Self {
            content: C::default(),
            stored: None,
            apart_from: None,
            rests: false,
            unreadable: false,
            changed: false,
            waiting: VecDeque::new(),
            in_flight: None,
        }
    }
}

impl<C: Content> StoredDocument<C> {
    /// What counts.
    pub(super) fn content(&self) -> &C {
        &self.content
    }

    /// Whether what counts is another than when this was last asked.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn is_writing(&self, id: CommandId) -> bool {
        self.in_flight.as_ref().is_some_and(|in_flight| in_flight.id == id)
    }

    /// Whether somebody waits for a change.
    pub(super) fn has_waiters(&self) -> bool {
        let flying = self.in_flight.iter().flat_map(|in_flight| in_flight.edits.iter().map(|(waiting, _)| waiting));
        self.waiting.iter().chain(flying).any(|waiting| waiting.ticket.is_some())
    }

    /// Whether something is to be begun, where things can be stored or cannot.
    pub(super) fn has_work(&self, storable: bool) -> bool {
        let unstored = storable && self.is_apart() && !self.rests && !self.unreadable;
        self.in_flight.is_none() && (!self.waiting.is_empty() || unstored)
    }

    /// Whether what counts has changes that are not stored.
    pub(super) fn is_apart(&self) -> bool {
        self.apart_from.is_some()
    }

    /// What could not be stored is to be tried again.
    pub(super) fn try_again(&mut self) {
        self.rests = false;
    }

    /// Has a change made. `false` if too many wait already.
    #[must_use]
    pub(super) fn propose(&mut self, edit: C::Edit, ticket: Option<Ticket>) -> bool {
        let room = self.waiting.len() < MAX_WAITING;
        if room {
            self.waiting.push_back(Waiting { edit, ticket, attempts: 0 });
        }
        room
    }

    /// Makes the changes that wait. Gives what is to be written, and the answers that can be given at once.
    pub(super) fn begin(&mut self, keeping: Keeping, context: &mut EditContext<'_>) -> (Option<Draft>, Answers) {
        let mut answers = Vec::new();
        let storable = keeping != Keeping::InMemory;
        if !self.has_work(storable) {
            return (None, answers);
        }
        if self.unreadable {
            let reason = "the stored document cannot be read".to_owned();
            self.refuse(&OutcomeKind::Failed(CommandError::NotStored(reason)), &mut answers);
            return (None, answers);
        }
        let mut draft = self.content.clone();
        let mut edits = Vec::new();
        let mut changed = storable && self.is_apart() && !self.rests;
        for waiting in self.waiting.drain(..) {
            match draft.apply(&waiting.edit, context) {
                Applied::Changed(outcome) => {
                    changed = true;
                    edits.push((waiting, outcome));
                }
                Applied::Unchanged(outcome) => edits.push((waiting, outcome)),
                // One that was not made need not wait for the others.
                Applied::Refused(outcome) => answers.extend(waiting.ticket.map(|ticket| (ticket, outcome))),
            }
        }
        if !changed {
            answer_all(edits, &mut answers);
            return (None, answers);
        }
        draft.stamp(context.entropy.name());
        match (keeping, serde_json::to_vec(&draft)) {
            (Keeping::InMemory, _) => {
                let before = std::mem::replace(&mut self.content, draft);
                self.apart_from.get_or_insert(before);
                self.changed = true;
                answer_all(edits, &mut answers);
                (None, answers)
            }
            (Keeping::Stored(id), Ok(bytes)) if bytes.len() <= LONGEST_DOCUMENT => {
                let bytes = Bytes::from(bytes);
                self.in_flight = Some(WriteInFlight { id, draft, bytes: bytes.clone(), edits });
                (Some(Draft { expected: self.stored, content: bytes }), answers)
            }
            (Keeping::Stored(_), _) => {
                self.waiting.extend(edits.into_iter().map(|(waiting, _)| waiting));
                let full = CommandError::NotStored("no more fits into what it is kept in".to_owned());
                self.refuse(&OutcomeKind::Failed(full), &mut answers);
                (None, answers)
            }
        }
    }

    /// Takes in what is stored.
    pub(super) fn observe(&mut self, document: &Document) {
        if self.stored.is_some_and(|known| document.version <= known && document.version != Version::default()) {
            return;
        }
        self.stored = Some(document.version);
        match serde_json::from_slice::<C>(&document.content) {
            Ok(theirs) => {
                if let Some(base) = self.apart_from.take() {
                    let merged = self.content.merge(&base, theirs.clone());
                    if merged != theirs {
                        self.apart_from = Some(theirs);
                    }
                    self.content = merged;
                } else {
                    self.content = theirs;
                }
                self.changed = true;
                self.unreadable = false;
            }
            // What was known before counts on.
            Err(_) => self.unreadable = true,
        }
    }

    /// Takes in that nothing is stored as of a version. What counts stays: it is stored again with the next change.
    pub(super) fn observe_gone(&mut self, version: Version) {
        if self.stored.is_some_and(|known| known <= version) {
            self.stored = None;
            self.unreadable = false;
        }
    }

    /// Takes in what came of a writing: the document as it then was, or why there is none to show.
    pub(super) fn land(&mut self, result: Result<Option<&Document>, CommandError>) -> Answers {
        let mut answers = Vec::new();
        let Some(in_flight) = self.in_flight.take() else { return answers };
        match result {
            Ok(Some(document)) if document.content == in_flight.bytes => {
                if self.stored.is_none_or(|known| known <= document.version) {
                    self.stored = Some(document.version);
                    self.apart_from = None;
                    self.content = in_flight.draft;
                    self.changed = true;
                    self.unreadable = false;
                }
                answer_all(in_flight.edits, &mut answers);
            }
            Ok(other) => {
                match other {
                    Some(document) => self.observe(document),
                    None => self.stored = None,
                }
                // First come, first served: before those that came since.
                for (mut waiting, _) in in_flight.edits.into_iter().rev() {
                    waiting.attempts += 1;
                    if waiting.attempts < MAX_ATTEMPTS {
                        self.waiting.push_front(waiting);
                    } else if let Some(ticket) = waiting.ticket {
                        answers.push((ticket, OutcomeKind::Failed(CommandError::Contended)));
                    }
                }
            }
            Err(error) => {
                self.rests = true;
                let tickets = in_flight.edits.into_iter().filter_map(|(waiting, _)| waiting.ticket);
                answers.extend(tickets.map(|ticket| (ticket, OutcomeKind::Failed(error.clone()))));
            }
        }
        answers
    }

    /// Takes a writing back: what it was to store is to be made anew.
    pub(super) fn requeue(&mut self) {
        for (waiting, _) in self.in_flight.take().into_iter().flat_map(|in_flight| in_flight.edits).rev() {
            self.waiting.push_front(waiting);
        }
    }

    fn refuse(&mut self, outcome: &OutcomeKind, answers: &mut Answers) {
        let tickets = self.waiting.drain(..).filter_map(|waiting| waiting.ticket);
        answers.extend(tickets.map(|ticket| (ticket, outcome.clone())));
    }
}

fn answer_all<E>(edits: Vec<(Waiting<E>, OutcomeKind)>, answers: &mut Answers) {
    answers.extend(edits.into_iter().filter_map(|(waiting, outcome)| Some((waiting.ticket?, outcome))));
}

/// How many changes may wait while one writing is under way: it takes some milliseconds.
const MAX_WAITING: usize = 1_024;

/// How often a change is made anew because another replica was quicker.
const MAX_ATTEMPTS: u8 = 16;
