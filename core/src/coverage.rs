//! How much of the cluster is known: for each chassis whether its systems have been listed, since when they have not been
//! seen, and which rights are missing.
//!
//! It belongs to the chassis and not to their systems: when the cluster goes out of sight, no record changes, and what was
//! rendered of systems stays valid for when they are seen again.

use std::sync::Arc;

use crate::model::Severity;
use crate::time::UnixTime;

/// What is known of the systems of all chassis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// In the order of the configuration.
    parts: Arc<[Part]>,
}

/// What is known of the systems of a chassis, which are those of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Everything has been listed once: before that, absence means nothing.
    pub(crate) listed: bool,
    /// How old it is what is shown.
    pub(crate) age: Age,
    /// Why it is not listed, or what of it is not shown.
    pub(crate) gap: Option<Gap>,
}

/// How old it is what is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Age {
    /// What the cluster shows is shown.
    #[default]
    Current,
    /// It may be out of date: the cluster has not been seen since then.
    Outdated(UnixTime),
    /// The same for so long that whether a machine runs is not known.
    Unknown(UnixTime),
}

/// Why something is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gap {
    /// The service lacks rights in the namespace.
    Withheld {
        /// What it may not do, such as `list virtualmachines`.
        rights: Arc<str>,
        /// Nothing can be told of machines without.
        machines: bool,
    },
    /// The cluster has not shown it since the service began, and other namespaces are not to wait for it.
    Unreachable,
}

/// Whether something that is made of many systems can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// As much of it as will be known for now.
    Ready,
    /// Not yet.
    Awaited,
    /// None of it, because of the gap in the chassis of that index.
    Nothing(u16),
}

impl Coverage {
    /// Nothing has been listed.
    pub(crate) fn nothing(chassis: usize) -> Self {
        Self { parts: vec![Part::default(); chassis].into() }
    }

    pub(crate) fn of(&self, chassis: u16) -> Option<&Part> {
        self.parts.get(usize::from(chassis))
    }

    /// The chassis, with what is known of each.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (u16, &Part)> {
        (0..).zip(self.parts.iter())
    }

    /// Whether all that will be known for now of any chassis is known, and it is not nothing.
    pub(crate) fn is_settled(&self) -> bool {
        let nothing = self.parts.is_empty() || self.parts.iter().any(|part| part.listed);
        nothing && self.parts.iter().all(Part::is_settled)
    }

    /// Whether what is made of all systems of some chassis can be told. A namespace that cannot be listed is no reason
    /// to keep others from anybody.
    pub(crate) fn readiness(&self, chassis: &[u16]) -> Readiness {
        let mut nothing = None;
        let mut listed = chassis.is_empty();
        for index in chassis {
            match self.of(*index) {
                Some(part) if part.listed => listed = true,
                Some(Part { gap: Some(_), .. }) => nothing = nothing.or(Some(*index)),
                Some(_) | None => return Readiness::Awaited,
            }
        }
        match nothing {
            Some(gap) if !listed => Readiness::Nothing(gap),
            Some(_) | None => Readiness::Ready,
        }
    }
}

impl From<Vec<Part>> for Coverage {
    fn from(parts: Vec<Part>) -> Self {
        Self { parts: parts.into() }
    }
}

impl Part {
    /// Whether there is nothing to wait for.
    pub(crate) fn is_settled(&self) -> bool {
        self.listed || self.gap.is_some()
    }

    /// How well the chassis is.
    pub(crate) fn severity(&self) -> Option<Severity> {
        match (&self.gap, self.age) {
            (Some(Gap::Unreachable | Gap::Withheld { machines: true, .. }), _) | (_, Age::Unknown(_)) => {
                Some(Severity::Critical)
            }
            (Some(Gap::Withheld { machines: false, .. }), _) | (_, Age::Outdated(_)) => Some(Severity::Warning),
            (None, Age::Current) => None,
        }
    }
}

impl Age {
    /// Since when it has not been seen, if what is shown may be out of date.
    pub(crate) fn since(self) -> Option<UnixTime> {
        match self {
            Self::Current => None,
            Self::Outdated(since) | Self::Unknown(since) => Some(since),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(listed: bool, gap: Option<Gap>) -> Part {
        Part { listed, gap, ..Part::default() }
    }

    /// D3: what cannot be seen holds up only what cannot be told without it.
    #[test]
    fn a_gap_is_waited_for_by_nobody() {
        let withheld = || Some(Gap::Withheld { rights: "list virtualmachines".into(), machines: true });
        let coverage = Coverage::from(vec![part(true, None), part(false, withheld()), part(false, None)]);
        let readiness = |chassis: &[u16]| coverage.readiness(chassis);
        assert_eq!(readiness(&[0]), Readiness::Ready);
        assert_eq!(readiness(&[0, 1]), Readiness::Ready);
        assert_eq!(readiness(&[1]), Readiness::Nothing(1));
        assert_eq!(readiness(&[0, 2]), Readiness::Awaited);
        assert_eq!(readiness(&[1, 2]), Readiness::Awaited);
        assert_eq!(readiness(&[]), Readiness::Ready);
        assert!(!coverage.is_settled());
        assert!(Coverage::from(vec![part(true, None), part(false, withheld())]).is_settled());
        // Then nothing at all can be told.
        assert!(!Coverage::from(vec![part(false, withheld())]).is_settled());
    }
}
