//! Places that are few, for parties that are many: each party waits in a line of its own, and the lines are served in turn.

use std::collections::{BTreeMap, VecDeque};

/// How many places there are, and how many may wait for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Places in all.
    pub places: usize,
    /// Places of one party at most. However many that is, a party takes another place only while it has fewer than are
    /// free: one that wants all gets half, of two each gets a third, and there is always one left for who comes next.
    pub places_of_one: usize,
    /// How many may wait in all.
    pub waiting: usize,
    /// How many of one party may wait at most; by the same rule as for places.
    pub waiting_of_one: usize,
    /// How much may be held in all of what was made in these places.
    pub held: usize,
    /// How much of one party's may be held: beyond that, or when that is more than is left, the party takes no other place.
    pub held_of_one: usize,
}

impl Bounds {
    /// So many places, of which one party has half at most, and as many that wait.
    pub const fn of(places: usize, waiting: usize) -> Self {
        let (held, held_of_one) = (usize::MAX, usize::MAX);
        Self { places, places_of_one: places, waiting, waiting_of_one: waiting, held, held_of_one }
    }
}

/// Who has a place, who waits for one, and who is next.
///
/// ```text
///   wait ──▶ in the party's line ──admit─▶ has a place ──give_back──▶ gone
///     │                                        ▲
///     └─▶ refused: the line is full            └── try_take, without waiting
/// ```
#[derive(Debug)]
pub struct Turns<K, T> {
    bounds: Bounds,
    taken: BTreeMap<K, usize>,
    taken_in_all: usize,
    lines: BTreeMap<K, VecDeque<T>>,
    waiting_in_all: usize,
    /// The parties that wait; the one whose turn it is comes first.
    order: VecDeque<K>,
    held: BTreeMap<K, usize>,
    held_in_all: usize,
}

