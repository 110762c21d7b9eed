//! Streams of events: a bounded buffer for each, between the service and the connection.

use std::collections::HashMap;

use bytes::Bytes;
use kubevirt_redfish_core::StreamId;
use kubevirt_redfish_core::fairness::STREAM_BUFFER;
use tokio::sync::mpsc;

use crate::server::StreamBody;

/// The streams that are open.
pub(super) struct Streams {
    senders: HashMap<StreamId, mpsc::Sender<Bytes>>,
    closed: mpsc::UnboundedReceiver<StreamId>,
    /// Every stream says at most once that it was closed, so this holds no more than there are streams.
    closer: mpsc::UnboundedSender<StreamId>,
}

/// The client of a stream is gone, or does not read.
#[derive(Debug)]
pub(super) struct Lost;

impl Streams {
    pub(super) fn new() -> Self {
        let (closer, closed) = mpsc::unbounded_channel();
        Self { senders: HashMap::new(), closed, closer }
    }

    /// Opens a stream: what is sent to it comes out of the body.
    pub(super) fn open(&mut self, id: StreamId) -> StreamBody {
        let (sender, data) = mpsc::channel(STREAM_BUFFER);
        self.senders.insert(id, sender);
        StreamBody::new(id, data, self.closer.clone())
    }

    /// Sends to a stream.
    pub(super) fn send(&mut self, id: StreamId, data: Bytes) -> Result<(), Lost> {
        let Some(sender) = self.senders.get(&id) else { return Ok(()) };
        if sender.try_send(data).is_err() {
            self.senders.remove(&id);
            return Err(Lost);
        }
        Ok(())
    }

    /// Ends a stream, after what was sent to it.
    pub(super) fn close(&mut self, id: StreamId) {
        self.senders.remove(&id);
    }

    /// Ends all of them; which those were.
    pub(super) fn close_all(&mut self) -> Vec<StreamId> {
        self.senders.drain().map(|(id, _)| id).collect()
    }

    /// Waits for a client to go away.
    pub(super) async fn next_closed(&mut self) -> Option<StreamId> {
        let id = self.closed.recv().await?;
        self.senders.remove(&id);
        Some(id)
    }

    /// One whose client has gone away, if one has.
    pub(super) fn try_next_closed(&mut self) -> Option<StreamId> {
        let id = self.closed.try_recv().ok()?;
        self.senders.remove(&id);
        Some(id)
    }
}
