//! Accounts and sessions: what changes them, how they get into what reads are answered from, and the documents that
//! keep them and the subscriptions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::events::{SubscriptionEdit, SubscriptionsContent};
use super::login_limiter::LoginLimiter;
use super::stored_document::{Answers, Applied, Content, Draft, EditContext, Keeping, StoredDocument};
use super::timers::Timer;
use super::{Notice, OutcomeKind, Output, Service, Ticket};
use crate::auth::{AccountEdit, AccountsContent, EditError, Edited, Entropy, SessionEdit, SessionsContent};
use crate::intent::AccessEdit;
use crate::model::{CommandError, CommandId, Completion, Document, DocumentName, DocumentWrite, Observation, Version};
use crate::time::Now;
use crate::view::View;

/// Everything that the service keeps, and where.
pub(super) struct Access {
    pub(super) entropy: Entropy,
    accounts: StoredDocument<AccountsContent>,
    sessions: StoredDocument<SessionsContent>,
    subscriptions: StoredDocument<SubscriptionsContent>,
    login_limiter: LoginLimiter,
    store: Store,
    /// As far as is known, documents can be read where they are kept.
    readable: bool,
    /// It is planned when to store what could not be stored.
    waits_to_store: bool,
    /// Whether the next look at when sessions were used is due already.
    looking: bool,
}

/// Where documents are kept.
///
/// ```text
///                 listed
///   Unknown ----------------> Cluster
///      |                       |   ^
///      | no right to read      |   | listed, or every so often
///      v                       v   |
///   Memory <---- no right to write +
/// ```
///
/// A cluster that does not answer leaves it as it is: what it has kept is not known then, rather than not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    /// They have not been read yet.
    Unknown,
    /// In the cluster.
    Cluster,
    /// Here, until this replica ends.
    Memory,
}

impl Content for AccountsContent {
    type Edit = AccountEdit;

    fn merge(&self, base: &Self, theirs: Self) -> Self {
        self.merge(base, theirs)
    }

    fn apply(&mut self, edit: &AccountEdit, context: &mut EditContext<'_>) -> Applied {
        self.apply(edit, context.config, context.steady, context.entropy).into()
    }

    fn stamp(&mut self, stamp: String) {
        self.stamp = stamp;
    }
}

impl Content for SessionsContent {
    type Edit = SessionEdit;

    fn merge(&self, base: &Self, theirs: Self) -> Self {
        self.merge(base, theirs)
    }

    fn apply(&mut self, edit: &SessionEdit, context: &mut EditContext<'_>) -> Applied {
        self.apply(edit, context.steady, context.entropy).into()
    }

    fn stamp(&mut self, stamp: String) {
        self.stamp = stamp;
    }
}

impl From<Result<Edited, EditError>> for Applied {
    fn from(result: Result<Edited, EditError>) -> Self {
        match result {
            Ok(Edited::Unchanged) => Self::Unchanged(OutcomeKind::Edited(Edited::Unchanged)),
            Ok(edited) => Self::Changed(OutcomeKind::Edited(edited)),
            Err(error) => Self::Refused(OutcomeKind::NotEdited(error)),
        }
    }
}

