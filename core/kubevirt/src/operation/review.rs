//! Whom a bearer token stands for, which is one `TokenReview`, and what they may do: `SubjectAccessReview`s.
//!
//! | they are granted | if RBAC lets them, in the namespace |
//! |---|---|
//! | to see machines | `get` `virtualmachines` |
//! | to operate them | besides, `patch` them and `update` their subresources `start`, `stop` and `restart` |
//! | to import images | besides, `create` `datavolumes` |
//!
//! The reviews are about all machines of a namespace: a role that is limited to some names grants nothing here.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::answer::{self, Problem};
use super::{OperationStep, Stage};
use crate::TransportError;
use crate::entropy::Entropy;
use crate::model::{Caller, CallerReview, CommandError, Completion, Observation, Permission, Reviewee};
use crate::request::{Place as _, Unwatched, create};
use crate::time::Instant;

/// One token under review.
#[derive(Debug)]
pub(super) struct ReviewCaller {
    review: CallerReview,
    state: State,
    /// Whom the token stands for, once that is known.
    subject: Option<Subject>,
    /// How many namespaces have been asked about, and how many questions about the next one.
    namespaces: usize,
    questions: usize,
    permissions: Vec<(Arc<str>, Permission)>,
    entropy: Entropy,
    failures: u32,
    obstacle: Option<Problem>,
}

/// ```text
///   Ready --> Awaiting -- said so, more to ask --> Ready
///     ^          |  \
///     |          |   +-- nobody, everything asked, refused --> Done
///     +- Resting-+ no answer
/// ```
#[derive(Debug)]
enum State {
    Ready,
    Awaiting,
    Resting { until: Instant },
    Done(Result<Completion, CommandError>),
}

/// A user as access reviews want them described. Their name says enough for a log.
struct Subject {
    name: Arc<str>,
    uid: Value,
    groups: Value,
    extra: Value,
}

/// One thing to ask: may they do this to everything of that kind in the namespace?
struct Question {
    permission: Permission,
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    subresource: &'static str,
}

const KUBEVIRT: &str = "kubevirt.io";
const SUBRESOURCES: &str = "subresources.kubevirt.io";
const CDI: &str = "cdi.kubevirt.io";

/// In the order in which they are asked. The first that is denied ends it: a permission takes all of its questions, and
/// all of those before it.
const QUESTIONS: &[Question] = &[
    Question { permission: Permission::See, verb: "get", group: KUBEVIRT, resource: MACHINES, subresource: "" },
    Question { permission: Permission::Operate, verb: "patch", group: KUBEVIRT, resource: MACHINES, subresource: "" },
    verb("start"),
    verb("stop"),
    verb("restart"),
    Question { permission: Permission::Import, verb: "create", group: CDI, resource: "datavolumes", subresource: "" },
];

const MACHINES: &str = "virtualmachines";

const fn verb(subresource: &'static str) -> Question {
    Question { permission: Permission::Operate, verb: "update", group: SUBRESOURCES, resource: MACHINES, subresource }
}

impl ReviewCaller {
    pub(super) fn new(review: CallerReview, seed: u64) -> Self {
        let subject = match &review.reviewee {
            Reviewee::Token(_) => None,
            Reviewee::Known { name, groups } => Some(Subject {
                name: Arc::clone(name),
                uid: Value::Null,
                groups: groups.iter().map(|group| &**group).collect(),
                extra: Value::Null,
            }),
        };
        Self {
            review,
            state: State::Ready,
            subject,
            namespaces: 0,
            questions: 0,
            permissions: Vec::new(),
            entropy: Entropy::new(seed),
            failures: 0,
            obstacle: None,
        }
    }

    /// Its requests change nothing.
    pub(super) const fn stage(&self) -> Stage {
        match self.state {
            State::Ready | State::Awaiting | State::Resting { .. } => Stage::Between,
            State::Done(_) => Stage::Done,
        }
    }

    pub(super) fn poll(&mut self, now: Instant) -> OperationStep {
        if now >= self.review.deadline && !matches!(self.state, State::Done(_)) {
            self.state = State::Done(Err(match self.obstacle.take() {
                Some(Problem::Busy { reason, retry_after, .. }) => CommandError::Unavailable { reason, retry_after },
                Some(_) | None => CommandError::TimedOut,
            }));
        }
        match &self.state {
            State::Done(result) => OperationStep::Done(result.clone()),
            State::Awaiting => OperationStep::WaitUntil(self.review.deadline),
            State::Resting { until } if now < *until => OperationStep::WaitUntil((*until).min(self.review.deadline)),
            State::Resting { .. } | State::Ready => self.ask(),
        }
    }

