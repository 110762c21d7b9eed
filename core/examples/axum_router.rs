//! The service as a `tower::Service` inside an axum router, beside the routes of another application.
//!
//! `cargo run -p kubevirt-redfish-core --example axum_router`, then `curl http://127.0.0.1:8000/hello` and
//! `curl -u admin:secret http://127.0.0.1:8000/redfish/v1/Systems`.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "it is what is around the core: sockets, clocks and threads, and it ends where a program would tell somebody"
)]

mod simulated;

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use http::{Request, Response};
use kubevirt_redfish_core::{Peer, Signal, Step, refuse_stopped};
use tokio::sync::oneshot;
use tower_service::Service as TowerService;

use simulated::Service;

/// Redfish for whatever takes a `tower::Service`.
#[derive(Clone)]
struct Redfish(Arc<Service>);

impl TowerService<Request<Body>> for Redfish {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = Arc::clone(&self.0);
        Box::pin(async move { Ok(answer(&service, request).await) })
    }
}

async fn answer(service: &Service, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let mut body = Some(body);
    // A real server knows the address: axum's `ConnectInfo` has it.
    let peer = Peer { address: IpAddr::from([127, 0, 0, 1]), secure: false };
    let (mut exchange, mut step) = service.view().begin(service.now(), &peer, Request::from_parts(head, ()));
    loop {
        let signal = match step {
            Step::Respond(response) => return response.map(Body::from),
            Step::Stream { head, .. } => return head.map(|()| Body::empty()),
            // A server with many machines does this in `spawn_blocking`.
            Step::Defer => Signal::Proceed,
            Step::ReadBody { limit, .. } => match to_bytes(body.take().unwrap_or_default(), limit).await {
                Ok(body) => Signal::Body(body),
                Err(_) => Signal::BodyTooLarge,
            },
            Step::Submit(intent) => {
                let (reply, outcome) = oneshot::channel();
                service.submit(intent, move |outcome| drop(reply.send(outcome)));
                match outcome.await {
                    Ok(outcome) => Signal::Outcome(outcome),
                    Err(_) => return refuse_stopped(false).map(Body::from),
                }
            }
        };
        step = exchange.resume(&service.view(), service.now(), signal);
    }
}

fn router() -> Router {
    let redfish = Redfish(Arc::new(Service::start()));
    Router::new()
        .route("/hello", get(async || "an application of its own"))
        .route_service("/redfish", redfish.clone())
        .route_service("/redfish/{*path}", redfish)
}

#[tokio::main]
async fn main() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await.unwrap();
    println!("http://127.0.0.1:8000/redfish/v1/, user admin, password secret");
    axum::serve(listener, router()).await.unwrap();
}

#[tokio::test]
async fn redfish_is_answered_beside_other_routes() {
    let mut router = router();
    let mut ask = async |path: &str| {
        let request = Request::get(path).header("host", "bmc").header("authorization", "Basic YWRtaW46c2VjcmV0");
        let response = TowerService::call(&mut router, request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        (status, String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap())
    };
    assert_eq!(ask("/hello").await, (200, "an application of its own".to_owned()));
    let mut tries = 0;
    while ask("/redfish/v1/Systems").await.0 != 200 {
        tries += 1;
        assert!(tries < 10_000);
    }
    assert!(ask("/redfish/v1/Systems/lab.node-0").await.1.contains("\"PowerState\":\"Off\""));
    assert!(ask("/redfish").await.1.contains("/redfish/v1/"));
    assert_eq!(ask("/other").await.0, 404);
}
