//! Privileges and the roles that are sets of them (DSP0266 clause 13.3).

use super::Config;

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

impl Privilege {
    /// Every privilege, in the order in which roles list them.
    pub const ALL: &'static [Self] =
        &[Self::Login, Self::ConfigureManager, Self::ConfigureUsers, Self::ConfigureComponents, Self::ConfigureSelf];

    /// Its name in Redfish.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "Login",
            Self::ConfigureManager => "ConfigureManager",
            Self::ConfigureUsers => "ConfigureUsers",
            Self::ConfigureComponents => "ConfigureComponents",
            Self::ConfigureSelf => "ConfigureSelf",
        }
    }
}

/// A set of privileges.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Privileges(u8);

impl std::fmt::Debug for Privileges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Privileges {
    /// The set of these.
    pub const fn of(privileges: &[Privilege]) -> Self {
        let mut bits = 0;
        let mut rest = privileges;
        while let [first, others @ ..] = rest {
            bits |= 1 << *first as u8;
            rest = others;
        }
        Self(bits)
    }

    /// Whether `privilege` is among them.
    pub const fn has(self, privilege: Privilege) -> bool {
        self.0 & (1 << privilege as u8) != 0
    }

    /// Whether all of `others` are among them.
    pub const fn include(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// Those of either.
    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of both.
    pub(crate) const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Privilege> {
        Privilege::ALL.iter().copied().filter(move |privilege| self.has(*privilege))
    }
}

/// A role: one of the standard's, or one of the configuration's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Role {
    /// May do everything to what it sees.
    #[default]
    Administrator,
    /// May operate systems.
    Operator,
    /// May look.
    ReadOnly,
    /// The role at this index of [`Config::roles`].
    Custom(u16),
}

impl Role {
    /// The roles that the standard prescribes.
    pub const PREDEFINED: &'static [Self] = &[Self::Administrator, Self::Operator, Self::ReadOnly];

    /// Every role there is under a configuration.
    pub fn all(config: &Config) -> impl Iterator<Item = Self> {
        let custom = (0..config.roles.len()).filter_map(|index| u16::try_from(index).ok()).map(Self::Custom);
        Self::PREDEFINED.iter().copied().chain(custom)
    }

    /// The role of that name.
    pub fn find(name: &str, config: &Config) -> Option<Self> {
        Self::all(config).find(|role| role.name(config) == name)
    }

    /// Its name, which is its `Id`.
    pub fn name(self, config: &Config) -> &str {
        match self {
            Self::Administrator => "Administrator",
            Self::Operator => "Operator",
            Self::ReadOnly => "ReadOnly",
            Self::Custom(index) => config.roles.get(usize::from(index)).map_or("", |role| role.name.as_str()),
        }
    }

    /// Its privileges: what DSP0266 assigns to a predefined role, not more and not fewer; what the configuration says
    /// of another.
    pub fn privileges(self, config: &Config) -> Privileges {
        match self {
            Self::Administrator => Privileges::of(Privilege::ALL),
            Self::Operator => {
                Privileges::of(&[Privilege::Login, Privilege::ConfigureComponents, Privilege::ConfigureSelf])
            }
            Self::ReadOnly => Privileges::of(&[Privilege::Login, Privilege::ConfigureSelf]),
            Self::Custom(index) => {
                config.roles.get(usize::from(index)).map_or_else(Privileges::default, |role| role.privileges)
            }
        }
    }

    /// Whether the standard prescribes it.
    pub const fn is_predefined(self) -> bool {
        !matches!(self, Self::Custom(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = Privileges::of(&[Privilege::Login, Privilege::ConfigureSelf]);
        assert!(set.has(Privilege::Login) && !set.has(Privilege::ConfigureUsers));
        assert!(Privileges::of(Privilege::ALL).include(set) && !set.include(Privileges::of(Privilege::ALL)));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Privilege::Login, Privilege::ConfigureSelf]);
    }
}
