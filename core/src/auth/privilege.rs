//! Roles and privileges (DSP0266 clause 13, Redfish Privilege Registry 1.8.0): one table, read top to bottom.

use http::Method;

use crate::route::{MediaAction, Route};

/// A privilege of the Redfish service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    /// Log in and read.
    Login,
    /// Change managers and what belongs to them, such as virtual media.
    ConfigureManager,
    /// Change accounts.
    ConfigureUsers,
    /// Change systems and chassis.
    ConfigureComponents,
    /// Change one's own account and session.
    ConfigureSelf,
}

/// A predefined role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Role {
    /// May do everything to what it sees.
    #[default]
    Administrator,
    /// May operate systems.
    Operator,
    /// May look.
    ReadOnly,
}

impl Role {
    /// The privileges that DSP0266 assigns to the role; not more, not fewer.
    pub const fn privileges(self) -> &'static [Privilege] {
        match self {
            Self::Administrator => &[
                Privilege::Login,
                Privilege::ConfigureManager,
                Privilege::ConfigureUsers,
                Privilege::ConfigureComponents,
                Privilege::ConfigureSelf,
            ],
            Self::Operator => &[Privilege::Login, Privilege::ConfigureComponents, Privilege::ConfigureSelf],
            Self::ReadOnly => &[Privilege::Login, Privilege::ConfigureSelf],
        }
    }

    /// Whether the role includes `privilege`.
    pub fn has(self, privilege: Privilege) -> bool {
        self.privileges().contains(&privilege)
    }
}

impl std::str::FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "Administrator" => Ok(Self::Administrator),
            "Operator" => Ok(Self::Operator),
            "ReadOnly" => Ok(Self::ReadOnly),
            _ => Err(()),
        }
    }
}

/// What a request needs: `None` for what anyone may do without logging in.
///
/// Reading needs `Login` everywhere but at the documents that a client needs to find its way. Virtual media belong to
/// the manager by the registry's entity mapping, so an Operator cannot insert them.
pub(crate) fn required(route: &Route<'_>, method: &Method) -> Option<Privilege> {
    let reading = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    match route {
        Route::Versions | Route::ServiceRoot | Route::OData | Route::Metadata if reading => None,
        _ if reading => Some(Privilege::Login),
        Route::Systems
        | Route::System(_)
        | Route::SystemReset(_)
        | Route::Inventory(..)
        | Route::ChassisCollection
        | Route::Chassis(_)
        | Route::ChassisSystems(_)
        // Besides ConfigureManager, which no role has without this one.
        | Route::EventDestinations => Some(Privilege::ConfigureComponents),
        // Enough for one's own; `resources` asks for ConfigureManager where it is another's.
        Route::EventDestination(_) | Route::EventDestinationAction(..) => Some(Privilege::ConfigureSelf),
        Route::VirtualMediaCollection(_)
        | Route::VirtualMedia(..)
        | Route::VirtualMediaAction(_, _, MediaAction::Insert | MediaAction::Eject)
        | Route::Managers
        | Route::Manager(_)
        | Route::EventService
        | Route::EventServiceAction(_)
        | Route::ServerSentEvents
        | Route::ManagerReset(_)
        | Route::NetworkProtocol(_)
        | Route::Catalog(_)
        | Route::TaskService
        | Route::Tasks
        | Route::Task(_)
        | Route::TaskMonitor(_)
        | Route::Versions
        | Route::ServiceRoot
        | Route::OData
        | Route::Metadata => Some(Privilege::ConfigureManager),
    }
}