    pub(super) fn handle_response(&mut self, now: Instant, response: Result<Response<Bytes>, TransportError>) {
        if !matches!(self.state, State::Awaiting) {
            return;
        }
        self.state = match answer::read(response) {
            Ok(body) => match (serde_json::from_slice::<Value>(&body), &self.subject) {
                (Err(_), _) => unavailable("a review is unreadable"),
                (Ok(review), None) => self.identified(&review),
                (Ok(review), Some(_)) => match allows(&review) {
                    Some(allowed) => self.answered(allowed),
                    None => unavailable("rights could not be evaluated"),
                },
            },
            Err(Problem::Forbidden(message)) => State::Done(Err(CommandError::Forbidden(message))),
            Err(Problem::Refused(message)) => unavailable(&message),
            Err(problem) => {
                self.failures = self.failures.saturating_add(1);
                let rest = problem.rest(&mut self.entropy, self.failures);
                self.obstacle = Some(problem);
                State::Resting { until: now + rest }
            }
        };
    }

    fn ask(&mut self) -> OperationStep {
        let request = match (&self.subject, self.review.namespaces.get(self.namespaces), QUESTIONS.get(self.questions))
        {
            (None, ..) => token_review(&self.review.reviewee),
            (Some(subject), Some(namespace), Some(question)) => access_review(subject, namespace, question),
            // Everything has been asked.
            (Some(subject), ..) => {
                let groups = subject.groups.as_array().into_iter().flatten().filter_map(Value::as_str);
                let caller = Caller {
                    name: Arc::clone(&subject.name),
                    groups: groups.map(Arc::from).collect(),
                    permissions: self.permissions.clone(),
                };
                let result = Ok(shown(Some(caller)));
                self.state = State::Done(result.clone());
                return OperationStep::Done(result);
            }
        };
        self.state = State::Awaiting;
        OperationStep::Send { request, deadline: self.review.deadline }
    }

    /// The token has been reviewed.
    fn identified(&mut self, review: &Value) -> State {
        let user = review.pointer("/status/user");
        let name = user.and_then(|user| user.get("username")?.as_str()).filter(|name| !name.is_empty());
        let authenticated = review.pointer("/status/authenticated").and_then(Value::as_bool) == Some(true);
        let Some(name) = name.filter(|_| authenticated) else { return State::Done(Ok(shown(None))) };
        let field = |key: &str| user.and_then(|user| user.get(key)).cloned().unwrap_or_default();
        let (uid, groups, extra) = (field("uid"), field("groups"), field("extra"));
        self.subject = Some(Subject { name: name.into(), uid, groups, extra });
        State::Ready
    }

    /// A question about a namespace has been answered.
    fn answered(&mut self, allowed: bool) -> State {
        let asked = QUESTIONS.get(self.questions).map(|question| question.permission);
        let next = QUESTIONS.get(self.questions + 1).map(|question| question.permission);
        if let (Some(asked), Some(namespace)) = (asked, self.review.namespaces.get(self.namespaces))
            && allowed
            && next != Some(asked)
        {
            match self.permissions.last_mut().filter(|(granted, _)| granted == namespace) {
                Some((_, permission)) => *permission = asked,
                None => self.permissions.push((Arc::clone(namespace), asked)),
            }
        }
        if allowed && next.is_some() {
            self.questions += 1;
        } else {
            (self.questions, self.namespaces) = (0, self.namespaces + 1);
        }
        State::Ready
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("name", &self.name).finish_non_exhaustive()
    }
}

fn token_review(reviewee: &Reviewee) -> Request<Bytes> {
    let token = match reviewee {
        Reviewee::Token(token) => token.expose(),
        Reviewee::Known { .. } => "",
    };
    let object = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": { "token": token },
    });
    create(&Unwatched::TokenReviews.everywhere(), &object)
}

fn access_review(subject: &Subject, namespace: &str, question: &Question) -> Request<Bytes> {
    let Question { verb, group, resource, subresource, .. } = question;
    let object = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": &*subject.name,
            "uid": subject.uid,
            "groups": subject.groups,
            "extra": subject.extra,
            "resourceAttributes": {
                "namespace": namespace,
                "verb": verb,
                "group": group,
                "resource": resource,
                "subresource": subresource,
            },
        },
    });
    create(&Unwatched::SubjectAccessReviews.everywhere(), &object)
}

/// What an access review says; `None` if it could not be evaluated. Then it may say that they are denied all the same,
/// as authorizers that fail closed do.
fn allows(review: &Value) -> Option<bool> {
    let flag = |name: &str| review.pointer(name).and_then(Value::as_bool) == Some(true);
    let allowed = flag("/status/allowed") && !flag("/status/denied");
    let error = review.pointer("/status/evaluationError").and_then(Value::as_str).unwrap_or_default();
    (allowed || error.is_empty()).then_some(allowed)
}

fn shown(caller: Option<Caller>) -> Completion {
    Completion { observations: vec![Observation::Caller(caller.map(Arc::new))] }
}

fn unavailable(reason: &str) -> State {
    State::Done(Err(CommandError::Unavailable { reason: reason.to_owned(), retry_after: None }))
}
