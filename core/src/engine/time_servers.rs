//! Asks time servers how far the clock is off, as long as there are any.

use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Answer, Core, Due, LogEvent, OutboundDatagram, Owner, RequestId};
use crate::discovery::ntp;
use crate::time::Instant;
use crate::view::View;

/// How often they are asked: clocks of machines drift by seconds a week.
const PAUSE: Duration = Duration::from_secs(1024);

/// How soon they are asked again if none has answered; RFC 4330 section 10 wants it to be no sooner.
const RETRY: Duration = Duration::from_mins(1);

/// How long a server has to answer.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct TimeServers {
    /// What nonces are made of: who cannot see a question must not be able to answer it.
    key: [u8; 32],
    servers: Vec<String>,
    question: Option<Question>,
}

/// What a server is being asked.
struct Question {
    id: RequestId,
    /// Its place among the servers.
    server: usize,
    nonce: [u8; 8],
}

/// The nonces are secret.
impl std::fmt::Debug for TimeServers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TimeServers").field("servers", &self.servers).finish_non_exhaustive()
    }
}

impl TimeServers {
    pub(super) const fn new(key: [u8; 32]) -> Self {
        Self { key, servers: Vec::new(), question: None }
    }

    /// Takes in which servers are to be asked; others than before are asked at once.
    pub(super) fn look(&mut self, now: Instant, view: &View, core: &mut Core) {
        if view.time_servers() == self.servers {
            return;
        }
        self.servers = view.time_servers().to_vec();
        self.forget_question(core);
        core.timers.cancel(Due::TimeServers);
        self.ask(now, 0, view, core);
    }

    /// A server has had its time to answer, or they are to be asked again.
    pub(super) fn due(&mut self, now: Instant, view: &View, core: &mut Core) {
        let next = self.question.as_ref().map_or(0, |question| question.server + 1);
        self.forget_question(core);
        self.ask(now, next, view, core);
    }

    /// Takes in an answer; by how many seconds the clock has to be corrected, if it says so.
    pub(super) fn answered(&mut self, now: Instant, answer: &Answer, view: &View, core: &mut Core) -> Option<i64> {
        let question = self.question.as_ref()?;
        match answer {
            Answer::Datagram { data, sent, received } => {
                // What is no answer to the question may be anyone's.
                let correction = ntp::correction(data, question.nonce, *sent, *received)?;
                self.forget_question(core);
                core.timers.set(Due::TimeServers, now + PAUSE);
                core.log(LogEvent::TimeServer(correction));
                Some(correction)
            }
            Answer::Failed(_) => {
                self.due(now, view, core);
                None
            }
            Answer::Head(_) | Answer::Data(_) | Answer::End => None,
        }
    }

    fn ask(&mut self, now: Instant, server: usize, view: &View, core: &mut Core) {
        let Some(host) = self.servers.get(server) else {
            if !self.servers.is_empty() {
                core.log(LogEvent::NoTimeServer(self.servers.clone()));
                core.timers.set(Due::TimeServers, now + RETRY);
            }
            return;
        };
        let id = core.next_id(Owner::TimeServers);
        let hash =
            Sha256::new().chain_update(b"time").chain_update(self.key).chain_update(id.0.to_be_bytes()).finalize();
        let mut nonce = [0; 8];
        for (byte, hash) in nonce.iter_mut().zip(hash) {
            *byte = hash;
        }
        let deadline = now + PATIENCE;
        core.ask(OutboundDatagram {
            id,
            host: host.clone(),
            port: ntp::PORT,
            policy: view.time_server_policy().clone(),
            data: Bytes::copy_from_slice(&ntp::question(nonce)),
            deadline,
        });
        core.timers.set(Due::TimeServers, deadline);
        self.question = Some(Question { id, server, nonce });
    }

    fn forget_question(&mut self, core: &mut Core) {
        core.abort(self.question.take().map(|question| question.id));
    }
}
