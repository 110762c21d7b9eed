//! Installations over sockets, with the requests that Ironic makes by way of sushy, and what the cluster then has.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use http::{Method, StatusCode};
use kubevirt_redfish_app::transport::AnswerBody as _;
use kubevirt_redfish_fixtures::cluster::KubevirtVersion;
use kubevirt_redfish_fixtures::sample;
use serde_json::{Value, json};
use support::api::{self, Api};
use support::client::Answer;
use support::{Client, Service, eventually};

// No image server is asked for anything: there is none.
const CONFIG: &str = "chassis: [{name: lab, namespace: lab}]\n\
                      datavolume: {probe: {enabled: false}}\n\
                      system_id_convention: enhanced\n\
                      authentication: {users: [{username: admin, password: secret, chassis: [lab]}]}\n";

/// A client that makes a new connection for each request and asks for its end, as sushy does.
struct Sushy<'a> {
    service: &'a Service,
    token: String,
}

impl<'a> Sushy<'a> {
    /// Finds the sessions in the root and begins one.
    async fn log_in(service: &'a Service) -> Self {
        let sushy = Self { service, token: String::new() };
        let sessions = sushy.get("/redfish/v1/").await["Links"]["Sessions"]["@odata.id"].clone();
        let login = json!({ "UserName": "admin", "Password": "secret" });
        let session = sushy.send(Method::POST, sessions.as_str().unwrap(), Some(&login), None).await;
        assert_eq!(session.status, StatusCode::CREATED, "{session:?}");
        Self { token: session.header("x-auth-token").unwrap().to_owned(), ..sushy }
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>, tag: Option<&str>) -> Answer {
        let mut headers = vec![("odata-version", "4.0"), ("connection", "close"), ("accept-encoding", "identity")];
        if !self.token.is_empty() {
            headers.push(("x-auth-token", self.token.as_str()));
        }
        headers.extend(body.map(|_| ("content-type", "application/json")));
        headers.extend(tag.map(|tag| ("if-match", tag)));
        let body = body.map(Value::to_string).unwrap_or_default();
        Client::connect(&self.service.url).await.anonymous().send(method, path, &headers, &body).await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.send(Method::GET, path, None, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {answer:?}");
        answer.json()
    }

    /// An action whose target is taken from the resource. No body means none at all.
    async fn act(&self, resource: &str, action: &str, body: Option<&Value>) {
        let target = self.get(resource).await["Actions"][action]["target"].as_str().unwrap().to_owned();
        let answer = self.send(Method::POST, &target, body, None).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{target}: {answer:?}");
    }

    /// Changes a system with the tag that its last reading had.
    async fn set_boot(&self, system: &str, boot: &Value) {
        let body = json!({ "Boot": boot });
        let change = async || {
            let read = self.send(Method::GET, system, None, None).await;
            let tag = read.header("etag").unwrap();
            self.send(Method::PATCH, system, Some(&body), Some(tag)).await
        };
        // A machine that has just come up goes on changing: then it is read again.
        let answer = eventually(change, |answer| answer.status != StatusCode::PRECONDITION_FAILED).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        for (name, value) in boot.as_object().unwrap() {
            assert_eq!(&self.get(system).await["Boot"][name], value, "{name} reads back");
        }
    }

    async fn power(&self, system: &str, reset_type: &str, wanted: &str) {
        let allowable =
            &self.get(system).await["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"];
        assert!(allowable.as_array().unwrap().contains(&json!(reset_type)), "{reset_type} in {allowable}");
        self.act(system, "#ComputerSystem.Reset", Some(&json!({ "ResetType": reset_type }))).await;
        eventually(async || self.get(system).await["PowerState"].clone(), |state| state == wanted).await;
    }

    /// Empties every drive of a kind, whatever is in it, and gives the first.
    async fn eject(&self, system: &str, kind: &str) -> String {
        let drives = self.get(system).await["VirtualMedia"]["@odata.id"].as_str().unwrap().to_owned();
        let mut first = None;
        for member in self.get(&drives).await["Members"].as_array().unwrap() {
            let path = member["@odata.id"].as_str().unwrap();
            if self.get(path).await["MediaTypes"].as_array().unwrap().contains(&json!(kind)) {
                self.act(path, "#VirtualMedia.EjectMedia", None).await;
                first.get_or_insert_with(|| path.to_owned());
            }
        }
        first.unwrap()
    }
}

/// The names of the devices of a domain that have a place in the boot order, in this order.
fn boot_order(domain: &Value) -> Vec<String> {
    let lists = ["disks", "interfaces"].map(|list| domain["devices"][list].as_array().cloned().unwrap_or_default());
    let mut places: Vec<_> = lists
        .concat()
        .iter()
        .filter_map(|device| Some((device["bootOrder"].as_u64()?, device["name"].as_str()?.to_owned())))
        .collect();
    places.sort();
    places.into_iter().map(|(_, name)| name).collect()
}

fn template(machine: &Value) -> &Value {
    &machine["spec"]["template"]["spec"]
}

#[tokio::test(flavor = "multi_thread")]
async fn ironic_installs_a_machine() {
    for (version, running) in [
        (KubevirtVersion::V1_9, true),
        (KubevirtVersion::V1_9, false),
        (KubevirtVersion::V1_8, false),
        (KubevirtVersion::V1_6, true),
    ] {
        let cluster = sample::laboratory(api::cluster(version), 1);
        let api = Api::start(&format!("ironic-{version:?}-{running}"), cluster).await;
        let service = api.serve(CONFIG);
        let mut client = service.client().await;
        eventually(async || client.get("/redfish/v1/Systems").await, |answer| answer.status == StatusCode::OK).await;
        let sushy = Sushy::log_in(&service).await;
        let systems = sushy.get("/redfish/v1/Systems").await;
        let system = systems["Members"][0]["@odata.id"].as_str().unwrap();
        let machine = async || api.object("virtualmachines", "lab", "node-0").await.unwrap();
        let instance = async || api.object("virtualmachineinstances", "lab", "node-0").await;
        if running {
            sushy.power(system, "On", "On").await;
        }
        let before = machine().await;

        // The agent's image, and what it needs to know.
        let drive = sushy.eject(system, "CD").await;
        let agent = "http://images.example:6180/redfish/boot-5f4c.iso";
        sushy.act(&drive, "#VirtualMedia.InsertMedia", Some(&json!({ "Image": agent }))).await;
        eventually(async || sushy.get(&drive).await, |drive| drive["Inserted"] == true).await;
        let stick = sushy.eject(system, "USBStick").await;
        let config_drive = "http://images.example:6180/redfish/configdrive-5f4c";
        sushy.act(&stick, "#VirtualMedia.InsertMedia", Some(&json!({ "Image": config_drive }))).await;
        let once = json!({ "BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Once" });
        sushy.set_boot(system, &once).await;
        sushy.power(system, "ForceOff", "Off").await;
        // Off as soon as its guest has ended; then the instance goes.
        eventually(instance, Option::is_none).await;
        sushy.power(system, "On", "On").await;

        // It is booted from, with both images there.
        let run = instance().await.unwrap();
        assert_ne!(boot_order(&run["spec"]["domain"])[0], "root", "{version:?}: {run}");
        let media = run["spec"]["volumes"].as_array().unwrap().iter().filter(|volume| volume["name"] != "root").count();
        assert_eq!(
            media,
            2,
            "{version:?}: {} {} {}",
            run["spec"]["volumes"],
            run["status"]["volumeStatus"],
            machine().await
        );
        eventually(
            async || sushy.get(system).await,
            |system| system["Boot"]["BootSourceOverrideEnabled"] == "Disabled",
        )
        .await;

        // The image is written: what is removable goes, the disk is booted from now on.
        sushy.eject(system, "CD").await;
        sushy.eject(system, "USBStick").await;
        let disk = json!({ "BootSourceOverrideTarget": "Hdd", "BootSourceOverrideEnabled": "Continuous" });
        sushy.set_boot(system, &disk).await;
        sushy.power(system, "ForceOff", "Off").await;
        sushy.power(system, "On", "On").await;

        let run = instance().await.unwrap();
        assert_eq!(boot_order(&run["spec"]["domain"]), ["root"], "{version:?}");
        assert_eq!(run["spec"]["volumes"].as_array().unwrap().len(), 1, "{version:?}: {run}");
        let after = machine().await;
        assert_eq!(template(&after)["volumes"], template(&before)["volumes"], "{version:?}");
        assert_eq!(boot_order(&template(&after)["domain"]), ["root"], "{version:?}");
        let imports = async || {
            let list = "/apis/cdi.kubevirt.io/v1beta1/namespaces/lab/datavolumes";
            let request = http::Request::get(list).body(bytes::Bytes::new()).unwrap();
            let mut answer = api.cluster.send(request).await.unwrap();
            let mut body = Vec::new();
            while let Some(chunk) = answer.body.chunk().await {
                body.extend_from_slice(&chunk.unwrap());
            }
            serde_json::from_slice::<Value>(&body).unwrap()["items"].as_array().unwrap().len()
        };
        eventually(imports, |imports| *imports == 0).await;
        let shown = sushy.get(system).await;
        assert_eq!(shown["Status"]["Health"], "OK", "{version:?}: {shown}");
    }
}

/// Of two NICs the second is the one of the provisioning network.
#[tokio::test(flavor = "multi_thread")]
async fn a_nic_is_chosen_to_boot_from() {
    let cluster = sample::laboratory(api::cluster(KubevirtVersion::V1_9), 3);
    let api = Api::start("nic", cluster).await;
    let service = api.serve(CONFIG);
    let mut client = service.client().await;
    eventually(async || client.get("/redfish/v1/Systems").await, |answer| answer.status == StatusCode::OK).await;
    let sushy = Sushy::log_in(&service).await;
    let system = "/redfish/v1/Systems/lab.node-2";
    let booted = async || {
        sushy.power(system, "On", "On").await;
        let run = api.object("virtualmachineinstances", "lab", "node-2").await.unwrap();
        sushy.power(system, "ForceOff", "Off").await;
        boot_order(&run["spec"]["domain"])
    };

    // The NIC is known by its address; its option is found by the name that both show.
    let mut references = Vec::new();
    let options = sushy.get(system).await["Boot"]["BootOptions"]["@odata.id"].as_str().unwrap().to_owned();
    for member in sushy.get(&options).await["Members"].as_array().unwrap() {
        references.push(sushy.get(member["@odata.id"].as_str().unwrap()).await["BootOptionReference"].clone());
    }
    assert_eq!(references.len(), 4, "two disks, two NICs: {references:?}");
    let provisioning = json!("Nic.provisioning");
    assert!(references.contains(&provisioning), "{references:?}");
    assert_eq!(booted().await, ["root"]);

    // Once.
    let next = json!({
        "BootSourceOverrideTarget": "UefiBootNext", "BootSourceOverrideEnabled": "Once", "BootNext": provisioning,
    });
    sushy.set_boot(system, &next).await;
    assert_eq!(booted().await, ["provisioning", "root"]);
    assert_eq!(booted().await, ["root"]);

    // From now on, with the disk after it; the other NIC stays out.
    sushy.set_boot(system, &json!({ "BootOrder": [provisioning, "Drive.root"] })).await;
    assert_eq!(booted().await, ["provisioning", "root"]);

    // Any override goes before that order and leaves it as it is; of the NICs the chosen one is tried.
    let disk = json!({ "BootSourceOverrideTarget": "Hdd", "BootSourceOverrideEnabled": "Once" });
    sushy.set_boot(system, &disk).await;
    assert_eq!(booted().await, ["root", "provisioning"]);
    let network = json!({ "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once" });
    sushy.set_boot(system, &network).await;
    assert_eq!(booted().await, ["provisioning", "root"]);
    assert_eq!(sushy.get(system).await["Boot"]["BootOrder"], json!([provisioning, "Drive.root"]));

    // What is not there is not taken.
    let wrong = json!({ "Boot": { "BootOrder": ["Nic.storage"] } });
    let answer = sushy.send(Method::PATCH, system, Some(&wrong), None).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    assert_eq!(booted().await, ["provisioning", "root"]);
}
