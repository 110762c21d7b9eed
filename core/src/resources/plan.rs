//! What writes ask for: one function that knows for every resource and action what a body means.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Method};

use super::{
    Context, account_service, bios, bios_settings, boot_option, certificate, computer_system, computer_system_boot,
    computer_system_reset, event_destination, event_service_test, event_subscribe, manager_account, manager_clock,
    manager_network_protocol, manager_reset, secure_boot, session, session_service, virtual_media,
};
use crate::auth::{AccountEdit, EditError, Extent, Owned, SessionEdit};
use crate::config::Secret;
use crate::http::{JsonObject, Refusal};
use crate::intent::{AccessEdit, Answer, EventIntent, TaskId};
use crate::messages::{Message, base};
use crate::model::{Action, CommandError, Slot};
use crate::route::{EventServiceAction, Firmware, Inventory, Location, MediaAction, Route};
use crate::view::Vm;

/// A write that was understood and found valid.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// What is to be done.
    pub(crate) effect: Effect,
    /// What is to follow it. Whoever asked is told of the effect alone: what follows is as good as done.
    pub(crate) then: Option<AccessEdit>,
    /// How it is answered once it is done, unless it made something: then with that.
    pub(crate) answer: Answer,
}

/// What a write is to do.
#[derive(Clone, Debug)]
pub(crate) enum Effect {
    /// Nothing: what was asked for is so already.
    Nothing,
    /// This, to the machine as it was when the write was found valid.
    Machine { vm: Arc<Vm>, action: Action },
    /// A change of accounts or sessions.
    Access(AccessEdit),
    /// A change of an account into which the hash of a new password belongs.
    Password { edit: AccountEdit, password: Secret },
    /// Something about event subscriptions or streams.
    Events(Box<EventIntent>),
    /// The end of what a task stands for, and of the task.
    CallOff(TaskId),
}

impl Plan {
    pub(super) fn new(effect: Effect, answer: Answer) -> Self {
        Self { effect, then: None, answer }
    }

    /// A change of an account, with a new password if there is one.
    pub(super) fn account(edit: AccountEdit, password: Option<Secret>, answer: Answer) -> Self {
        let effect = match password {
            Some(password) => Effect::Password { edit, password },
            None => Effect::Access(AccessEdit::Account(edit)),
        };
        Self::new(effect, answer)
    }

    /// A change of sessions.
    pub(crate) fn session(edit: SessionEdit, answer: Answer) -> Self {
        Self::new(Effect::Access(AccessEdit::Session(edit)), answer)
    }

    fn machine(vm: &Arc<Vm>, action: Action, answer: Answer) -> Self {
        Self::new(Effect::Machine { vm: Arc::clone(vm), action }, answer)
    }

    fn events(intent: EventIntent) -> Self {
        Self::new(Effect::Events(Box::new(intent)), Answer::NoContent)
    }

    /// The user name that an account is to have by it.
    pub(crate) fn user_name(&self) -> Option<&str> {
        match &self.effect {
            Effect::Access(AccessEdit::Account(edit)) | Effect::Password { edit, .. } => edit.user_name(),
            _ => None,
        }
    }
}

