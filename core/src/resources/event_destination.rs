//! `/redfish/v1/EventService/Subscriptions/{subscription}`: a subscription. Schema `EventDestination`, version 1.16.0.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::parameters::{self, Action};
use super::{ActionTarget, Context, Status};
use crate::auth::Privilege;
use crate::event::{EventType, Filter, Headers, Kind, Lists, MessageKey, RetryPolicy, Standing, Subscribed};
use crate::http::{ETAG_PLACEHOLDER, JsonObject, Refusal, Representation, Schema, schema};
use crate::intent::{EventChange, EventIntent, NewContext};
use crate::messages::{Message, Severity, base};
use crate::route::{EventDestinationAction, Route};

pub(super) const SCHEMA: Schema = schema!("EventDestination", "v1_16_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventDestination<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    #[serde(rename = "@Redfish.WriteableProperties")]
    writeable: &'static [&'static str],
    id: &'a str,
    name: &'static str,
    destination: String,
    protocol: &'static str,
    subscription_type: &'static str,
    context: Option<&'a str>,
    event_format_type: &'static str,
    #[serde(flatten)]
    lists: Option<ListsShown<'a>>,
    #[serde(flatten)]
    push: Option<PushShown>,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<Actions<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListsShown<'a> {
    event_types: &'a [EventType],
    registry_prefixes: &'a [String],
    exclude_registry_prefixes: &'a [String],
    message_ids: Vec<&'a str>,
    exclude_message_ids: Vec<&'a str>,
    resource_types: &'a [String],
    origin_resources: Vec<Reference<'a>>,
    #[serde(rename = "OriginResources@odata.count")]
    origin_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    subordinate_resources: Option<bool>,
    severities: &'a [Severity],
}

#[derive(Serialize)]
struct Reference<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PushShown {
    /// Never shown: tokens are among them.
    http_headers: [&'static str; 0],
    verify_certificate: bool,
    delivery_retry_policy: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    send_heartbeat: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_interval_minutes: Option<u16>,
}

#[derive(Serialize)]
struct Actions<'a> {
    #[serde(rename = "#EventDestination.ResumeSubscription")]
    resume: ActionTarget<'a>,
    #[serde(rename = "#EventDestination.SuspendSubscription")]
    suspend: ActionTarget<'a>,
}

/// A subscription is there for its owner, and for those who see every chassis that it hears of. One that hears of none,
/// because its owner is gone, is there for those who see all chassis that there are.
pub(super) fn is_visible(context: &Context<'_>, known: &Subscribed) -> bool {
    context.identity.is_some_and(|identity| {
        *known.subscription.owner == *identity.uid()
            || if known.chassis.is_empty() { context.sees_everything() } else { identity.sees_all(&known.chassis) }
    })
}

/// That a destination cannot be reached stays out of the entity tag: only who sends to it knows.
pub(super) fn represent(known: &Subscribed) -> Representation {
    match known.standing {
        Standing::Failing => render(known, Standing::Failing).with_etag_of(&render(known, Standing::Enabled)),
        standing => render(known, standing),
    }
}

fn render(known: &Subscribed, standing: Standing) -> Representation {
    let subscription = &known.subscription;
    let id = subscription.id.as_str();
    let (destination, subscription_type, push) = match &subscription.kind {
        Kind::Push { destination, verify_certificate, retry_policy, heartbeat, .. } => {
            let push = PushShown {
                http_headers: [],
                verify_certificate: *verify_certificate,
                delivery_retry_policy: retry_policy.name(),
                send_heartbeat: heartbeat.map(|_| true),
                heartbeat_interval_minutes: heartbeat.map(|heartbeat| heartbeat.0),
            };
            (destination.as_str().to_owned(), "RedfishEvent", Some(push))
        }
        Kind::Stream { peer } => (format!("redfish-sse://{peer}"), "SSE", None),
    };
    let lists = match &subscription.filter {
        Filter::Lists(lists) => Some(lists_shown(lists)),
        Filter::Expression(_) => None,
    };
    let target = |action| ActionTarget { target: Route::EventDestinationAction(id, action) };
    let resource = EventDestination {
        odata_id: Route::EventDestination(id),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        writeable: if push.is_some() { &[CONTEXT, HEADERS, VERIFY, RETRY_POLICY] } else { &[CONTEXT] },
        id,
        name: "Event Subscription",
        destination,
        protocol: REDFISH,
        subscription_type,
        context: subscription.context.as_deref(),
        event_format_type: EVENT,
        lists,
        status: match standing {
            Standing::Enabled => Status::ENABLED,
            Standing::Failing => Status { state: "Enabled", health: "Warning" },
            Standing::Suspended => Status { state: "Disabled", health: "OK" },
        },
        actions: push.is_some().then(|| Actions {
            resume: target(EventDestinationAction::Resume),
            suspend: target(EventDestinationAction::Suspend),
        }),
        push,
    };
    let push = resource.push.as_ref().map(|push| (push.verify_certificate, push.delivery_retry_policy));
    Representation::of_settings(SCHEMA, &resource, &(resource.context, push), None::<&()>)
}

