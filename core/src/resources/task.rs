//! `/redfish/v1/TaskService/Tasks/{task}`: something that goes on after its request was answered. Schema `Task`,
//! version 1.7.4.

use http::{Method, StatusCode};
use serde::{Serialize, Serializer};

use super::Context;
use crate::http::{ETAG_PLACEHOLDER, Refusal, Representation, Schema, schema};
use crate::intent::{Answer, OutcomeKind, TaskRequest};
use crate::messages::{Message, Severity, base, cluster, task_event};
use crate::model::{ImportState, LeftOutMedia, Medium, Phase};
use crate::route::Route;
use crate::task::{End, Progress, Task, Work};
use crate::time::UnixTime;
use crate::view::Vm;

pub(super) const SCHEMA: Schema = schema!("Task", "v1_7_4");

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TaskResource<'a> {
    #[serde(rename = "@odata.id")]
    odata_id: Route<'a>,
    #[serde(rename = "@odata.type")]
    odata_type: Schema,
    #[serde(rename = "@odata.etag")]
    odata_etag: &'static str,
    id: &'a str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    task_state: TaskState,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_status: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    start_time: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    end_time: Option<UnixTime>,
    percent_complete: Option<u8>,
    messages: Vec<Message>,
    task_monitor: Route<'a>,
    hide_payload: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload<'a>>,
}

/// The states that tasks of this service have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum TaskState {
    Pending,
    Running,
    Cancelling,
    Completed,
    Exception,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Payload<'a> {
    target_uri: &'a str,
    http_operation: &'a str,
    http_headers: &'a [Box<str>],
    json_body: &'a str,
}

/// The answer that a task's request would have had, had the client waited for it.
#[derive(Debug)]
pub(crate) enum FinalAnswer<'a> {
    /// It was carried out, and this is how that is answered; `None` where no request is known.
    Done(Option<&'a TaskRequest>, Answer),
    /// It was not.
    Refused(Refusal),
}

/// The answer to a task's request, if the task has ended.
pub(crate) fn final_answer(task: &Task) -> Option<FinalAnswer<'_>> {
    let Progress::Ended(end) = task.progress() else { return None };
    Some(match end {
        End::Imported | End::PowerOn(OutcomeKind::Done) => FinalAnswer::Done(None, Answer::NoContent),
        End::ImportFailed(reason) => FinalAnswer::Refused(Refusal {
            status: StatusCode::BAD_REQUEST,
            messages: vec![
                Message::new(&base::OPERATION_FAILED, []),
                Message::new(&cluster::IMPORT_FAILED, [reason]).about("#/Image"),
            ],
            header: None,
        }),
        End::Request(request, OutcomeKind::Done) => FinalAnswer::Done(Some(request), request.answer),
        End::Request(request, OutcomeKind::Failed(error)) => FinalAnswer::Refused(super::failure(error, &request.path)),
        End::Request(_, outcome) | End::PowerOn(outcome) => match outcome {
            OutcomeKind::Failed(error) => FinalAnswer::Refused(error.into()),
            OutcomeKind::Congested(congestion) => FinalAnswer::Refused((*congestion).into()),
            // Only a change with a precondition is, and only because the resource changed since.
            OutcomeKind::Superseded => FinalAnswer::Refused(Refusal::precondition_failed()),
            OutcomeKind::ShuttingDown => FinalAnswer::Refused(Refusal::shutting_down()),
            // The others are not outcomes of a command: no task ends with one.
            OutcomeKind::Done
            | OutcomeKind::Overloaded
            | OutcomeKind::Accepted(_)
            | OutcomeKind::TooManyTasks
            | OutcomeKind::Password(_)
            | OutcomeKind::Reviewed(_)
            | OutcomeKind::Edited(_)
            | OutcomeKind::NotEdited(_)
            | OutcomeKind::Event(_) => FinalAnswer::Refused(Refusal::internal_error()),
        },
    })
}

