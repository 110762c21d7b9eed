//! The fuzz targets, on what has been found before and on bytes of this run.

use proptest::collection::vec;
use proptest::prelude::*;

/// Inputs that once went wrong or reach far, one line a file in `corpus/`.
#[test]
fn what_was_found_stays_mended() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut replayed = 0;
    for (target, run) in [
        ("request", kubevirt_redfish_fuzz::request as fn(&[u8])),
        ("query", kubevirt_redfish_fuzz::query),
        ("write", kubevirt_redfish_fuzz::write),
        ("headers", kubevirt_redfish_fuzz::headers),
        ("stream", kubevirt_redfish_fuzz::stream),
        ("config", kubevirt_redfish_fuzz::config),
        ("watch", kubevirt_redfish_fuzz::watch),
        ("history", kubevirt_redfish_fuzz::history),
        ("engine", kubevirt_redfish_fuzz::engine),
        ("socket", kubevirt_redfish_fuzz::socket),
    ] {
        for file in std::fs::read_dir(folder.join(target)).expect("a corpus") {
            run(&std::fs::read(file.expect("a file").path()).expect("a file"));
            replayed += 1;
        }
    }
    assert!(replayed >= 30, "only {replayed} inputs");
}

proptest! {
    #[test]
    fn any_bytes_are_answered(data in vec(any::<u8>(), 0..200)) {
        kubevirt_redfish_fuzz::request(&data);
        kubevirt_redfish_fuzz::query(&data);
        kubevirt_redfish_fuzz::write(&data);
        kubevirt_redfish_fuzz::headers(&data);
        kubevirt_redfish_fuzz::stream(&data);
        kubevirt_redfish_fuzz::config(&data);
        kubevirt_redfish_fuzz::watch(&data);
        kubevirt_redfish_fuzz::engine(&data);
    }


    #[test]
    fn answers_are_equal_behind_a_socket(path in "(/redfish/v1)?(/(Systems|Chassis|Managers|lab|lab.node-[0-4]|Registries|JsonSchemas|TaskService|Bios|VirtualMedia|[a-z%.]{1,4})){0,4}/?([?](only|[$](select|filter|expand|top|skip)=[A-Za-z0-9.*,()$=']{0,12}))?", method in "(GET|HEAD|OPTIONS)", header in "(Accept|Accept-Encoding|If-None-Match|OData-Version|Origin): [a-z*/;=.0-9]{0,12}") {
        kubevirt_redfish_fuzz::socket(format!("{method} {path}\nAuthorization: Basic YWRtaW46c2VjcmV0\n{header}").as_bytes());
    }

    #[test]
    fn any_path_is_answered(method in "(GET|HEAD|POST|PATCH|PUT|DELETE|OPTIONS|[A-Z]{1,9})", path in "(/[a-zA-Z0-9.$%_~?=&-]{0,12}){0,6}/?") {
        kubevirt_redfish_fuzz::request(format!("{method} /redfish/v1{path}\nAuthorization: Basic YWRtaW46c2VjcmV0\0{{}}").as_bytes());
        kubevirt_redfish_fuzz::request(format!("{method} {path}").as_bytes());
    }

    #[test]
    fn any_query_is_answered(choice in any::<u8>(), words in vec("(and|or|not|eq|ne|gt|\\(|\\)|'|'On'|Name|PowerState|Status/Health|Members|Links|Boot/[A-Za-z]{0,4}|,|/|\\*|\\.|~|\\(\\$levels=[0-9]\\)|-?[0-9]{1,20}|true|null|[ a-z%+&=]{0,3})", 0..10), separator in "[ ,]?") {
        let mut data = vec![choice];
        data.extend(words.join(&separator).bytes());
        kubevirt_redfish_fuzz::query(&data);
    }

    #[test]
    fn any_header_is_answered(name in "(Accept|Accept-Encoding|Host|Origin|Content-Type|If-Match|If-None-Match|OData-Version|Authorization|Content-Length|X-Auth-Token)", value in "\\PC{0,40}") {
        for method in ["GET", "PATCH"] {
            let head = format!("{method} /redfish/v1/Systems/lab.node-0\nAuthorization: Basic YWRtaW46c2VjcmV0\n{name}: {value}");
            kubevirt_redfish_fuzz::request(format!("{head}\0{{\"Boot\":{{\"BootSourceOverrideTarget\":\"Cd\"}}}}").as_bytes());
        }
    }

    #[test]
    fn any_stream_filter_is_answered(words in vec("(and|or|eq|ne|not|\\(|\\)|'|EventFormatType|Event|MessageId|RegistryPrefix|ResourceType|OriginResource|SubordinateResources|true|'[A-Za-z.0-9/]{0,12}'|/redfish/v1[/A-Za-z]{0,9})", 0..10)) {
        kubevirt_redfish_fuzz::stream(words.join(" ").as_bytes());
    }

    #[test]
    fn any_json_is_answered(choice in any::<u8>(), name in NAME, inner in NAME, value in VALUE, other in NAME, second in VALUE) {
        for body in [
            format!("{{\"{name}\":{value}}}"),
            format!("{{\"{name}\":{{\"{inner}\":{value}}}}}"),
            format!("{{\"{name}\":[{value},{second},{{\"{inner}\":{value}}}],\"{other}\":{second}}}"),
        ] {
            kubevirt_redfish_fuzz::write(&[&[choice], body.as_bytes()].concat());
        }
    }
}

