//! A look at a cluster that changes nothing: which machines there are, and whether a service would find what it needs.
//!
//! Ask [`next`](Survey::next) what to send, hand in the answer with [`answered`](Survey::answered), until there is nothing
//! more to send. One request is under way at a time.

mod finding;
mod look;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::model::{Blindness, Namespace, Observation, Obstacle, Platform, Source};
use crate::request::{Collection, create};
use crate::rights::{Right, Rights, rights};
use crate::time::{Instant, Now};
use crate::{Settings, TransportError, Watch, WatchStep};

pub use finding::{Finding, Weight};
use look::Look;

/// The time that an answer has, body included.
pub const SURVEY_PATIENCE: Duration = Duration::from_secs(30);

/// The longest answer that is read of it, in bytes: a page of machines has fewer.
pub const SURVEY_LONGEST: usize = 64 * 1024 * 1024;

/// What is to be found out, and what has been.
#[derive(Debug)]
pub struct Survey {
    steps: VecDeque<Step>,
    current: Option<Step>,
    /// A command that grants rights that are missing.
    grant: String,
    settings: Settings,
    findings: Vec<Finding>,
    observations: Vec<Observation>,
    /// What may not be done, by where it may not.
    denied: BTreeMap<Scope, Vec<String>>,
    /// Places about whose rights has been asked.
    asked: BTreeSet<Scope>,
    platform: Platform,
}

#[derive(Debug)]
enum Step {
    Look(Look),
    Right {
        scope: Scope,
        attributes: Value,
        told: String,
    },
    /// Objects to list, and why that has come to nothing so far.
    List(Box<Watch>, Option<String>),
}

/// Where a right is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// In the service's own namespace.
    Own(Namespace),
    /// In a namespace with machines.
    Machines(Namespace),
    /// In the whole cluster.
    Cluster,
}

