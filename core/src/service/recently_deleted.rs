//! What is known to be gone, and as of which version: an older reading that arrives late must not bring it back.

use std::collections::{BTreeMap, VecDeque};

use crate::model::Version;

/// Versions of what is gone, of the latest so many.
#[derive(Debug)]
pub(super) struct RecentlyDeleted<K> {
    versions: BTreeMap<K, Version>,
    order: VecDeque<K>,
}

impl<K> Default for RecentlyDeleted<K> {
    fn default() -> Self {
        Self { versions: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<K: Ord + Clone> RecentlyDeleted<K> {
    /// `key` is gone. A complete listing says so without a version; then everything that was known is out of date.
    pub(super) fn bury(&mut self, key: &K, gone: Version, known: Version) {
        let version = if gone == Version::LATEST { known } else { gone.max(known) };
        if self.versions.insert(key.clone(), version).is_none() {
            self.order.push_back(key.clone());
        }
        if self.order.len() > MAX_TOMBSTONES
            && let Some(oldest) = self.order.pop_front()
        {
            self.versions.remove(&oldest);
        }
    }

    /// Whether a reading is from before it went. A version of zero cannot be compared and counts as new.
    pub(super) fn covers(&self, key: &K, version: Version) -> bool {
        version != Version::default() && self.versions.get(key).is_some_and(|gone| version <= *gone)
    }
}

/// Late readings come from commands that were under way: there are never more of those.
const MAX_TOMBSTONES: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_stays_buried() {
        let mut recently_deleted = RecentlyDeleted::default();
        recently_deleted.bury(&"a", Version(11), Version(10));
        recently_deleted.bury(&"b", Version::LATEST, Version(10));
        assert!(recently_deleted.covers(&"a", Version(11)) && !recently_deleted.covers(&"a", Version(12)));
        assert!(recently_deleted.covers(&"b", Version(10)) && !recently_deleted.covers(&"b", Version(11)));
        assert!(!recently_deleted.covers(&"c", Version(1)) && !recently_deleted.covers(&"a", Version(0)));
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let mut recently_deleted = RecentlyDeleted::default();
        for number in 0..MAX_TOMBSTONES + 100 {
            recently_deleted.bury(&number, Version(1), Version(1));
        }
        assert_eq!(recently_deleted.versions.len(), MAX_TOMBSTONES);
        assert!(!recently_deleted.covers(&0, Version(1)));
    }
}
