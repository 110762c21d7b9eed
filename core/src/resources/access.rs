//! Whose a resource is, and how far it reaches: what decides who may do something with it.

use std::sync::Arc;

use super::Context;
use crate::auth::{Account, Extent, Identity, Owned, Privilege};
use crate::http::Refusal;
use crate::route::{Location, Route};
use crate::view::View;

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
