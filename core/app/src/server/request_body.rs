//! Reading a request's body, as much of it as may be.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use kubevirt_redfish_core::Signal;

use crate::runtime::{Runtime, timeout};

/// How much of a body that nobody wants is read before the answer, and for how long. A client that still writes when
/// its connection is closed may never see the answer.
const OVERRUN: usize = 4 * 1024 * 1024;
const OVERRUN_TIME: Duration = Duration::from_secs(2);

/// The body of a request, of which it is known whether all has been read.
pub(super) struct RequestBody {
    body: Incoming,
    /// Its end has been read. One in chunks does not say so by itself.
    ended: bool,
    /// It cannot be read any further, and nobody knows where it ends.
    broken: bool,
}

impl RequestBody {
    pub(super) fn new(body: Incoming) -> Self {
        Self { ended: body.is_end_stream(), broken: false, body }
    }

    /// Whether nothing of it is left to read.
    pub(super) fn has_ended(&self) -> bool {
        !self.broken && (self.ended || self.body.is_end_stream())
    }

    /// Reads a body of at most `limit` bytes, within a time.
    pub(super) async fn read<R: Runtime>(&mut self, limit: usize, within: Duration) -> Signal {
        if self.announced() > limit {
            return Signal::BodyTooLarge;
        }
        match timeout::<R, _>(within, self.collect(limit)).await {
            Ok(signal) => signal,
            Err(_) => Signal::BodyLate,
        }
    }

    /// Reads what is left of a body that is not wanted, unless that is too much.
    pub(super) async fn discard<R: Runtime>(&mut self) {
        if self.announced() > OVERRUN {
            return;
        }
        let read = async {
            let mut rest = OVERRUN;
            while let Some(Ok(data)) = self.next().await {
                rest = match rest.checked_sub(data.len()) {
                    Some(rest) => rest,
                    None => return,
                };
            }
        };
        // Whether it came to its end or not, the answer is the same.
        let _ = timeout::<R, _>(OVERRUN_TIME, read).await;
    }

    async fn collect(&mut self, limit: usize) -> Signal {
        // Nearly every body is one frame, which is then passed on as it is.
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(data) = self.next().await {
            let Ok(data) = data else { return Signal::BodyBroken };
            if first.len() + all.len() + data.len() > limit {
                return Signal::BodyTooLarge;
            }
            if first.is_empty() && all.is_empty() {
                first = data;
            } else {
                all.extend_from_slice(&std::mem::take(&mut first));
                all.extend_from_slice(&data);
            }
        }
        Signal::Body(if all.is_empty() { first } else { all.freeze() })
    }

    /// The next bytes of it; trailers say nothing.
    async fn next(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match self.body.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_trailers) => {}
                },
                Some(Err(error)) => {
                    self.broken = true;
                    return Some(Err(error));
                }
                None => {
                    self.ended = true;
                    return None;
                }
            }
        }
    }

    /// How long the rest of the body is at least.
    fn announced(&self) -> usize {
        usize::try_from(self.body.size_hint().lower()).unwrap_or(usize::MAX)
    }
}
