//! Events: what happened, in Redfish's words, and who wants to be told.
//!
//! An [`Event`] is rendered once, when it is raised, and shared by everyone who receives it. Nothing here keeps
//! anything: queues, timers and deliveries are the service's.

mod destination;
mod expression;
mod filter;
mod payload;
mod subscription;

use std::fmt;

use serde::ser::{SerializeMap as _, Serializer};
use serde::{Deserialize, Serialize};

use crate::messages::{Message, Severity, base, heartbeat_event, resource_event};
use crate::route::Route;
use crate::time::UnixTime;

pub(crate) use destination::{Destination, NoDestination};
pub(crate) use expression::Expression;
pub(crate) use filter::{Filter, Lists, MessageKey};
pub(crate) use payload::{KEEP_ALIVE, frame, payload};
pub(crate) use subscription::{
    Headers, Heartbeat, Kind, Proposal, Resumption, RetryPolicy, Standing, Subscribed, Subscription, SubscriptionId,
};

/// Something that happened, ready to be sent.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: EventId,
    pub(crate) time: UnixTime,
    /// What filters look at.
    pub(crate) facts: Facts,
    pub(crate) audience: Audience,
    pub(crate) witness: Witness,
    /// The record as JSON without its opening brace, so that a payload can put the member's number before it.
    record: Box<str>,
}

/// Tells an event from all others: which run of the service raised it, and the how manieth it is of that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventId {
    pub(crate) run: u32,
    pub(crate) number: u64,
}

/// What filters look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The message's registry, without version.
    pub(crate) registry: Box<str>,
    /// The message's key within the registry.
    pub(crate) key: Box<str>,
    pub(crate) severity: Option<Severity>,
    pub(crate) event_type: Option<EventType>,
    /// The URI of the resource it is about, and the resource's type.
    pub(crate) origin: Option<Origin>,
}

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) uri: Box<str>,
    /// The schema's name without version; `None` if it is not known.
    pub(crate) resource_type: Option<&'static str>,
    /// It is not there any more.
    pub(crate) gone: bool,
}

/// Who may learn of an event, by the chassis that they see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Who sees any of some chassis and none of others.
    Seeing { any: Box<[u16]>, none: Box<[u16]> },
    /// Who sees nothing but these chassis: what someone invented must not reach who sees more than they do.
    Within(Box<[u16]>),
}

/// Schema `Event`, enumeration `EventType`: what older clients choose events by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum EventType {
    StatusChange,
    ResourceUpdated,
    ResourceAdded,
    ResourceRemoved,
    Alert,
    /// By the schema the value for those who do not choose by type.
    Other,
}

/// An event before it has an id and a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) words: Words,
    pub(crate) event_type: Option<EventType>,
    pub(crate) origin: Option<Origin>,
    pub(crate) audience: Audience,
    /// Events that have the same cause have the same number here; `0` for one that stands alone.
    pub(crate) group: Option<i64>,
    /// When it happened.
    pub(crate) time: When,
    pub(crate) witness: Witness,
}

/// Which replicas of the service raise an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Witness {
    /// Each of them: it can be seen by all.
    Everyone,
    /// The one that something was asked of.
    Alone,
}

/// When an event happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// When it is raised.
    Now,
    /// As someone says who tests; `None` if they do not.
    Said(Option<String>),
}

/// What an event says. Those who test may leave everything out but the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// `Registry.Major.Minor.Key`
    pub(crate) message_id: String,
    pub(crate) message: Option<String>,
    pub(crate) args: Option<Vec<String>>,
    pub(crate) message_severity: Option<Severity>,
    /// The older form of the severity, which may be any text.
    pub(crate) severity: Option<String>,
    pub(crate) resolution: Option<&'static str>,
}

impl Event {
    /// The event of a draft.
    pub(crate) fn new(id: EventId, time: UnixTime, draft: Draft) -> Self {
        let record = Record { id, time, draft: &draft };
        // Writing to memory what has only string keys cannot fail.
        let json = serde_json::to_string(&record).unwrap_or_default();
        let Draft { words, event_type, origin, audience, witness, .. } = draft;
        let registry = words.message_id.split('.').next().unwrap_or_default().into();
        let key = words.message_id.rsplit('.').next().unwrap_or_default().into();
        let facts = Facts { registry, key, severity: words.message_severity, event_type, origin };
        Self { id, time, facts, audience, witness, record: json.get(1..).unwrap_or("}").into() }
    }
}

impl Draft {
    /// Something that happened to a resource.
    pub(crate) fn of_resource(message: &Message, event_type: EventType, origin: Origin, audience: Audience) -> Self {
        Self {
            words: Words::from(message),
            event_type: Some(event_type),
            origin: Some(origin),
            audience,
            group: Some(0),
            time: When::Now,
            witness: Witness::Everyone,
        }
    }

    /// The same, raised by this replica and no other.
    pub(crate) fn seen_alone(self) -> Self {
        Self { witness: Witness::Alone, ..self }
    }

    /// The event that `#EventService.TestEventSubscription` has sent.
    pub(crate) fn test(audience: Audience) -> Self {
        let origin = Origin::of(Route::EventService, "EventService");
        let message = Message::new(&resource_event::TEST_MESSAGE, []);
        Self::of_resource(&message, EventType::Other, origin, audience).seen_alone()
    }

