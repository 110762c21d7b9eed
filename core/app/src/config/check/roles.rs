//! Roles: those that the file defines, and the one that a user is given.

use std::collections::{BTreeMap, BTreeSet};

use kubevirt_redfish_core::config::{CustomRole, RoleName};
use kubevirt_redfish_core::{Privilege, Privileges, Role};
use serde_saphyr::Spanned;

use super::{Check, describe};
use crate::config::file::RoleEntry;

/// What users may be given without the file defining it, in lower case: the case does not matter there.
const PREDEFINED: [(&str, Role); 3] =
    [("administrator", Role::Administrator), ("operator", Role::Operator), ("readonly", Role::ReadOnly)];

impl Check<'_> {
    /// The roles that the file defines.
    pub(super) fn roles(&mut self, entries: Vec<Spanned<RoleEntry>>) -> Vec<CustomRole> {
        let mut seen = BTreeMap::new();
        let mut roles = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let key = format!("authentication.roles[{index}]");
            let RoleEntry { name, privileges } = entry.value;
            if let Some(first) = seen.insert(name.value.clone(), index) {
                let message = format!("`{}` is already the name of authentication.roles[{first}]", name.value);
                self.refuse(name.referenced, format!("{key}.name"), message);
            }
            let is_predefined = PREDEFINED.iter().any(|(predefined, _)| name.value.eq_ignore_ascii_case(predefined));
            let valid = RoleName::new(&name.value).filter(|_| !is_predefined);
            if valid.is_none() {
                let expected =
                    "expected up to 63 letters, digits, `-`, `_` and `.`, and not the name of a standard role";
                self.refuse(name.referenced, format!("{key}.name"), describe(&name.value, expected));
            }
            let mut set = Vec::new();
            for (index, privilege) in privileges.value.iter().enumerate() {
                if let Some(known) = Privilege::ALL.iter().find(|known| known.name() == privilege.value) {
                    set.push(*known);
                } else {
                    let names: Vec<_> = Privilege::ALL.iter().map(|known| known.name()).collect();
                    let message = describe(&privilege.value, &format!("expected one of {}", names.join(", ")));
                    self.refuse(privilege.referenced, format!("{key}.privileges[{index}]"), message);
                }
            }
            if !set.contains(&Privilege::Login) {
                let message = "without Login: who has this role can do nothing at all";
                self.warn(privileges.referenced, format!("{key}.privileges"), message);
            }
            roles.extend(valid.map(|name| CustomRole { name, privileges: Privileges::of(&set) }));
        }
        roles
    }

    /// The role that a user is given.
    pub(super) fn role(&mut self, role: Option<Spanned<String>>, roles: &[CustomRole], key: &str) -> Role {
        let Some(role) = role else { return Role::Administrator };
        let predefined = PREDEFINED.into_iter().find(|(name, _)| role.value.eq_ignore_ascii_case(name));
        let custom = || {
            let index = roles.iter().position(|known| known.name.as_str() == role.value)?;
            u16::try_from(index).ok().map(Role::Custom)
        };
        predefined.map(|(_, role)| role).or_else(custom).unwrap_or_else(|| {
            let names: BTreeSet<_> = roles.iter().map(|known| known.name.as_str()).collect();
            let mut all: Vec<_> = ["Administrator", "Operator"].into_iter().chain(names).collect();
            all.push("ReadOnly");
            let expected = match all.as_slice() {
                [first @ .., last] => format!("expected {} or {last}", first.join(", ")),
                [] => String::new(),
            };
            self.refuse(role.referenced, format!("{key}.role"), describe(&role.value, &expected));
            Role::ReadOnly
        })
    }
}
