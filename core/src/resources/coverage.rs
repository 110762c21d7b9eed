//! What is told of parts of the cluster that are not seen: on the resources that it is about, and to who asks for what is
//! not known.

use http::StatusCode;

use super::Context;
use super::condition::Condition;
use crate::coverage::{Age, Gap, Part, Readiness};
use crate::http::{Refusal, Unknown};
use crate::messages::{Message, cluster};
use crate::model::Severity;
use crate::route::{Location, Route};

/// What is worth knowing of something whose state the cluster tells.
pub(super) fn of_age(age: Age) -> Option<Message> {
    age.since().map(|since| Message::new(&cluster::NOT_SEEN, [&since.to_string()]))
}

/// How well something is that is shown at this age.
pub(super) fn health(own: Option<Severity>, age: Age) -> &'static str {
    match own.max(age.since().map(|_| Severity::Warning)) {
        None => "OK",
        Some(Severity::Warning) => "Warning",
        Some(Severity::Critical) => "Critical",
    }
}

/// What is worth knowing of a chassis.
pub(super) fn conditions(context: &Context<'_>, index: u16) -> Vec<Condition> {
    let part = context.view.coverage.of(index);
    let messages = part.into_iter().flat_map(|part| [gap(context, index, part), of_age(part.age)]);
    messages.flatten().map(|message| Condition::from(&message)).collect()
}

/// What is missing of what somebody sees, in what lists all of it.
pub(super) fn missing(context: &Context<'_>, chassis: &[u16]) -> Vec<Message> {
    let parts = chassis.iter().filter_map(|index| Some((*index, context.view.coverage.of(*index)?)));
    parts.filter(|(_, part)| !part.listed).filter_map(|(index, part)| gap(context, index, part)).collect()
}

/// Why a resource cannot be told, if it is made of systems and these are not known.
pub(crate) fn not_known(context: &Context<'_>, location: &Location<'_>, expands: bool) -> Option<Refusal> {
    let of_all = || match context.view.readiness(context.identity) {
        Readiness::Ready => None,
        Readiness::Awaited => Some(Refusal::not_yet_known(Unknown::Systems)),
        Readiness::Nothing(index) => Some(unlisted(context, index)),
    };
    match location.route {
        // Whether there is such a system is found out by looking for it.
        ref route if route.system().is_some() => None,
        Route::Chassis(name) => {
            let part = context.chassis(name).ok().and_then(|index| context.view.coverage.of(index));
            part.filter(|part| !part.is_settled()).map(|_| Refusal::not_yet_known(Unknown::Systems))
        }
        Route::ChassisSystems(name) => {
            let index = context.chassis(name).ok()?;
            let listed = context.view.coverage.of(index).is_some_and(|part| part.listed);
            (!listed).then(|| unlisted(context, index))
        }
        Route::Task(id) | Route::TaskMonitor(id) if context.task(id).is_ok() => None,
        ref route if !route.needs_systems() && !expands => None,
        _ => of_all(),
    }
}

/// The answer to who asks for what is in a chassis whose systems are not known.
pub(super) fn unlisted(context: &Context<'_>, index: u16) -> Refusal {
    let gap = context.view.coverage.of(index).and_then(|part| gap(context, index, part));
    match gap {
        Some(message) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(TRIED_AGAIN_AFTER),
        None => Refusal::not_yet_known(Unknown::Systems),
    }
}

fn gap(context: &Context<'_>, index: u16, part: &Part) -> Option<Message> {
    let chassis = context.chassis_config(index)?;
    Some(match part.gap.as_ref()? {
        Gap::Withheld { rights, machines: true } => {
            Message::new(&cluster::NAMESPACE_WITHHELD, [rights, chassis.namespace.as_str(), chassis.name.as_str()])
        }
        Gap::Withheld { rights, machines: false } => {
            Message::new(&cluster::RIGHT_MISSING, [rights, chassis.namespace.as_str()])
        }
        Gap::Unreachable => Message::new(&cluster::NOT_LISTED, [chassis.name.as_str()]),
    })
}

/// How many seconds it takes to find out that there is a right by now.
const TRIED_AGAIN_AFTER: u64 = 10;
