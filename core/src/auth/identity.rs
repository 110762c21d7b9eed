//! Who is asking: what they may do, and to which chassis.

use std::sync::Arc;

use super::session::SessionId;
use super::{Account, ExternalUser, Privilege, Privileges};

/// Someone who proved who they are: what they may do, and to which chassis.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    who: Who,
    /// The chassis they see: indices into [`Config::chassis`](crate::config::Config::chassis), ascending.
    pub(crate) chassis: Arc<[u16]>,
    /// The session that they prove it with, if it is one.
    pub(crate) session: Option<SessionId>,
}

#[derive(Clone, Debug)]
enum Who {
    /// Someone with an account: they may do the same to all of their chassis.
    Account(Arc<Account>),
    /// Someone whom the cluster vouches for: they may do something else to each.
    External(Arc<ExternalUser>),
}

/// What a request is about, as far as it decides what its sender may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent<'a> {
    /// No chassis in particular: what somebody may do to any of theirs, they may do here.
    Service,
    /// What is in any of these chassis: a system and what belongs to it.
    In(&'a [u16]),
    /// What reaches all of these chassis: an account, a session, a subscription.
    Reaching(&'a [u16]),
}

impl Identity {
    /// Someone who logged in to an account.
    pub(crate) fn of(account: &Arc<Account>) -> Self {
        Self { chassis: Arc::clone(&account.chassis), who: Who::Account(Arc::clone(account)), session: None }
    }

    /// Someone whom the cluster vouches for.
    pub(crate) fn of_external(user: &Arc<ExternalUser>) -> Self {
        Self { chassis: Arc::clone(&user.chassis), who: Who::External(Arc::clone(user)), session: None }
    }

    /// The same in a session.
    pub(crate) fn in_session(self, session: SessionId) -> Self {
        Self { session: Some(session), ..self }
    }

    /// The same who looks at one chassis alone.
    pub(crate) fn within(&self, chassis: u16) -> Self {
        Self { chassis: [chassis].into(), ..self.clone() }
    }

    /// Their account, if they have one.
    pub(crate) fn account(&self) -> Option<&Arc<Account>> {
        match &self.who {
            Who::Account(account) => Some(account),
            Who::External(_) => None,
        }
    }

    /// What tells them from everyone else, by which what they make is theirs.
    pub(crate) fn uid(&self) -> &str {
        match &self.who {
            Who::Account(account) => &account.uid,
            Who::External(user) => &user.uid,
        }
    }

    /// The same, for whoever keeps it.
    pub(crate) fn user(&self) -> Arc<str> {
        match &self.who {
            Who::Account(account) => Arc::clone(&account.uid),
            Who::External(user) => (*user.uid).into(),
        }
    }

    /// The groups that the cluster has them in, if they have no account.
    pub(crate) fn groups(&self) -> &[Arc<str>] {
        match &self.who {
            Who::Account(_) => &[],
            Who::External(user) => &user.groups,
        }
    }

    /// What the log calls them.
    pub(crate) fn user_name(&self) -> Arc<str> {
        match &self.who {
            Who::Account(account) => Arc::clone(&account.user_name),
            Who::External(user) => (*user.uid).into(),
        }
    }

    /// The privileges that they have over what a request is about.
    pub(crate) fn privileges(&self, extent: Extent<'_>) -> Privileges {
        let everywhere = match &self.who {
            Who::Account(account) => account.privileges,
            Who::External(user) => user.privileges(),
        };
        let over = |index: &u16| match &self.who {
            _ if !self.chassis.contains(index) => Privileges::default(),
            Who::Account(account) => account.privileges,
            Who::External(user) => user.privileges_over(*index),
        };
        match extent {
            Extent::Service => everywhere,
            Extent::In(chassis) => chassis.iter().map(over).fold(Privileges::default(), Privileges::union),
            Extent::Reaching(chassis) => chassis.iter().map(over).fold(everywhere, Privileges::intersection),
        }
    }

    /// Whether they have a privilege over everything that reaches these chassis.
    pub(crate) fn has_over_all(&self, privilege: Privilege, chassis: &[u16]) -> bool {
        self.privileges(Extent::Reaching(chassis)).has(privilege)
    }

    /// The chassis over which they have a privilege.
    pub(crate) fn chassis_with(&self, privilege: Privilege) -> impl Iterator<Item = u16> {
        self.chassis.iter().copied().filter(move |index| self.privileges(Extent::In(&[*index])).has(privilege))
    }

    /// Whether any of `chassis` is among those granted.
    pub(crate) fn sees_any(&self, chassis: &[u16]) -> bool {
        chassis.iter().any(|index| self.chassis.contains(index))
    }

    /// Whether all of `chassis` are among those granted.
    pub(crate) fn sees_all(&self, chassis: &[u16]) -> bool {
        chassis.iter().all(|index| self.chassis.contains(index))
    }
}
