//! Which systems are in which chassis, so that those that somebody sees can be counted and walked in the order of their
//! ids without a look at each.
//!
//! Systems are kept in groups: all that are in exactly the same chassis are in one. Groups do not overlap, so what
//! several chassis have in them together is as many as their groups have, and there are about as many groups as chassis.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Bound;
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};

use crate::model::VmId;

/// The systems of all chassis.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    /// By the chassis that a group is in: indices into [`Config::chassis`](crate::config::Config), ascending.
    groups: RedBlackTreeMapSync<Arc<[u16]>, RedBlackTreeSetSync<VmId>>,
}

impl Membership {
    /// Nothing in any chassis.
    pub(crate) fn new() -> Self {
        Self { groups: RedBlackTreeMapSync::new_sync() }
    }

    /// Takes a system out of the chassis `before` and puts it into those of `after`. None at all means that it is not
    /// shown.
    pub(crate) fn relocate(&mut self, id: &VmId, before: &[u16], after: &[u16]) {
        if let Some(group) = self.groups.get(before) {
            let rest = group.remove(id);
            if rest.is_empty() {
                self.groups.remove_mut(before);
            } else {
                self.groups.insert_mut(before.into(), rest);
            }
        }
        if !after.is_empty() {
            let group = self
                .groups
                .get(after)
                .map_or_else(|| RedBlackTreeSetSync::new_sync().insert(id.clone()), |group| group.insert(id.clone()));
            self.groups.insert_mut(after.into(), group);
        }
    }

    /// The systems that are in any of these chassis.
    pub(crate) fn of(&self, chassis: &[u16]) -> Members<'_> {
        let groups = self.groups.iter().filter(|(indices, _)| indices.iter().any(|index| chassis.contains(index)));
        Members { groups: groups.map(|(_, group)| group).collect() }
    }
}

/// Systems in the order of their ids, each once.
#[derive(Debug)]
pub(crate) struct Members<'a> {
    groups: Vec<&'a RedBlackTreeSetSync<VmId>>,
}

impl<'a> Members<'a> {
    /// How many they are.
    pub(crate) fn count(&self) -> usize {
        self.groups.iter().map(|group| group.size()).sum()
    }

    /// Their ids, from the first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &'a VmId> + use<'a> {
        self.walk(Bound::Unbounded)
    }

    /// Their ids, from the first that comes after `id`, which need not be one of them.
    pub(crate) fn ids_after<'b>(&self, id: &'b str) -> impl Iterator<Item = &'a VmId> + use<'a, 'b> {
        self.walk(Bound::Excluded(id))
    }

    fn walk<'b>(&self, start: Bound<&'b str>) -> impl Iterator<Item = &'a VmId> + use<'a, 'b> {
        let mut groups: Vec<_> =
            self.groups.iter().map(|group| group.range::<str, _>((start, Bound::Unbounded))).collect();
        let mut next: BinaryHeap<_> =
            groups.iter_mut().enumerate().filter_map(|(index, group)| Some(Reverse((group.next()?, index)))).collect();
        std::iter::from_fn(move || {
            let Reverse((id, index)) = next.pop()?;
            if let Some(following) = groups.get_mut(index).and_then(Iterator::next) {
                next.push(Reverse((following, index)));
            }
            Some(id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    fn id(number: u8) -> VmId {
        VmId::new("lab", &format!("node-{number:03}")).expect("a name")
    }

    proptest! {
        #[test]
        fn members_are_those_of_any_of_the_chassis_in_order(
            moves in proptest::collection::vec((0..20_u8, proptest::collection::btree_set(0..4_u16, 0..3)), 0..60),
            seen in proptest::collection::btree_set(0..5_u16, 0..4),
            after in 0..21_u8,
        ) {
            let mut membership = Membership::new();
            let mut model = BTreeMap::<VmId, BTreeSet<u16>>::new();
            for (number, chassis) in moves {
                let before: Vec<u16> = model.get(&id(number)).into_iter().flatten().copied().collect();
                let indices: Vec<u16> = chassis.iter().copied().collect();
                membership.relocate(&id(number), &before, &indices);
                model.insert(id(number), chassis);
            }
            let expected: Vec<&VmId> =
                model.iter().filter(|(_, chassis)| !chassis.is_disjoint(&seen)).map(|(id, _)| id).collect();
            let indices: Vec<u16> = seen.into_iter().collect();
            let members = membership.of(&indices);
            prop_assert_eq!(members.count(), expected.len());
            prop_assert_eq!(&members.ids().collect::<Vec<_>>(), &expected);
            let start = id(after);
            let rest: Vec<&VmId> = expected.into_iter().filter(|id| **id > start).collect();
            prop_assert_eq!(members.ids_after(start.as_str()).collect::<Vec<_>>(), rest);
        }
    }
}
