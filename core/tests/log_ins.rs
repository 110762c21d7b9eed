//! Guessing passwords, in virtual time: what an attempt counts, who waits for whom, and whom it does not touch.
//!
//! D6 and H1 (limits that parallel requests passed by), D10 and M1 (guesses that shut others out).

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may fail")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::Role;
use kubevirt_redfish_core::config::{Account, Config, Credential, PasswordHash, Secret, TrustedProxies};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::Namespace;
use kubevirt_redfish_fixtures::cluster::{AccessRule, ClusterConfig, Fault, FaultEffect, KubevirtVersion, Rule, User};
use kubevirt_redfish_fixtures::laboratory::{self, account, chassis};
use kubevirt_redfish_fixtures::world::{ExchangeId, LONGEST_EXCHANGE, World};
use serde_json::{Value, json};

const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
const CHASSIS: &str = "/redfish/v1/Chassis";
const OWN: &str = "kubevirt-redfish";

/// What a hash takes.
const WORK: Duration = Duration::from_millis(50);

/// The client that guesses, and one that does not.
const GUESSER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 1));

/// `admin` and `eve` have a hash, `plain` and `boss` have not; their password is `secret`. That of `signed` looks like a
/// token.
fn world() -> World {
    world_behind(TrustedProxies::default())
}

fn world_behind(trusted_proxies: TrustedProxies) -> World {
    let hashed = |name: &str| Account {
        credential: Credential::Hashed(PasswordHash::new("hash:secret")),
        ..account(name, Role::Administrator, &["lab"])
    };
    let plain = |name: &str| account(name, Role::Administrator, &["lab"]);
    let signed = Account { credential: Credential::Plain(Secret::new(OF_NOBODY.as_bytes())), ..plain("signed") };
    let config = Config {
        chassis: vec![chassis("lab", "lab")],
        accounts: vec![hashed("admin"), hashed("eve"), plain("plain"), plain("boss"), signed],
        bearer_tokens: true,
        trusted_proxies,
        ..Config::default()
    };
    let settings = Settings { own_namespace: Namespace::new(OWN), ..Settings::default() };
    let mut cluster = ClusterConfig::new(KubevirtVersion::V1_9);
    for token in ["jane", OF_JANE] {
        cluster.tokens.insert(token.to_owned(), User { name: "jane".to_owned(), ..User::default() });
    }
    let mut world = World::new(cluster, config, settings);
    laboratory::start(&mut world);
    world.set_password_work(WORK);
    world
}

fn basic(name: &str, password: &str) -> Request<Bytes> {
    let credentials = BASE64_STANDARD.encode(format!("{name}:{password}"));
    let request = Request::get(CHASSIS).header("authorization", format!("Basic {credentials}"));
    request.body(Bytes::new()).unwrap()
}

fn log_in(name: &str, password: &str) -> Request<Bytes> {
    let body = json!({ "UserName": name, "Password": password });
    Request::post(SESSIONS).body(Bytes::from(body.to_string())).unwrap()
}

/// Begins that many requests at the same time.
fn flood(world: &mut World, client: IpAddr, count: u32, request: impl Fn(u32) -> Request<Bytes>) -> Vec<ExchangeId> {
    (0..count).map(|number| world.begin_from(0, client, request(number))).collect()
}

/// The answer to a request.
fn answer(world: &mut World, id: ExchangeId) -> Response<Bytes> {
    world.run_until(LONGEST_EXCHANGE, |world| world.is_answered(id));
    world.response(id).expect("an answer")
}

fn send(world: &mut World, client: IpAddr, request: Request<Bytes>) -> StatusCode {
    let id = world.begin_from(0, client, request);
    answer(world, id).status()
}

/// How often there was each status.
fn statuses(world: &mut World, ids: Vec<ExchangeId>) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for id in ids {
        let response = answer(world, id);
        let status = response.status().as_u16();
        if matches!(status, 429 | 503) {
            assert!(response.headers().contains_key("retry-after"), "{status}");
        }
        *counts.entry(status).or_default() += 1;
    }
    counts
}

