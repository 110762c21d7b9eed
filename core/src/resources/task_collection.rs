//! `/redfish/v1/TaskService/Tasks`: the tasks of the systems that the asking account sees. Schema `TaskCollection`.

use super::{Context, collection};
use crate::http::{Representation, Schema, schema};
use crate::route::Route;

pub(super) const SCHEMA: Schema = schema!("TaskCollection");

pub(super) fn represent(context: &Context<'_>) -> Representation {
    let tasks = context.identity.into_iter().flat_map(|identity| context.view.tasks_of(identity));
    collection::represent(SCHEMA, Route::Tasks, "Task Collection", tasks.map(|task| Route::Task(task.id.as_str())))
}
