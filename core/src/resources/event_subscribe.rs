//! Making subscriptions: what POST to the collection asks for, and what a stream of events does.

use std::net::IpAddr;

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::event_destination::{EVENT, REDFISH, boolean, context as read_context, headers};
use super::event_service::{REGISTRIES, RESOURCE_TYPES};
use super::{Context, parameters};
use crate::event::{
    Destination, EventId, EventType, Expression, Filter, Heartbeat, Kind, Lists, MessageKey, NoDestination, Proposal,
    RetryPolicy,
};
use crate::http::{JsonObject, Refusal, parameter_name, plain};
use crate::intent::EventIntent;
use crate::messages::{Message, Severity, base};
use crate::model::AddressPolicy;
use crate::route::Location;

/// Understands a POST to the collection.
pub(super) fn subscribe(context: &Context<'_>, body: &JsonObject) -> Result<Proposal, Refusal> {
    let mut reader = Reader::new(context);
    let mut problems = Vec::new();
    for (name, value) in parameters::members_of_new(body) {
        // Clients send what they leave open as null.
        if !value.is_null() {
            problems.extend(reader.property(name, value).err().map(|problem| problem.about(format!("#/{name}"))));
        }
    }
    for (name, missing) in [(DESTINATION, reader.destination.is_none()), (PROTOCOL, !reader.has_protocol)] {
        let named = body.get(name).is_some_and(|value| !value.is_null());
        if missing && !named {
            problems.push(Message::new(&base::PROPERTY_MISSING, [name]).about(format!("#/{name}")));
        }
    }
    if reader.interval.is_some() && !reader.heartbeat {
        let conflict = Message::new(&base::PROPERTY_VALUE_CONFLICT, [INTERVAL, "SendHeartbeat"]);
        problems.push(conflict.about(format!("#/{INTERVAL}")));
    }
    let Some(destination) = reader.destination.filter(|_| problems.is_empty()) else {
        return Err(Refusal::bad_request(problems));
    };
    let heartbeat = reader.heartbeat.then(|| reader.interval.unwrap_or(Heartbeat::DEFAULT));
    let kind = Kind::Push {
        destination,
        headers: reader.headers,
        verify_certificate: reader.verify_certificate,
        retry_policy: reader.retry_policy,
        heartbeat,
    };
    proposal(context, kind, reader.client_context, Filter::Lists(reader.lists))
}

/// Understands a GET of a stream of events: its `$filter`, and the last event that the client has read.
pub(super) fn open(
    context: &Context<'_>,
    peer: IpAddr,
    query: &str,
    request: &HeaderMap,
) -> Result<EventIntent, Refusal> {
    let mut filter = Filter::default();
    if let Some(text) = filter_parameter(query) {
        let Some(expression) = Expression::parse(&text) else {
            let message = Message::new(&base::QUERY_PARAMETER_VALUE_FORMAT_ERROR, [&text, "$filter"]);
            return Err(Refusal::bad_request(vec![message]));
        };
        filter = Filter::Expression(expression);
    }
    // One that is none of ours says nothing.
    let last = request.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let after: Option<EventId> = last.and_then(|id| id.trim().parse().ok());
    let peer = match peer {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let proposal = proposal(context, Kind::Stream { peer: peer.into() }, None, filter)?;
    Ok(EventIntent::Open { proposal, after })
}

fn proposal(
    context: &Context<'_>,
    kind: Kind,
    client_context: Option<Box<str>>,
    filter: Filter,
) -> Result<Proposal, Refusal> {
    let identity = context.identity.ok_or_else(Refusal::forbidden)?;
    Ok(Proposal {
        owner: identity.uid().into(),
        groups: identity.groups().iter().take(MAX_GROUPS).map(|group| (**group).into()).collect(),
        chassis: context.chassis_names(&identity.chassis).map(Into::into).collect(),
        kind,
        context: client_context,
        filter,
    })
}

/// The value of `$filter`; the last one, if there are several.
fn filter_parameter(query: &str) -> Option<String> {
    let mut pairs = query.split('&').rev().filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| parameter_name(name) == "$filter")?;
    // Many libraries write a space as `+`, and no filter has one in it otherwise.
    let value = value.replace('+', " ");
    Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
}

struct Reader<'a> {
    context: &'a Context<'a>,
    destination: Option<Destination>,
    has_protocol: bool,
    client_context: Option<Box<str>>,
    headers: crate::event::Headers,
    verify_certificate: bool,
    retry_policy: RetryPolicy,
    heartbeat: bool,
    interval: Option<Heartbeat>,
    lists: Lists,
}

impl<'a> Reader<'a> {
    fn new(context: &'a Context<'a>) -> Self {
        Self {
            context,
            destination: None,
            has_protocol: false,
            client_context: None,
            headers: crate::event::Headers::default(),
            verify_certificate: false,
            retry_policy: RetryPolicy::default(),
            heartbeat: false,
            interval: None,
            lists: Lists::default(),
        }
    }

