//! A Redfish service for one's own test suite: no sockets, no threads, and time passes only when the test says so.
//!
//! `cargo run -p kubevirt-redfish-core --example in_process`

use std::time::Duration;

use http::Method;
use kubevirt_redfish_fixtures::in_process::Redfish;
use serde_json::json;

fn main() {
    let mut redfish = Redfish::with_machines(3);
    let system = "/redfish/v1/Systems/lab.node-0";
    assert_eq!(redfish.get(system)["PowerState"], "Off");
    let reset = format!("{system}/Actions/ComputerSystem.Reset");
    let answer = redfish.send(Method::POST, &reset, Some(&json!({ "ResetType": "On" })));
    assert_eq!(answer.status(), 204);
    redfish.advance(Duration::from_mins(1));
    assert_eq!(redfish.get(system)["PowerState"], "On");
    println!("{:#}", redfish.get(system));
}

#[test]
fn it_ends_well() {
    main();
}
