//! Notes on a machine about requests for its power, by which replicas know of each other's.
//!
//! A verb has no precondition: once it is sent, it may be carried out at any time until the API server gives it up, whoever
//! asks for what meanwhile. So it is noted down on the machine before it is sent, in a patch of the version that it was
//! decided upon, and the note goes when it has been answered. A replica that finds another's note treats it as a request of
//! its own that is not answered.
//!
//! Whatever is carried out leaves a note of itself, also where nothing was to be done. So an older request, through whichever
//! replica, finds another version than it has read, and that a later one wanted something else: it is called off.

use std::collections::BTreeMap;

use super::doubts::{Doubts, effect_of};
use super::engine::{Purpose, Write};
use super::snapshot::Snapshot;
use crate::annotation::{MOST_UNANSWERED, POWER_REQUESTS, PowerRequestsRecord};
use crate::model::{Command, CommandId, LastRequest, PowerEffect, PowerGoal, PowerNote, RequestId};

/// What one command writes of them.
#[derive(Debug)]
pub(super) struct PowerNotes {
    replica: u32,
    command: CommandId,
    /// How many requests were noted down.
    noted: u8,
    /// How often notes were taken away.
    tidied: u8,
    /// What comes when the note has been written that is being written.
    next: AfterNote,
    /// That one says what this command is for.
    marks: bool,
    /// Such a one has been written, or may not be.
    marked: bool,
    /// The note of the verb that is sent next.
    sent_as: Option<RequestId>,
    /// None may be written.
    without: bool,
}

/// What comes after a note.
#[derive(Debug, Default)]
pub(super) enum AfterNote {
    /// The machine is read again.
    #[default]
    Read,
    /// The verb is sent, under that id if it may have its effect late.
    Send(Option<RequestId>, Write),
    /// Nothing: the command has been carried out.
    Done,
}

type Unanswered = BTreeMap<RequestId, PowerEffect>;

impl PowerNotes {
    pub(super) const fn new(command: &Command) -> Self {
        Self {
            replica: command.replica,
            command: command.id,
            noted: 0,
            tidied: 0,
            next: AfterNote::Read,
            marks: false,
            marked: false,
            sent_as: None,
            without: false,
        }
    }

    /// What is to be written before anything is decided: notes of what has been answered go.
    pub(super) fn tidy(&mut self, snapshot: &Snapshot<'_>, doubts: &Doubts) -> Option<Write> {
        let known = PowerRequestsRecord::read(snapshot.machine)?;
        let standing: Unanswered = doubts.noted(snapshot.now).collect();
        let stale = known.unanswered.iter().any(|(id, _)| !standing.contains_key(id));
        // Should something keep them there, it keeps nobody waiting.
        if !stale || self.without || self.tidied > self.noted.saturating_add(2) {
            return None;
        }
        self.tidied = self.tidied.saturating_add(1);
        let note = self.note(snapshot, standing, None)?;
        self.next = AfterNote::Read;
        Some(note)
    }

    /// What is to be sent instead of a verb of a command with that goal: its note.
    pub(super) fn announce(
        &mut self,
        snapshot: &Snapshot<'_>,
        doubts: &Doubts,
        verb: Write,
        goal: Option<PowerGoal>,
    ) -> Write {
        let effect = effect_of(&verb.request);
        let goal = goal.filter(|_| !self.marked);
        if verb.purpose != Purpose::Verb || self.without || effect.is_none() && goal.is_none() {
            return verb;
        }
        let mut unanswered: Unanswered = doubts.noted(snapshot.now).collect();
        let id = effect.map(|effect| {
            self.noted = self.noted.saturating_add(1);
            let id = self.id(self.noted);
            // So many are never under way at a time; what is left out was never answered.
            while unanswered.len() >= MOST_UNANSWERED {
                unanswered.pop_first();
            }
            unanswered.insert(id, effect);
            id
        });
        let Some(note) = self.note(snapshot, unanswered, goal) else { return verb };
        self.next = AfterNote::Send(id, verb);
        note
    }

    /// The last thing that a command with that goal writes, if it has left no note yet.
    pub(super) fn mark(&mut self, snapshot: &Snapshot<'_>, doubts: &Doubts, goal: Option<PowerGoal>) -> Option<Write> {
        let goal = goal.filter(|_| !self.marked && !self.without)?;
        let note = self.note(snapshot, doubts.noted(snapshot.now).collect(), Some(goal))?;
        self.next = AfterNote::Done;
        Some(note)
    }

    fn note(&mut self, snapshot: &Snapshot<'_>, unanswered: Unanswered, goal: Option<PowerGoal>) -> Option<Write> {
        self.marks = goal.is_some();
        let known = PowerRequestsRecord::read(snapshot.machine).and_then(|note| note.last);
        let own = |goal| LastRequest { request: self.id(0), asked: snapshot.command.asked, goal };
        let note = PowerNote { last: goal.map(own).or(known), unanswered: unanswered.into_iter().collect() };
        let text = PowerRequestsRecord::new(snapshot.machine, &note)?.text()?;
        Some(snapshot.patch().annotate(POWER_REQUESTS, Some(&text)).into_write(Purpose::Note, snapshot.command))
    }

    /// The note was written, or may not be. What comes next.
    pub(super) fn written(&mut self, permitted: bool) -> AfterNote {
        self.without |= !permitted;
        self.marked |= std::mem::take(&mut self.marks);
        let next = std::mem::take(&mut self.next);
        if let AfterNote::Send(id, _) = &next {
            self.sent_as = id.filter(|_| permitted);
        }
        next
    }

    /// The note of what is being sent, if it has one.
    pub(super) const fn take_sent_as(&mut self) -> Option<RequestId> {
        self.sent_as.take()
    }

    const fn id(&self, which: u8) -> RequestId {
        RequestId { replica: self.replica, number: (self.command.0 << 8) | which as u64 }
    }
}
