//! Random histories of clients, people, guests, faults and restarts over the simulated cluster, and what must be true
//! whatever happens: see `kubevirt_redfish_fixtures::history`.
//!
//! Always the same histories are tried, so that a failure is a matter of the change that brings it. A failure is told
//! with the shortest history that proptest finds, as data that a test of its own can begin with. The example `histories`
//! of the fixtures plays as many others as one likes.

use kubevirt_redfish_fixtures::history::{CELL, History, play, play_with_record};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// As many histories as a test can wait for, always the same.
fn histories(cases: u32) -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(4);
    ProptestConfig { cases, rng_seed, max_shrink_time: 60_000, failure_persistence: None, ..ProptestConfig::default() }
}

/// A history of a number of steps. Shrunk to fewer and to simpler ones.
fn history(steps: std::ops::Range<usize>) -> impl Strategy<Value = History> {
    let setup = any::<[u8; CELL]>();
    (setup, vec(any::<[u8; CELL]>(), steps))
        .prop_map(|(setup, cells)| History::from_bytes(&[setup.as_slice(), cells.as_flattened()].concat()))
}

proptest! {
    #![proptest_config(histories(60))]

    #[test]
    fn short_histories_end_well(history in history(1..12)) {
        play(&history);
    }
}

proptest! {
    #![proptest_config(histories(20))]

    #[test]
    fn histories_end_well(history in history(8..30)) {
        play(&history);
    }
}

proptest! {
    #![proptest_config(histories(3))]

    #[test]
    fn long_histories_end_well(history in history(30..80)) {
        play(&history);
    }
}

proptest! {
    #![proptest_config(histories(5))]

    #[test]
    fn equal_histories_are_told_in_equal_words(history in history(1..40)) {
        let (one, another) = (play_with_record(&history), play_with_record(&history));
        prop_assert!(one.record == another.record);
    }
}
