//! Streams fed by hand: the whole state by input matrix, the observed streams cut at every place, and garbage.

use std::fmt::Write;

use kubevirt_redfish_fixtures::observed;
use proptest::prelude::*;

use super::*;

const LIST: &str = r#"{"kind":"VirtualMachineList","metadata":{"resourceVersion":"10"},"items":[
    {"metadata":{"name":"a","namespace":"vms","uid":"1","resourceVersion":"5"}}]}"#;
const PAGE: &str = r#"{"metadata":{"resourceVersion":"10","continue":"more"},"items":[
    {"metadata":{"name":"b","namespace":"vms","uid":"2","resourceVersion":"6"}}]}"#;
const ADDED: &str =
    r#"{"type":"ADDED","object":{"metadata":{"name":"c","namespace":"vms","uid":"3","resourceVersion":"11"}}}"#;
const DELETED: &str =
    r#"{"type":"DELETED","object":{"metadata":{"name":"a","namespace":"vms","uid":"1","resourceVersion":"12"}}}"#;
const BOOKMARK: &str = r#"{"type":"BOOKMARK","object":{"kind":"VirtualMachine","metadata":{"resourceVersion":"99"}}}"#;
const EXPIRED: &str = r#"{"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410}}"#;

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
        Observation::Duty(_) => "duty".to_owned(),
        Observation::Platform(_) => "platform".to_owned(),
        Observation::Listed(listed) => format!("all of {}", listed.as_of.0),
        Observation::Interrupt(verb) => verb.as_deref().unwrap_or("no interrupt").to_owned(),
        Observation::Synchronised(_) => "synchronised".to_owned(),
        Observation::Stale(_) => "stale".to_owned(),
        Observation::Refused(_) => "refused".to_owned(),
        Observation::Missing(_) => "missing".to_owned(),
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
        (1, none.as_str(), vec!["synchronised"]),
        (200, one.as_str(), vec!["inject-nmi"]),
        // No list at all says nothing.
        (400, "<html>", vec![]),
        (600, none.as_str(), vec!["no interrupt"]),
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
        let inputs: [(&str, &dyn Fn(&mut Watch, Instant)); 18] = [
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
            ("401", &|watch, now| answer(watch, now, 401, "")),
            ("403", &|watch, now| answer(watch, now, 403, "")),
            ("404", &|watch, now| answer(watch, now, 404, "")),
            ("410", &|watch, now| answer(watch, now, 410, "")),
            ("503", &|watch, now| answer(watch, now, 503, "")),
        ];
        let _ = writeln!(table, "{state}");
        for (name, input) in inputs {
            let mut watch = in_state(state);
            let now = seconds(100);
            input(&mut watch, now);
            let seen = seen(&mut watch);
            let next = step(&watch.poll(now), now);
            let _ = writeln!(table, "  {name:12} {:26} {next}", seen.join(" "));
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
fn failures_wait_ever_longer_report_stale_once_and_end_with_the_first_success() {
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
    assert_eq!(reports, ["stale"]);
    assert!(waits[0] < Duration::from_millis(400) && waits[9] > Duration::from_secs(20), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(38)));
    let WatchStep::WaitUntil(time) = watch.poll(now) else { panic!("no wait") };
    let _ = watch.poll(time);
    answer(&mut watch, time, 200, LIST);
    assert_eq!(seen(&mut watch), ["+a", "synchronised"]);
}

#[test]
fn a_server_that_says_when_to_come_back_is_obeyed_within_reason() {
    for (asked, expected) in [("7", 7), ("100000", 120)] {
        let mut watch = in_state("listing");
        let now = seconds(2);
        let head = http::Response::builder().status(429).header("Retry-After", asked).body(()).expect("a valid head");
        watch.handle_head(now, &head);
        watch.handle_end(now, Ok(()));
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
    assert_eq!(seen(&mut watch), ["+a", "synchronised"]);
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
fn one_bad_object_spoils_neither_a_list_nor_a_stream() {
    let mut watch = in_state("listing");
    let now = seconds(2);
    let list = r#"{"metadata":{"resourceVersion":"10"},"items":[null,7,[],{},{"metadata":null},
        {"metadata":{"name":"x","namespace":"elsewhere"}},{"metadata":{"name":"NO","namespace":"vms"}},
        {"metadata":{"name":"a","namespace":"vms","uid":1,"labels":[]},"spec":"?","status":{"conditions":7}}]}"#;
    answer(&mut watch, now, 200, list);
    assert_eq!((seen(&mut watch), watch.skipped()), (vec!["+a".to_owned(), "synchronised".to_owned()], 7));
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
            answer(&mut watch, now, 200, r#"{"items":null,"metadata":{"resourceVersion":"1"}}"#);
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
                        WatchStep::Send(_) => {
                            prop_assert!(!open, "a request while another is open");
                            open = true;
                        }
                        WatchStep::Read { .. } => prop_assert!(open),
                        WatchStep::WaitUntil(time) => prop_assert!(time > now && !open),
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
