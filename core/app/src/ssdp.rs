//! The socket that searches for Redfish services (SSDP) are received from and answered on.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use arc_swap::ArcSwap;
use kubevirt_redfish_core::{View, ssdp};

use crate::runtime::{self, Runtime};

/// Joins the group that searches are sent to.
pub(crate) fn join<R: Runtime>() -> io::Result<R::Udp> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, ssdp::PORT))?;
    socket.join_multicast_v4(&Ipv4Addr::from(ssdp::GROUP), &Ipv4Addr::UNSPECIFIED)?;
    R::udp(socket)
}

/// Answers searches for as long as it is not dropped. `listening` is where the service listens.
pub(crate) async fn serve<R: Runtime>(socket: R::Udp, listening: SocketAddr, views: Arc<ArcSwap<View>>) {
    let mut datagram = vec![0; ssdp::LONGEST];
    loop {
        let Ok((length, client)) = R::receive_from(&socket, &mut datagram).await else {
            // Something is wrong with one answer or with the network, which may come back.
            runtime::sleep::<R>(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let search = datagram.get(..length).unwrap_or_default();
        let Some(address) = reachable(listening, client) else { continue };
        if let Some(answer) = ssdp::answer(&views.load(), search, address) {
            tracing::debug!(%client, "search answered");
            // Whoever searches asks again if nothing comes.
            let _ = R::send_to(&socket, answer.as_bytes(), client).await;
        }
    }
}

/// Where the service listens, as a client reaches it: of several addresses, the one that leads to the client.
fn reachable(listening: SocketAddr, client: SocketAddr) -> Option<SocketAddr> {
    if !listening.ip().is_unspecified() {
        return Some(listening);
    }
    // Nothing is sent by connecting.
    let probe = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    probe.connect(client).ok()?;
    Some(SocketAddr::new(probe.local_addr().ok()?.ip(), listening.port()))
}

#[cfg(test)]
mod tests {
    use kubevirt_redfish_core::Service;
    use kubevirt_redfish_core::config::Config;
    use kubevirt_redfish_core::service::Input;
    use kubevirt_redfish_core::time::Now;

    use super::*;
    use crate::runtime::for_tests::ForTests;

    #[tokio::test]
    async fn who_searches_is_answered_with_an_address_that_leads_here() {
        let config = Config { ssdp: true, ..Config::default() };
        let mut service = Service::new(config, [7; 32], Now::default());
        // Nothing is kept, so the service knows what it is called.
        service.handle_input(Now::default(), Input::Watching(Vec::new()));
        let views = Arc::new(ArcSwap::new(service.view()));
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let address = socket.local_addr().expect("an address");
        let socket = ForTests::udp(socket).expect("a socket");
        let serving = tokio::spawn(serve::<ForTests>(socket, SocketAddr::from(([0, 0, 0, 0], 8443)), views));
        let client = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
        client.connect(address).await.expect("connected");
        for datagram in [&b"what is this"[..], b"M-SEARCH * HTTP/1.1\r\nMAN: \"ssdp:discover\"\r\nST: ssdp:all\r\n\r\n"]
        {
            client.send(datagram).await.expect("sent");
        }
        let mut answer = [0; 1024];
        let length = tokio::time::timeout(std::time::Duration::from_secs(5), client.recv(&mut answer));
        let length = length.await.expect("in time").expect("an answer");
        let answer = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
        assert!(answer.contains("AL: https://127.0.0.1:8443/redfish/v1/\r\n"), "{answer}");
        serving.abort();
    }
}