impl Access {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self {
            entropy: Entropy::new(secret),
            accounts: StoredDocument::default(),
            sessions: StoredDocument::default(),
            subscriptions: StoredDocument::default(),
            login_limiter: LoginLimiter::default(),
            store: Store::Memory,
            readable: false,
            waits_to_store: false,
            looking: false,
        }
    }

    pub(super) fn accounts(&self) -> &AccountsContent {
        self.accounts.content()
    }

    /// Wrong passwords of late.
    pub(super) fn login_limiter(&mut self) -> &mut LoginLimiter {
        &mut self.login_limiter
    }

    pub(super) fn subscriptions(&mut self) -> &mut StoredDocument<SubscriptionsContent> {
        &mut self.subscriptions
    }

    /// Whether what is kept is known to this replica alone.
    pub(super) fn is_in_memory(&self) -> bool {
        self.store == Store::Memory
    }

    pub(super) fn has_waiters(&self) -> bool {
        self.accounts.has_waiters() || self.sessions.has_waiters() || self.subscriptions.has_waiters()
    }

    pub(super) fn is_writing(&self, id: CommandId) -> bool {
        self.writing(id).is_some()
    }

    /// Whether a writing can be begun.
    pub(super) fn has_work(&self) -> bool {
        self.store != Store::Unknown && DocumentName::ALL.iter().any(|name| self.has_work_on(*name))
    }

    fn has_work_on(&self, name: DocumentName) -> bool {
        let storable = self.store == Store::Cluster;
        match name {
            DocumentName::Accounts => self.accounts.has_work(storable),
            DocumentName::Sessions => self.sessions.has_work(storable),
            DocumentName::Subscriptions => self.subscriptions.has_work(storable),
        }
    }

    /// Whether something counts that is not stored.
    fn is_apart(&self) -> bool {
        self.accounts.is_apart() || self.sessions.is_apart() || self.subscriptions.is_apart()
    }

    /// Which document a command writes.
    fn writing(&self, id: CommandId) -> Option<DocumentName> {
        let writes = |name: &DocumentName| match name {
            DocumentName::Accounts => self.accounts.is_writing(id),
            DocumentName::Sessions => self.sessions.is_writing(id),
            DocumentName::Subscriptions => self.subscriptions.is_writing(id),
        };
        DocumentName::ALL.iter().copied().find(writes)
    }

    fn begin(&mut self, name: DocumentName, keeping: Keeping, view: &View, now: Now) -> (Option<Draft>, Answers) {
        let steady = view.sessions.clock.read(now);
        let mut context = EditContext { config: &view.config, now, steady, entropy: &mut self.entropy };
        match name {
            DocumentName::Accounts => self.accounts.begin(keeping, &mut context),
            DocumentName::Sessions => self.sessions.begin(keeping, &mut context),
            DocumentName::Subscriptions => self.subscriptions.begin(keeping, &mut context),
        }
    }

    fn land(&mut self, name: DocumentName, result: Result<Option<&Document>, CommandError>) -> Answers {
        match name {
            DocumentName::Accounts => self.accounts.land(result),
            DocumentName::Sessions => self.sessions.land(result),
            DocumentName::Subscriptions => self.subscriptions.land(result),
        }
    }
}

impl Service {
    /// Whether documents will be observed. Until they are, nobody but the configuration's accounts is known.
    pub(super) fn documents_expected(&mut self, now: Now, expected: bool) {
        if expected {
            self.access.store = Store::Unknown;
            self.inventory.set_accounts_known(false);
        } else {
            self.keep_in_memory(now);
        }
    }

    pub(super) fn documents_listed(&mut self, now: Now) {
        self.access.store = Store::Cluster;
        self.access.readable = true;
        self.store_again();
        self.documents_known(now);
    }

    /// The service has no right to read them. Once they have been read they count on, and writing tells by itself
    /// whether it works.
    pub(super) fn documents_refused(&mut self, now: Now) {
        self.access.readable = false;
        if self.access.store == Store::Unknown {
            self.keep_in_memory(now);
        }
    }

    /// What could not be stored is tried again: the right to do so may be there by now.
    pub(super) fn try_documents_again(&mut self, now: Now) {
        self.access.waits_to_store = false;
        if self.access.store == Store::Memory && self.access.readable {
            self.access.store = Store::Cluster;
        }
        self.store_again();
        self.plan_to_store(now);
    }

    fn store_again(&mut self) {
        self.access.accounts.try_again();
        self.access.sessions.try_again();
        self.access.subscriptions.try_again();
    }

    /// What counts and is not stored is to be stored later, if it cannot be now.
    fn plan_to_store(&mut self, now: Now) {
        if self.access.is_apart() && self.access.readable && !std::mem::replace(&mut self.access.waits_to_store, true) {
            self.timers.set(now.mono + STORE_AGAIN, Timer::Documents);
        }
    }

    pub(super) fn document_observed(&mut self, now: Now, document: &Document) {
        match document.name {
            DocumentName::Accounts => self.access.accounts.observe(document),
            DocumentName::Sessions => self.access.sessions.observe(document),
            DocumentName::Subscriptions => self.access.subscriptions.observe(document),
        }
        self.document_changed(now, document.name);
    }

