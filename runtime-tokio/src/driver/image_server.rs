//! Asks servers of images for the head of an answer, at addresses that are allowed and no others.

use http::Response;
use http_body_util::Full;
use kubevirt_redfish_core::kubevirt::{ImageRequest, Share, TransportError};

use super::outbound::{self, OutboundError};
use crate::clock::Clock;
use crate::permits::Permits;
use crate::transport::Transport;

/// Asks, and waits for an answer for as long as it is wanted. The images of a simulated cluster are where it is.
pub(super) async fn ask(
    question: ImageRequest,
    correlation_id: Option<&str>,
    share: &Share,
    questions: &Permits<Share>,
    clock: Clock,
    transport: &Transport,
) -> Result<Response<()>, TransportError> {
    let ImageRequest { request, verification, policy, until } = question;
    let host = request.uri().host().unwrap_or_default().to_owned();
    let answer = async {
        let permit = questions.acquire(share).await;
        let _permit = permit.map_err(|full| TransportError::NotSent(full.to_string()))?;
        if let Transport::Simulated(simulated) = transport {
            return simulated.ask_for_image(request).await;
        }
        let sent = outbound::send(request.map(|()| Full::default()), &policy, &verification).await;
        sent.map_err(|error| match error {
            OutboundError::NotAllowed | OutboundError::NotConnected(_) => TransportError::NotSent(error.to_string()),
            OutboundError::Broken(reason) => TransportError::Broken(reason),
        })
    };
    let answer =
        tokio::time::timeout_at(clock.timer(until), answer).await.map_err(|_| TransportError::TimedOut).flatten();
    match &answer {
        Ok(answer) => {
            tracing::debug!(host, status = answer.status().as_u16(), "a server was asked for an image's size");
        }
        Err(error) => tracing::info!(correlation_id, host, %error, "a server does not say how large an image is"),
    }
    answer
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{Method, Request};
    use kubevirt_redfish_core::AddressPolicy;
    use kubevirt_redfish_core::kubevirt::Verification;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn listen() -> (TcpListener, Request<Full<Bytes>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let uri = format!("http://localhost:{port}/a/boot.iso?token=x");
        let request = Request::builder().method(Method::HEAD).uri(uri).body(Full::default()).expect("a request");
        (listener, request)
    }

    /// Answers one request; what it was.
    async fn answer(listener: TcpListener, answer: &'static [u8]) -> String {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.expect("a head"));
        }
        stream.write_all(answer).await.expect("it is read");
        String::from_utf8(request).expect("text")
    }

    #[tokio::test]
    async fn a_head_is_asked_for_and_no_body_awaited() {
        let (listener, request) = listen().await;
        let server = tokio::spawn(answer(listener, b"HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\n"));
        let policy = AddressPolicy { loopback: true, ..AddressPolicy::default() };
        let answer = outbound::send(request, &policy, &Verification::Usual).await.expect("an answer");
        assert_eq!(answer.headers()["content-length"], "5000000000");
        let asked = server.await.expect("it was asked");
        assert!(asked.starts_with("HEAD /a/boot.iso?token=x HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("host: localhost:"), "{asked}");
    }

    #[tokio::test]
    async fn what_a_name_stands_for_is_judged_before_it_is_connected_to() {
        let (listener, request) = listen().await;
        let answer = outbound::send(request, &AddressPolicy::default(), &Verification::Usual).await;
        assert!(matches!(answer, Err(OutboundError::NotAllowed)), "{answer:?}");
        let accepted = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(accepted.is_err(), "nobody has connected");
    }
}
