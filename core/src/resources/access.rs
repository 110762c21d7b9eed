//! Changes of accounts and sessions, as the resources that are about them understand them.

use http::Method;

use super::{Context, account_service, manager_account, manager_network_protocol, session, session_service};
use crate::auth::{EditError, Identity, Owned};
use crate::config::Secret;
use crate::http::{JsonObject, Refusal};
use crate::messages::{Message, base};
use crate::route::Route;
use crate::service::AccessEdit;
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
        // Something always came in between: as good as busy.
        EditError::Superseded => Refusal::unavailable(1),
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

/// Whether a resource is the asking account's own.
pub(crate) fn owned(view: &View, route: &Route<'_>, identity: &Identity) -> Owned {
    let own = match route {
        Route::Account(id) => **id == *identity.account.id,
        Route::Session(id) => {
            identity.session == Some(*id) || view.sessions.account_of(*id) == Some(&identity.account.uid)
        }
        Route::EventDestination(id) | Route::EventDestinationAction(id, _) => {
            view.subscriptions.get(*id).is_some_and(|known| *known.subscription.owner == *identity.account.uid)
        }
        _ => false,
    };
    if own { Owned::Own } else { Owned::Foreign }
}

impl Context<'_> {
    /// Whether the asking account sees all chassis, and may therefore change what holds for everyone.
    pub(super) fn sees_everything(&self) -> bool {
        let all = 0..self.view.config.chassis.len();
        self.identity.is_some_and(|identity| {
            all.filter_map(|index| u16::try_from(index).ok()).all(|index| identity.chassis.contains(&index))
        })
    }
}