/// How long it takes until a request is answered.
fn time(world: &mut World, id: ExchangeId) -> Duration {
    let begin = world.now();
    world.run_until(LONGEST_EXCHANGE, |world| world.is_answered(id));
    since(world, begin)
}

fn since(world: &World, begin: Duration) -> Duration {
    world.now().saturating_sub(begin)
}

/// D6, H1: whatever is sent at the same time, there are thirty-one guesses for a client and ten for an account.
#[test]
fn parallel_guesses_are_not_more_than_guesses_one_after_the_other() {
    for name in ["admin", "plain", "nobody"] {
        for request in [basic, log_in] {
            for right in [15, 200, 400] {
                let world = &mut world();
                let guess = |number| if number == right { "secret" } else { "wrong" };
                let ids = flood(world, GUESSER, 401, |number| request(name, guess(number)));
                let counts = statuses(world, ids);
                assert_eq!(counts.get(&401), Some(&31), "{name} {right}: {counts:?}");
                assert_eq!(counts.get(&429), Some(&98), "{name} {right}: what waited meanwhile: {counts:?}");
                assert_eq!(counts.get(&503), Some(&272), "{name} {right}: what could not even wait: {counts:?}");
                assert!(world.most_passwords(0) <= 1, "one client has one password at work");
            }
        }
    }
}

#[test]
fn a_right_password_among_the_first_guesses_is_found_as_it_would_be_one_after_the_other() {
    for (name, right) in [("admin", 9), ("plain", 9)] {
        let world = &mut world();
        let guess = |number| if number == right { "secret" } else { "wrong" };
        let ids = flood(world, GUESSER, 40, |number| basic(name, guess(number)));
        let counts = statuses(world, ids);
        assert_eq!(counts.get(&200), Some(&1), "{name}: {counts:?}");
    }
}

/// H1: 150 guesses made a right log-in from elsewhere wait for 18 seconds.
#[test]
fn a_right_log_in_from_elsewhere_does_not_wait_for_who_guesses() {
    for name in ["admin", "eve", "plain"] {
        let world = &mut world();
        let mut guesses = flood(world, GUESSER, 150, |_| basic("admin", "wrong"));
        // More addresses than there are places.
        for number in 2..6 {
            guesses.extend(flood(world, [198, 51, 100, number].into(), 150, |_| basic("nobody", "wrong")));
        }
        world.advance(WORK / 2);
        let right = world.begin_from(0, OTHER, log_in(name, "secret"));
        let time = time(world, right);
        assert!(time <= 5 * WORK, "{name}: it waited for {time:?}");
        assert_eq!(world.response(right).unwrap().status(), StatusCode::CREATED, "{name}");
        assert!(world.most_passwords(0) <= 2);
    }
}

/// D10, M1: ten wrong passwords by anyone lock the account, and not out of it who was right a moment ago.
#[test]
fn whoever_was_right_stays_right_while_others_guess() {
    for name in ["admin", "plain"] {
        let world = &mut world();
        assert_eq!(send(world, OTHER, basic(name, "secret")), StatusCode::OK);
        let session = world.begin_from(0, OTHER, log_in(name, "secret"));
        let session = answer(world, session);
        let token = session.headers()["x-auth-token"].clone();
        // For hours many addresses guess; who is right polls every ten minutes.
        for minute in 0..12 {
            for number in 0..12 {
                send(world, [198, 51, 100, number].into(), basic(name, "wrong"));
            }
            let shown = world.begin_from(0, OTHER, {
                let path = format!("/redfish/v1/AccountService/Accounts/{name}");
                Request::get(path).header("x-auth-token", token.clone()).body(Bytes::new()).unwrap()
            });
            let shown: Value = serde_json::from_slice(answer(world, shown).body()).unwrap();
            assert_eq!(shown["Locked"], true, "{name} {minute}");
            assert_eq!(send(world, OTHER, basic(name, "secret")), StatusCode::OK, "{name} {minute}");
            assert_eq!(send(world, OTHER, log_in(name, "secret")), StatusCode::CREATED, "a session as well: {minute}");
            let unknown = send(world, OTHER, basic(name, "another"));
            assert_eq!(unknown, StatusCode::UNAUTHORIZED);
            world.advance(Duration::from_mins(10));
        }
    }
}

