//! Asks time servers how far the clock is off, as long as there are any.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use kubevirt_redfish_core::model::Host;
use kubevirt_redfish_core::{AddressPolicy, View, ntp};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::random;

/// How soon a change of the servers shows.
const LOOK: Duration = Duration::from_secs(2);

/// How often they are asked: clocks of machines drift by seconds a week.
const PAUSE: Duration = Duration::from_secs(1024);

/// How soon they are asked again if none has answered; RFC 4330 section 10 wants it to be no sooner.
const RETRY: Duration = Duration::from_mins(1);

/// How long a server has to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Reports by how many seconds the clock has to be corrected, whenever a server says so.
pub(super) async fn run(views: Arc<ArcSwap<View>>, corrections: mpsc::Sender<i64>) {
    let mut asked: Vec<String> = Vec::new();
    let mut due = Instant::now();
    loop {
        sleep(LOOK).await;
        let view = views.load_full();
        let servers = view.time_servers().to_vec();
        if servers == asked && Instant::now() < due {
            continue;
        }
        due = Instant::now() + PAUSE;
        if !servers.is_empty() {
            match first_answer(&servers, view.time_server_policy()).await {
                Some(correction) if corrections.send(correction).await.is_err() => return,
                Some(correction) => tracing::debug!(correction, "time server asked"),
                None => {
                    tracing::warn!(?servers, "no time server answers");
                    due = Instant::now() + RETRY;
                }
            }
        }
        asked = servers;
    }
}

async fn first_answer(servers: &[String], policy: &AddressPolicy) -> Option<i64> {
    for server in servers {
        if let Ok(Some(correction)) = timeout(PATIENCE, ask(server, ntp::PORT, policy)).await {
            return Some(correction);
        }
    }
    None
}

/// Asks one server, if its name stands for an address that may be asked.
async fn ask(server: &str, port: u16, policy: &AddressPolicy) -> Option<i64> {
    let host = Host::parse(server)?;
    let mut found = tokio::net::lookup_host((server, port)).await.ok()?;
    let address = found.find(|address| policy.permits(&host, address.ip()))?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await.ok()?;
    socket.connect(address).await.ok()?;
    let nonce = random::seed().ok()?.to_be_bytes();
    let sent = since_1970()?;
    socket.send(&ntp::question(nonce)).await.ok()?;
    let mut answer = [0; 2 * ntp::LENGTH];
    loop {
        let length = socket.recv(&mut answer).await.ok()?;
        // What is no answer to the question may be anyone's.
        if let Some(correction) = ntp::correction(answer.get(..length)?, nonce, sent, since_1970()?) {
            return Some(correction);
        }
    }
}

fn since_1970() -> Option<Duration> {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_is_asked_and_believed() {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let port = server.local_addr().expect("an address").port();
        let serving = tokio::spawn(async move {
            let mut question = [0; ntp::LENGTH];
            let (_, client) = server.recv_from(&mut question).await.expect("a question");
            let mut answer = [0; ntp::LENGTH];
            answer[..2].copy_from_slice(&[0b00_100_100, 1]);
            answer[24..32].copy_from_slice(&question[40..]);
            let now = since_1970().expect("a clock").as_secs() + 2_208_988_800 + 3_600;
            for place in [32..36, 40..44] {
                answer[place].copy_from_slice(&u32::try_from(now & 0xffff_ffff).expect("32 bits").to_be_bytes());
            }
            server.send_to(&[0; 48], client).await.expect("sent");
            server.send_to(&answer, client).await.expect("sent");
        });
        let here = AddressPolicy { loopback: true, ..AddressPolicy::default() };
        for server in ["127.0.0.1", "localhost"] {
            let refused = timeout(PATIENCE, ask(server, port, &AddressPolicy::default())).await;
            assert_eq!(refused.expect("in time"), None, "{server} is this host");
        }
        let correction = timeout(PATIENCE, ask("127.0.0.1", port, &here)).await.expect("in time").expect("an answer");
        assert!((3_598..=3_600).contains(&correction), "{correction}");
        serving.await.expect("no panic");
    }
}
