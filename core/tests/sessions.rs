//! Sessions: that they end for good, and who has room for how many.
//!
//! L10 (a session that lived again when the clock went back), and sessions of one that kept others from logging in.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use kubevirt_redfish_core::Role;
use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::Namespace;
use kubevirt_redfish_fixtures::cluster::{ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::laboratory::{self, account, chassis, ready};
use kubevirt_redfish_fixtures::world::World;
use serde_json::{Value, json};

const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
const CHASSIS: &str = "/redfish/v1/Chassis";
const HOUR: i64 = 3_600;

/// Two tenants and who sees both; `one-a` and `one-b` are of the same tenant.
fn started(replicas: usize) -> World {
    let accounts = [("one-a", "one"), ("one-b", "one"), ("two", "two"), ("three", "three")];
    let accounts = accounts.map(|(name, chassis)| account(name, Role::Administrator, &[chassis]));
    let config = Config {
        chassis: ["one", "two", "three"].map(|name| chassis(name, "lab")).to_vec(),
        accounts: accounts.to_vec(),
        ..Config::default()
    };
    let settings = Settings { own_namespace: Namespace::new("kubevirt-redfish"), ..Settings::default() };
    let mut world = World::new(ClusterConfig::new(KubevirtVersion::V1_9), config, settings);
    for _ in 0..replicas {
        laboratory::start(&mut world);
    }
    world
}

fn log_in(world: &mut World, replica: usize, name: &str) -> Response<Bytes> {
    let body = json!({ "UserName": name, "Password": "secret" });
    world.send(replica, Request::post(SESSIONS).body(Bytes::from(body.to_string())).unwrap()).expect("an answer")
}

fn opened(world: &mut World, replica: usize, name: &str) -> String {
    let response = log_in(world, replica, name);
    assert_eq!(response.status(), StatusCode::CREATED, "{name} {response:?}");
    response.headers()["x-auth-token"].to_str().unwrap().to_owned()
}

/// Opens that many sessions, many at a time; how many were not opened.
fn open_many(world: &mut World, count: usize, body: impl Fn(usize) -> Value) -> usize {
    let mut refused = 0;
    for first in (0..count).step_by(100) {
        let ids: Vec<_> = (first..count.min(first + 100))
            .map(|number| {
                let request = Request::post(SESSIONS).body(Bytes::from(body(number).to_string())).unwrap();
                world.begin(0, request)
            })
            .collect();
        for id in ids {
            world.run_until(Duration::from_secs(30), |world| world.is_answered(id));
            refused += usize::from(world.response(id).unwrap().status() == StatusCode::SERVICE_UNAVAILABLE);
        }
    }
    refused
}

fn status(world: &mut World, replica: usize, token: &str) -> StatusCode {
    let request = Request::get(CHASSIS).header("x-auth-token", token).body(Bytes::new()).unwrap();
    world.send(replica, request).expect("an answer").status()
}

fn count(world: &mut World, replica: usize, name: &str) -> Value {
    let credentials = BASE64_STANDARD.encode(format!("{name}:secret"));
    let request = Request::get(SESSIONS).header("authorization", format!("Basic {credentials}"));
    let response = world.send(replica, request.body(Bytes::new()).unwrap()).expect("an answer");
    serde_json::from_slice::<Value>(response.body()).unwrap()["Members@odata.count"].clone()
}

/// L10: what has ended stays so, whatever becomes of the clock.
#[test]
fn an_expired_session_does_not_live_again_when_the_clock_goes_back() {
    for back in [HOUR, 24 * HOUR, 365 * 24 * HOUR] {
        let world = &mut started(2);
        let token = opened(world, 0, "two");
        world.advance(Duration::from_secs(1_801));
        for replica in [0, 1] {
            assert_eq!(status(world, replica, &token), StatusCode::UNAUTHORIZED);
        }
        world.set_clocks_ahead(-back);
        for _ in 0..100 {
            for replica in [0, 1] {
                assert_eq!(status(world, replica, &token), StatusCode::UNAUTHORIZED, "{back}");
                assert_eq!(count(world, replica, "two"), 0);
            }
            world.advance(Duration::from_mins(1));
        }
    }
}

/// To the second in which it was opened, when a replica takes tokens that it has not seen entered.
#[test]
fn a_clock_that_is_set_to_when_it_was_opened_does_not_bring_it_back() {
    let world = &mut started(1);
    let token = opened(world, 0, "two");
    world.advance(Duration::from_mins(100));
    assert_eq!(status(world, 0, &token), StatusCode::UNAUTHORIZED);
    world.set_clocks_ahead(-6_000);
    assert_eq!(status(world, 0, &token), StatusCode::UNAUTHORIZED);
}

#[test]
fn a_session_lasts_as_long_as_it_is_used_though_the_clock_goes_back() {
    let world = &mut started(2);
    let token = opened(world, 0, "two");
    for hour in 0..6 {
        world.set_clocks_ahead(-hour * HOUR);
        world.advance(Duration::from_mins(20));
        assert_eq!(status(world, 0, &token), StatusCode::OK, "{hour}");
    }
    world.advance(Duration::from_secs(1_801));
    assert_eq!(status(world, 0, &token), StatusCode::UNAUTHORIZED, "and no longer");
}

/// As good as can be without a clock: it does not last for longer than a session that begins now.
#[test]
fn after_a_restart_a_session_from_the_future_ends_in_time() {
    let world = &mut started(1);
    world.set_clocks_ahead(10 * HOUR);
    world.restart(0);
    ready(world, 0);
    let token = opened(world, 0, "two");
    world.advance(Duration::from_mins(10));
    assert_eq!(status(world, 0, &token), StatusCode::OK);
    world.set_clocks_ahead(0);
    world.restart(0);
    ready(world, 0);
    assert_eq!(status(world, 0, &token), StatusCode::OK);
    world.advance(Duration::from_mins(20));
    world.restart(0);
    ready(world, 0);
    world.advance(Duration::from_mins(29));
    assert_eq!(status(world, 0, &token), StatusCode::UNAUTHORIZED, "it was noted how long it was not used");
}

/// A neighbour of L10: a lock that lasted until the clock was where it had been.
#[test]
fn a_lock_lasts_no_longer_when_the_clock_goes_back() {
    let world = &mut started(2);
    for number in 0..10 {
        let credentials = BASE64_STANDARD.encode("two:wrong");
        let request = Request::get(CHASSIS).header("authorization", format!("Basic {credentials}"));
        let id = world.begin_from(0, [10, 0, 0, number].into(), request.body(Bytes::new()).unwrap());
        world.run_until(Duration::from_secs(5), |world| world.is_answered(id));
    }
    world.advance(Duration::from_secs(5));
    assert_eq!(log_in(world, 0, "two").status(), StatusCode::UNAUTHORIZED);
    world.set_clocks_ahead(-HOUR);
    world.restart(1);
    ready(world, 1);
    world.advance(Duration::from_mins(1));
    for replica in [0, 1] {
        assert_eq!(log_in(world, replica, "two").status(), StatusCode::CREATED, "{replica}");
    }
}

/// P30: a client that opens sessions and never closes them can always log in, and costs nobody else a session.
#[test]
fn who_never_logs_out_loses_the_session_that_was_not_used_for_longest() {
    let world = &mut started(1);
    let used = opened(world, 0, "one-a");
    let first = opened(world, 0, "one-a");
    let other = opened(world, 0, "one-b");
    // In a second, which is no leak but too many.
    assert_eq!(open_many(world, 254, |_| json!({ "UserName": "one-a", "Password": "secret" })), 0);
    let refused = log_in(world, 0, "one-a");
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE, "each of them may be in use");
    assert!(refused.headers().contains_key("retry-after"));
    world.advance(Duration::from_mins(10));
    assert_eq!(status(world, 0, &used), StatusCode::OK);
    world.advance(Duration::from_mins(5));
    assert_eq!(status(world, 0, &used), StatusCode::OK);
    assert_eq!(open_many(world, 50, |_| json!({ "UserName": "one-a", "Password": "secret" })), 0);
    assert_eq!(status(world, 0, &first), StatusCode::UNAUTHORIZED);
    for token in [&used, &other] {
        assert_eq!(status(world, 0, token), StatusCode::OK);
    }
}