/// Understands a write: what a body asks of a resource or action that allows the method. `conditional`: only if what it
/// changes is still what it was made for.
pub(crate) fn plan(
    context: &Context<'_>,
    location: &Location<'_>,
    method: &Method,
    conditional: bool,
    body: &JsonObject,
) -> Result<Plan, Refusal> {
    match location.route {
        Route::System(_)
        | Route::SystemReset(_)
        | Route::Inventory(..)
        | Route::Firmware(..)
        | Route::VirtualMedia(..)
        | Route::VirtualMediaAction(..)
        | Route::MediaCertificates(..)
        | Route::MediaCertificate(..)
        | Route::Manager(_)
        | Route::ManagerReset(_) => machine_plan(context, location, body),
        Route::NetworkProtocol(system) => manager_network_protocol::patch(context, system, body),
        Route::SessionService => session_service::patch(context, body),
        Route::Session(id) => session::delete(context, id),
        Route::AccountService => account_service::patch(context, body),
        Route::Accounts => manager_account::create(context, body),
        Route::Account(id) if *method == Method::DELETE => manager_account::delete(context, id),
        Route::Account(id) => manager_account::patch(context, id, body),
        Route::EventServiceAction(_)
        | Route::EventDestinations
        | Route::EventDestination(_)
        | Route::EventDestinationAction(..) => event_plan(context, location, method, conditional, body),
        Route::Task(id) | Route::TaskMonitor(id) => {
            let (task, _) = context.task(id)?;
            Ok(Plan::new(Effect::CallOff(task.id.clone()), Answer::NoContent))
        }
        // Not reached: a log-in is the exchange's, and the others allow no write.
        Route::Sessions
        | Route::Roles
        | Route::Role(_)
        | Route::Versions
        | Route::ServiceRoot
        | Route::OData
        | Route::Metadata
        | Route::EventService
        | Route::ServerSentEvents
        | Route::Systems
        | Route::VirtualMediaCollection(_)
        | Route::ChassisCollection
        | Route::Chassis(_)
        | Route::ChassisSystems(_)
        | Route::Managers
        | Route::Catalog(_)
        | Route::TaskService
        | Route::Tasks => Err(Refusal::method_not_allowed(location.route.allow())),
    }
}

/// The same of what is a system's or its manager's.
fn machine_plan(context: &Context<'_>, location: &Location<'_>, body: &JsonObject) -> Result<Plan, Refusal> {
    let Some(name) = location.route.system() else {
        return Err(Refusal::method_not_allowed(location.route.allow()));
    };
    let vm = context.system(name, location)?;
    let (action, answer) = match location.route {
        Route::System(_) => {
            let action = computer_system::patch(context.view, vm, body)?;
            // To have an image fetched takes what it takes to insert one.
            if computer_system_boot::fetches_image(&vm.machine.boot, &action) && !may_insert_media(context, vm) {
                return Err(Refusal::forbidden());
            }
            (action, Answer::Representation)
        }
        Route::Inventory(_, Inventory::BootOption(id)) => (boot_option::patch(vm, id, body)?, Answer::Representation),
        Route::SystemReset(_) => (computer_system_reset::parse(&context.view.platform, body)?, Answer::NoContent),
        Route::Firmware(_, Firmware::BiosSettings) => (bios_settings::patch(vm, body)?, Answer::Representation),
        Route::Firmware(_, Firmware::SecureBoot) => (secure_boot::patch(vm, body)?, Answer::Representation),
        Route::Firmware(_, Firmware::ResetBios) => (bios::reset(body)?, Answer::NoContent),
        Route::VirtualMediaAction(_, slot, MediaAction::Insert) => {
            let hosts = &context.view.config.image_hosts;
            (virtual_media::insert(&vm.machine.id, slot, hosts, body)?, Answer::NoContent)
        }
        Route::VirtualMediaAction(_, slot, MediaAction::Eject) => {
            (virtual_media::eject(slot, body)?, Answer::NoContent)
        }
        Route::VirtualMedia(_, slot) => (virtual_media::patch(context, slot, body)?, Answer::Representation),
        Route::MediaCertificates(_, slot) => {
            let (action, id) = certificate::create(slot, body)?;
            (action, Answer::Certificate(id))
        }
        Route::MediaCertificate(_, slot, id) => (certificate::remove(vm, slot, id)?, Answer::NoContent),
        Route::Manager(_) => {
            manager_clock::patch(body, context.view.clock(context.now))?;
            return Ok(Plan::new(Effect::Nothing, Answer::Representation));
        }
        Route::ManagerReset(_) => {
            manager_reset::check(body)?;
            return Ok(Plan::new(Effect::Nothing, Answer::NoContent));
        }
        _ => return Err(Refusal::method_not_allowed(location.route.allow())),
    };
    Ok(Plan::machine(vm, action, answer))
}