pub(super) fn represent(context: &Context<'_>, task: &Task, vm: &Vm) -> Representation {
    let system = context.view.shown_name(&vm.machine.id);
    let id = task.id.as_str();
    let progress = task.progress();
    let (state, percent, messages) = match (progress, final_answer(task)) {
        (_, Some(FinalAnswer::Refused(refusal))) => (TaskState::Exception, None, refusal.messages),
        (Progress::Ended(_), Some(FinalAnswer::Done(..)) | None) => {
            let completed = Message::new(&task_event::TASK_COMPLETED_OK, [id]);
            let left_out = task.left_out.as_ref().map(left_out);
            (TaskState::Completed, Some(100), [completed].into_iter().chain(left_out).collect())
        }
        (Progress::Pending | Progress::Running(_), _) if is_pending_power_on(task, vm) => {
            (TaskState::Pending, Some(0), vec![deferred(vm)])
        }
        (Progress::Pending, _) => (TaskState::Pending, Some(0), Vec::new()),
        (Progress::Running(percent), _) => (TaskState::Running, percent, vec![under_way(id, percent)]),
        (Progress::Cancelling, _) => (TaskState::Cancelling, None, Vec::new()),
    };
    let ended = matches!(progress, Progress::Ended(_));
    let payload = task.request().and_then(Payload::of);
    let resource = TaskResource {
        odata_id: Route::Task(id),
        odata_type: SCHEMA,
        odata_etag: ETAG_PLACEHOLDER,
        id,
        name: match &task.work {
            Work::Request { request, .. } => format!("{} of {system}", what(request)),
            Work::Import(_) => format!("Import of an image for {system}"),
            Work::PowerOn { .. } => format!("Power-on of {system}"),
        },
        description: image(task, vm).map(|image| format!("Copies {image} into the virtualization cluster.")),
        task_state: state,
        task_status: ended.then(|| messages.iter().map(Message::severity).max().unwrap_or(Severity::Ok)),
        start_time: task.started(),
        end_time: task.ended().filter(|_| ended),
        percent_complete: percent,
        messages,
        task_monitor: Route::TaskMonitor(id),
        // What an import was asked for with is known at most to one replica: all show it alike.
        hide_payload: payload.is_none(),
        payload,
    };
    // Nothing of it can be changed, and it goes on by itself.
    Representation::of_settings(SCHEMA, &resource, &id, None::<&()>)
}

impl<'a> Payload<'a> {
    fn of(request: &'a TaskRequest) -> Option<Self> {
        Some(Self {
            target_uri: &request.path,
            http_operation: request.method.as_str(),
            http_headers: &request.headers,
            json_body: request.body.as_deref()?,
        })
    }
}

/// What a request asks for: the action's name, if it is one.
fn what(request: &TaskRequest) -> &str {
    match request.method {
        Method::POST => request.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default(),
        _ => "Change",
    }
}

fn under_way(id: &str, percent: Option<u8>) -> Message {
    match percent {
        Some(percent @ 1..) => Message::new(&task_event::TASK_PROGRESS_CHANGED, [id, &percent.to_string()]),
        Some(0) | None => Message::new(&task_event::TASK_STARTED, [id]),
    }
}

/// Whether a task stands for a power-on that is going to be carried out.
fn is_pending_power_on(task: &Task, vm: &Vm) -> bool {
    vm.machine.pending_power_on.as_ref().is_some_and(|pending_power_on| *pending_power_on.name == *task.id.as_str())
}

/// The message that a system is going to be turned on.
pub(super) fn deferred(vm: &Vm) -> Message {
    Message::new(&cluster::POWER_ON_DEFERRED, [&*awaited(vm)])
}

/// What a system waits for before it is turned on.
fn awaited(vm: &Vm) -> String {
    let ending = vm.instance.as_ref().is_some_and(|instance| instance.phase != Phase::Ended);
    // One that has not been seen yet has just begun.
    let loading = |medium: &&Medium| {
        let imported = medium.import.is_some();
        imported && vm.import(medium.slot).is_none_or(|import| import.state != ImportState::Succeeded)
    };
    match vm.machine.media.iter().find(loading) {
        Some(medium) if !ending => format!("the image {} has been copied into the cluster", medium.image),
        Some(_) | None => "it has shut down".to_owned(),
    }
}

/// The message about what a system was started without.
pub(super) fn left_out(media: &LeftOutMedia) -> Message {
    Message::new(&cluster::MEDIA_LEFT_OUT, [&*media.image, &*media.reason])
}

/// The image that an import's task copies, if it is in a drive.
fn image<'a>(task: &Task, vm: &'a Vm) -> Option<&'a str> {
    let Work::Import(import) = &task.work else { return None };
    let medium = vm.machine.media.iter().find(|medium| medium.import.as_ref() == Some(&import.id))?;
    Some(&medium.image)
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn as_text<S: Serializer>(value: &Option<UnixTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
