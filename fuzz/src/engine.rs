//! The engine, with a runtime around it that says anything at any time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use kubevirt_redfish_core::kubevirt::{Settings, TransportError};
use kubevirt_redfish_core::model::Namespace;
use kubevirt_redfish_core::time::{Instant, Now, UnixTime};
use kubevirt_redfish_core::{Answer, Engine, Input, Output, Peer, RequestId, Setup, Step, Ticket};
use kubevirt_redfish_fixtures::laboratory;

/// Three bytes for each thing that happens: what, to which request, and how. Nothing panics, no request is made twice under
/// one id, only what is under way is aborted, what is submitted is answered at most once, and nothing is due again at once.
pub fn engine(data: &[u8]) {
    let mut run = Run::new();
    for step in data.chunks_exact(3).take(MOST_STEPS) {
        let [what, which, how] = *step else { return };
        run.step(what, which, how);
    }
    // Whatever has happened: nothing that waits waits for ever.
    run.advance(Duration::from_mins(30));
    assert!(run.open.len() < MOST_OPEN, "{} requests are under way", run.open.len());
}

const MOST_STEPS: usize = 400;
const MOST_OPEN: usize = 200;

struct Run {
    engine: Engine,
    now: Now,
    last: RequestId,
    open: BTreeSet<RequestId>,
    tickets: BTreeMap<Ticket, bool>,
}

impl Run {
    fn new() -> Self {
        let now = Now { mono: Instant::new(Duration::from_secs(1)), unix: UnixTime(1_792_540_800) };
        let settings = Settings { own_namespace: Namespace::new("kubevirt-redfish"), ..Settings::default() };
        let engine = Engine::new(Setup::new(laboratory::config(), settings, [7; 32], 7), now);
        let mut run = Self { engine, now, last: RequestId(0), open: BTreeSet::new(), tickets: BTreeMap::new() };
        run.drain();
        run
    }

    fn step(&mut self, what: u8, which: u8, how: u8) {
        let open = self.open.iter().nth(usize::from(which) % self.open.len().max(1)).copied();
        let id = open.filter(|_| which < 0xf0).unwrap_or_else(|| RequestId(u64::from(which)));
        let answer = match what % 8 {
            0 => {
                let mut head = Response::new(());
                let statuses = [200, 201, 204, 301, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503];
                let status = statuses.get(usize::from(how) % statuses.len()).copied().unwrap_or(200);
                *head.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
                Answer::Head(head)
            }
            1 => Answer::Data(Bytes::from_static(BODIES[usize::from(how) % BODIES.len()].as_bytes())),
            2 => Answer::End,
            3 => Answer::Failed(match how % 3 {
                0 => TransportError::NotSent("no route".to_owned()),
                1 => TransportError::Broken("cut".to_owned()),
                _ => TransportError::TimedOut,
            }),
            4 => Answer::Datagram { data: Bytes::new(), sent: Duration::ZERO, received: Duration::MAX },
            5 => return self.ask(how),
            6 => return self.advance(Duration::from_millis(u64::from(which) << (how % 16))),
            _ => {
                let config = Box::new(laboratory::config());
                self.engine.handle_input(self.now, Input::Configured(config));
                return self.drain();
            }
        };
        if matches!(answer, Answer::End | Answer::Failed(_)) {
            self.open.remove(&id);
        }
        self.engine.handle_input(self.now, Input::Answer { id, answer });
        self.drain();
    }

    /// A client asks for something.
    fn ask(&mut self, how: u8) {
        let (method, path) = match how % 4 {
            0 => ("POST", "/redfish/v1/Systems/lab.node-0/Actions/ComputerSystem.Reset"),
            1 => ("GET", "/redfish/v1/Systems"),
            2 => ("POST", "/redfish/v1/SessionService/Sessions"),
            _ => ("PATCH", "/redfish/v1/Systems/lab.node-0"),
        };
        let head = Request::builder().method(method).uri(path).header("host", "bmc");
        let head = head.header("authorization", "Basic YWRtaW46c2VjcmV0").header("content-type", "application/json");
        let Ok(head) = head.body(()) else { return };
        let peer = Peer { address: [192, 0, 2, how % 4].into(), secure: true };
        let (_exchange, step) = self.engine.view().begin(self.now, &peer, head);
        if let Step::Submit(intent) = step {
            let ticket = Ticket(self.tickets.len() as u64);
            self.tickets.insert(ticket, false);
            self.engine.handle_input(self.now, Input::Submitted { ticket, intent });
            self.drain();
        }
    }

    fn advance(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some((at, reason)) = self.engine.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now.mono = at.max(self.now.mono);
            self.engine.handle_timeout(self.now);
            self.drain();
            let next = self.engine.poll_timeout();
            assert!(next.is_none_or(|(next, _)| next > self.now.mono), "{reason:?} is due again at once: {next:?}");
        }
        self.now.mono = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Send(outbound) => self.sent(outbound.id),
                Output::SendDatagram(datagram) => self.sent(datagram.id),
                Output::Abort(id) => assert!(self.open.remove(&id), "{id:?} is not under way"),
                Output::Outcome { ticket, .. } => {
                    let answered = self.tickets.insert(ticket, true);
                    assert_eq!(answered, Some(false), "{ticket:?} is answered twice, or was never submitted");
                }
                _ => {}
            }
        }
    }

    fn sent(&mut self, id: RequestId) {
        assert!(id > self.last, "{id:?} after {:?}", self.last);
        self.last = id;
        self.open.insert(id);
    }
}

/// What a cluster might say.
const BODIES: [&str; 8] = [
    "{\"kind\":\"VirtualMachineList\",\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[]}",
    "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[{\"metadata\":{\"name\":\"node-0\",\"namespace\":\"lab\",\"uid\":\"u\",\"resourceVersion\":\"8\"},\"spec\":{\"runStrategy\":\"Halted\",\"template\":{\"spec\":{}}}}]}",
    "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"node-0\",\"namespace\":\"lab\",\"uid\":\"u\",\"resourceVersion\":\"10\"},\"spec\":{\"runStrategy\":\"Always\"}}}\n",
    "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":\"node-0\",\"namespace\":\"lab\",\"resourceVersion\":\"11\"}}}\n",
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}\n",
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Conflict\",\"code\":409}",
    "\u{fffd}\n{{{",
    "",
];
