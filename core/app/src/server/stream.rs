//! Bodies of answers: most are there as a whole, some go on for as long as their client reads.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use kubevirt_redfish_core::StreamId;
use tokio::sync::mpsc;

/// What an answer is made of.
#[derive(Debug)]
pub enum AnswerBody {
    /// All of it is there.
    Whole(Full<Bytes>),
    /// It comes bit by bit.
    Stream(StreamBody),
}

/// A body that goes on until whoever feeds it ends it, or its client goes away.
#[derive(Debug)]
pub struct StreamBody {
    id: StreamId,
    data: mpsc::Receiver<Bytes>,
    /// Told once, when this is dropped.
    closed: mpsc::UnboundedSender<StreamId>,
}

impl StreamBody {
    pub(crate) fn new(id: StreamId, data: mpsc::Receiver<Bytes>, closed: mpsc::UnboundedSender<StreamId>) -> Self {
        Self { id, data, closed }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        // Nobody listens any more when everything ends.
        let _ = self.closed.send(self.id);
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(context),
            Self::Stream(body) => body.data.poll_recv(context).map(|data| data.map(|data| Ok(Frame::data(data)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}
