//! What holds for every resource that a client can reach from the service root, whoever it is.

use std::collections::BTreeSet;

use http::Method;
use kubevirt_redfish_core::model::{Medium, Phase, Slot};
use kubevirt_redfish_fixtures::crawl::{ask, crawl};
use kubevirt_redfish_fixtures::stub::{StubCluster, import_named};
use serde_json::Value;

const USERS: [&str; 5] = ["admin", "operator", "viewer", "tenant", "all"];

/// A service with machines in several states.
fn stub() -> StubCluster {
    let mut stub = StubCluster::new();
    stub.run("lab.node-0", "run-1", Phase::Running, false, false);
    stub.run("other.db", "run-2", Phase::Starting, false, false);
    stub.redefine("lab.node-1", |machine| {
        let import = import_named("iso");
        let image = "http://images.example/a.iso".into();
        machine.media = [Medium {
            slot: Slot::Cd,
            image,
            drive: "cd".into(),
            write_protected: true,
            import: Some(import),
            of_others: false,
        }]
        .into();
    });
    stub
}

#[test]
fn every_link_leads_somewhere_for_everyone() {
    let mut stub = stub();
    for user in USERS {
        let pages = crawl(&mut stub, user);
        let systems = pages.keys().filter(|uri| uri.starts_with("/redfish/v1/Systems/")).count();
        assert!(systems > 10, "{user} sees {systems}");
        let foreign = if user == "tenant" { "/lab" } else { "/other" };
        assert_eq!(user != "all", !pages.keys().any(|uri| uri.contains(foreign)), "{user}");
    }
}

#[test]
fn every_resource_says_what_and_where_it_is() {
    let mut stub = stub();
    for (uri, page) in crawl(&mut stub, "all") {
        let text = |name: &str| page.body.get(name).and_then(Value::as_str);
        let header = |name: &str| page.headers.get(name).map(|value| value.to_str().unwrap());
        let odata_type = text("@odata.type").unwrap();
        assert!(page.body.get("Name").is_some_and(Value::is_string), "{uri}");
        assert_eq!(header("odata-version"), Some("4.0"), "{uri}");
        assert!(header("allow").is_some_and(|allow| allow.starts_with("GET, HEAD")), "{uri}");
        let namespace = odata_type.trim_start_matches('#').rsplit_once('.').unwrap().0;
        let described_by = format!("</redfish/v1/JsonSchemas/{namespace}>; rel=describedby");
        assert_eq!(header("link"), Some(&*described_by), "{uri}");
        if odata_type.starts_with("#MessageRegistry.") || odata_type.starts_with("#AttributeRegistry.") {
            // A file, not a resource.
            continue;
        }
        assert_eq!(text("@odata.id"), Some(&*uri));
        assert_eq!(text("@odata.etag"), header("etag"), "{uri}");
        match page.body.get("Members").and_then(Value::as_array) {
            Some(members) => {
                assert_eq!(page.body.get("Members@odata.count"), Some(&Value::from(members.len())), "{uri}");
            }
            None if uri == "/redfish/v1" => assert_eq!(text("Id"), Some("RootService")),
            None => assert_eq!(text("Id"), uri.rsplit('/').next(), "{uri}"),
        }
    }
}

#[test]
fn what_does_not_change_has_the_same_tag_and_nothing_is_written_by_reading() {
    let mut stub = stub();
    let tags = |stub: &mut StubCluster| -> Vec<_> {
        crawl(stub, "all").into_iter().map(|(uri, page)| (uri, page.headers.get("etag").cloned())).collect()
    };
    let before = tags(&mut stub);
    stub.advance(std::time::Duration::from_hours(1));
    assert_eq!(tags(&mut stub), before);
    assert!(stub.commands.is_empty());
}

#[test]
fn the_documents_name_everything_that_is_there() {
    let mut stub = stub();
    let metadata = ask(&mut stub, "all", Method::GET, "/redfish/v1/$metadata");
    let metadata = String::from_utf8(metadata.body().to_vec()).unwrap();
    let pages = crawl(&mut stub, "all");
    for page in pages.values() {
        let odata_type = page.body["@odata.type"].as_str().unwrap();
        let namespace = odata_type.trim_start_matches('#').rsplit_once('.').unwrap().0;
        let name = namespace.split('.').next().unwrap();
        for namespace in [namespace, name] {
            assert!(metadata.contains(&format!("<edmx:Include Namespace=\"{namespace}\"/>")), "{namespace}");
        }
    }
    let document = ask(&mut stub, "all", Method::GET, "/redfish/v1/odata");
    let document: Value = serde_json::from_slice(document.body()).unwrap();
    let listed: BTreeSet<_> =
        document["value"].as_array().unwrap().iter().map(|entry| entry["url"].as_str().unwrap().to_owned()).collect();
    let root = pages["/redfish/v1"].body.as_object().unwrap();
    let linked = root.values().filter_map(|value| value.get("@odata.id")?.as_str());
    let expected: BTreeSet<_> = linked.chain(["/redfish/v1"]).map(ToOwned::to_owned).collect();
    assert_eq!(listed, expected);
}