    fn property(&mut self, name: &str, value: &Value) -> Result<(), Message> {
        let lists = &mut self.lists;
        match name {
            DESTINATION => self.destination = Some(destination(&self.context.view.config.events.policy, value)?),
            PROTOCOL => {
                parameters::choice(name, value, &[REDFISH], |protocol| protocol)?;
                self.has_protocol = true;
            }
            "Context" => self.client_context = read_context(name, value)?,
            "HttpHeaders" => self.headers = headers(name, value)?,
            "VerifyCertificate" => self.verify_certificate = boolean(name, value)?,
            "DeliveryRetryPolicy" => {
                self.retry_policy = parameters::choice(name, value, &RetryPolicy::ALL, RetryPolicy::name)?;
            }
            "SendHeartbeat" => self.heartbeat = boolean(name, value)?,
            INTERVAL => {
                let minutes = value.as_i64().ok_or_else(|| parameters::type_error(name, value))?;
                let heartbeat = u16::try_from(minutes).ok().filter(|minutes| *minutes > 0).map(Heartbeat);
                let outside = || Message::new(&base::PROPERTY_VALUE_OUT_OF_RANGE, [&minutes.to_string(), name]);
                self.interval = Some(heartbeat.ok_or_else(outside)?);
            }
            // Streams are opened and not posted.
            "SubscriptionType" => drop(parameters::choice(name, value, &["RedfishEvent"], |kind| kind)?),
            "EventFormatType" => drop(parameters::choice(name, value, &[EVENT], |format| format)?),
            "EventTypes" => {
                lists.event_types =
                    list(name, value, |value| parameters::choice(name, value, &EventType::ALL, EventType::name))?;
            }
            "Severities" => {
                lists.severities =
                    list(name, value, |value| parameters::choice(name, value, &Severity::ALL, Severity::name))?;
            }
            "RegistryPrefixes" => lists.registry_prefixes = names(name, value, &REGISTRIES)?,
            "ExcludeRegistryPrefixes" => lists.exclude_registry_prefixes = names(name, value, &REGISTRIES)?,
            "ResourceTypes" => lists.resource_types = names(name, value, &RESOURCE_TYPES)?,
            "MessageIds" => lists.message_ids = list(name, value, |value| message_key(name, value))?,
            "ExcludeMessageIds" => lists.exclude_message_ids = list(name, value, |value| message_key(name, value))?,
            "OriginResources" => {
                let context = self.context;
                lists.origin_resources = list(name, value, |value| origin(context, name, value))?;
            }
            "SubordinateResources" => lists.subordinate_resources = Some(boolean(name, value)?),
            // Metadata that clients copy from one resource to the next.
            "Name" | "Description" | "Id" => {}
            _ => return Err(Message::new(&base::PROPERTY_UNKNOWN, [name])),
        }
        Ok(())
    }
}

fn destination(policy: &AddressPolicy, value: &Value) -> Result<Destination, Message> {
    let text = value.as_str().ok_or_else(|| parameters::type_error(DESTINATION, value))?;
    Destination::parse(text, policy).map_err(|problem| match problem {
        NoDestination::Malformed => Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [text, DESTINATION]),
        NoDestination::Refused(host, why) => parameters::host_refused(&host, why),
    })
}

fn message_key(name: &str, value: &Value) -> Result<MessageKey, Message> {
    let text = value.as_str().ok_or_else(|| parameters::type_error(name, value))?;
    MessageKey::parse(text).ok_or_else(|| Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [text, name]))
}

/// Reads a reference to a resource, whether it is there or not: that it is not the client's would tell too much.
fn origin(context: &Context<'_>, name: &str, value: &Value) -> Result<String, Message> {
    let uri = value.get("@odata.id").and_then(Value::as_str).ok_or_else(|| parameters::type_error(name, value))?;
    let path = plain(uri);
    let unknown = || Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [uri, name]);
    let location = Location::parse(&path).ok_or_else(unknown)?;
    Ok(context.canonical(&location).unwrap_or_else(|| location.route.to_string()))
}

fn names(name: &str, value: &Value, values: &[&'static str]) -> Result<Vec<String>, Message> {
    list(name, value, |value| parameters::choice(name, value, values, |known| known).map(ToOwned::to_owned))
}

fn list<T>(name: &str, value: &Value, read: impl Fn(&Value) -> Result<T, Message>) -> Result<Vec<T>, Message> {
    let values = value.as_array().ok_or_else(|| parameters::type_error(name, value))?;
    if values.len() > MAX_LIST {
        return Err(Message::new(&base::PROPERTY_VALUE_OUT_OF_RANGE, [&values.len().to_string(), name]));
    }
    values.iter().map(read).collect()
}

const DESTINATION: &str = "Destination";
const PROTOCOL: &str = "Protocol";
const INTERVAL: &str = "HeartbeatIntervalMinutes";
const LAST_EVENT_ID: http::HeaderName = http::HeaderName::from_static("last-event-id");

/// Every event is compared with every element of a list.
const MAX_LIST: usize = 256;

/// Of so many groups it is remembered that an owner without an account belongs to them. Without the others they may see
/// less.
const MAX_GROUPS: usize = 64;
