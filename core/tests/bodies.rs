//! What clients send in bodies beside what they want.

#![expect(clippy::unwrap_used, reason = "tests may fail")]

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use kubevirt_redfish_fixtures::stub::StubCluster;
use serde_json::{Value, json};

const NODE: &str = "/redfish/v1/Systems/lab.node-0";

fn request(method: &Method, uri: &str, body: &Value) -> Request<Bytes> {
    let request = Request::builder().method(method).uri(uri).header("authorization", "Basic YWxsOnNlY3JldA==");
    request.body(Bytes::from(body.to_string())).unwrap()
}

/// What came of a request: its status, or that it was handed in.
fn status(stub: &mut StubCluster, method: &Method, uri: &str, body: &Value) -> Result<StatusCode, ()> {
    stub.request(request(method, uri, body)).map(|response| response.status()).ok_or(())
}

/// Every action, with the parameters that it needs.
fn actions(stub: &mut StubCluster) -> Vec<(String, Value)> {
    let subscription = json!({ "Destination": "https://192.0.2.1/a", "Protocol": "Redfish" });
    let made = stub.request(request(&Method::POST, "/redfish/v1/EventService/Subscriptions", &subscription));
    let subscription = made.unwrap().headers()["location"].to_str().unwrap().to_owned();
    let cd = format!("{NODE}/VirtualMedia/Cd/Actions/VirtualMedia");
    vec![
        (format!("{NODE}/Actions/ComputerSystem.Reset"), json!({ "ResetType": "On" })),
        (format!("{NODE}/Bios/Actions/Bios.ResetBios"), json!({})),
        (format!("{cd}.InsertMedia"), json!({ "Image": "http://images.example/a.iso" })),
        (format!("{cd}.EjectMedia"), json!({})),
        ("/redfish/v1/Managers/lab.node-0/Actions/Manager.Reset".to_owned(), json!({ "ResetType": "ForceRestart" })),
        (
            "/redfish/v1/EventService/Actions/EventService.SubmitTestEvent".to_owned(),
            json!({ "MessageId": "ResourceEvent.1.4.ResourceChanged" }),
        ),
        ("/redfish/v1/EventService/Actions/EventService.TestEventSubscription".to_owned(), json!({})),
        (format!("{subscription}/Actions/EventDestination.SuspendSubscription"), json!({})),
        (format!("{subscription}/Actions/EventDestination.ResumeSubscription"), json!({})),
    ]
}

/// F6: public scripts name the action in the body once more, and some send annotations along.
#[test]
fn an_action_takes_what_scripts_send_along_and_no_parameter_that_it_does_not_have() {
    let mut stub = StubCluster::new();
    for (uri, parameters) in actions(&mut stub) {
        let with = |more: Value| {
            let mut body = parameters.clone();
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let fresh = |body: &Value| {
            let mut stub = StubCluster::new();
            let uri = actions(&mut stub).into_iter().map(|(uri, _)| uri).find(|known| {
                let end = |uri: &str| uri.rsplit('/').next().unwrap().to_owned();
                end(known) == end(&uri)
            });
            status(&mut stub, &Method::POST, &uri.unwrap(), body)
        };
        let plain = fresh(&parameters);
        assert!(plain.is_err() || plain.is_ok_and(|status| status.is_success()), "{uri}");
        for more in [
            json!({ "Action": "Reset" }),
            json!({ "Action": "ComputerSystem.Reset" }),
            json!({ "Action": "#Something.Else" }),
            json!({ "Action": null }),
            json!({ "Action": { "a": 1 } }),
            json!({ "@odata.id": uri, "@odata.type": "#X.v1_0_0.X", "@odata.etag": "\"x\"" }),
            json!({ "@Message.ExtendedInfo": [], "ResetType@Redfish.AllowableValues": ["On"], "x@y.z": 1 }),
            json!({ "Oem": {} }),
            json!({ "Oem": null }),
        ] {
            assert_eq!(fresh(&with(more.clone())), plain, "{uri} {more}");
        }
        for more in
            [json!({ "Oem": { "Vendor": { "PressAndHold": true } } }), json!({ "action": "Reset" }), json!({ "X": 1 })]
        {
            assert_eq!(fresh(&with(more.clone())), Ok(StatusCode::BAD_REQUEST), "{uri} {more}");
        }
    }
}

/// F6: so do changes and creations: what identifies a resource is no change of it.
#[test]
fn what_identifies_a_resource_is_not_a_change_of_it() {
    let patches = [
        (NODE, json!({ "AssetTag": "7" })),
        ("/redfish/v1/Systems/lab.node-0/Bios/Settings", json!({ "Attributes": { "CpuCores": 4 } })),
        ("/redfish/v1/Systems/lab.node-0/SecureBoot", json!({ "SecureBootEnable": true })),
        ("/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd", json!({ "VerifyCertificate": true })),
        ("/redfish/v1/SessionService", json!({ "SessionTimeout": 600 })),
        ("/redfish/v1/AccountService", json!({ "AccountLockoutThreshold": 7 })),
    ];
    for (uri, body) in patches {
        let id = uri.rsplit('/').next().unwrap();
        let with = |more: Value| {
            let mut body = body.clone();
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            status(&mut StubCluster::new(), &Method::PATCH, uri, &body)
        };
        let plain = with(json!({}));
        assert!(plain.is_err() || plain.is_ok_and(|status| status.is_success()), "{uri} {plain:?}");
        for more in [
            json!({ "@odata.id": uri, "@odata.etag": "\"old\"", "@odata.type": "#X.X", "@odata.context": "x" }),
            json!({ "Id": id }),
            json!({ "Oem": {} }),
            json!({ "Anything@Vendor.Annotation": [1] }),
        ] {
            assert_eq!(with(more.clone()), plain, "{uri} {more}");
        }
        for more in [json!({ "Id": "another" }), json!({ "Id": 7 }), json!({ "Oem": { "Vendor": {} } })] {
            assert_eq!(with(more.clone()), Ok(StatusCode::BAD_REQUEST), "{uri} {more}");
        }
    }
    let certificate = kubevirt_redfish_fixtures::stub::certificate(1);
    for (uri, body) in [
        ("/redfish/v1/SessionService/Sessions", json!({ "UserName": "admin", "Password": "secret" })),
        (
            "/redfish/v1/AccountService/Accounts",
            json!({ "UserName": "eve", "Password": "Password1", "RoleId": "ReadOnly" }),
        ),
        (
            "/redfish/v1/EventService/Subscriptions",
            json!({ "Destination": "https://192.0.2.1/a", "Protocol": "Redfish" }),
        ),
        (
            "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Certificates",
            json!({ "CertificateString": certificate, "CertificateType": "PEM" }),
        ),
    ] {
        let with = |more: Value| {
            let mut body = body.clone();
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            status(&mut StubCluster::new(), &Method::POST, uri, &body)
        };
        let plain = with(json!({}));
        assert!(plain.is_err() || plain.is_ok_and(|status| status.is_success()), "{uri} {plain:?}");
        for more in [json!({ "Id": "mine" }), json!({ "@odata.id": "/x", "@odata.type": "#X.X" }), json!({ "Oem": {} })]
        {
            assert_eq!(with(more.clone()), plain, "{uri} {more}");
        }
    }
}
