//! `#EventService.SubmitTestEvent` and `#EventService.TestEventSubscription`.
//!
//! A test event says what its sender wants it to say. It therefore reaches only subscriptions that its sender could
//! change: nobody can have a stranger believe that a system was turned off.

use serde_json::Value;

use super::parameters::{self, Action};
use crate::auth::{Identity, Privilege};
use crate::event::{Audience, Draft, EventType, Origin, When, Witness, Words};
use crate::http::{JsonObject, Refusal, plain};
use crate::messages::{Message, Severity, base};
use crate::route::{Location, Route};

const SUBMIT: Action = Action("EventService.SubmitTestEvent");

/// Understands the parameters of `#EventService.SubmitTestEvent`. What is left out is left out of the event as well.
pub(super) fn submit(identity: &Identity, body: &JsonObject) -> Result<Draft, Refusal> {
    let mut draft = Draft {
        words: Words {
            message_id: String::new(),
            message: None,
            args: None,
            message_severity: None,
            severity: None,
            resolution: None,
        },
        event_type: None,
        origin: None,
        audience: audience(identity),
        group: None,
        time: When::Said(None),
        witness: Witness::Alone,
    };
    let mut problems = Vec::new();
    for (name, value) in parameters::of_action(body) {
        if value.is_null() && name != MESSAGE_ID {
            continue;
        }
        problems.extend(parameter(&mut draft, name, value).err());
    }
    let missing = || Message::new(&base::ACTION_PARAMETER_MISSING, [SUBMIT.0, MESSAGE_ID]).about("#/MessageId");
    match (problems.is_empty(), draft.words.message_id.is_empty()) {
        (true, false) => Ok(draft),
        (true, true) => Err(Refusal::bad_request(vec![missing()])),
        (false, _) => Err(Refusal::bad_request(problems)),
    }
}

/// `#EventService.TestEventSubscription` has no parameters.
pub(super) fn test(identity: &Identity, body: &JsonObject) -> Result<Draft, Refusal> {
    const TEST: Action = Action("EventService.TestEventSubscription");
    TEST.takes_nothing(body)?;
    Ok(Draft::test(audience(identity)))
}

/// Who sees nothing but what the sender could change subscriptions of.
fn audience(identity: &Identity) -> Audience {
    Audience::Within(identity.chassis_with(Privilege::ConfigureManager).collect())
}

fn parameter(draft: &mut Draft, name: &str, value: &Value) -> Result<(), Message> {
    let words = &mut draft.words;
    match name {
        MESSAGE_ID => {
            let text = short(name, value)?;
            if !is_message_id(text) {
                return Err(SUBMIT.format_error(name, text));
            }
            text.clone_into(&mut words.message_id);
        }
        "Message" => words.message = Some(short(name, value)?.to_owned()),
        "MessageArgs" => words.args = Some(arguments(name, value)?),
        "MessageSeverity" => {
            words.message_severity = Some(SUBMIT.choice(name, value, &Severity::ALL, Severity::name)?);
        }
        "Severity" => words.severity = Some(short(name, value)?.to_owned()),
        "EventType" => {
            draft.event_type = Some(SUBMIT.choice(name, value, &EventType::ALL, EventType::name)?);
        }
        "EventTimestamp" => {
            let text = short(name, value)?;
            if text.parse::<jiff::Timestamp>().is_err() {
                return Err(SUBMIT.format_error(name, text));
            }
            draft.time = When::Said(Some(text.to_owned()));
        }
        // The service has ids of its own, and may ignore this one.
        "EventId" => drop(short(name, value)?),
        "EventGroupId" => {
            draft.group = Some(value.as_i64().ok_or_else(|| SUBMIT.type_error(name, value))?);
        }
        "OriginOfCondition" => {
            let uri = short(name, value)?;
            if !uri.starts_with('/') || uri.bytes().any(|byte| !byte.is_ascii_graphic()) {
                return Err(SUBMIT.format_error(name, uri));
            }
            let resource_type = Location::parse(&plain(uri)).and_then(|location| type_of(&location.route));
            draft.origin = Some(Origin { uri: uri.into(), resource_type, gone: false });
        }
        _ => return Err(SUBMIT.unknown(name)),
    }
    Ok(())
}

/// The type of those resources that filters can choose by type.
fn type_of(route: &Route<'_>) -> Option<&'static str> {
    match route {
        Route::System(_) => Some("ComputerSystem"),
        Route::VirtualMedia(..) => Some("VirtualMedia"),
        Route::Task(_) => Some("Task"),
        Route::EventService => Some("EventService"),
        Route::EventDestination(_) => Some("EventDestination"),
        _ => None,
    }
}

fn arguments(name: &str, value: &Value) -> Result<Vec<String>, Message> {
    let values = value.as_array().ok_or_else(|| SUBMIT.type_error(name, value))?;
    if values.len() > MAX_ARGUMENTS {
        return Err(SUBMIT.format_error(name, &values.len().to_string()));
    }
    values.iter().map(|value| short(name, value).map(ToOwned::to_owned)).collect()
}

fn short<'v>(name: &str, value: &'v Value) -> Result<&'v str, Message> {
    let text = SUBMIT.text(name, value)?;
    if text.len() > MAX_TEXT { Err(SUBMIT.format_error(name, text)) } else { Ok(text) }
}

/// `^\w+\.\d+\.\d+\.\w+$`, as the schema has it; an erratum number does no harm.
fn is_message_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.as_slice() {
        [registry, versions @ .., key] => {
            is_word(registry) && is_word(key) && (2..=3).contains(&versions.len()) && versions.iter().all(is_number)
        }
        [] | [_] => false,
    }
}

const MESSAGE_ID: &str = "MessageId";

/// A test event is kept and queued like any other, and is to stay about as small.
const MAX_TEXT: usize = 2_048;

/// More arguments than any registry entry has.
const MAX_ARGUMENTS: usize = 16;