/// M1: behind one address, such as a Route's, forty wrong passwords kept every right one out.
#[test]
fn who_shares_an_address_with_a_guesser_and_was_right_goes_on() {
    let world = &mut world();
    for name in ["admin", "plain"] {
        assert_eq!(send(world, GUESSER, basic(name, "secret")), StatusCode::OK);
    }
    for round in 0..50 {
        let guesses = flood(world, GUESSER, 40, |_| basic("nobody", "wrong"));
        for name in ["admin", "plain"] {
            let right = world.begin_from(0, GUESSER, basic(name, "secret"));
            assert!(world.is_answered(right), "it waits for nothing: {name} {round}");
            assert_eq!(world.response(right).unwrap().status(), StatusCode::OK, "{name} {round}");
        }
        let counts = statuses(world, guesses);
        assert!(counts.contains_key(&429), "{counts:?}");
        assert_eq!(send(world, GUESSER, basic("eve", "secret")), StatusCode::TOO_MANY_REQUESTS, "who is not known");
        world.advance(Duration::from_secs(30));
    }
}

#[test]
fn a_lock_holds_before_it_is_stored_and_if_it_cannot_be() {
    let world = &mut world();
    world.cluster.inject(Fault::new(FaultEffect::unavailable()).path("/secrets").times(u32::MAX));
    for number in 0..10 {
        assert_eq!(send(world, [198, 51, 100, number].into(), basic("admin", "wrong")), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(send(world, OTHER, basic("admin", "secret")), StatusCode::UNAUTHORIZED);
    let shown = world.begin_from(0, OTHER, {
        let mut request = basic("eve", "secret");
        *request.uri_mut() = "/redfish/v1/AccountService/Accounts/admin".parse().unwrap();
        request
    });
    let shown: Value = serde_json::from_slice(answer(world, shown).body()).unwrap();
    assert_eq!(shown["Locked"], true);
    world.advance(Duration::from_mins(1));
    assert_eq!(send(world, OTHER, basic("admin", "secret")), StatusCode::OK, "it ends by itself all the same");
}

#[test]
fn who_ends_a_lock_ends_it_at_once() {
    let world = &mut world();
    assert_eq!(send(world, OTHER, basic("boss", "secret")), StatusCode::OK);
    for number in 0..10 {
        send(world, [198, 51, 100, number].into(), basic("admin", "wrong"));
    }
    assert_eq!(send(world, OTHER, basic("admin", "secret")), StatusCode::UNAUTHORIZED);
    let credentials = BASE64_STANDARD.encode("boss:secret");
    let unlock = Request::patch("/redfish/v1/AccountService/Accounts/admin")
        .header("authorization", format!("Basic {credentials}"))
        .body(Bytes::from(json!({ "Locked": false }).to_string()))
        .unwrap();
    assert_eq!(send(world, OTHER, unlock), StatusCode::OK);
    assert_eq!(send(world, OTHER, basic("admin", "secret")), StatusCode::OK);
}

/// The line has an end for each client, and nobody waits for longer than a client does.
#[test]
fn lines_are_bounded_in_length_and_time() {
    let world = &mut world();
    let begin = world.now();
    let guesses = flood(world, GUESSER, 2_000, |_| basic("nobody", "wrong"));
    let refused = guesses.iter().filter(|id| world.is_answered(**id)).count();
    assert_eq!(refused, 2_000 - 129, "one at work and 128 in the line: the others are told at once");
    assert_eq!(send(world, OTHER, basic("admin", "secret")), StatusCode::OK);
    statuses(world, guesses);
    assert!(since(world, begin) < Duration::from_secs(11));
    // Slow hashes: what has waited for ten seconds is told to come again.
    world.set_password_work(Duration::from_secs(3));
    world.advance(Duration::from_mins(10));
    let begin = world.now();
    let ids = flood(world, OTHER, 20, |number| basic("eve", &format!("wrong-{number}")));
    let counts = statuses(world, ids);
    assert_eq!(counts, BTreeMap::from([(401, 4), (503, 16)]));
    assert!(since(world, begin) <= Duration::from_secs(12));
}

/// A rack of machines behind one address, after a restart of the service: all of them are right.
#[test]
fn the_same_right_password_from_many_clients_is_checked_once() {
    let world = &mut world();
    let begin = world.now();
    let ids = flood(world, GUESSER, 128, |_| log_in("admin", "secret"));
    assert_eq!(statuses(world, ids), BTreeMap::from([(201, 128)]));
    assert!(since(world, begin) <= 2 * WORK + Duration::from_secs(1), "{:?}", since(world, begin));
}

#[test]
fn many_right_passwords_at_one_address_are_no_guesses() {
    let world = &mut world();
    for round in 0..12 {
        // Forgotten after half an hour.
        world.advance(Duration::from_mins(31));
        let ids = ["admin", "eve", "plain", "boss"].map(|name| world.begin_from(0, GUESSER, basic(name, "secret")));
        assert_eq!(statuses(world, ids.to_vec()), BTreeMap::from([(200, 4)]), "{round}");
    }
}

#[test]
fn who_is_deleted_while_their_password_is_checked_is_not_let_in() {
    for change in [json!(null), json!({ "Enabled": false }), json!({ "Password": "Another-1" })] {
        let world = &mut world();
        let admin = format!("Basic {}", BASE64_STANDARD.encode("plain:secret"));
        let send_as_admin = |world: &mut World, method: &Method, path: &str, body: &Value| {
            let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
            let request =
                Request::builder().method(method).uri(path).header("authorization", &admin).body(body).unwrap();
            let id = world.begin_from(0, OTHER, request);
            answer(world, id).status()
        };
        let accounts = "/redfish/v1/AccountService/Accounts";
        let new = json!({ "UserName": "bob", "Password": "Password-1", "RoleId": "Operator" });
        assert_eq!(send_as_admin(world, &Method::POST, accounts, &new), 201);
        world.set_password_work(Duration::from_secs(2));
        let ids = [basic("bob", "Password-1"), log_in("bob", "Password-1")];
        let [one, other] = ids.map(|request| world.begin_from(0, GUESSER, request));
        let method = if change.is_null() { Method::DELETE } else { Method::PATCH };
        // A change of the password waits for a place of its own.
        world.set_password_work(WORK);
        let changed = send_as_admin(world, &method, &format!("{accounts}/bob"), &change);
        assert!(changed.is_success(), "{changed}");
        for id in [one, other] {
            assert_eq!(answer(world, id).status(), StatusCode::UNAUTHORIZED, "{change}");
        }
    }
}

/// D6, of bearer tokens: the cluster was asked about every one that was sent at the same time.
#[test]
fn parallel_tokens_are_counted_when_they_are_asked_about() {
    let world = &mut world();
    world.cluster.bind(vec![AccessRule {
        subject: "jane".to_owned(),
        rule: Rule::new("get", "kubevirt.io", "virtualmachines").in_namespace("lab"),
    }]);
    world.take_calls();
    let bearer = |token: &str| {
        Request::get(CHASSIS).header("authorization", format!("Bearer {token}")).body(Bytes::new()).unwrap()
    };
    let guesses = flood(world, GUESSER, 400, |number| bearer(&format!("guess-{number}")));
    assert_eq!(send(world, OTHER, bearer("jane")), StatusCode::OK, "who has one does not wait for who guesses");
    let counts = statuses(world, guesses);
    let asked = world.take_calls().iter().filter(|call| call.request.uri().path().ends_with("tokenreviews")).count();
    assert!(asked <= 48, "{asked} {counts:?}");
    assert_eq!(counts.get(&401), Some(&(asked - 1)), "{counts:?}");
    assert_eq!(counts.values().sum::<usize>(), 400, "{counts:?}");
}

/// D10: behind a proxy everybody comes from one address. If the proxy is trusted, each client counts for itself, and nobody
/// passes for another by what they send themselves.
#[test]
fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let proxy = IpAddr::from([10, 0, 0, 1]);
    let ranges = vec!["10.0.0.0/8".parse().unwrap()];
    let trusted = TrustedProxies { ranges, ..TrustedProxies::default() };
    let from = |client: &str, mut request: Request<Bytes>| {
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        request
    };
    for (proxies, others) in [(trusted, StatusCode::OK), (TrustedProxies::default(), StatusCode::TOO_MANY_REQUESTS)] {
        let world = &mut world_behind(proxies);
        for number in 0..40 {
            // What stands before the client's own address, the client has made up.
            let request = from(&format!("192.0.2.{number}, 198.51.100.1"), basic("nobody", "wrong"));
            let status = send(world, proxy, request);
            assert!(matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS), "{number}: {status}");
        }
        let again = from("192.0.2.99, 198.51.100.1", basic("plain", "secret"));
        assert_eq!(send(world, proxy, again), StatusCode::TOO_MANY_REQUESTS, "the guesser");
        assert_eq!(send(world, proxy, from("203.0.113.1", basic("plain", "secret"))), others, "another client");
    }
}