/// Whether whoever asks may insert media into a machine.
fn may_insert_media(context: &Context<'_>, vm: &Vm) -> bool {
    let insert = Route::VirtualMediaAction(vm.machine.id.as_str(), Slot::Cd, MediaAction::Insert);
    let required = insert.required(&Method::POST);
    context
        .identity
        .is_some_and(|identity| required.is_met_by(identity.privileges(Extent::In(&vm.chassis)), Owned::Foreign))
}

/// The same of the event service and its subscriptions.
fn event_plan(
    context: &Context<'_>,
    location: &Location<'_>,
    method: &Method,
    conditional: bool,
    body: &JsonObject,
) -> Result<Plan, Refusal> {
    let identity = context.identity.ok_or_else(Refusal::forbidden)?;
    match location.route {
        Route::EventServiceAction(EventServiceAction::SubmitTestEvent) => {
            Ok(Plan::events(EventIntent::Raise(event_service_test::submit(identity, body)?)))
        }
        Route::EventServiceAction(EventServiceAction::TestEventSubscription) => {
            Ok(Plan::events(EventIntent::Raise(event_service_test::test(identity, body)?)))
        }
        Route::EventDestinations => {
            Ok(Plan::events(EventIntent::Subscribe(event_subscribe::subscribe(context, body)?)))
        }
        Route::EventDestination(id) if *method == Method::DELETE => {
            let known = context.changeable_subscription(id)?;
            Ok(Plan::events(EventIntent::Delete(known.subscription.id.clone())))
        }
        Route::EventDestination(id) => {
            let known = context.changeable_subscription(id)?;
            let change = event_destination::patch(known, body)?;
            let expected = conditional.then(|| Box::new(known.subscription.clone()));
            let intent = EventIntent::Change { id: known.subscription.id.clone(), expected, change };
            Ok(Plan::new(Effect::Events(Box::new(intent)), Answer::Representation))
        }
        Route::EventDestinationAction(id, action) => {
            let known = context.changeable_subscription(id)?;
            Ok(Plan::events(event_destination::action(known, action, body)?))
        }
        _ => Err(Refusal::method_not_allowed(location.route.allow())),
    }
}

/// Understands a GET of the stream of events.
pub(crate) fn stream_plan(
    context: &Context<'_>,
    peer: IpAddr,
    query: &str,
    request: &HeaderMap,
) -> Result<Plan, Refusal> {
    event_subscribe::open(context, peer, query, request).map(Plan::events)
}

/// What a client is told of a change of what is at `path` that was not made.
pub(crate) fn failure(error: &CommandError, path: &str) -> Refusal {
    let route = match error {
        CommandError::NotFound => Location::parse(path).map(|location| location.route),
        _ => None,
    };
    match route {
        Some(Route::Task(_) | Route::TaskMonitor(_)) => Refusal::no_such_resource(path),
        // What is not there is no system: the service could not store what it keeps.
        Some(Route::NetworkProtocol(_)) | None => Refusal::from(error),
        Some(route) => {
            route.system().map_or_else(|| Refusal::from(error), |name| Refusal::not_found(route.kind(), name))
        }
    }
}

/// What a client is told of a change of accounts or sessions that was not made.
pub(crate) fn edit_failure(error: EditError, route: &Route<'_>, user_name: Option<&str>) -> Refusal {
    match error {
        EditError::Superseded => Refusal::concurrent_changes(),
        EditError::NotFound => Refusal::no_such_resource(&route.to_string()),
        EditError::NameTaken => {
            let args = ["ManagerAccount", "UserName", user_name.unwrap_or_default()];
            Refusal::bad_request(vec![Message::new(&base::RESOURCE_ALREADY_EXISTS, args).about("#/UserName")])
        }
        EditError::TooManyAccounts => {
            Refusal::bad_request(vec![Message::new(&base::CREATE_LIMIT_REACHED_FOR_RESOURCE, [])])
        }
        EditError::TooManySessions => Refusal::limited(Message::new(&base::SESSION_LIMIT_EXCEEDED, [])),
    }
}
