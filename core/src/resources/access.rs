//! Changes of accounts and sessions, as the resources that are about them understand them.

use std::sync::Arc;

use http::Method;

use super::{Context, account_service, manager_account, manager_network_protocol, session, session_service};
use crate::auth::{Account, EditError, Extent, Identity, Owned, Privilege};
use crate::config::Secret;
use crate::http::{JsonObject, Refusal};
use crate::intent::AccessEdit;
use crate::messages::{Message, base};
use crate::route::{Location, Route};
use crate::view::View;

/// A change of accounts or sessions that was understood and found valid.
#[derive(Clone, Debug)]
pub(crate) struct EditPlan {
    pub(crate) edit: AccessEdit,
    /// A password whose hash belongs into the change.
    pub(crate) password: Option<Secret>,
    /// What is to follow it.
    pub(crate) then: Option<AccessEdit>,
    pub(crate) answer: EditAnswer,
}

/// How such a change is answered once it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EditAnswer {
    /// 204.
    NoContent,
    /// 200 with the resource as it then is.
    Representation,
    /// 201 with the resource that was made.
    Created,
}

impl EditPlan {
    /// A change that is what it is.
    pub(super) fn new(edit: AccessEdit, answer: EditAnswer) -> Self {
        Self { edit, password: None, then: None, answer }
    }
}

/// Whether a resource is about accounts or sessions, so that a write to it is an edit.
pub(crate) fn is_access(route: &Route<'_>) -> bool {
    matches!(
        route,
        Route::SessionService
            | Route::Sessions
            | Route::Session(_)
            | Route::AccountService
            | Route::Accounts
            | Route::Account(_)
            | Route::Roles
            | Route::Role(_)
    )
}

/// Whether a resource is made of documents, so that it cannot be told before they have been read.
pub(crate) fn is_kept(route: &Route<'_>) -> bool {
    is_edit(route) && !matches!(route, Route::Roles | Route::Role(_))
        || matches!(route, Route::EventDestinations | Route::EventDestination(_) | Route::EventDestinationAction(..))
}

/// Whether a write to a resource is an edit of what the service itself keeps.
pub(crate) fn is_edit(route: &Route<'_>) -> bool {
    is_access(route) || matches!(route, Route::NetworkProtocol(_))
}

/// Understands a write to such a resource, by a method that it allows.
pub(crate) fn edit(
    context: &Context<'_>,
    route: &Route<'_>,
    method: &Method,
    body: &JsonObject,
) -> Result<EditPlan, Refusal> {
    match (route, method) {
        (Route::SessionService, _) => session_service::patch(context, body),
        (Route::Session(id), _) => session::delete(context, *id),
        (Route::AccountService, _) => account_service::patch(context, body),
        (Route::NetworkProtocol(system), _) => manager_network_protocol::patch(context, system, body),
        (Route::Accounts, _) => manager_account::create(context, body),
        (Route::Account(id), &Method::DELETE) => manager_account::delete(context, id),
        (Route::Account(id), _) => manager_account::patch(context, id, body),
        // Not reached: these allow no write, or another one than an edit.
        _ => Err(Refusal::method_not_allowed(super::allow(route))),
    }
}

/// What a client is told of a change that was not made.
pub(crate) fn refusal(error: EditError, route: &Route<'_>, user_name: Option<&str>) -> Refusal {
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

/// Whether a resource is the asking one's own.
pub(crate) fn owned(view: &View, route: &Route<'_>, identity: &Identity) -> Owned {
    let own = match route {
        Route::Account(id) => identity.account().is_some_and(|account| **id == *account.id),
        Route::Session(id) => {
            let account = view.sessions.account_of(*id);
            identity.session == Some(*id) || account.is_some_and(|account| **account == *identity.uid())
        }
        Route::EventDestination(id) | Route::EventDestinationAction(id, _) => {
            view.subscriptions.get(*id).is_some_and(|known| *known.subscription.owner == *identity.uid())
        }
        _ => false,
    };
    if own { Owned::Own } else { Owned::Foreign }
}

/// What a request is about, as far as it decides who may make it; 404 if it is not there for who asks.
pub(crate) fn extent<'a>(context: &Context<'a>, location: &Location<'_>) -> Result<Extent<'a>, Refusal> {
    if let Some(name) = location.route.system() {
        return context.system(name, location).map(|vm| Extent::In(&vm.chassis));
    }
    match location.route {
        Route::Chassis(name) | Route::ChassisSystems(name) => {
            let index = context.chassis(name)?;
            let seen = context.visible_chassis().iter().position(|seen| *seen == index);
            let only = seen.and_then(|position| context.visible_chassis().get(position..=position));
            Ok(only.map_or(Extent::Service, Extent::In))
        }
        Route::Task(id) | Route::TaskMonitor(id) => context.task(id).map(|(_, vm)| Extent::In(&vm.chassis)),
        Route::EventDestination(id) | Route::EventDestinationAction(id, _) => {
            context.subscription(id).map(|known| Extent::Reaching(&known.chassis))
        }
        // Whether there is such an account or session is only for those to know who have the privilege.
        Route::Account(id) => Ok(context.extent_of(context.view.directory.by_id(id))),
        Route::Session(id) => {
            let account = context.view.sessions.account_of(id);
            Ok(context.extent_of(account.and_then(|account| context.view.directory.by_uid(account))))
        }
        _ => Ok(Extent::Service),
    }
}

impl<'a> Context<'a> {
    /// Whether the asking one has a privilege over all chassis, and may therefore change what holds for everyone.
    pub(super) fn has_everywhere(&self, privilege: Privilege) -> bool {
        let all: Vec<u16> = (0..self.view.config.chassis.len()).filter_map(|index| u16::try_from(index).ok()).collect();
        self.identity.is_some_and(|identity| identity.has_over_all(privilege, &all))
    }

    /// Whether the asking one sees all chassis.
    pub(super) fn sees_everything(&self) -> bool {
        self.identity.is_some_and(|identity| identity.chassis.len() >= self.view.config.chassis.len())
    }

    fn extent_of(&self, account: Option<&'a Arc<Account>>) -> Extent<'a> {
        let within =
            |account: &&Arc<Account>| self.identity.is_some_and(|identity| identity.sees_all(&account.chassis));
        account.filter(within).map_or(Extent::Service, |account| Extent::Reaching(&account.chassis))
    }
}