/// A token that the cluster signed, of `jane`, and one that nobody has.
const OF_JANE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2ln";
const OF_NOBODY: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJldmUifQ.c2ln";

/// A client that knows nothing but a user name and a password sends a token as the password. That is no guess at the
/// account of that name, also where sessions are tried first, as sushy does.
#[test]
fn a_token_as_password_is_the_cluster_s_user_and_no_guess() {
    let world = &mut world();
    let rule = Rule::new("get", "kubevirt.io", "virtualmachines").in_namespace("lab");
    world.cluster.bind(vec![AccessRule { subject: "jane".to_owned(), rule }]);
    for name in ["admin", "plain", "nobody", "", "system:serviceaccount:vms:jane"] {
        for _ in 0..20 {
            assert_eq!(send(world, GUESSER, log_in(name, OF_JANE)), StatusCode::UNAUTHORIZED, "{name}");
            assert_eq!(send(world, GUESSER, basic(name, OF_JANE)), StatusCode::OK, "{name}");
        }
    }
    // What the cluster said is asked again after a minute.
    world.advance(Duration::from_mins(2));
    assert_eq!(send(world, GUESSER, basic("admin", OF_JANE)), StatusCode::OK);
    for name in ["admin", "plain"] {
        assert_eq!(send(world, GUESSER, basic(name, "secret")), StatusCode::OK, "{name} is not locked");
    }
    // Who sends it has the rights of the token and none of the account.
    let write = Request::delete("/redfish/v1/AccountService/Accounts/eve").header("authorization", {
        let credentials = BASE64_STANDARD.encode(format!("admin:{OF_JANE}"));
        format!("Basic {credentials}")
    });
    assert_eq!(send(world, OTHER, write.body(Bytes::new()).unwrap()), StatusCode::FORBIDDEN);
}

/// One that stands for nobody is a wrong password like any other; and it may be the right one.
#[test]
fn what_looks_like_a_token_may_be_a_password() {
    let world = &mut world();
    for _ in 0..12 {
        assert_eq!(send(world, GUESSER, basic("plain", OF_NOBODY)), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(send(world, OTHER, basic("plain", "secret")), StatusCode::UNAUTHORIZED, "the account is locked");
    assert_eq!(send(world, OTHER, basic("signed", OF_NOBODY)), StatusCode::OK);
    assert_eq!(send(world, OTHER, log_in("signed", OF_NOBODY)), StatusCode::CREATED);
}
