//! The floor: a hyper server that answers every request with the same bytes and headers and does nothing else.
//!
//! `bare LISTEN FILE`: the body is read from FILE; prints the address it listens on.

use std::convert::Infallible;
use std::io::Write as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

#[tokio::main(flavor = "multi_thread")]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let file = arguments.next().unwrap_or_default();
    let body = Bytes::from(std::fs::read(file)?);
    let listener = TcpListener::bind(listen).await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let body = body.clone();
        tokio::spawn(async move {
            let service = service_fn(move |_: Request<Incoming>| {
                let mut response = Response::new(Full::new(body.clone()));
                *response.headers_mut() = headers();
                async move { Ok::<_, Infallible>(response) }
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// As many headers, and as long, as the service sends with a system.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(12);
    let mut add = |name, value| headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    add("odata-version", "4.0");
    add("cache-control", "no-cache");
    add("server", "kubevirt-redfish");
    add("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    add("referrer-policy", "no-referrer");
    add("x-content-type-options", "nosniff");
    add("content-type", "application/json");
    add("allow", "GET, HEAD, PATCH, OPTIONS");
    add("vary", "accept, accept-encoding, origin");
    add("etag", "\"0123456789abcdef01234567\"");
    add("link", "</redfish/v1/JsonSchemas/ComputerSystem.v1_27_0>; rel=describedby");
    add("x-request-id", "0123456789abcdef");
    headers
}
