//! Registries are found by the names that other resources have for them.

#![expect(clippy::expect_used, reason = "tests may fail")]

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, StatusCode};
use kubevirt_redfish_fixtures::stub::StubCluster;
use serde_json::Value;

fn read(stub: &mut StubCluster, uri: &str) -> Value {
    let credentials = base64::prelude::BASE64_STANDARD.encode("admin:secret");
    let request = Request::get(uri).header("authorization", format!("Basic {credentials}"));
    let response = stub.request(request.body(Bytes::new()).expect("a request")).expect("reads are answered at once");
    assert_eq!(response.status(), StatusCode::OK, "{uri}");
    serde_json::from_slice(response.body()).expect("JSON")
}

/// K2: Ansible and `redfish_ctl` take what a BIOS refers to for the name of the member below `Registries`.
#[test]
fn the_attribute_registry_is_the_member_of_the_name_that_the_bios_gives() {
    let mut stub = StubCluster::new();
    let systems = read(&mut stub, "/redfish/v1/Systems");
    let system = systems["Members"][0]["@odata.id"].as_str().expect("a system").to_owned();
    for bios in [format!("{system}/Bios"), format!("{system}/Bios/Settings")] {
        let bios = read(&mut stub, &bios);
        let name = bios["AttributeRegistry"].as_str().expect("a name");
        let uri = format!("/redfish/v1/Registries/{name}");
        let members = read(&mut stub, "/redfish/v1/Registries");
        let members = members["Members"].as_array().expect("members");
        assert!(members.iter().any(|member| member["@odata.id"] == *uri), "{members:?}");
        let file = read(&mut stub, &uri);
        assert_eq!(file["Id"], name);
        let registry = read(&mut stub, file["Location"][0]["Uri"].as_str().expect("a URI"));
        assert_eq!(registry["Id"], name);
        let attributes = registry["RegistryEntries"]["Attributes"].as_array().expect("attributes");
        for (attribute, _) in bios["Attributes"].as_object().expect("attributes") {
            assert!(attributes.iter().any(|entry| entry["AttributeName"] == **attribute), "{attribute}");
        }
    }
}
