//! D8, D15: annotations are input from tenants. Whatever is written into any that the service reads: it goes on, it asks for
//! nothing outside of the machine's namespace, what it says is bounded and says what is ignored, and other systems are what
//! they were.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may fail")]

mod lab;

use std::time::Duration;

use http::{Method, StatusCode};
use kubevirt_redfish_core::kubevirt::{ReadAnnotation, read_annotations};
use kubevirt_redfish_fixtures::world::World;
use proptest::prelude::*;
use serde_json::{Value, json};

use lab::{CD, NODE, VERSIONS, lab, machine, post, request};

const OTHER: &str = "/redfish/v1/Systems/lab.node-1";
const IMAGE: &str = "https://images.example/boot.iso";

/// More than anything that is said of one system.
const BOUND: usize = 48 * 1024;

/// What the service itself writes, to be spoilt.
fn written(name: &str) -> Value {
    let order = json!({ "disks": { "root": 1 }, "interfaces": { "default": 2 } });
    match name.rsplit('/').next().unwrap() {
        "boot-override" => json!({
            "target": "Pxe", "enabled": "Once", "next": { "disk": "root" }, "httpUri": IMAGE, "armedFor": "9f",
            "change": { "original": order, "written": order, "spelledOut": ["root"], "rebootEndsRun": true,
                "rebootPolicy": "Reboot" },
        }),
        "media-cd" | "media-usb" | "media-http" => {
            json!({ "image": IMAGE, "drive": "cd", "dataVolume": "node-0-cd-0123456789abcdef", "addedDrive": true })
        }
        "media-cd-trust" | "media-usb-trust" => json!({ "verify": false, "certificates": { "0123456789abcdef": "x" } }),
        "power-requests" => json!({
            "machine": "9f", "last": { "request": "0a1b2c3d-100", "asked": "2026-11-21T02:00:00Z", "goal": "Off" },
            "unanswered": { "0a1b2c3d-101": "start" },
        }),
        "pending-power-on" => json!({
            "name": "0123456789abcdef", "asked": "2026-11-21T10:00:00Z", "until": "2026-11-21T11:00:00Z",
            "runStrategy": "Halted", "instance": "9f", "machine": "9f",
        }),
        "media-left-out" => json!({ "image": IMAGE, "reason": "late", "claim": "a", "machine": "9f" }),
        "firmware" => json!({ "/firmware/bootloader": { "original": null, "written": { "efi": {} } } }),
        _ => json!("2026-11-21T10:00:00Z"),
    }
}

/// Values that lead elsewhere, are too large, or look like something else.
fn poison() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(vec![
            json!("../../../../api/v1/namespaces/kube-system/secrets/x?watch=1"),
            json!(".."),
            json!("x/../../secrets/y"),
            json!("x%2f..%2fy"),
            json!("\u{202e}x\r\n"),
            json!("http://169.254.169.254/latest"),
            json!("Always:Sometimes"),
            json!("99999-99-99T99:99:99Z"),
            json!(-1),
            json!(u64::MAX),
            json!(1e300),
            json!(null),
            json!([]),
            json!({}),
            json!([[[[[[[[]]]]]]]]),
        ]),
        (1_usize..200_000).prop_map(|length| json!("x".repeat(length))),
        (1_usize..3_000).prop_map(|count| (0..count).map(|number| (number.to_string(), json!(number))).collect()),
        (1_usize..120).prop_map(|depth| (0..depth).fold(json!(1), |inner, _| json!([inner]))),
        ".{0,60}".prop_map(|text| json!(text)),
    ]
}

/// One value of a structure is replaced.
fn spoil(value: &mut Value, place: usize, poison: &Value) {
    let mut places = Vec::new();
    collect(value, &mut String::new(), &mut places);
    let pointer = places[place % places.len()].clone();
    *value.pointer_mut(&pointer).unwrap() = poison.clone();
}

fn collect(value: &Value, path: &mut String, places: &mut Vec<String>) {
    places.push(path.clone());
    let members: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(list) => list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (key, value) in members {
        let length = path.len();
        path.push('/');
        path.push_str(&key);
        collect(value, path, places);
        path.truncate(length);
    }
}

/// What somebody writes: nothing that makes sense, or what the service writes with something else in it.
fn text(name: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        (any::<usize>(), poison()).prop_map(move |(place, poison)| {
            let mut value = written(name);
            spoil(&mut value, place, &poison);
            value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
        }),
        (1_usize..220_000, ".").prop_map(|(length, what)| what.repeat(length)),
    ]
}

