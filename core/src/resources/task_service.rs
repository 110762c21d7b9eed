//! `/redfish/v1/TaskService`: what there is to know of tasks in general. Schema `TaskService`, version 1.3.0.

use serde::Serialize;

use super::{Context, Link, Status};
use crate::http::{ETAG_PLACEHOLDER, Representation, Schema, schema};
use crate::route::Route;
use crate::task::KEPT_FOR_MINUTES;
use crate::time::UnixTime;

pub(super) const SCHEMA: Schema = schema!("TaskService", "v1_3_0");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TaskService {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'static>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'static str,
    name: &'static str,
    service_enabled: bool,
    /// Of the tasks that have ended the oldest goes when there is no room for another.
    completed_task_over_write_policy: &'static str,
    life_cycle_event_on_task_state_change: bool,
    task_auto_delete_timeout_minutes: u64,
    date_time: String,
    status: Status,
    tasks: Link<'static>,
}

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let render = |time: UnixTime| {
        let service = TaskService {
            odata_id: Route::TaskService,
            odata_type: SCHEMA,
            odata_etag: ETAG_PLACEHOLDER,
            id: "TaskService",
            name: "Task Service",
            service_enabled: true,
            completed_task_over_write_policy: "Oldest",
            life_cycle_event_on_task_state_change: true,
            task_auto_delete_timeout_minutes: KEPT_FOR_MINUTES,
            date_time: time.to_string(),
            status: Status::ENABLED,
            tasks: Link::to(Route::Tasks),
        };
        Representation::of_resource(SCHEMA, &service)
    };
    // The clock stays out of the entity tag, which would otherwise change with every read.
    render(context.now.unix).with_etag_of(&render(UnixTime::default()))
}