fn lists_shown(lists: &Lists) -> ListsShown<'_> {
    ListsShown {
        // What the schema has for those who do not choose by type.
        event_types: if lists.event_types.is_empty() { &[EventType::Other] } else { &lists.event_types },
        registry_prefixes: &lists.registry_prefixes,
        exclude_registry_prefixes: &lists.exclude_registry_prefixes,
        message_ids: lists.message_ids.iter().map(MessageKey::as_str).collect(),
        exclude_message_ids: lists.exclude_message_ids.iter().map(MessageKey::as_str).collect(),
        resource_types: &lists.resource_types,
        origin_count: lists.origin_resources.len(),
        origin_resources: lists.origin_resources.iter().map(|uri| Reference { odata_id: uri }).collect(),
        subordinate_resources: lists.subordinate_resources,
        severities: &lists.severities,
    }
}

impl<'a> Context<'a> {
    /// The subscription of that id; 404 if there is none that the account may know of.
    pub(super) fn subscription(&self, id: &str) -> Result<&'a Arc<Subscribed>, Refusal> {
        let known = self.view.subscriptions.get(id).filter(|known| is_visible(self, known));
        known.ok_or_else(|| Refusal::not_found("EventDestination", id))
    }

    /// The same to be changed: another's needs the privilege for that.
    pub(super) fn changeable_subscription(&self, id: &str) -> Result<&'a Arc<Subscribed>, Refusal> {
        let known = self.subscription(id)?;
        let may = self.identity.is_some_and(|identity| {
            *known.subscription.owner == *identity.uid()
                || identity.has_over_all(Privilege::ConfigureManager, &known.chassis)
        });
        if may { Ok(known) } else { Err(Refusal::forbidden()) }
    }
}

/// Understands a PATCH.
pub(super) fn patch(known: &Subscribed, body: &JsonObject) -> Result<EventChange, Refusal> {
    let mut change = EventChange::default();
    let mut problems = Vec::new();
    let mut touched = false;
    for (name, value) in parameters::members(body) {
        touched = true;
        let result = match name {
            CONTEXT => context(name, value).map(|context| change.context = NewContext::Is(context)),
            HEADERS if !known.subscription.is_stream() => {
                headers(name, value).map(|headers| change.headers = Some(headers))
            }
            VERIFY if !known.subscription.is_stream() => {
                boolean(name, value).map(|verify| change.verify_certificate = Some(verify))
            }
            RETRY_POLICY if !known.subscription.is_stream() => {
                parameters::choice(name, value, &RetryPolicy::ALL, RetryPolicy::name)
                    .map(|policy| change.retry_policy = Some(policy))
            }
            _ if KNOWN.contains(&name) => Err(Message::new(&base::PROPERTY_NOT_WRITABLE, [name])),
            _ => Err(Message::new(&base::PROPERTY_UNKNOWN, [name])),
        };
        problems.extend(result.err().map(|problem| problem.about(format!("#/{name}"))));
    }
    match (problems.is_empty(), touched) {
        (true, true) => Ok(change),
        (true, false) => Err(Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])])),
        (false, _) => Err(Refusal::bad_request(problems)),
    }
}

