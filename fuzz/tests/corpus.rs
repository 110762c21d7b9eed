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
        ("watch", kubevirt_redfish_fuzz::watch),
    ] {
        for file in std::fs::read_dir(folder.join(target)).expect("a corpus") {
            run(&std::fs::read(file.expect("a file").path()).expect("a file"));
            replayed += 1;
        }
    }
    assert!(replayed >= 12, "only {replayed} inputs");
}

proptest! {
    #[test]
    fn any_bytes_are_answered(data in vec(any::<u8>(), 0..200)) {
        kubevirt_redfish_fuzz::request(&data);
        kubevirt_redfish_fuzz::query(&data);
        kubevirt_redfish_fuzz::write(&data);
        kubevirt_redfish_fuzz::watch(&data);
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
    fn any_json_is_answered(choice in 0_u8..4, name in "(Boot|Image|ResetType|Inserted|UserName|[A-Za-z@.]{0,12})", inner in "(BootSourceOverrideTarget|BootSourceOverrideEnabled|[A-Za-z@.]{0,12})", value in "(null|true|-1|1e400|\"\"|\"Cd\"|\"On\"|\"http://a/b\"|\\[\\]|\\{\\}|[0-9]{1,30})") {
        let mut flat = vec![choice];
        flat.extend(format!("{{\"{name}\":{value}}}").bytes());
        kubevirt_redfish_fuzz::write(&flat);
        let mut nested = vec![choice];
        nested.extend(format!("{{\"{name}\":{{\"{inner}\":{value}}}}}").bytes());
        kubevirt_redfish_fuzz::write(&nested);
    }
}