    pub(super) fn document_gone(&mut self, name: DocumentName, version: Version) {
        match name {
            DocumentName::Accounts => self.access.accounts.observe_gone(version),
            DocumentName::Sessions => self.access.sessions.observe_gone(version),
            DocumentName::Subscriptions => self.access.subscriptions.observe_gone(version),
        }
    }

    /// Has accounts or sessions changed.
    pub(super) fn edit(&mut self, edit: AccessEdit, ticket: Option<Ticket>) {
        if self.answer_unknown(ticket) {
            return;
        }
        let taken = match edit {
            AccessEdit::Account(edit) => {
                let pardoned = match &edit {
                    AccountEdit::Unlock { uid } => Some(&**uid),
                    AccountEdit::Change { from, change } => change.unlock.then_some(&*from.uid),
                    _ => None,
                };
                if let Some(uid) = pardoned {
                    self.access.login_limiter.forgive(uid);
                    self.show_locks();
                }
                self.access.accounts.propose(edit, ticket)
            }
            AccessEdit::Session(edit) => self.access.sessions.propose(edit, ticket),
        };
        if let (false, Some(ticket)) = (taken, ticket) {
            self.answer(ticket, OutcomeKind::Overloaded);
        }
    }

    /// Whether a change of what is kept is answered at once, because it is not known what is kept.
    fn answer_unknown(&mut self, ticket: Option<Ticket>) -> bool {
        let unknown = ticket.filter(|_| self.access.store == Store::Unknown);
        if let Some(ticket) = unknown {
            let reason = "the documents in the service's namespace have not been read".to_owned();
            let error = CommandError::Unavailable { reason, retry_after: Some(Duration::from_secs(2)) };
            self.answer(ticket, OutcomeKind::Failed(error));
        }
        unknown.is_some()
    }

    /// Has subscriptions changed.
    pub(super) fn edit_subscriptions(&mut self, edit: SubscriptionEdit, ticket: Option<Ticket>) {
        if self.answer_unknown(ticket) {
            return;
        }
        if let (false, Some(ticket)) = (self.access.subscriptions.propose(edit, ticket), ticket) {
            self.answer(ticket, OutcomeKind::Overloaded);
        }
    }

    /// Begins the writings that can be begun.
    pub(super) fn write_documents(&mut self, now: Now) {
        // What is made in memory may bring more to be made.
        while self.access.has_work() {
            for name in DocumentName::ALL {
                if self.access.has_work_on(*name) {
                    let keeping = self.keeping();
                    let (draft, answers) = self.access.begin(*name, keeping, self.inventory.current(), now);
                    self.begun(now, *name, keeping, draft, answers);
                    self.document_changed(now, *name);
                    self.plan_to_store(now);
                }
            }
        }
    }

    /// Takes in what came of a writing.
    pub(super) fn stored(&mut self, now: Now, id: CommandId, result: &Result<Completion, CommandError>) {
        if let Err(CommandError::Forbidden(_)) = result {
            // What was to be written is made here instead.
            self.access.accounts.requeue();
            self.access.sessions.requeue();
            self.access.subscriptions.requeue();
            self.keep_in_memory(now);
            return;
        }
        if result.is_ok() {
            self.noticed_memory = false;
        }
        let shown = match result {
            Ok(completion) => Ok(completion.observations.iter().find_map(|observation| match observation {
                Observation::Document(document) => Some(&**document),
                _ => None,
            })),
            Err(error) => Err(error.clone()),
        };
        let Some(name) = self.access.writing(id) else { return };
        let answers = self.access.land(name, shown);
        self.document_changed(now, name);
        self.plan_to_store(now);
        for (ticket, outcome) in answers {
            self.answer(ticket, outcome);
        }
    }

    /// Looks at when sessions were last used, so that other replicas and later ones learn of it.
    ///
    /// Every so often rather than with each request: what is noted is exact, only late, and nothing is written while
    /// nobody uses a session.
    pub(super) fn look_at_sessions(&mut self, now: Now) {
        self.access.looking = false;
        let view = self.inventory.sessions();
        let sessions = &self.access.sessions.content().sessions;
        let noted: BTreeMap<&str, i64> = sessions.iter().map(|session| (&*session.id, session.used)).collect();
        let marks: Vec<_> = view
            .iter()
            .filter(|session| noted.get(&*session.id.to_string()).is_some_and(|noted| *noted < session.used().0))
            .map(|session| (session.id, session.used()))
            .collect();
        let ended = view.iter().any(|session| view.has_ended(session, now));
        let ahead = self.access.sessions.content().is_ahead_of(view.clock.read(now));
        if !marks.is_empty() || ended || ahead {
            self.edit(AccessEdit::Session(SessionEdit::Touch(marks)), None);
        }
        self.plan_look(now);
    }

