//! Datagrams to servers that clients have named, and what comes back.

use std::time::{Duration, SystemTime};

use kubevirt_redfish_core::model::Host;
use kubevirt_redfish_core::{Answer, OutboundDatagram};
use tokio::net::UdpSocket;

/// The longest answer that is read, in bytes; the rest of a longer one is dropped.
const LARGEST: usize = 1_500;

/// Sends a datagram to an address that is allowed, and reports every answer until `report` says that nobody wants more.
/// Why there are none.
pub(super) async fn ask<R: Future<Output = bool>>(
    question: &OutboundDatagram,
    mut report: impl FnMut(Answer) -> R,
) -> String {
    match exchange(question, &mut report).await {
        Ok(()) => "nobody waits for the answer".to_owned(),
        Err(reason) => reason,
    }
}

async fn exchange<R: Future<Output = bool>>(
    question: &OutboundDatagram,
    report: &mut impl FnMut(Answer) -> R,
) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let OutboundDatagram { host, port, policy, data, .. } = question;
    let named = Host::parse(host).ok_or("not a name of a host")?;
    let mut found = tokio::net::lookup_host((host.as_str(), *port)).await.map_err(failed)?;
    let address =
        found.find(|address| policy.permits(&named, address.ip())).ok_or("not an address that may be asked")?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await.map_err(failed)?;
    socket.connect(address).await.map_err(failed)?;
    let sent = since_1970();
    socket.send(data).await.map_err(failed)?;
    let mut answer = [0; LARGEST];
    loop {
        let length = socket.recv(&mut answer).await.map_err(failed)?;
        let data = answer.get(..length).unwrap_or_default().to_vec().into();
        if !report(Answer::Datagram { data, sent, received: since_1970() }).await {
            return Ok(());
        }
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kubevirt_redfish_core::time::Instant;
    use kubevirt_redfish_core::{AddressPolicy, RequestId};

    use super::*;

    fn question(host: &str, port: u16, policy: AddressPolicy) -> OutboundDatagram {
        let (id, host) = (RequestId(1), host.to_owned());
        OutboundDatagram { id, host, port, policy, data: Bytes::from_static(b"when?"), deadline: Instant::default() }
    }

    #[tokio::test]
    async fn a_server_is_asked_and_every_answer_reported() {
        let server = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        let port = server.local_addr().expect("an address").port();
        let serving = tokio::spawn(async move {
            let mut question = [0; 16];
            let (length, client) = server.recv_from(&mut question).await.expect("a question");
            assert_eq!(question.get(..length), Some(&b"when?"[..]));
            server.send_to(b"later", client).await.expect("sent");
            server.send_to(b"now", client).await.expect("sent");
        });
        for host in ["127.0.0.1", "localhost"] {
            let question = question(host, port, AddressPolicy::default());
            assert_eq!(
                ask(&question, async |_| false).await,
                "not an address that may be asked",
                "{host} is this host"
            );
        }
        let here = AddressPolicy { loopback: true, ..AddressPolicy::default() };
        let answers = std::cell::RefCell::new(Vec::new());
        ask(&question("127.0.0.1", port, here), |answer| {
            let Answer::Datagram { data, sent, received } = answer else { panic!("{answer:?}") };
            assert!(sent <= received);
            answers.borrow_mut().push(data);
            let is_first = answers.borrow().len() == 1;
            async move { is_first }
        })
        .await;
        assert_eq!(answers.into_inner(), [&b"later"[..], b"now"]);
        serving.await.expect("no panic");
    }
}
