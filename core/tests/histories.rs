//! Random histories of clients, people, guests, faults and restarts over the simulated cluster, and what must be true
//! whatever happens: see `kubevirt_redfish_fixtures::history`.
//!
//! Always the same histories are tried, so that a failure is a matter of the change that brings it. A failure is told
//! with the shortest history that proptest finds, as data that a test of its own can begin with. The example `histories`
//! of the fixtures plays as many others as one likes.

use std::time::Duration;

use kubevirt_redfish_core::model::Slot;
use kubevirt_redfish_fixtures::cluster::KubevirtVersion;
use kubevirt_redfish_fixtures::history::ask::{Ask, Image};
use kubevirt_redfish_fixtures::history::mishap::Denial;
use kubevirt_redfish_fixtures::history::transition::{Edit, GuestAct};
use kubevirt_redfish_fixtures::history::{
    CELL, History, OwnOrder, Setup, Strategy, Transition, play, play_with_record,
};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use proptest::strategy::Strategy as _;
use proptest::test_runner::RngSeed;

/// As many histories as a test can wait for, always the same.
fn histories(cases: u32) -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(4);
    ProptestConfig { cases, rng_seed, max_shrink_time: 60_000, failure_persistence: None, ..ProptestConfig::default() }
}

/// A history of a number of steps. Shrunk to fewer and to simpler ones.
fn history(steps: std::ops::Range<usize>) -> impl proptest::strategy::Strategy<Value = History> {
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

/// Where each of these begins: two machines that are off, on a cluster of the newest release.
const SETUP: Setup = Setup {
    version: KubevirtVersion::V1_9,
    replicas: 1,
    wait_for_first_consumer: false,
    shared_storage: false,
    other_gates: false,
    documents: false,
    importer: true,
    import: Duration::from_secs(4),
    strategies: [Strategy::Run("Halted"); 2],
    orders: [OwnOrder::Disk; 2],
};

fn ask(ask: Ask) -> Transition {
    Transition::Ask { replica: 0, machine: 0, ask, asynchronous: false, conditional: false }
}

fn boot_http() -> Transition {
    ask(Ask::BootHttp { image: Image::Good, enabled: "Once" })
}

fn ends_well(setup: Setup, steps: impl IntoIterator<Item = Transition>) {
    play(&History { setup, steps: steps.into_iter().collect() });
}

/// It stayed in the template as an empty drive.
#[test]
fn the_drive_for_an_http_boot_goes_with_its_image() {
    ends_well(SETUP, [boot_http()]);
}

/// The drive that the service put back was not booted from, and the order not put back in the end.
#[test]
fn a_drive_that_was_taken_away_and_comes_back_is_booted_from() {
    ends_well(SETUP, [boot_http(), Transition::Edit { machine: 0, edit: Edit::RemoveDrives }]);
}

/// The machine was said to be powering on for ever: a start that was taken back counts as one that failed, after which
/// the cluster's summary speaks of another.
#[test]
fn a_machine_whose_start_was_taken_back_is_off() {
    let setup = Setup { strategies: [Strategy::Run("RerunOnFailure"); 2], ..SETUP };
    ends_well(setup, [Transition::Wait(Duration::from_millis(100)), ask(Ask::Reset("ForceOff"))]);
}

/// What is made for a machine that has just gone goes with it, as real clusters have it.
#[test]
fn an_import_for_a_machine_that_has_gone_goes_too() {
    let insert = ask(Ask::Insert { slot: Slot::Cd, image: Image::Good, credentials: false });
    ends_well(SETUP, [insert, Transition::Edit { machine: 0, edit: Edit::Delete }]);
}

/// A power-on waited for ever for the end of a run that had ended: nobody follows a stop that was asked for before the
/// owner chose `Once`.
#[test]
fn a_stop_that_the_owners_choice_has_overtaken_does_not_hold_up_a_start() {
    let setup = Setup { strategies: [Strategy::Run("RerunOnFailure"); 2], ..SETUP };
    let once = Transition::Edit { machine: 0, edit: Edit::Strategy(Strategy::Run("Once")) };
    let ends = Transition::Guest { machine: 0, act: GuestAct::Shutdown };
    ends_well(setup, [Transition::Wait(Duration::from_secs(8)), ask(Ask::Reset("ForceOff")), once, ends]);
}

/// What the owner chose once the stop had been answered was taken for the stop's doing, and what was noted down was put back
/// (`0000fc000000bf009a152d00224d4c6f6729ed00ea150000`).
#[test]
fn a_choice_after_a_stop_was_answered_is_the_owners() {
    let setup = Setup { strategies: [Strategy::Run("Once"); 2], ..SETUP };
    let next = ask(Ask::BootNext("Drive.root"));
    let restart = Transition::Ask {
        replica: 0,
        machine: 0,
        ask: Ask::Reset("ForceRestart"),
        asynchronous: true,
        conditional: false,
    };
    let edit = |edit| Transition::Edit { machine: 0, edit };
    let halt = edit(Edit::Strategy(Strategy::Run("Halted")));
    ends_well(setup, [Transition::Wait(Duration::from_mins(10)), next, restart, edit(Edit::Replace), halt]);
}

/// It was looked at again and again without a pause: on a machine that goes nothing is taken back.
#[test]
fn a_choice_of_the_owner_on_a_machine_that_goes_is_let_be() {
    let setup = Setup { strategies: [Strategy::Running(true), Strategy::Run("Halted")], ..SETUP };
    let delete = Transition::Edit { machine: 0, edit: Edit::Delete };
    let choose = Transition::Edit { machine: 0, edit: Edit::Strategy(Strategy::Run("RerunOnFailure")) };
    ends_well(setup, [ask(Ask::BootNext("Drive.root")), delete, choose]);
}

/// Two replicas did not agree on who is logged in after the right to keep that was taken away and given back
/// (`dc000000f5002e0011008100`).
#[test]
fn replicas_agree_on_sessions_after_the_right_to_keep_them_was_away() {
    let setup = Setup { replicas: 2, documents: true, ..SETUP };
    let log_in =
        |replica| Transition::Ask { replica, machine: 0, ask: Ask::Login, asynchronous: false, conditional: false };
    let wait = Transition::Wait(Duration::from_secs(5));
    for steps in [
        vec![Transition::Deny(Denial::Secrets), log_in(0)],
        vec![log_in(0), wait.clone(), Transition::Deny(Denial::Secrets), log_in(0), log_in(1), Transition::Restart(1)],
        vec![
            Transition::Deny(Denial::Secrets),
            Transition::Restart(1),
            wait,
            log_in(1),
            log_in(0),
            Transition::Kill(0),
        ],
    ] {
        ends_well(setup, steps);
    }
}

/// A machine waited for ever for a copy of an image that was being removed: another machine still ran on it, had given it
/// back, and this one had been given a new import of the same name.
#[test]
fn an_image_that_is_being_removed_is_done_without() {
    let shared = Setup {
        replicas: 2,
        wait_for_first_consumer: true,
        other_gates: true,
        shared_storage: true,
        strategies: [Strategy::Run("Once"), Strategy::Run("Halted")],
        orders: [OwnOrder::None, OwnOrder::Disk],
        ..SETUP
    };
    let insert = |machine, image| {
        let ask = Ask::Insert { slot: Slot::Usb, image, credentials: false };
        Transition::Ask { replica: machine, machine, ask, asynchronous: false, conditional: false }
    };
    let steps = [
        insert(0, Image::Registry),
        Transition::Wait(Duration::from_mins(10)),
        insert(0, Image::Missing),
        Transition::Wait(Duration::from_millis(8_001)),
        insert(1, Image::Registry),
    ];
    ends_well(shared, steps);
}