    /// A sign of life for one subscriber.
    pub(crate) fn heartbeat(subscription: &SubscriptionId) -> Self {
        let message = Message::new(&heartbeat_event::FUNCTIONAL, []);
        Self::about_subscription(subscription, &message)
    }

    /// Some events have been lost for one subscriber.
    pub(crate) fn gap(subscription: &SubscriptionId) -> Self {
        let message = Message::new(&base::EVENT_BUFFER_EXCEEDED, []);
        Self::about_subscription(subscription, &message)
    }

    /// Goes to one subscriber whatever it chose, and therefore past its filter and to no audience.
    fn about_subscription(subscription: &SubscriptionId, message: &Message) -> Self {
        let origin = Origin::of(Route::EventDestination(subscription.as_str()), "EventDestination");
        Self::of_resource(
            message,
            EventType::Other,
            origin,
            Audience::Seeing { any: Box::default(), none: Box::default() },
        )
    }
}

impl Origin {
    /// A resource of ours.
    pub(crate) fn of(route: Route<'_>, resource_type: &'static str) -> Self {
        Self { uri: route.to_string().into(), resource_type: Some(resource_type), gone: false }
    }
}

impl Audience {
    /// Whether someone who sees `chassis` may learn of it.
    pub(crate) fn includes(&self, chassis: &[u16]) -> bool {
        let sees = |set: &[u16]| set.iter().any(|index| chassis.contains(index));
        match self {
            Self::Seeing { any, none } => sees(any) && !sees(none),
            Self::Within(set) => chassis.iter().all(|index| set.contains(index)),
        }
    }
}

impl EventType {
    /// Every type that can be subscribed to.
    pub(crate) const ALL: [Self; 6] = [
        Self::StatusChange,
        Self::ResourceUpdated,
        Self::ResourceAdded,
        Self::ResourceRemoved,
        Self::Alert,
        Self::Other,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::StatusChange => "StatusChange",
            Self::ResourceUpdated => "ResourceUpdated",
            Self::ResourceAdded => "ResourceAdded",
            Self::ResourceRemoved => "ResourceRemoved",
            Self::Alert => "Alert",
            Self::Other => "Other",
        }
    }
}

impl From<&Message> for Words {
    fn from(message: &Message) -> Self {
        let definition = message.definition();
        Self {
            message_id: message.id(),
            message: Some(message.text()),
            args: Some(message.args().to_vec()),
            message_severity: Some(definition.severity),
            severity: Some(definition.severity.name().to_owned()),
            resolution: Some(definition.resolution),
        }
    }
}

/// Prints `<run>-<number>`: what clients see as `EventId` and as the id of a message of a stream.
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.run, self.number)
    }
}

impl std::str::FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (run, number) = text.split_once('-').ok_or(())?;
        let run = u32::from_str_radix(run, 16).map_err(|_| ())?;
        Ok(Self { run, number: number.parse().map_err(|_| ())? })
    }
}

/// Schema `Event`, object `EventRecord`, version 1.13.0, without its `MemberId`.
struct Record<'a> {
    id: EventId,
    time: UnixTime,
    draft: &'a Draft,
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Draft { words, event_type, origin, group, time, .. } = self.draft;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("EventId", &format_args!("{}", self.id))?;
        if let Some(event_type) = event_type {
            map.serialize_entry("EventType", event_type)?;
        }
        match time {
            When::Now => map.serialize_entry("EventTimestamp", &format_args!("{}", self.time))?,
            When::Said(Some(time)) => map.serialize_entry("EventTimestamp", time)?,
            When::Said(None) => {}
        }
        map.serialize_entry("MessageId", &words.message_id)?;
        if let Some(message) = &words.message {
            map.serialize_entry("Message", message)?;
        }
        if let Some(args) = &words.args {
            map.serialize_entry("MessageArgs", args)?;
        }
        if let Some(severity) = &words.message_severity {
            map.serialize_entry("MessageSeverity", severity)?;
        }
        if let Some(severity) = &words.severity {
            map.serialize_entry("Severity", severity)?;
        }
        if let Some(resolution) = words.resolution {
            map.serialize_entry("Resolution", resolution)?;
        }
        if let Some(origin) = origin {
            map.serialize_entry("OriginOfCondition", &Reference { odata_id: &origin.uri })?;
            if origin.gone {
                map.serialize_entry("OriginOfConditionUnavailable", &true)?;
            }
        }
        if let Some(group) = group {
            map.serialize_entry("EventGroupId", group)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Reference<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_as_printed() {
        let id = EventId { run: 0x0a, number: 17 };
        assert_eq!(id.to_string(), "0000000a-17");
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "-", "a", "a-", "-1", "a-x", "100000000-1"] {
            assert!(text.parse::<EventId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_audience_is_who_sees_the_origin() {
        let seeing = |any: &[u16], none: &[u16]| Audience::Seeing { any: any.into(), none: none.into() };
        assert!(seeing(&[1, 2], &[]).includes(&[2]) && !seeing(&[1, 2], &[]).includes(&[0]));
        assert!(!seeing(&[1], &[0]).includes(&[0, 1]) && !seeing(&[1], &[]).includes(&[]));
        assert!(Audience::Within([0, 1].into()).includes(&[1]) && !Audience::Within([1].into()).includes(&[0, 1]));
    }
}