/// Understands the parameters of an action. A stream has none: it ends with its connection.
pub(super) fn action(
    known: &Subscribed,
    action: EventDestinationAction,
    body: &JsonObject,
) -> Result<EventIntent, Refusal> {
    const AGE: &str = "DeliverBufferedEventDuration";
    let id = known.subscription.id.clone();
    if known.subscription.is_stream() {
        return Err(Refusal::no_such_resource(&Route::EventDestinationAction(id.as_str(), action).to_string()));
    }
    let (name, resumes) = match action {
        EventDestinationAction::Resume => (Action("EventDestination.ResumeSubscription"), true),
        EventDestinationAction::Suspend => (Action("EventDestination.SuspendSubscription"), false),
    };
    let mut age = None;
    let mut problems = Vec::new();
    for (parameter, value) in parameters::of_action(body) {
        match parameter {
            AGE if resumes && value.is_null() => {}
            AGE if resumes => match name.text(parameter, value) {
                Ok(text) => match duration(text) {
                    Some(duration) => age = Some(duration),
                    None => problems.push(name.format_error(parameter, text)),
                },
                Err(problem) => problems.push(problem),
            },
            _ => problems.push(name.unknown(parameter)),
        }
    }
    match (problems.is_empty(), resumes) {
        (true, true) => Ok(EventIntent::Resume { id, age }),
        (true, false) => Ok(EventIntent::Suspend(id)),
        (false, _) => Err(Refusal::bad_request(problems)),
    }
}

/// Reads an ISO 8601 duration, as the schema's pattern for `Edm.Duration` has it.
fn duration(text: &str) -> Option<Duration> {
    let span: jiff::SignedDuration = text.strip_prefix('P').and_then(|_| text.parse().ok())?;
    Duration::try_from(span).ok()
}

/// Reads a text that may be null.
pub(super) fn context(name: &str, value: &serde_json::Value) -> Result<Option<Box<str>>, Message> {
    match value {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(text) if text.len() <= MAX_CONTEXT => Ok(Some(text.as_str().into())),
        serde_json::Value::String(text) => Err(Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [text, name])),
        _ => Err(parameters::type_error(name, value)),
    }
}

/// Reads an array of objects that have headers as their members.
pub(super) fn headers(name: &str, value: &serde_json::Value) -> Result<Headers, Message> {
    let mut headers = Headers::default();
    // The values are not repeated: they may be secrets.
    let wrong = || Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, ["***", name]);
    let wrong_type = || Message::new(&base::PROPERTY_VALUE_TYPE_ERROR, ["***", name]);
    if value.is_null() {
        return Ok(headers);
    }
    for object in value.as_array().ok_or_else(wrong_type)? {
        for (header, value) in object.as_object().ok_or_else(wrong_type)? {
            let value = value.as_str().ok_or_else(wrong_type)?;
            headers.insert(header, value).map_err(|()| wrong())?;
        }
    }
    Ok(headers)
}

pub(super) fn boolean(name: &str, value: &serde_json::Value) -> Result<bool, Message> {
    value.as_bool().ok_or_else(|| parameters::type_error(name, value))
}

pub(super) const REDFISH: &str = "Redfish";
pub(super) const EVENT: &str = "Event";

const CONTEXT: &str = "Context";
const HEADERS: &str = "HttpHeaders";
const VERIFY: &str = "VerifyCertificate";
const RETRY_POLICY: &str = "DeliveryRetryPolicy";

/// A context is sent with every payload.
const MAX_CONTEXT: usize = 2_048;

/// Properties that a client may have read here.
const KNOWN: &[&str] = &[
    "Actions",
    "DeliveryRetryPolicy",
    "Description",
    "Destination",
    "EventFormatType",
    "EventTypes",
    "ExcludeMessageIds",
    "ExcludeRegistryPrefixes",
    "HeartbeatIntervalMinutes",
    "HttpHeaders",
    "Id",
    "MessageIds",
    "Name",
    "OriginResources",
    "Protocol",
    "RegistryPrefixes",
    "ResourceTypes",
    "SendHeartbeat",
    "Severities",
    "Status",
    "SubordinateResources",
    "SubscriptionType",
    "VerifyCertificate",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_iso_8601() {
        assert_eq!(duration("PT0S"), Some(Duration::ZERO));
        assert_eq!(duration("PT1H30M"), Some(Duration::from_mins(90)));
        for text in ["", "P", "1 hour", "-PT1S", "PT"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
