//! Datagrams to servers that clients have named, and what comes back.

use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::{Duration, SystemTime};

use kubevirt_redfish_core::{Answer, OutboundDatagram};

use crate::runtime::Runtime;

/// The longest answer that is read, in bytes; the rest of a longer one is dropped.
const LARGEST: usize = 1_500;

/// Sends a datagram to an address that is allowed, and reports every answer until `report` says that nobody wants more.
/// Why there are none.
pub(super) async fn ask<R: Runtime, F: Future<Output = bool>>(
    question: &OutboundDatagram,
    mut report: impl FnMut(Answer) -> F,
) -> String {
    match exchange::<R, F>(question, &mut report).await {
        Ok(()) => "nobody waits for the answer".to_owned(),
        Err(reason) => reason,
    }
}

async fn exchange<R: Runtime, F: Future<Output = bool>>(
    question: &OutboundDatagram,
    report: &mut impl FnMut(Answer) -> F,
) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let OutboundDatagram { host, port, data, .. } = question;
    let found = R::resolve(host, *port).await.map_err(failed)?;
    let mut permitted = found.into_iter().filter(|address| question.permits(address.ip()));
    let server = permitted.next().ok_or("not an address that may be asked")?;
    let socket = if server.is_ipv4() {
        UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
    } else {
        UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
    };
    let socket = R::udp(socket.map_err(failed)?).map_err(failed)?;
    let sent = since_1970();
    R::send_to(&socket, data, server).await.map_err(failed)?;
    let mut answer = [0; LARGEST];
    loop {
        let (length, from) = R::receive_from(&socket, &mut answer).await.map_err(failed)?;
        if from != server {
            continue;
        }
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

    use tokio::net::UdpSocket;

    use super::*;
    use crate::runtime::for_tests::ForTests;

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
                ask::<ForTests, _>(&question, async |_| false).await,
                "not an address that may be asked",
                "{host} is this host"
            );
        }
        let here = AddressPolicy { loopback: true, ..AddressPolicy::default() };
        let answers = std::cell::RefCell::new(Vec::new());
        ask::<ForTests, _>(&question("127.0.0.1", port, here), |answer| {
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
