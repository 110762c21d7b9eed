//! Streams fed by hand: the whole state by input matrix, the observed streams cut at every place, and garbage.

use std::fmt::Write;

use kubevirt_redfish_fixtures::observed;
use proptest::prelude::*;

use super::*;

const LIST: &str = r#"{"kind":"VirtualMachineList","apiVersion":"kubevirt.io/v1","metadata":{"resourceVersion":"10"},
    "items":[{"metadata":{"name":"a","namespace":"vms","uid":"1","resourceVersion":"5"}}]}"#;
const PAGE: &str = r#"{"kind":"VirtualMachineList","apiVersion":"kubevirt.io/v1",
    "metadata":{"resourceVersion":"10","continue":"more"},
    "items":[{"metadata":{"name":"b","namespace":"vms","uid":"2","resourceVersion":"6"}}]}"#;
const ADDED: &str = r#"{"type":"ADDED","object":{"kind":"VirtualMachine","apiVersion":"kubevirt.io/v1","metadata":{"name":"c","namespace":"vms","uid":"3","resourceVersion":"11"}}}"#;
const DELETED: &str = r#"{"type":"DELETED","object":{"kind":"VirtualMachine","apiVersion":"kubevirt.io/v1","metadata":{"name":"a","namespace":"vms","uid":"1","resourceVersion":"12"}}}"#;
const BOOKMARK: &str = r#"{"type":"BOOKMARK","object":{"kind":"VirtualMachine","apiVersion":"kubevirt.io/v1","metadata":{"resourceVersion":"99"}}}"#;
const EXPIRED: &str = r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","reason":"Expired","code":410}}"#;

/// A refusal as the API server writes it.
fn status(code: u16) -> String {
    format!(r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no","code":{code}}}"#)
}

fn machines() -> Watch {
    Watch::new(Collection::VirtualMachines, Namespace::new("vms"), 0)
}

fn seconds(seconds: u64) -> Instant {
    Instant::new(Duration::from_secs(seconds))
}

fn head(status: u16) -> http::Response<()> {
    http::Response::builder().status(status).body(()).expect("a valid head")
}

fn answer(watch: &mut Watch, now: Instant, status: u16, body: &str) {
    watch.handle_head(now, &head(status));
    watch.handle_data(now, body.as_bytes());
    watch.handle_end(now, Ok(()));
}

fn seen(watch: &mut Watch) -> Vec<String> {
    std::iter::from_fn(|| watch.poll_observation()).map(|observation| short(&observation)).collect()
}

fn short(observation: &Observation) -> String {
    match observation {
        Observation::Machine(machine) => format!("+{}", machine.id.name()),
        Observation::MachineGone(id, _) | Observation::InstanceGone(id, _) => format!("-{}", id.name()),
        Observation::Instance(instance) => format!("+{}", instance.id.name()),
        Observation::Import(import) => format!("+{}", import.id.name),
        Observation::ImportGone(id, _) => format!("-{}", id.name),
        Observation::Document(document) => format!("+{}", document.name.as_str()),
        Observation::DocumentGone(name, _) => format!("-{}", name.as_str()),
        Observation::Caller(_) => "caller".to_owned(),
        Observation::Leadership(_) => "duty".to_owned(),
        Observation::Platform(_) => "platform".to_owned(),
        Observation::Listed(listed) => format!("all of {}", listed.as_of.0),
        Observation::Interrupt(verb) => verb.as_deref().unwrap_or("no interrupt").to_owned(),
        Observation::Synchronised(_) => "synchronised".to_owned(),
        Observation::Seen(_) => "seen".to_owned(),
        Observation::Unseen(blindness) => match &blindness.obstacle {
            Obstacle::Unreachable(_) => "unreachable".to_owned(),
            Obstacle::Silent => "silent".to_owned(),
            Obstacle::Forbidden(verb) => format!("forbidden-to-{verb}"),
            Obstacle::Missing => "missing".to_owned(),
        },
    }
}

/// What a step says, without what differs from seed to seed.
fn step(step: &WatchStep, now: Instant) -> String {
    match step {
        WatchStep::Send(request) => {
            let query = request.uri().query().unwrap_or_default();
            let query: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("timeoutSeconds")).collect();
            format!("send {}", query.join("&"))
        }
        WatchStep::Read { until } => format!("read for {}s", until.saturating_since(now).as_secs()),
        WatchStep::WaitUntil(time) => match time.saturating_since(now).as_millis() {
            0..400 => "wait a moment".to_owned(),
            400..3000 => "wait about a second".to_owned(),
            3000..10_000 => "wait some seconds".to_owned(),
            _ => "wait long".to_owned(),
        },
    }
}