/// Everything that can be written is written to, with nothing and with everything that it shows.
#[test]
fn what_is_read_can_be_sent_back() {
    let writes = kubevirt_redfish_fuzz::writes();
    for uri in [
        "/Systems/lab.node-0",
        "/Managers/lab.node-0",
        "/AccountService/Accounts/made",
        "/SessionService",
        "/EventService/Subscriptions/",
    ] {
        assert!(writes.iter().any(|(_, written)| written.path().starts_with(&format!("/redfish/v1{uri}"))), "{uri}");
    }
    assert!(writes.len() <= 256, "one byte chooses out of {}", writes.len());
    for choice in (0..=u8::MAX).take(writes.len()) {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            "{\"@odata.id\": 1}",
            "{\"Name\": null, \"Id\": {}, \"Status\": []}",
            "\"\\ud800\"",
        ] {
            kubevirt_redfish_fuzz::write(&[&[choice], body.as_bytes()].concat());
        }
    }
}

/// Names of members: of what can be written, of what cannot, and of nothing.
const NAME: &str = "(Boot|BootSourceOverrideTarget|BootSourceOverrideEnabled|BootSourceOverrideMode|AssetTag|Image|ResetType|Inserted|UserName|Password|RoleId|Enabled|Locked|PasswordChangeRequired|SessionTimeout|AccountLockoutThreshold|Destination|Protocol|Context|HttpHeaders|MessageIds|EventTypes|OriginResources|DeliveryRetryPolicy|DateTime|DateTimeLocalOffset|NTP|SSDP|NTPServers|ProtocolEnabled|MessageId|Attributes|Oem|Id|@Redfish.OperationApplyTime|@odata.id|[A-Za-z@.]{0,12})";

/// Values: of all types, and such as some property takes.
const VALUE: &str = "(null|true|false|-1|0|86400|1e400|0.5|\"\"|\"Cd\"|\"Once\"|\"On\"|\"http://a/b\"|\"https://listener.example/\"|\"Redfish\"|\"Operator\"|\"2026-01-01T00:00:00Z\"|\"/redfish/v1/Systems\"|\"Password-1\"|\\[\\]|\\{\\}|[0-9]{1,30}|\"[ -~]{0,12}\")";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_a_runtime_reports_is_borne(data in vec(any::<u8>(), 0..1200)) {
        kubevirt_redfish_fuzz::engine(&data);
    }
}
