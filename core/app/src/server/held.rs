//! A body that keeps its connection busy for as long as it is being sent, and counts what its client has not taken.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::activity::Busy;

/// Passes on what `body` has.
pub(super) struct Held<B> {
    body: B,
    busy: Busy,
}

impl<B: Body> Held<B> {
    pub(super) fn new(body: B, mut busy: Busy) -> Self {
        busy.hold(body.size_hint().exact().map_or(0, size));
        Self { body, busy }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Held<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        // Whoever sends it lets go of this body as soon as they have its last frame, though that may still wait for the
        // client for long.
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|data| this.pass_on(data)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Held<B> {
    fn pass_on(&mut self, data: Bytes) -> Bytes {
        if data.len() < SMALL {
            return data;
        }
        let busy = self.busy.split(data.len());
        Bytes::from_owner(Counted { data, _busy: busy })
    }
}

/// Bytes that are counted until nobody needs them any more.
struct Counted {
    data: Bytes,
    _busy: Busy,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// What fits into a few packets is not counted any more once it is on its way: a system does.
const SMALL: usize = 4_096;
