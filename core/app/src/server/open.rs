//! The connections that are open: who is let in, and who has to go for it.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubevirt_redfish_core::fairness::{Admission, Limits, Present};
use tokio::sync::mpsc;

use super::activity::Activity;
use crate::runtime::{self, Runtime};

/// The connections that are open, each a task.
pub(super) struct Open<R: Runtime> {
    limits: Limits,
    start: Instant,
    last: u64,
    present: HashMap<u64, (Arc<Activity>, R::Task)>,
    /// How many tasks have not ended, those included that have been told to.
    running: usize,
    /// Every task says once that it has ended, so this holds no more than there are tasks.
    ended: (mpsc::UnboundedSender<u64>, mpsc::UnboundedReceiver<u64>),
    /// No connection can be accepted: there are no more file descriptors.
    starved: bool,
}

/// Says that a task has ended, however it did.
struct Ending {
    id: u64,
    ended: mpsc::UnboundedSender<u64>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        // A panic is a mistake in the program; it costs one connection and no more.
        if std::thread::panicking() {
            tracing::error!("a connection ended by a panic; this is a bug");
        }
        let _ = self.ended.send(self.id);
    }
}

impl<R: Runtime> Open<R> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            start: Instant::now(),
            last: 0,
            present: HashMap::new(),
            running: 0,
            ended: mpsc::unbounded_channel(),
            starved: false,
        }
    }

    /// Takes a connection, if there is room for it or another can go; `serve` makes the task that serves it.
    pub(super) fn admit<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        client: IpAddr,
        serve: impl FnOnce(Arc<Activity>) -> F,
    ) {
        if std::mem::take(&mut self.starved) {
            tracing::info!("connections can be accepted again");
        }
        match self.limits.admit(client, &self.present()) {
            Admission::Welcome => {}
            Admission::Instead(id) => self.close(id, client, "a connection was closed to make room for another"),
            Admission::Refused => {
                let connections = self.present.len();
                tracing::warn!(%client, connections, "a connection was refused: there is no room for another");
                return;
            }
        }
        let activity = Arc::new(Activity::new(client));
        self.last += 1;
        self.running += 1;
        let ending = Ending { id: self.last, ended: self.ended.0.clone() };
        let served = serve(Arc::clone(&activity));
        let task = R::spawn(async move {
            let _ending = ending;
            served.await;
        });
        self.present.insert(self.last, (activity, task));
    }

    /// None could be accepted. Most likely there are no more file descriptors: then one is taken from an idle connection.
    pub(super) async fn accept_failed(&mut self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            return;
        }
        if !std::mem::replace(&mut self.starved, true) {
            let connections = self.present.len();
            tracing::warn!(%error, connections, "no connection can be accepted");
        }
        // Whoever wants to connect is not known yet; they are not worse than anyone.
        let full = Limits { connections: 0, connections_of_client: usize::MAX, ..self.limits };
        match full.admit(IpAddr::from([0, 0, 0, 0]), &self.present()) {
            Admission::Instead(id) => {
                self.close(id, [0, 0, 0, 0].into(), "a connection was closed to make room for another");
                // Its descriptor is free when its task has ended.
                let _ = self.next_end().await;
            }
            // Trying again at once would only burn time.
            Admission::Welcome | Admission::Refused => runtime::sleep::<R>(Duration::from_millis(100)).await,
        }
    }

    /// Waits for a connection to end; `None` if there are none.
    pub(super) async fn next_end(&mut self) -> Option<()> {
        if self.running == 0 {
            return None;
        }
        let id = self.ended.1.recv().await?;
        self.running -= 1;
        self.present.remove(&id);
        Some(())
    }

    pub(super) fn len(&self) -> usize {
        self.running
    }

    fn close(&mut self, id: u64, newcomer: IpAddr, message: &'static str) {
        // The task is cancelled by being dropped.
        if let Some((activity, _task)) = self.present.remove(&id) {
            let connections = self.present.len();
            tracing::debug!(client = %activity.client, %newcomer, connections, message);
        }
    }

    fn present(&self) -> Vec<Present<u64>> {
        self.present.iter().map(|(id, (activity, _))| activity.present(*id, self.start)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::for_tests::ForTests;

    /// Out of file descriptors: 24 is `EMFILE`.
    #[tokio::test]
    async fn without_file_descriptors_an_idle_connection_makes_room() {
        let mut open = Open::<ForTests>::new(Limits::default());
        for number in 0..3_u8 {
            open.admit([10, 0, 0, number].into(), |_| std::future::pending());
        }
        open.accept_failed(&io::Error::from_raw_os_error(24)).await;
        assert_eq!((open.len(), open.present.len()), (2, 2));
        open.accept_failed(&io::Error::from(io::ErrorKind::ConnectionAborted)).await;
        assert_eq!(open.len(), 2, "that was the client's doing");
    }
}
