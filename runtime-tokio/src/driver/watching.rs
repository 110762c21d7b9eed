//! Carries one watch of the cluster: sends its requests, feeds it what comes, reports what it sees.

use std::pin::Pin;

use kubevirt_redfish_core::kubevirt::{TransportError, Watch, WatchStep};
use kubevirt_redfish_core::model::Observation;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout_at;

use crate::clock::Clock;
use crate::transport::{Answer, ResponseBody, Transport};

/// What is under way for a watch.
enum Carried {
    Nothing,
    Sent(Pin<Box<dyn Future<Output = Result<Answer, TransportError>> + Send>>),
    Body(ResponseBody),
}

/// Runs a watch as long as anyone wants its observations.
pub(super) async fn run(
    mut watch: Watch,
    clock: Clock,
    transport: Transport,
    observer: mpsc::Sender<Observation>,
    mut wakes: watch::Receiver<()>,
) {
    let mut carried = Carried::Nothing;
    loop {
        match watch.poll(clock.mono()) {
            WatchStep::Send(request) => {
                tracing::debug!(path = request.uri().path(), query = request.uri().query(), "watch");
                let transport = transport.clone();
                carried = Carried::Sent(Box::pin(async move { transport.send(request).await }));
            }
            WatchStep::Read { until } => {
                carried = read(&mut watch, &clock, carried, clock.timer(until)).await;
            }
            WatchStep::WaitUntil(instant) => {
                carried = Carried::Nothing;
                tokio::select! {
                    () = tokio::time::sleep_until(clock.timer(instant)) => {}
                    Ok(()) = wakes.changed() => watch.wake(clock.mono()),
                }
            }
        }
        while let Some(observation) = watch.poll_observation() {
            report(&observation);
            if observer.send(observation).await.is_err() {
                return;
            }
        }
    }
}

/// Waits for more of an answer, until then at the longest.
async fn read(watch: &mut Watch, clock: &Clock, carried: Carried, until: tokio::time::Instant) -> Carried {
    match carried {
        Carried::Nothing => {
            watch.handle_end(clock.mono(), Err(TransportError::Broken("nothing is being read".to_owned())));
            Carried::Nothing
        }
        Carried::Sent(mut answer) => match timeout_at(until, &mut answer).await {
            Err(_) => Carried::Sent(answer),
            Ok(Ok(Answer { head, body })) => {
                watch.handle_head(clock.mono(), &head);
                Carried::Body(body)
            }
            Ok(Err(error)) => {
                watch.handle_end(clock.mono(), Err(error));
                Carried::Nothing
            }
        },
        Carried::Body(mut body) => match timeout_at(until, body.chunk()).await {
            Err(_) => Carried::Body(body),
            Ok(Some(Ok(data))) => {
                watch.handle_data(clock.mono(), &data);
                Carried::Body(body)
            }
            Ok(Some(Err(error))) => {
                watch.handle_end(clock.mono(), Err(error));
                Carried::Nothing
            }
            Ok(None) => {
                watch.handle_end(clock.mono(), Ok(()));
                Carried::Nothing
            }
        },
    }
}

/// Tells the log what each stream sees; what that means for the whole is told by whoever knows of all.
fn report(observation: &Observation) {
    match observation {
        Observation::Unseen(blindness) => {
            let source = &blindness.source;
            let namespace = source.namespace.as_deref();
            tracing::debug!(kind = source.kind, namespace, obstacle = ?blindness.obstacle, "out of sight");
        }
        Observation::Seen(sight) => {
            let source = &sight.source;
            tracing::debug!(kind = source.kind, namespace = source.namespace.as_deref(), "in sight");
        }
        _ => {}
    }
}