fn annotation() -> impl Strategy<Value = (ReadAnnotation, String)> {
    prop::sample::select(read_annotations().collect::<Vec<_>>())
        .prop_flat_map(|annotation| (Just(annotation), text(annotation.name)))
}

/// Writes an annotation on the machine, or on what is imported for it.
fn write(world: &mut World, annotation: ReadAnnotation, text: &str) {
    let set = |object: &mut Value| object["metadata"]["annotations"][annotation.name] = json!(text);
    if annotation.of_machine {
        world.cluster.edit("virtualmachines", "lab", "node-0", set);
    } else {
        let volumes = machine(world)["spec"]["template"]["spec"]["volumes"].clone();
        let mut volumes = volumes.as_array().unwrap().iter();
        let import = volumes.find_map(|volume| volume["dataVolume"]["name"].as_str()).expect("an import");
        world.cluster.edit("datavolumes", "lab", import, set);
    }
}

fn body(world: &mut World, path: &str) -> Vec<u8> {
    let response = world.send(0, request(Method::GET, path, None)).expect("an answer");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.into_body().to_vec()
}

/// What a system and its parts say.
fn said(world: &mut World) -> Value {
    for part in ["/Bios", "/VirtualMedia/Cd", "/VirtualMedia/Usb", "/BootOptions", "/Storage", "/EthernetInterfaces"] {
        let text = body(world, &format!("{NODE}{part}"));
        assert!(text.len() < BOUND, "{part}: {} bytes", text.len());
        let _: Value = serde_json::from_slice(&text).expect("JSON");
    }
    let text = body(world, NODE);
    assert!(text.len() < BOUND, "{} bytes", text.len());
    serde_json::from_slice(&text).expect("JSON")
}