impl<K: Ord + Clone, T> Turns<K, T> {
    /// Nobody has a place or waits for one.
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            taken: BTreeMap::new(),
            taken_in_all: 0,
            lines: BTreeMap::new(),
            waiting_in_all: 0,
            order: VecDeque::new(),
            held: BTreeMap::new(),
            held_in_all: 0,
        }
    }

    /// Takes a place at once, if the party may have one and none of its own waits for it; whether it did.
    pub fn try_take(&mut self, party: &K) -> bool {
        let may = !self.lines.contains_key(party) && self.may_take(party);
        if may {
            self.take(party);
        }
        may
    }

    /// Lets somebody wait for a place; who they are is given back if as many wait as may.
    pub fn wait(&mut self, party: &K, who: T) -> Result<(), T> {
        let Bounds { waiting, waiting_of_one, .. } = self.bounds;
        let own = self.lines.get(party).map_or(0, VecDeque::len);
        if own >= waiting_of_one || own >= waiting.saturating_sub(self.waiting_in_all) {
            return Err(who);
        }
        if own == 0 {
            self.order.push_back(party.clone());
        }
        self.lines.entry(party.clone()).or_default().push_back(who);
        self.waiting_in_all += 1;
        Ok(())
    }

    /// The next who has a place now. Ask until there is none, after every [`wait`](Self::wait) and every
    /// [`give_back`](Self::give_back).
    #[must_use]
    pub fn admit(&mut self) -> Option<(K, T)> {
        self.admit_of(|_| true)
    }

    /// The same, passing over those who may not have one for another reason.
    #[must_use]
    pub fn admit_of(&mut self, may: impl Fn(&T) -> bool) -> Option<(K, T)> {
        let first = |party: &K| self.lines.get(party).and_then(|line| line.iter().position(&may));
        let open = |party: &K| if self.may_take(party) { first(party) } else { None };
        let (turn, index) = self.order.iter().enumerate().find_map(|(turn, party)| Some((turn, open(party)?)))?;
        let party = self.order.remove(turn)?;
        let line = self.lines.get_mut(&party)?;
        let who = line.remove(index)?;
        self.waiting_in_all -= 1;
        if line.is_empty() {
            self.lines.remove(&party);
        } else {
            self.order.push_back(party.clone());
        }
        self.take(&party);
        Some((party, who))
    }

    /// A place of a party is free again.
    pub fn give_back(&mut self, party: &K) {
        if let Some(taken) = self.taken.get_mut(party) {
            *taken -= 1;
            self.taken_in_all -= 1;
            if *taken == 0 {
                self.taken.remove(party);
            }
        }
    }

    /// So much more is held of what a party had made.
    pub fn hold(&mut self, party: &K, amount: usize) {
        *self.held.entry(party.clone()).or_default() += amount;
        self.held_in_all += amount;
    }

    /// So much of it is not held any more.
    pub fn let_go(&mut self, party: &K, amount: usize) {
        if let Some(held) = self.held.get_mut(party) {
            let amount = amount.min(*held);
            *held -= amount;
            self.held_in_all -= amount;
            if *held == 0 {
                self.held.remove(party);
            }
        }
    }

    /// Lets those go who do not want to wait any more.
    pub fn withdraw(&mut self, party: &K, is_gone: impl Fn(&T) -> bool) {
        let Some(line) = self.lines.get_mut(party) else { return };
        let before = line.len();
        line.retain(|who| !is_gone(who));
        self.waiting_in_all -= before - line.len();
        if line.is_empty() {
            self.lines.remove(party);
            self.order.retain(|waiting| waiting != party);
        }
    }

    /// How many places are taken.
    pub fn taken(&self) -> usize {
        self.taken_in_all
    }

    /// How many places a party has.
    pub fn taken_by(&self, party: &K) -> usize {
        self.taken.get(party).copied().unwrap_or_default()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting_in_all
    }

    fn may_take(&self, party: &K) -> bool {
        let Bounds { places, places_of_one, held, held_of_one, .. } = self.bounds;
        let free = places.saturating_sub(self.taken_in_all);
        let held_by = self.held.get(party).copied().unwrap_or_default();
        let left = held.saturating_sub(self.held_in_all);
        self.taken_by(party) < free.min(places_of_one) && held_by < left.min(held_of_one)
    }

    fn take(&mut self, party: &K) {
        *self.taken.entry(party.clone()).or_default() += 1;
        self.taken_in_all += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all<K: Ord + Clone, T>(turns: &mut Turns<K, T>) -> Vec<(K, T)> {
        std::iter::from_fn(|| turns.admit()).collect()
    }

    /// H3, D18: who wants everything leaves as much as they have, however much they ask for.
    #[test]
    fn one_that_wants_all_leaves_places_for_others() {
        let mut turns = Turns::new(Bounds::of(64, 4_096));
        for number in 0..1_000 {
            turns.wait(&"hog", number).unwrap();
        }
        assert_eq!(all(&mut turns).len(), 32);
        turns.wait(&"other", 0).unwrap();
        assert_eq!(all(&mut turns), [("other", 0)], "though a thousand came before");
        for number in 1..1_000 {
            turns.wait(&"other", number).unwrap();
        }
        all(&mut turns);
        assert_eq!((turns.taken_by(&"hog"), turns.taken_by(&"other")), (32, 16), "what is taken is not taken away");
        for _ in 0..32 {
            turns.give_back(&"hog");
            all(&mut turns);
        }
        let (hog, other) = (turns.taken_by(&"hog"), turns.taken_by(&"other"));
        assert!(hog.abs_diff(other) <= 1 && hog + other < 64, "{hog} {other}");
    }

    #[test]
    fn lines_are_served_in_turn_and_each_in_its_order() {
        let mut turns = Turns::new(Bounds { places_of_one: 1, ..Bounds::of(2, 100) });
        for number in 0..3 {
            for party in ["a", "b", "c"] {
                turns.wait(&party, number).unwrap();
            }
        }
        let mut served = Vec::new();
        while turns.waiting() > 0 {
            let begun = all(&mut turns);
            served.extend(begun.iter().copied());
            for (party, _) in &begun {
                turns.give_back(party);
            }
        }
        let expected: Vec<_> = (0..3).flat_map(|number| ["a", "b", "c"].map(|party| (party, number))).collect();
        assert_eq!(served, expected);
    }

    #[test]
    fn one_place_is_a_place_for_everybody() {
        let mut turns = Turns::<_, ()>::new(Bounds::of(1, 16));
        assert!(turns.try_take(&"a") && !turns.try_take(&"a") && !turns.try_take(&"b"));
        turns.give_back(&"a");
        assert!(turns.try_take(&"b"));
    }

    #[test]
    fn who_waits_is_not_overtaken_by_their_own() {
        let mut turns = Turns::new(Bounds::of(2, 16));
        assert!(turns.try_take(&"a"));
        turns.wait(&"a", 1).unwrap();
        assert!(!turns.try_take(&"a"));
        turns.give_back(&"a");
        assert!(!turns.try_take(&"a"), "the other was first");
        assert_eq!(turns.admit(), Some(("a", 1)));
    }

    #[test]
    fn a_line_has_an_end_and_leaves_room_for_others() {
        let mut turns = Turns::new(Bounds::of(0, 8));
        let waiting = (0..100).filter(|number| turns.wait(&"hog", *number).is_ok()).count();
        assert_eq!(waiting, 4);
        assert_eq!(turns.wait(&"other", 7), Ok(()));
        turns.withdraw(&"hog", |number| number % 2 == 0);
        assert_eq!(turns.waiting(), 3);
        turns.withdraw(&"hog", |_| true);
        assert_eq!((turns.waiting(), turns.order.len(), turns.lines.len()), (1, 1, 1));
    }

    #[test]
    fn who_may_not_is_passed_over_and_keeps_their_turn() {
        let mut turns = Turns::new(Bounds::of(9, 16));
        for (party, who) in [("a", 1), ("a", 2), ("b", 3)] {
            turns.wait(&party, who).unwrap();
        }
        assert_eq!(turns.admit_of(|who| *who > 2), Some(("b", 3)));
        assert_eq!(turns.admit_of(|who| *who > 1), Some(("a", 2)));
        assert_eq!((turns.admit_of(|who| *who > 1), turns.admit()), (None, Some(("a", 1))));
    }

    #[test]
    fn who_holds_too_much_waits_until_it_is_let_go() {
        let mut turns = Turns::new(Bounds { held: 100, held_of_one: 60, ..Bounds::of(8, 16) });
        turns.hold(&"a", 60);
        for party in ["a", "b", "c"] {
            turns.wait(&party, ()).unwrap();
        }
        assert_eq!(all(&mut turns), [("b", ()), ("c", ())]);
        turns.hold(&"b", 40);
        turns.wait(&"c", ()).unwrap();
        assert_eq!(turns.admit(), None, "there is no room for anybody");
        turns.let_go(&"a", 40);
        assert_eq!(all(&mut turns), [("a", ()), ("c", ())]);
        turns.let_go(&"a", 20);
        turns.let_go(&"b", 1_000);
        assert_eq!((turns.held.len(), turns.held_in_all), (0, 0));
    }

    #[derive(Clone, Debug)]
    enum Event {
        Wait(u8),
        TryTake(u8),
        GiveBack(u8),
        Withdraw(u8, u64),
    }

    fn event() -> impl Strategy<Value = Event> {
        let party = 0..6_u8;
        prop_oneof![
            4 => party.clone().prop_map(Event::Wait),
            1 => party.clone().prop_map(Event::TryTake),
            3 => party.clone().prop_map(Event::GiveBack),
            1 => (party, any::<u64>()).prop_map(|(party, mask)| Event::Withdraw(party, mask)),
        ]
    }

    proptest! {
        /// Whatever happens: no more places and no longer lines than there may be, nobody is lost or served twice, and who
        /// has nothing and waits is not kept waiting while a place is free.
        #[test]
        fn nobody_is_lost_and_nothing_exceeds_its_bound(
            events in proptest::collection::vec(event(), 0..200),
            places in 1..9_usize,
            waiting in 0..20_usize,
        ) {
            let mut turns = Turns::new(Bounds::of(places, waiting));
            let (mut number, mut has, mut waits) = (0_u64, [0_usize; 6], [0_usize; 6]);
            for event in events {
                match event {
                    Event::Wait(party) => {
                        number += 1;
                        if turns.wait(&party, number).is_ok() {
                            waits[usize::from(party)] += 1;
                        }
                    }
                    Event::TryTake(party) => has[usize::from(party)] += usize::from(turns.try_take(&party)),
                    Event::GiveBack(party) => {
                        turns.give_back(&party);
                        has[usize::from(party)] = has[usize::from(party)].saturating_sub(1);
                    }
                    Event::Withdraw(party, mask) => {
                        let before = turns.waiting();
                        turns.withdraw(&party, |number| mask >> (number % 64) & 1 == 1);
                        waits[usize::from(party)] -= before - turns.waiting();
                    }
                }
                while let Some((party, _)) = turns.admit() {
                    has[usize::from(party)] += 1;
                    waits[usize::from(party)] -= 1;
                }
                prop_assert_eq!(turns.taken(), has.iter().sum::<usize>());
                prop_assert_eq!(turns.waiting(), waits.iter().sum::<usize>());
                prop_assert!(turns.taken() <= places && turns.waiting() <= waiting);
                for party in 0..6_u8 {
                    let index = usize::from(party);
                    prop_assert_eq!(turns.taken_by(&party), has[index]);
                    prop_assert!(has[index] > 0 || waits[index] == 0 || turns.taken() == places);
                }
            }
        }
    }
}