/// A watch in one of its states.
fn in_state(state: &str) -> Watch {
    let mut watch = machines();
    let now = seconds(1);
    if state == "due to list" {
        return watch;
    }
    let _ = watch.poll(now);
    match state {
        "listing" => return watch,
        "next page" => {
            answer(&mut watch, now, 200, PAGE);
            let _ = watch.poll(now);
        }
        _ => {
            answer(&mut watch, now, 200, LIST);
            let _ = watch.poll(now);
        }
    }
    if state == "watching" {
        watch.handle_head(now, &head(200));
    }
    seen(&mut watch);
    watch
}

#[test]
fn the_verbs_that_there_are_are_read_now_and_then() {
    let mut watch = Watch::new(Collection::Verbs, None, 1);
    let list = |names: &[&str]| {
        let resources: Vec<String> = names.iter().map(|name| format!(r#"{{"name":"{name}","verbs":null}}"#)).collect();
        format!(r#"{{"kind":"APIResourceList","resources":[7,{}]}}"#, resources.join(","))
    };
    let none = list(&["virtualmachineinstances/pause", "virtualmachines/nmi"]);
    let one = list(&["virtualmachineinstances/pause", "virtualmachineinstances/inject-nmi"]);
    for (time, body, expected) in [
        (1, none.as_str(), vec!["synchronised", "seen"]),
        (400, one.as_str(), vec!["inject-nmi"]),
        // No list at all says nothing.
        (800, "<html>", vec![]),
        (801, none.as_str(), vec!["no interrupt"]),
    ] {
        let now = seconds(time);
        let WatchStep::Send(request) = watch.poll(now) else { panic!("it is due at {time}") };
        assert_eq!(request.uri(), "/apis/subresources.kubevirt.io/v1");
        answer(&mut watch, now, 200, body);
        assert_eq!(seen(&mut watch), expected);
        assert!(matches!(watch.poll(now), WatchStep::WaitUntil(_)));
    }
}

#[test]
fn every_input_in_every_state() {
    let broken = || Err(TransportError::Broken("reset".to_owned()));
    let mut table = String::new();
    for state in ["due to list", "listing", "next page", "watch sent", "watching"] {
        #[expect(clippy::type_complexity, reason = "it is named nowhere else")]
        let inputs: [(&str, &dyn Fn(&mut Watch, Instant)); 22] = [
            ("nothing", &|_, _| {}),
            ("200 list", &|watch, now| answer(watch, now, 200, LIST)),
            ("200 page", &|watch, now| answer(watch, now, 200, PAGE)),
            ("200 garbage", &|watch, now| answer(watch, now, 200, "<html>")),
            ("200 cut", &|watch, now| {
                watch.handle_head(now, &head(200));
                watch.handle_data(now, b"{\"items\":");
                watch.handle_end(now, broken());
            }),
            ("added", &|watch, now| watch.handle_data(now, format!("{ADDED}\n").as_bytes())),
            ("deleted", &|watch, now| watch.handle_data(now, format!("{DELETED}\n").as_bytes())),
            ("bookmark", &|watch, now| watch.handle_data(now, format!("{BOOKMARK}\n").as_bytes())),
            ("garbage", &|watch, now| watch.handle_data(now, b"{\"type\":\"ADDED\"\n[]\n\n7\n{}\n")),
            ("410 event", &|watch, now| {
                watch.handle_data(now, format!("{EXPIRED}\n{ADDED}\n").as_bytes());
                watch.handle_end(now, Ok(()));
            }),
            ("end", &|watch, now| watch.handle_end(now, Ok(()))),
            ("broken", &|watch, now| watch.handle_end(now, broken())),
            ("timed out", &|watch, now| watch.handle_end(now, Err(TransportError::TimedOut))),
            ("401", &|watch, now| answer(watch, now, 401, &status(401))),
            ("403", &|watch, now| answer(watch, now, 403, &status(403))),
            ("404", &|watch, now| answer(watch, now, 404, &status(404))),
            ("410", &|watch, now| answer(watch, now, 410, &status(410))),
            ("503", &|watch, now| answer(watch, now, 503, &status(503))),
            ("302 page", &|watch, now| answer(watch, now, 302, "<html>")),
            ("403 page", &|watch, now| answer(watch, now, 403, "<html>")),
            ("404 page", &|watch, now| answer(watch, now, 404, "<html>")),
            ("404 path", &|watch, now| answer(watch, now, 404, "404 page not found\n")),
        ];
        let _ = writeln!(table, "{state}");
        for (name, input) in inputs {
            let mut watch = in_state(state);
            let now = seconds(2);
            input(&mut watch, now);
            let mut shown = seen(&mut watch);
            let next = step(&watch.poll(now), now);
            shown.extend(seen(&mut watch));
            let _ = writeln!(table, "  {name:12} {:26} {next}", shown.join(" "));
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_a_fresh_list_does_not_show_is_gone_before_it_is_synchronised() {
    let mut watch = in_state("watching");
    let now = seconds(2);
    watch.handle_data(now, format!("{ADDED}\n{EXPIRED}\n").as_bytes());
    watch.handle_end(now, Ok(()));
    assert_eq!(seen(&mut watch), ["+c"]);
    let _ = watch.poll(now);
    answer(&mut watch, now, 200, PAGE);
    assert_eq!(seen(&mut watch), ["+b"]);
    let _ = watch.poll(now);
    answer(&mut watch, now, 200, LIST);
    assert_eq!(seen(&mut watch), ["+a", "-c", "synchronised"]);
}

#[test]
fn failures_wait_ever_longer_are_reported_once_and_end_with_the_first_success() {
    let mut watch = in_state("watching");
    let mut now = seconds(2);
    watch.handle_end(now, Err(TransportError::TimedOut));
    let mut waits = Vec::new();
    let mut reports = seen(&mut watch);
    for _ in 0..10 {
        let WatchStep::WaitUntil(time) = watch.poll(now) else { panic!("no wait") };
        waits.push(time.saturating_since(now));
        now = time;
        let WatchStep::Send(_) = watch.poll(now) else { panic!("nothing sent") };
        watch.handle_end(now, Err(TransportError::NotSent("refused".to_owned())));
        reports.extend(seen(&mut watch));
    }
    assert_eq!(reports, ["unreachable"]);
    assert!(waits[0] < Duration::from_millis(400) && waits[9] > Duration::from_secs(20), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(38)));
    let WatchStep::WaitUntil(time) = watch.poll(now) else { panic!("no wait") };
    let _ = watch.poll(time);
    answer(&mut watch, time, 200, LIST);
    assert_eq!(seen(&mut watch), ["+a", "synchronised", "seen"]);
}

#[test]
fn a_server_that_says_when_to_come_back_is_obeyed_within_reason() {
    for (asked, expected) in [("7", 7), ("100000", 120)] {
        let mut watch = in_state("listing");
        let now = seconds(2);
        let head = http::Response::builder().status(429).header("Retry-After", asked).body(()).expect("a valid head");
        watch.handle_head(now, &head);
        watch.handle_end(now, Ok(()));
        // Until then nothing is seen, which is not kept for later.
        assert_eq!(seen(&mut watch), ["unreachable"]);
        let WatchStep::WaitUntil(time) = watch.poll(now) else { panic!("no wait") };
        assert_eq!(time.saturating_since(now), Duration::from_secs(expected));
    }
}

#[test]
fn a_page_that_is_too_large_is_asked_for_in_smaller_pieces() {
    let mut watch = in_state("listing");
    let now = seconds(2);
    watch.handle_head(now, &head(200));
    let piece = vec![b' '; 1024 * 1024];
    for _ in 0..65 {
        watch.handle_data(now, &piece);
    }
    watch.handle_end(now, Ok(()));
    assert_eq!(step(&watch.poll(now), now), "send limit=125");
    answer(&mut watch, now, 200, LIST);
    assert_eq!(seen(&mut watch), ["+a", "synchronised", "seen"]);
}

#[test]
fn an_event_that_is_too_long_is_passed_over() {
    let mut watch = in_state("watching");
    let now = seconds(2);
    let long = ADDED.replace("\"uid\":\"3\"", &format!("\"uid\":\"{}\"", "x".repeat(LONGEST_LINE)));
    watch.handle_data(now, format!("{long}\n{DELETED}\n").as_bytes());
    assert_eq!((seen(&mut watch), watch.skipped()), (vec!["-a".to_owned()], 1));
}

#[test]
fn one_strange_object_spoils_neither_a_list_nor_a_stream() {
    let mut watch = in_state("listing");
    let now = seconds(2);
    let list = r#"{"kind":"VirtualMachineList","apiVersion":"kubevirt.io/v1","metadata":{"resourceVersion":"10"},"items":[
        {"metadata":{"name":"a","namespace":"vms","uid":"1","labels":[]},"spec":"?","status":{"conditions":7}}]}"#;
    answer(&mut watch, now, 200, list);
    assert_eq!(seen(&mut watch), ["+a", "synchronised", "seen"]);
}

/// M5: what looks like a list and is none says nothing, least of all that a machine is gone.
#[test]
fn a_list_that_is_none_is_not_believed() {
    let list = |metadata: &str, items: &str| {
        format!(
            r#"{{"kind":"VirtualMachineList","apiVersion":"kubevirt.io/v1","metadata":{metadata},"items":{items}}}"#
        )
    };
    let (version, none) = (r#"{"resourceVersion":"20"}"#, "[]");
    let item = |name: &str, namespace: &str, uid: &str| {
        format!(r#"{{"metadata":{{"name":"{name}","namespace":"{namespace}","uid":"{uid}","resourceVersion":"6"}}}}"#)
    };
    let garbage = [
        "<html><body>Log in</body></html>".to_owned(),
        String::new(),
        "null".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        r#"{"items":[]}"#.to_owned(),
        r#"{"items":null,"metadata":{"resourceVersion":"20"}}"#.to_owned(),
        status(200),
        LIST.replace("VirtualMachineList", "VirtualMachineInstanceList"),
        LIST.replace("VirtualMachineList", "VirtualMachine"),
        LIST.replace("VirtualMachineList", "List"),
        LIST.replace("kubevirt.io/v1", "kubevirt.io/v2"),
        LIST.replace(r#""apiVersion":"kubevirt.io/v1","#, ""),
        LIST[..LIST.len() / 2].to_owned(),
        LIST[..LIST.len() - 1].to_owned(),
        list("null", none),
        list("{}", none),
        list(r#"{"resourceVersion":""}"#, none),
        list(r#"{"resourceVersion":"0"}"#, none),
        list(r#"{"resourceVersion":"tomorrow"}"#, none),
        list(r#"{"resourceVersion":20}"#, none),
        list(r#"{"resourceVersion":"20","remainingItemCount":3}"#, none),
        list(r#"{"resourceVersion":"20","continue":"more"}"#, none),
        list(version, "[null]"),
        list(version, "[7]"),
        list(version, "[{}]"),
        list(version, r#"[{"metadata":null}]"#),
        list(version, &format!("[{}]", item("", "vms", "1"))),
        list(version, &format!("[{}]", item("NO", "vms", "1"))),
        list(version, &format!("[{}]", item("a", "", "1"))),
        list(version, &format!("[{}]", item("a", "vms", ""))),
        list(version, &format!("[{}]", item("a", "elsewhere", "1"))),
        list(version, &format!("[{},{}]", item("a", "vms", "1"), item("x", "elsewhere", "2"))),
        list(version, &format!("[{},{}]", item("a", "vms", "1"), item("a", "vms", "2"))),
        list(version, &format!("[{},{}]", item("a", "vms", "1"), item("b", "vms", "1"))),
        list(version, r#"[{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"vms","uid":"1"}}]"#),
        "\u{1f}\u{8b}\u{8}".to_owned(),
    ];
    for body in garbage {
        let mut watch = in_state("watching");
        let now = seconds(100);
        watch.handle_data(now, format!("{EXPIRED}\n").as_bytes());
        let mut at = now;
        let mut waits = Vec::new();
        let mut shown = Vec::new();
        for _ in 0..12 {
            if let WatchStep::WaitUntil(until) = watch.poll(at) {
                waits.push(until.saturating_since(at));
                at = until;
            }
            if let WatchStep::WaitUntil(_) = watch.poll(at) {
                panic!("it waits twice");
            }
            answer(&mut watch, at, 200, &body);
            shown.extend(seen(&mut watch));
        }
        assert_eq!(shown, ["unreachable"], "{body}");
        assert!(waits.last().is_some_and(|wait| *wait > Duration::from_secs(20)), "{body}: {waits:?}");
        let WatchStep::WaitUntil(until) = watch.poll(at) else { panic!("no wait") };
        let _ = watch.poll(until);
        answer(&mut watch, until, 200, LIST);
        assert_eq!(seen(&mut watch), ["+a", "synchronised", "seen"], "{body}");
    }
}

/// M5: a continue token that leads back to where it came from.
#[test]
fn a_list_that_goes_round_in_a_circle_is_not_believed() {
    let mut watch = in_state("listing");
    let now = seconds(2);
    answer(&mut watch, now, 200, PAGE);
    assert_eq!(step(&watch.poll(now), now), "send limit=500&continue=more");
    answer(&mut watch, now, 200, PAGE);
    assert_eq!(seen(&mut watch), ["+b"]);
    assert_eq!(step(&watch.poll(now), now), "wait a moment");
}

/// M5: lines that are no events of this stream.
#[test]
fn a_stream_that_is_none_is_not_believed() {
    let garbage = [
        "<html>".to_owned(),
        "null".to_owned(),
        "7".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        LIST.replace('\n', ""),
        status(403),
        ADDED.replace("ADDED", "MOVED"),
        ADDED.replace("\"VirtualMachine\"", "\"VirtualMachineInstance\""),
        ADDED.replace("kubevirt.io/v1", "v1"),
        ADDED.replace(r#""kind":"VirtualMachine","#, ""),
        ADDED.replace("\"vms\"", "\"elsewhere\""),
        ADDED.replace(r#","resourceVersion":"11""#, ""),
        DELETED.replace("\"uid\":\"1\"", "\"uid\":\"\""),
        DELETED.replace("\"name\":\"a\"", "\"name\":\"\""),
        DELETED[..DELETED.len() - 2].to_owned(),
        BOOKMARK.replace("\"99\"", "null"),
        BOOKMARK.replace("\"99\"", "\"soon\""),
        BOOKMARK.replace("\"99\"", "\"\""),
        BOOKMARK.replace("VirtualMachine", "Secret"),
    ];
    for line in garbage {
        let mut watch = in_state("watching");
        let now = seconds(2);
        // What comes after it may be half of something.
        watch.handle_data(now, format!("{line}\n{DELETED}\n").as_bytes());
        assert_eq!(seen(&mut watch), Vec::<String>::new(), "{line}");
        assert_eq!(step(&watch.poll(now), now), "wait a moment", "{line}");
        let WatchStep::WaitUntil(until) = watch.poll(now) else { panic!("no wait") };
        let resumed = step(&watch.poll(until), until);
        assert_eq!(resumed, "send watch=true&allowWatchBookmarks=true&resourceVersion=10", "{line}");
    }
}

/// L11: a server that answers every request a little is not asked without end.
#[test]
fn a_server_that_breaks_every_stream_is_asked_ever_less_often() {
    for (what, data) in [("nothing", ""), ("an event", BOOKMARK)] {
        let mut watch = in_state("watching");
        let mut now = seconds(100);
        let mut requests = 0_u32;
        while now < seconds(400) {
            match watch.poll(now) {
                WatchStep::WaitUntil(until) => now = until,
                WatchStep::Read { .. } => watch.handle_end(now, Err(TransportError::Broken("cut".to_owned()))),
                WatchStep::Send(request) => {
                    requests += 1;
                    watch.handle_head(now, &head(200));
                    let listing = !request.uri().query().is_some_and(|query| query.contains("watch=true"));
                    if listing {
                        watch.handle_data(now, LIST.as_bytes());
                        watch.handle_end(now, Ok(()));
                    } else if !data.is_empty() {
                        watch.handle_data(now, format!("{data}\n").as_bytes());
                    }
                }
            }
            while watch.poll_observation().is_some() {}
        }
        assert!((10..60).contains(&requests), "{what}: {requests} requests in 300 s");
    }
}

/// D4: a stream that is open and shows nothing, not even bookmarks, is found out.
#[test]
fn a_stream_that_died_without_a_word_is_found_out() {
    let mut watch = watches(["vms"], 0).into_iter().find(|watch| watch.source().kind == "virtualmachines").unwrap();
    let mut now = seconds(1);
    let _ = watch.poll(now);
    answer(&mut watch, now, 200, LIST);
    let _ = watch.poll(now);
    watch.handle_head(now, &head(200));
    let _ = seen(&mut watch);
    // Blank lines are no sign of life.
    while let WatchStep::Read { until } = watch.poll(now) {
        now = until.min(now + Duration::from_secs(1));
        watch.handle_data(now, b"\n");
        assert!(now < seconds(60), "it is never found out");
    }
    assert!(now > seconds(25), "{now:?}");
    let Some(Observation::Unseen(Blindness { last_seen, obstacle: Obstacle::Silent, .. })) = watch.poll_observation()
    else {
        panic!("it says nothing")
    };
    assert_eq!(last_seen, Some(seconds(1)));
}

/// D4: requests that are taken and never answered.
#[test]
fn a_server_that_takes_requests_and_never_answers_is_found_out() {
    let mut watch = in_state("watch sent");
    let mut now = seconds(1);
    let mut reports = Vec::new();
    while now < seconds(14) {
        now = match watch.poll(now) {
            WatchStep::Read { until } | WatchStep::WaitUntil(until) => until,
            WatchStep::Send(_) => now,
        };
        reports.extend(seen(&mut watch).into_iter().map(|report| (report, now)));
    }
    let [(report, at)] = reports.as_slice() else { panic!("{reports:?}") };
    assert!(report == "unreachable" && *at <= seconds(12), "{reports:?}");
}

/// R8: one stream that succeeds wakes the others, but no server makes them forget how often they failed.
#[test]
fn a_stream_that_waits_is_woken_and_not_again_at_once() {
    let mut watch = in_state("watching");
    let mut now = seconds(100);
    watch.handle_end(now, Err(TransportError::TimedOut));
    for _ in 0..10 {
        let WatchStep::WaitUntil(time) = watch.poll(now) else { panic!("no wait") };
        now = time;
        let _ = watch.poll(now);
        watch.handle_end(now, Err(TransportError::NotSent("refused".to_owned())));
    }
    watch.wake(now);
    let WatchStep::WaitUntil(time) = watch.poll(now) else { panic!("no wait") };
    assert!(time.saturating_since(now) < Duration::from_millis(500), "{time:?}");
    let _ = watch.poll(time);
    watch.handle_end(time, Err(TransportError::NotSent("refused".to_owned())));
    watch.wake(time);
    let WatchStep::WaitUntil(again) = watch.poll(time) else { panic!("no wait") };
    assert!(again.saturating_since(time) > Duration::from_secs(20), "{again:?}");
    // One that is well has nothing to wake up for.
    let mut well = in_state("watching");
    well.wake(seconds(2));
    assert!(matches!(well.poll(seconds(2)), WatchStep::Read { .. }));
}

/// With many namespaces no more watches begin than with few.
#[test]
fn watches_last_longer_where_there_are_many() {
    assert_eq!(short_watch(1), Duration::from_secs(30));
    assert_eq!(short_watch(10), Duration::from_secs(30));
    assert_eq!(short_watch(50), Duration::from_secs(150));
    assert_eq!(short_watch(u32::MAX), Duration::from_secs(290));
}

#[test]
fn where_a_stream_is_cut_makes_no_difference() {
    let streams = [
        ("watch/vm-start-stop.ndjson", Collection::VirtualMachines),
        ("watch/vmi-start-stop.ndjson", Collection::VirtualMachineInstances),
        ("watch/datavolume-import.ndjson", Collection::DataVolumes),
    ];
    for (path, collection) in streams {
        let text = observed::text(path).expect("it is there");
        let run = |pieces: &mut dyn Iterator<Item = &[u8]>| {
            let mut watch = Watch::new(collection, Namespace::new("vms"), 0);
            let now = seconds(1);
            let _ = watch.poll(now);
            let (kind, api_version) = (collection.kind(), collection.api_version());
            let list = format!(
                r#"{{"kind":"{kind}List","apiVersion":"{api_version}","items":null,"metadata":{{"resourceVersion":"1"}}}}"#
            );
            answer(&mut watch, now, 200, &list);
            let _ = watch.poll(now);
            watch.handle_head(now, &head(200));
            pieces.for_each(|piece| watch.handle_data(now, piece));
            // These imports are not the service's own.
            assert!(collection == Collection::DataVolumes || watch.skipped() == 0);
            std::iter::from_fn(|| watch.poll_observation()).collect::<Vec<_>>()
        };
        let whole = run(&mut std::iter::once(text.as_bytes()));
        assert!(collection == Collection::DataVolumes || whole.len() > 5, "{path}: {}", whole.len());
        assert_eq!(run(&mut text.as_bytes().chunks(1)), whole);
        for at in (0..text.len()).step_by(997) {
            let (left, right) = text.as_bytes().split_at(at);
            assert_eq!(run(&mut [left, right].into_iter()), whole, "{path} at {at}");
        }
    }
}

#[derive(Clone, Debug)]
enum Input {
    Poll(u64),
    Head(u16),
    Data(Vec<u8>),
    End(Result<(), TransportError>),
}

fn input() -> impl Strategy<Value = Input> {
    let lines = [ADDED, DELETED, BOOKMARK, EXPIRED, LIST, PAGE];
    prop_oneof![
        4 => (0_u64..40_000).prop_map(Input::Poll),
        2 => prop::sample::select(vec![200_u16, 200, 200, 400, 401, 403, 404, 405, 410, 429, 500, 503]).prop_map(Input::Head),
        3 => prop::sample::select(lines.to_vec()).prop_map(|line| Input::Data(format!("{line}\n").into_bytes())),
        1 => (prop::sample::select(lines.to_vec()), 0_usize..60).prop_map(|(line, at)| Input::Data(line.as_bytes()[at..].to_vec())),
        1 => prop::collection::vec(any::<u8>(), 0..50).prop_map(Input::Data),
        1 => Just(Input::End(Ok(()))),
        1 => Just(Input::End(Err(TransportError::TimedOut))),
    ]
}

proptest! {
    #[test]
    fn no_input_is_too_strange(inputs in prop::collection::vec(input(), 0..80)) {
        let mut watch = machines();
        let mut now = seconds(1);
        let mut open = false;
        for input in inputs {
            match input {
                Input::Poll(time) => {
                    now = now + Duration::from_millis(time);
                    match watch.poll(now) {
                        WatchStep::Send(_) => open = true,
                        WatchStep::Read { until } => prop_assert!(open && until > now),
                        WatchStep::WaitUntil(time) => {
                            prop_assert!(time > now);
                            open = false;
                        }
                    }
                }
                Input::Head(status) => watch.handle_head(now, &head(status)),
                Input::Data(data) => watch.handle_data(now, &data),
                Input::End(end) => {
                    watch.handle_end(now, end);
                    open = false;
                }
            }
            while watch.poll_observation().is_some() {}
        }
    }
}