fn ignored(system: &Value) -> Vec<String> {
    let conditions = system["Status"]["Conditions"].as_array().cloned().unwrap_or_default();
    let ignored = conditions.iter().filter(|said| said["MessageId"] == "KubeVirt.1.0.AnnotationIgnored");
    ignored.map(|said| said["MessageArgs"][0].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn asks_for_nothing_else(world: &mut World) {
    for call in world.take_calls() {
        let uri = call.request.uri().to_string();
        let at_home = uri.contains("/namespaces/lab/") && !uri.contains("..") && !uri.contains('%');
        let cluster_wide = uri.contains("/storageclasses") || uri.contains("/storageprofiles/standard");
        let own = uri.contains("/namespaces/kubevirt-redfish/");
        // Whether the API server answers at all.
        let probe = uri == "/version";
        assert!((at_home && !uri.contains("node-1")) || cluster_wide || own || probe, "{}", uri);
    }
}

fn insert(world: &mut World) -> StatusCode {
    post(world, &format!("{CD}/Actions/VirtualMedia.InsertMedia"), &json!({ "Image": IMAGE }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn d8_whatever_is_written_into_an_annotation_stays_with_its_system((annotation, text) in annotation()) {
        let world = &mut lab(VERSIONS[2]);
        prop_assert!(insert(world).is_success());
        world.advance(Duration::from_secs(5));
        let before = body(world, OTHER);
        world.take_calls();
        write(world, annotation, &text);
        world.advance(Duration::from_secs(30));
        let system = said(world);
        // What begins with this is nothing that the service would have written anywhere.
        if annotation.own && text.starts_with('\u{0}') {
            prop_assert_eq!(ignored(&system), vec![annotation.name.to_owned()]);
            prop_assert_eq!(&system["Status"]["Health"], "Warning");
        }
        asks_for_nothing_else(world);
        // Whoever goes on working with the machine can.
        let reset = format!("{NODE}/Actions/ComputerSystem.Reset");
        for (path, asked) in [
            (reset.as_str(), json!({ "ResetType": "On" })),
            (reset.as_str(), json!({ "ResetType": "ForceOff" })),
            (&*format!("{CD}/Actions/VirtualMedia.EjectMedia"), json!({})),
            (&*format!("{CD}/Actions/VirtualMedia.InsertMedia"), json!({ "Image": IMAGE })),
        ] {
            let status = post(world, path, &asked);
            prop_assert!(status.is_success() || status.is_client_error(), "{path} {asked}: {status}");
        }
        for change in [
            json!({ "Boot": { "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" } }),
            json!({ "AssetTag": "Rack 3", "IndicatorLED": "Lit" }),
        ] {
            let status = world.send(0, request(Method::PATCH, NODE, Some(&change))).expect("an answer").status();
            prop_assert!(status.is_success() || status.is_client_error(), "{change}: {status}");
        }
        world.advance(Duration::from_mins(2));
        said(world);
        asks_for_nothing_else(world);
        prop_assert_eq!(body(world, OTHER), before);
    }
}

#[test]
fn d15_what_is_ignored_is_told_and_nothing_of_it_is_shown() {
    for annotation in read_annotations().filter(|annotation| annotation.own) {
        for text in
            ["\u{0}nonsense".to_owned(), "nonsense".repeat(25_000), "[]".to_owned(), String::from("\u{202e}nonsense")]
        {
            let world = &mut lab(VERSIONS[2]);
            assert!(insert(world).is_success());
            world.advance(Duration::from_secs(2));
            write(world, annotation, &text);
            world.advance(Duration::from_secs(2));
            let system = said(world);
            let free = annotation.name.ends_with("asset-tag") || annotation.name.ends_with("/image");
            if !(free && text == "[]") {
                assert_eq!(ignored(&system), [annotation.name], "{text:.20}");
                assert!(!system.to_string().contains("nonsense"), "{} {text:.20}", annotation.name);
            }
            let others = world.send(0, request(Method::GET, OTHER, None)).unwrap();
            assert!(!String::from_utf8_lossy(others.body()).contains("AnnotationIgnored"));
        }
    }
}

/// D15: what stands in a definition, in labels and in what the cluster says of a machine is bounded as well.
#[test]
fn d15_other_text_of_tenants_is_bounded_and_plain() {
    let long = format!("\u{202e}\u{1b}[31m{}", "y".repeat(100_000));
    let world = &mut lab(VERSIONS[2]);
    world.cluster.edit("virtualmachines", "lab", "node-0", |machine| {
        machine["metadata"]["annotations"]["description"] = json!(long);
        machine["metadata"]["labels"]["a"] = json!(long);
        for number in 0..2_000 {
            machine["metadata"]["labels"][format!("l{number}")] = json!("x");
        }
        let template = &mut machine["spec"]["template"]["spec"];
        template["domain"]["firmware"]["serial"] = json!(long);
        template["domain"]["firmware"]["uuid"] = json!(long);
        template["domain"]["cpu"]["model"] = json!(long);
        template["domain"]["machine"]["type"] = json!(long);
        template["domain"]["devices"]["disks"][0]["serial"] = json!(long);
        template["domain"]["devices"]["interfaces"][0]["macAddress"] = json!(long);
        template["domain"]["devices"]["interfaces"][0]["name"] = json!(long);
        template["volumes"].as_array_mut().unwrap().push(json!({ "name": "cd", "containerDisk": { "image": long } }));
        machine["spec"]["instancetype"] = json!({ "name": long });
        machine["status"]["printableStatus"] = json!(long);
        machine["status"]["conditions"] = json!([
            { "type": "Failure", "status": "True", "reason": long, "message": long },
        ]);
    });
    world.advance(Duration::from_millis(100));
    let system = said(world);
    let text = system.to_string() + &String::from_utf8_lossy(&body(world, CD));
    assert!(text.contains("yyyy"), "it is shown as far as there is room");
    assert!(!text.contains('\u{202e}') && !text.contains("\\u001b") && !text.contains('\u{1b}'));
    assert!(!text.contains(&"y".repeat(2_000)), "and no further");
}

/// D15: what could not be shown cannot be written either.
#[test]
fn d15_an_asset_tag_that_could_not_be_shown_is_refused() {
    let world = &mut lab(VERSIONS[2]);
    for (tag, status) in [
        ("Rack 3 / \u{fc}ber", StatusCode::OK),
        (&*"\u{e4}".repeat(256), StatusCode::OK),
        (&*"x".repeat(257), StatusCode::BAD_REQUEST),
        ("\u{202e}gat", StatusCode::BAD_REQUEST),
        ("a\nb", StatusCode::BAD_REQUEST),
        ("\u{1b}[31m", StatusCode::BAD_REQUEST),
    ] {
        let body = json!({ "AssetTag": tag });
        let response = world.send(0, request(Method::PATCH, NODE, Some(&body))).unwrap();
        assert_eq!(response.status(), status, "{tag:?}");
        if status == StatusCode::OK {
            let system = said(world);
            assert_eq!((&system["AssetTag"], ignored(&system)), (&json!(tag), Vec::new()));
        }
    }
}
