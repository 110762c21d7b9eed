//! `/redfish/v1/EventService`: how events are subscribed to. Schema `EventService`, version 1.12.0.
//!
//! Its settings are those of the whole service, which belongs to no tenant: nobody changes them over Redfish.

use serde::Serialize;

use super::{ActionTarget, Context, Link, Status};
use crate::event::EventType;
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::messages::Severity;
use crate::route::{EventServiceAction, Route};

pub(super) const SCHEMA: Schema = schema!("EventService", "v1_12_0");

/// The registries of the messages that events carry.
pub(super) const REGISTRIES: [&str; 4] = ["Base", "HeartbeatEvent", "ResourceEvent", "TaskEvent"];

/// The types of the resources that events are about.
pub(super) const RESOURCE_TYPES: [&str; 5] =
    ["ComputerSystem", "EventDestination", "EventService", "Task", "VirtualMedia"];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "the schema's own")]
struct EventService {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'static>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    service_enabled: bool,
    status: Status,
    delivery_retry_attempts: u32,
    delivery_retry_interval_seconds: u64,
    event_format_types: [&'static str; 1],
    event_types_for_subscription: [EventType; EventType::ALL.len()],
    registry_prefixes: [&'static str; REGISTRIES.len()],
    resource_types: [&'static str; RESOURCE_TYPES.len()],
    severities: [Severity; 3],
    subordinate_resources_supported: bool,
    origin_resources_supported: bool,
    exclude_message_id: bool,
    exclude_registry_prefix: bool,
    include_origin_of_condition_supported: bool,
    #[serde(rename = "SSEIncludeOriginOfConditionSupported")]
    sse_include_origin_of_condition_supported: bool,
    server_sent_event_uri: Route<'static>,
    #[serde(rename = "SSEFilterPropertiesSupported")]
    sse_filter_properties_supported: FilterProperties,
    subscriptions: Link<'static>,
    actions: Actions,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "the schema's own")]
struct FilterProperties {
    event_format_type: bool,
    event_type: bool,
    message_id: bool,
    metric_report_definition: bool,
    origin_resource: bool,
    registry_prefix: bool,
    resource_type: bool,
    subordinate_resources: bool,
}

#[derive(Serialize)]
struct Actions {
    #[serde(rename = "#EventService.SubmitTestEvent")]
    submit: SubmitTestEvent,
    #[serde(rename = "#EventService.TestEventSubscription")]
    test: ActionTarget<'static>,
}

#[derive(Serialize)]
struct SubmitTestEvent {
    target: Route<'static>,
    #[serde(rename = "EventType@Redfish.AllowableValues")]
    event_types: [EventType; EventType::ALL.len()],
    #[serde(rename = "MessageSeverity@Redfish.AllowableValues")]
    severities: [Severity; 3],
}

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let events = &context.view.config.events;
    let service = EventService {
        odata_id: Route::EventService,
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id: "EventService",
        name: "Event Service",
        service_enabled: true,
        status: Status::ENABLED,
        delivery_retry_attempts: events.retry_attempts,
        delivery_retry_interval_seconds: events.retry_interval.as_secs(),
        event_format_types: ["Event"],
        event_types_for_subscription: EventType::ALL,
        registry_prefixes: REGISTRIES,
        resource_types: RESOURCE_TYPES,
        severities: Severity::ALL,
        subordinate_resources_supported: true,
        origin_resources_supported: true,
        exclude_message_id: true,
        exclude_registry_prefix: true,
        include_origin_of_condition_supported: false,
        sse_include_origin_of_condition_supported: false,
        server_sent_event_uri: Route::ServerSentEvents,
        sse_filter_properties_supported: FilterProperties {
            event_format_type: true,
            event_type: true,
            message_id: true,
            metric_report_definition: false,
            origin_resource: true,
            registry_prefix: true,
            resource_type: true,
            subordinate_resources: true,
        },
        subscriptions: Link::to(Route::EventDestinations),
        actions: Actions {
            submit: SubmitTestEvent {
                target: Route::EventServiceAction(EventServiceAction::SubmitTestEvent),
                event_types: EventType::ALL,
                severities: Severity::ALL,
            },
            test: ActionTarget { target: Route::EventServiceAction(EventServiceAction::TestEventSubscription) },
        },
    };
    Representation::of_resource(SCHEMA, &service)
}
