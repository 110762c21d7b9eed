//! Queries on more systems than a page has.

#![expect(clippy::unwrap_used, reason = "tests may fail")]

use http::StatusCode;
use kubevirt_redfish_core::Step;
use kubevirt_redfish_core::model::{Observation, Version};
use kubevirt_redfish_fixtures::stub::StubCluster;
use serde_json::Value;

fn get(stub: &StubCluster, uri: &str) -> Value {
    let response = stub.read(uri);
    assert_eq!(response.status(), StatusCode::OK, "{uri}");
    serde_json::from_slice(response.body()).unwrap()
}

/// Follows the pages from `uri`: the sizes of the pages and all members.
fn pages(stub: &StubCluster, uri: &str) -> (Vec<usize>, Vec<Value>) {
    let (mut sizes, mut all) = (Vec::new(), Vec::new());
    let mut next = Some(uri.to_owned());
    while let Some(uri) = next {
        let page = get(stub, &uri);
        let members = page["Members"].as_array().unwrap();
        sizes.push(members.len());
        all.extend(members.iter().cloned());
        next = page.get("Members@odata.nextLink").map(|link| link.as_str().unwrap().to_owned());
        assert!(sizes.len() < 100, "the pages never end");
    }
    (sizes, all)
}

fn distinct(members: &[Value]) -> usize {
    let ids: std::collections::BTreeSet<&str> = members.iter().map(|it| it["@odata.id"].as_str().unwrap()).collect();
    ids.len()
}

#[test]
fn pages_together_are_the_collection() {
    let stub = StubCluster::with_systems(2_500);
    for collection in ["Systems", "Managers", "Chassis/lab/Systems"] {
        let uri = format!("/redfish/v1/{collection}");
        assert_eq!(get(&stub, &uri)["Members@odata.count"], 2_500);
        let (sizes, all) = pages(&stub, &uri);
        assert_eq!(sizes, [1_000, 1_000, 500]);
        assert_eq!(distinct(&all), 2_500);
    }
    let (sizes, all) = pages(&stub, "/redfish/v1/Systems?$skip=100&$top=1500");
    assert_eq!(sizes, [1_000, 500]);
    assert_eq!(distinct(&all), 1_500);
    assert_eq!(get(&stub, "/redfish/v1/Systems?$skip=2499")["Members"].as_array().unwrap().len(), 1);
}

#[test]
fn every_page_is_filtered_selected_and_expanded_alike() {
    let stub = StubCluster::with_systems(2_500);
    let uri = "/redfish/v1/Systems?$filter=not+(Name+eq+'node-7')+and+PowerState+ne+'x%26y'&$expand=.&$select=Name";
    assert_eq!(get(&stub, uri)["Members@odata.count"], 2_499);
    let (sizes, all) = pages(&stub, uri);
    assert_eq!(sizes, [1_000, 1_000, 499]);
    assert_eq!(distinct(&all), 2_499);
    assert!(all.iter().all(|it| it["Name"] != "node-7" && it["Name"].is_string() && it.get("UUID").is_none()));
}

#[test]
fn what_would_be_too_large_is_cut_or_refused() {
    let stub = StubCluster::with_systems(6_000);
    // The chassis refers to all of its systems: that is more than an answer holds, and there is nothing to cut.
    for uri in ["/redfish/v1/Chassis/lab?$expand=*($levels=6)", "/redfish/v1?$expand=*($levels=6)"] {
        let response = stub.read(uri);
        assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE, "{uri}");
        assert!(std::str::from_utf8(response.body()).unwrap().contains("InsufficientStorage"));
    }
    // A page of a collection ends early instead. Each manager brings its system's chassis with 6,000 references.
    let (sizes, all) = pages(&stub, "/redfish/v1/Managers?$expand=*($levels=2)&$top=100");
    assert_eq!(distinct(&all), 100);
    assert!(sizes.len() > 1 && sizes.iter().all(|size| *size > 10), "{sizes:?}");
    // An expression over more members than there is time for.
    let terms = vec!["Id+eq+'x'"; 30].join("+or+");
    let stub = StubCluster::with_systems(8_500);
    let response = stub.read(&format!("/redfish/v1/Systems?$filter={terms}"));
    assert_eq!(response.status(), StatusCode::INSUFFICIENT_STORAGE);
}

#[test]
fn a_tag_covers_all_that_is_in_the_answer() {
    let mut stub = StubCluster::with_systems(3);
    let tag = |stub: &StubCluster, uri: &str| stub.read(uri).headers()["etag"].clone();
    let uris = ["/redfish/v1/Systems?$expand=.", "/redfish/v1/Systems", "/redfish/v1/Systems?$top=2"];
    let before = uris.map(|uri| tag(&stub, uri));
    stub.run("lab.node-0", "run-1", kubevirt_redfish_core::model::Phase::Running, false, false);
    let after = uris.map(|uri| tag(&stub, uri));
    assert_ne!(before[0], after[0], "a member that is in it has changed");
    assert_eq!(before[1..], after[1..], "the members are the same");
    assert_ne!(before[1], before[2]);
}

#[test]
fn a_page_goes_on_where_the_last_one_ended_whatever_has_gone_meanwhile() {
    let mut stub = StubCluster::with_systems(2_500);
    let first = get(&stub, "/redfish/v1/Systems");
    let last = first["Members"][999]["@odata.id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let next = first["Members@odata.nextLink"].as_str().unwrap().to_owned();
    assert_eq!(next, format!("/redfish/v1/Systems?$skiptoken={last}"));
    let before = get(&stub, &next);
    for member in [&first["Members"][10], &first["Members"][999]] {
        let id = member["@odata.id"].as_str().unwrap().rsplit('/').next().unwrap();
        stub.observe(Observation::MachineGone(id.parse().unwrap(), Version::default()));
    }
    let after = get(&stub, &next);
    assert_eq!(after["Members@odata.count"], 2_498);
    assert_eq!(after["Members"], before["Members"], "nothing is skipped or shown twice");
}

#[test]
fn a_read_that_takes_long_is_put_off_and_others_are_not() {
    let stub = StubCluster::with_systems(1_000);
    for (uri, is_long) in [
        ("/redfish/v1/Systems", false),
        ("/redfish/v1/Systems?$skip=900", false),
        ("/redfish/v1/Systems/lab.node-7?$select=Name", false),
        ("/redfish/v1/Systems?$filter=Id+eq+'x'", true),
        ("/redfish/v1/Systems?$expand=.", true),
    ] {
        let (_, step) = stub.begin_read(uri);
        assert_eq!(matches!(step, Step::Defer), is_long, "{uri}");
        assert_eq!(matches!(step, Step::Respond(_)), !is_long, "{uri}");
        assert_eq!(stub.read(uri).status(), StatusCode::OK, "{uri}");
    }
}
