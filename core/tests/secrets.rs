//! Nothing that could end in a log shows a secret: everything that passes between an exchange, the service and whoever
//! drives them is printed here, and searched for all secrets that went in or came out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::fmt::{Debug, Write as _};

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response};
use kubevirt_redfish_core::config::PasswordHash;
use kubevirt_redfish_core::model::Completion;
use kubevirt_redfish_core::service::{Input, Output};
use kubevirt_redfish_core::{PasswordResult, PasswordTask, Peer, Signal, Step, Ticket};
use kubevirt_redfish_fixtures::stub::StubCluster;
use serde_json::{Value, json};

/// Everything that was printed.
#[derive(Default)]
struct Printed(String);

impl Printed {
    fn print(&mut self, what: &dyn Debug) {
        writeln!(self.0, "{what:?}\n{what:#?}").unwrap();
    }

    /// Drives a request to its answer and prints all that passes by.
    fn drive(
        &mut self,
        stub: &mut StubCluster,
        method: &str,
        path: &str,
        password: &str,
        body: &Value,
    ) -> Response<Bytes> {
        let credentials = base64::prelude::BASE64_STANDARD.encode(format!("admin:{password}"));
        let head = Request::builder().method(method).uri(path).header("Authorization", format!("Basic {credentials}"));
        let head = head.header("Host", "bmc.example");
        let peer = Peer { address: [192, 0, 2, 1].into(), secure: true };
        let view = stub.view.clone();
        let (mut exchange, mut step) = view.begin(stub.now, &peer, head.body(()).unwrap());
        let mut ticket = 0;
        loop {
            self.print(&exchange);
            self.print(&step);
            let signal = match step {
                Step::Respond(response) => return response,
                Step::ReadBody { .. } => Signal::Body(body.to_string().into()),
                Step::Defer => Signal::Proceed,
                Step::Stream { .. } => panic!("no stream was asked for"),
                Step::Submit(intent) => {
                    ticket += 1;
                    let input = Input::Submitted { ticket: Ticket(ticket), intent };
                    self.print(&input);
                    let now = stub.now;
                    stub.service().handle_input(now, input);
                    let mut answer = None;
                    while let Some(output) = stub.service().poll_output() {
                        self.print(&output);
                        match output {
                            Output::Publish(view) => stub.view = view,
                            Output::Outcome { outcome, .. } => answer = Some(outcome),
                            Output::Password(work) => {
                                let result = match work.task {
                                    PasswordTask::Verify(_) => PasswordResult::Verified(true),
                                    PasswordTask::Hash(_) => {
                                        PasswordResult::Hashed(Some(PasswordHash::new("hash:of-the-new-one")))
                                    }
                                };
                                stub.service().handle_input(now, Input::Password { id: work.id, result });
                            }
                            Output::Command(command) => {
                                let (result, unanswered) = (Ok(Completion::default()), Vec::new());
                                let input = Input::Completed { id: command.id, result, unanswered };
                                stub.service().handle_input(now, input);
                            }
                            _ => {}
                        }
                    }
                    Signal::Outcome(answer.unwrap())
                }
            };
            self.print(&signal);
            self.print(stub.service());
            self.print(&stub.view);
            step = exchange.resume(&stub.view.clone(), stub.now, signal);
        }
    }
}

#[test]
fn secrets_do_not_print() {
    let mut stub = StubCluster::new();
    let mut printed = Printed::default();
    let accounts = "/redfish/v1/AccountService/Accounts";
    let account = json!({ "UserName": "eve", "Password": "Of-the-account-1", "RoleId": "Operator" });
    assert_eq!(printed.drive(&mut stub, "POST", accounts, "secret", &account).status(), 201);
    let sessions = "/redfish/v1/SessionService/Sessions";
    let log_in = json!({ "UserName": "eve", "Password": "Of-the-account-1" });
    let session = printed.drive(&mut stub, "POST", sessions, "secret", &log_in);
    assert_eq!(session.status(), 201);
    let token = session.headers()["x-auth-token"].to_str().unwrap();
    let insert = "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia";
    let media = json!({ "Image": "http://images.example/a.iso", "UserName": "eve", "Password": "Of-the-image-1" });
    assert_eq!(printed.drive(&mut stub, "POST", insert, "secret", &media).status(), 204);
    let subscriptions = "/redfish/v1/EventService/Subscriptions";
    let subscription = json!({
        "Destination": "https://listener.example/", "Protocol": "Redfish",
        "HttpHeaders": [{ "Authorization": "Bearer of-the-listener" }],
    });
    assert_eq!(printed.drive(&mut stub, "POST", subscriptions, "secret", &subscription).status(), 201);
    let test = "/redfish/v1/EventService/Actions/EventService.TestEventSubscription";
    assert_eq!(printed.drive(&mut stub, "POST", test, "secret", &json!({})).status(), 204);
    assert_eq!(printed.drive(&mut stub, "GET", accounts, "Not-the-right-one", &json!(null)).status(), 401);

    let entropy = format!("{:?}", [7_u8; 32]);
    for secret in [
        "Of-the-account-1",
        "of-the-new-one",
        "Of-the-image-1",
        "of-the-listener",
        "Not-the-right-one",
        &base64::prelude::BASE64_STANDARD.encode("admin:secret"),
        "hash:secret",
        token,
        &entropy,
    ] {
        if let Some(at) = printed.0.find(secret) {
            panic!("{secret}: …{}…", &printed.0[at.saturating_sub(300)..at + secret.len()]);
        }
    }
    assert!(printed.0.contains("lab.node-0") && printed.0.contains("Deliver"), "something was printed");
}