    fn plan_look(&mut self, now: Now) {
        let sessions = self.inventory.sessions();
        if self.access.looking || sessions.iter().next().is_none() {
            return;
        }
        // Four times in a timeout would let a session end that another replica saw used; eight times do not.
        let pause = Duration::from_secs(u64::from(sessions.timeout)) / 8;
        self.access.looking = true;
        self.timers.set(now.mono + pause, Timer::Sessions);
    }

    fn begun(&mut self, now: Now, name: DocumentName, keeping: Keeping, draft: Option<Draft>, answers: Answers) {
        for (ticket, outcome) in answers {
            self.answer(ticket, outcome);
        }
        if let (Some(draft), Keeping::Stored(id)) = (draft, keeping) {
            let deadline = now.mono + self.inventory.config().command_timeout;
            self.timers.set(deadline + super::commands::GRACE, Timer::GiveUp(id));
            let (expected, content) = (draft.expected, draft.content);
            self.outputs.push_back(Output::Store(DocumentWrite { id, name, expected, content, deadline }));
        }
    }

    fn keeping(&mut self) -> Keeping {
        if self.access.store == Store::Cluster { Keeping::Stored(self.commands.next_id()) } else { Keeping::InMemory }
    }

    fn keep_in_memory(&mut self, now: Now) {
        self.access.store = Store::Memory;
        self.documents_known(now);
        if !std::mem::replace(&mut self.noticed_memory, true) {
            self.outputs.push_back(Output::Notice(Notice::DocumentsInMemory));
        }
    }

    /// What is kept is known, or is what is kept here.
    fn documents_known(&mut self, now: Now) {
        self.inventory.set_accounts_known(true);
        self.name_service();
        self.plan_to_store(now);
    }

    /// Gives the service its UUID for good, if it has none.
    fn name_service(&mut self) {
        if self.access.store == Store::Unknown || self.access.accounts().service_uuid.is_some() {
            return;
        }
        // One that has been shown stays.
        let uuid = match (self.inventory.service_uuid(), self.access.store) {
            (Some(shown), _) => shown.to_string(),
            (None, Store::Cluster) => self.access.entropy.uuid(),
            (None, Store::Memory | Store::Unknown) => self.inventory.config().service_uuid.clone(),
        };
        self.edit(AccessEdit::Account(AccountEdit::Name { uuid }), None);
    }

    fn document_changed(&mut self, now: Now, name: DocumentName) {
        match name {
            DocumentName::Accounts => self.accounts_changed(now),
            DocumentName::Sessions => self.sessions_changed(now),
            DocumentName::Subscriptions => self.subscriptions_changed(now),
        }
    }

    fn accounts_changed(&mut self, now: Now) {
        if self.access.accounts.take_changed() {
            let before = self.reaches();
            self.inventory.set_accounts(self.access.accounts.content(), self.key);
            if self.inventory.is_accounts_known() {
                self.name_service();
            }
            for uid in self.access.accounts.content().locks.keys() {
                self.access.login_limiter.lock_is_stored(uid);
            }
            self.show_locks();
            if self.reaches() != before {
                self.reconsider_subscriptions(now);
            }
        }
    }

    /// Shows which accounts are locked here and not yet in what is stored.
    pub(super) fn show_locks(&mut self) {
        self.inventory
            .set_locked(self.access.login_limiter.locks().map(|(account, until)| (Arc::clone(account), until)));
    }

    fn sessions_changed(&mut self, now: Now) {
        if self.access.sessions.take_changed() {
            self.inventory.set_sessions(self.access.sessions.content(), now);
            self.plan_look(now);
        }
    }
}

/// After what time it is tried again to store what could not be stored.
const STORE_AGAIN: Duration = Duration::from_secs(30);