impl Survey {
    /// Only which machines there are in these namespaces.
    pub fn of_machines<'a>(namespaces: impl IntoIterator<Item = &'a str>) -> Self {
        let mut survey = Self::new(Settings::default(), String::new());
        survey.list(namespaces);
        survey
    }

    /// Everything that a service with these settings needs; `callers` is as for [`rights`], and `grant` a command that grants
    /// rights that are missing.
    pub fn of_everything<'a>(
        settings: &Settings,
        namespaces: impl IntoIterator<Item = &'a str> + Clone,
        callers: bool,
        grant: &str,
    ) -> Self {
        let mut survey = Self::new(settings.clone(), grant.to_owned());
        survey.steps.extend(Look::all(settings).map(Step::Look));
        let Rights { own, machines, cluster } = rights(settings, callers);
        if let Some(namespace) = settings.own_namespace.clone() {
            survey.ask(&Scope::Own(namespace), &own);
        }
        let named: BTreeSet<_> = namespaces.clone().into_iter().filter_map(Namespace::new).collect();
        for namespace in named {
            survey.ask(&Scope::Machines(namespace), &machines);
        }
        survey.ask(&Scope::Cluster, &cluster);
        survey.list(namespaces);
        survey
    }

    fn new(settings: Settings, grant: String) -> Self {
        Self {
            steps: VecDeque::new(),
            current: None,
            grant,
            settings,
            findings: Vec::new(),
            observations: Vec::new(),
            denied: BTreeMap::new(),
            asked: BTreeSet::new(),
            platform: Platform::default(),
        }
    }

    fn list<'a>(&mut self, namespaces: impl IntoIterator<Item = &'a str>) {
        let namespaces: BTreeSet<_> = namespaces.into_iter().filter_map(Namespace::new).collect();
        for namespace in namespaces {
            for collection in [Collection::VirtualMachines, Collection::VirtualMachineInstances] {
                self.steps.push_back(Step::List(Box::new(Watch::new(collection, Some(namespace.clone()), 0)), None));
            }
        }
    }

    fn ask(&mut self, scope: &Scope, rights: &[Right]) {
        for Right { group, resources, verbs } in rights {
            for (resource, verb) in resources.iter().flat_map(|resource| verbs.iter().map(move |verb| (resource, verb)))
            {
                let (kind, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                let mut attributes = json!({ "group": group, "resource": kind, "verb": verb });
                if !subresource.is_empty() {
                    attributes["subresource"] = subresource.into();
                }
                if let Some(namespace) = scope.namespace() {
                    attributes["namespace"] = namespace.into();
                }
                let told = format!("{verb} {resource}");
                self.steps.push_back(Step::Right { scope: scope.clone(), attributes, told });
            }
        }
    }

    /// The next request to send; `None` when there is nothing more to find out.
    pub fn next(&mut self, now: Instant) -> Option<Request<Bytes>> {
        loop {
            let step = match self.current.take() {
                Some(step) => step,
                None => self.steps.pop_front()?,
            };
            let (request, step) = match step {
                Step::Look(look) => (Some(look.request()), Step::Look(look)),
                Step::Right { scope, attributes, told } => {
                    let review = json!({
                        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                        "spec": { "resourceAttributes": attributes },
                    });
                    (Some(create(&look::reviews(), &review)), Step::Right { scope, attributes, told })
                }
                Step::List(mut watch, reason) => match watch.poll(now) {
                    WatchStep::Send(request) => (Some(request), Step::List(watch, reason)),
                    // It would try again later: here once is enough.
                    WatchStep::Read { .. } | WatchStep::WaitUntil(_) => {
                        let reason = reason.unwrap_or_else(|| "the API server does not answer as it should".to_owned());
                        self.unlisted(watch.source(), &Obstacle::Unreachable(reason));
                        continue;
                    }
                },
            };
            if let Some(request) = request {
                self.current = Some(step);
                return Some(request);
            }
        }
    }

    /// Takes in the answer to the request that was sent last, or that there was none.
    pub fn answered(&mut self, now: Now, answer: Result<Response<Bytes>, TransportError>) {
        match self.current.take() {
            None => {}
            Some(Step::Look(look)) => self.looked(now, look, answer),
            Some(Step::Right { scope, told, .. }) => self.reviewed(scope, told, answer),
            Some(Step::List(watch, _)) => self.listed(now.mono, watch, answer),
        }
        if self.steps.is_empty() && self.current.is_none() {
            self.tell_rights();
        }
    }

    /// What was found about the cluster itself, in the order in which it was looked for.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// What the cluster can do.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The machines and their runs.
    pub fn into_observations(self) -> Vec<Observation> {
        self.observations
    }

    fn looked(&mut self, now: Now, look: Look, answer: Result<Response<Bytes>, TransportError>) {
        let seen = look.understand(now, answer, &self.settings);
        self.findings.extend(seen.findings);
        if let Some(next) = seen.next {
            self.steps.push_front(Step::Look(next));
        }
        if let Some(platform) = seen.platform {
            self.platform = platform;
        }
        if seen.hopeless {
            self.steps.clear();
        }
    }

    fn reviewed(&mut self, scope: Scope, told: String, answer: Result<Response<Bytes>, TransportError>) {
        let allowed = answer.ok().filter(|answer| answer.status() == StatusCode::CREATED).and_then(|answer| {
            let review: Value = serde_json::from_slice(answer.body()).ok()?;
            review.pointer("/status/allowed")?.as_bool()
        });
        let Some(allowed) = allowed else {
            // One such finding is enough.
            self.steps.retain(|step| !matches!(step, Step::Right { .. }));
            let detail = "the API server does not say what may be done (SelfSubjectAccessReview)";
            self.findings.push(Finding::error("rights", detail, "kubectl auth can-i --list"));
            return;
        };
        self.asked.insert(scope.clone());
        if !allowed {
            self.denied.entry(scope).or_default().push(told);
        }
    }

    fn tell_rights(&mut self) {
        for scope in std::mem::take(&mut self.asked) {
            let subject = scope.to_string();
            let Some(missing) = self.denied.remove(&scope) else {
                self.findings.push(Finding::good(subject, "everything that is needed is allowed"));
                continue;
            };
            let detail = format!("not allowed: {}", missing.join(", "));
            self.findings.push(match scope {
                Scope::Machines(_) => Finding::error(subject, detail, &*self.grant),
                Scope::Own(_) => {
                    let detail = format!("{detail}; what the service keeps is then in memory only, on each replica");
                    Finding::warning(subject, detail, &*self.grant)
                }
                Scope::Cluster if missing.iter().any(|right| right.contains("reviews")) => {
                    let detail = format!("{detail}; tokens of the cluster cannot be taken");
                    Finding::error(subject, detail, &*self.grant)
                }
                Scope::Cluster => Finding::warning(subject, detail, &*self.grant),
            });
        }
    }

    fn listed(&mut self, now: Instant, mut watch: Box<Watch>, answer: Result<Response<Bytes>, TransportError>) {
        let reason = match answer {
            Ok(answer) => {
                let (head, body) = answer.into_parts();
                let reason = (head.status != StatusCode::OK).then(|| format!("the API server answers {}", head.status));
                watch.handle_head(now, &Response::from_parts(head, ()));
                watch.handle_data(now, &body);
                watch.handle_end(now, Ok(()));
                reason
            }
            Err(error) => {
                let reason = error.to_string();
                watch.handle_end(now, Err(error));
                Some(reason)
            }
        };
        let mut is_over = false;
        while let Some(observation) = watch.poll_observation() {
            match observation {
                Observation::Synchronised(_) => is_over = true,
                Observation::Unseen(Blindness { source, obstacle, .. }) => {
                    is_over = true;
                    self.unlisted(&source, &obstacle);
                }
                seen @ (Observation::Machine(_) | Observation::Instance(_)) => self.observations.push(seen),
                _ => {}
            }
        }
        if !is_over {
            self.current = Some(Step::List(watch, reason));
        }
    }

    fn unlisted(&mut self, source: &Source, obstacle: &Obstacle) {
        let (namespace, kind) = (source.namespace.as_deref().unwrap_or_default(), source.kind);
        let detail = format!("{kind} cannot be listed: {}", why(obstacle));
        let lacks_rights = matches!(obstacle, Obstacle::Forbidden(_)) && !self.grant.is_empty();
        let mend = if lacks_rights { self.grant.clone() } else { format!("kubectl -n {namespace} get {kind}") };
        self.findings.push(Finding::error(format!("machines of {namespace}"), detail, mend));
    }
}

fn why(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Unreachable(reason) => reason.clone(),
        Obstacle::Silent => "there was no answer".to_owned(),
        Obstacle::Forbidden(verb) => format!("it is not allowed to {verb} them"),
        Obstacle::Missing => "the cluster does not have the kind".to_owned(),
    }
}

impl Scope {
    fn namespace(&self) -> Option<&str> {
        match self {
            Self::Own(namespace) | Self::Machines(namespace) => Some(namespace),
            Self::Cluster => None,
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own(namespace) => write!(f, "rights in {namespace}, where the service is"),
            Self::Machines(namespace) => write!(f, "rights in {namespace}"),
            Self::Cluster => f.write_str("rights in the whole cluster"),
        }
    }
}
