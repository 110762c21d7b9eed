//! Carries one watch of the cluster: sends its requests, feeds it what comes, reports what it sees.

use std::time::Duration;

use kubevirt_redfish_core::kubevirt::{TransportError, Watch, WatchStep};
use kubevirt_redfish_core::model::Observation;
use tokio::sync::mpsc;

use super::timed_out;
use crate::clock::Clock;
use crate::transport::{Answer, ResponseBody, Transport};

/// The time until an answer begins.
const HEAD: Duration = Duration::from_secs(30);

/// Runs a watch as long as anyone wants its observations.
pub(super) async fn run(mut watch: Watch, clock: Clock, transport: Transport, observer: mpsc::Sender<Observation>) {
    let mut body: Option<ResponseBody> = None;
    let mut trouble = String::new();
    loop {
        match watch.poll(clock.mono()) {
            WatchStep::Send(request) => {
                // A new request ends the old answer, whether it had come to its end or not.
                drop(body.take());
                tracing::debug!(path = request.uri().path(), query = request.uri().query(), "watch");
                let answer = tokio::time::timeout(HEAD, transport.send(request)).await.map_err(timed_out).flatten();
                match answer {
                    Ok(Answer { head, body: new }) => {
                        if !head.status().is_success() {
                            trouble = head.status().to_string();
                        }
                        watch.handle_head(clock.mono(), &head);
                        body = Some(new);
                    }
                    Err(error) => {
                        trouble = error.to_string();
                        watch.handle_end(clock.mono(), Err(error));
                    }
                }
            }
            WatchStep::Read { until } => {
                let Some(reader) = &mut body else {
                    watch.handle_end(clock.mono(), Err(TransportError::Broken("nothing is being read".to_owned())));
                    continue;
                };
                let chunk = tokio::time::timeout_at(clock.timer(until), reader.chunk()).await;
                let end = match chunk.map_err(timed_out).and_then(Option::transpose) {
                    Ok(Some(data)) => {
                        watch.handle_data(clock.mono(), &data);
                        None
                    }
                    Ok(None) => Some(Ok(())),
                    Err(error) => {
                        trouble = error.to_string();
                        Some(Err(error))
                    }
                };
                if let Some(end) = end {
                    body = None;
                    watch.handle_end(clock.mono(), end);
                }
            }
            WatchStep::WaitUntil(instant) => {
                drop(body.take());
                tokio::time::sleep_until(clock.timer(instant)).await;
            }
        }
        while let Some(observation) = watch.poll_observation() {
            report(&observation, &trouble);
            if observer.send(observation).await.is_err() {
                return;
            }
        }
    }
}

/// Tells the log when the service loses sight of the cluster, and when it sees it again.
fn report(observation: &Observation, trouble: &str) {
    match observation {
        Observation::Stale(source) => {
            let namespace = source.namespace.as_deref();
            tracing::warn!(kind = source.kind, namespace, trouble, "the cluster is out of sight");
        }
        Observation::Synchronised(source) => {
            tracing::info!(kind = source.kind, namespace = source.namespace.as_deref(), "the cluster is in sight");
        }
        _ => {}
    }
}
