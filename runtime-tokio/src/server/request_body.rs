//! Reading a request's body, as much of it as may be.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use kubevirt_redfish_core::Signal;

/// The time a client has to send a body.
const TIME: Duration = Duration::from_secs(30);

/// How much of a body that nobody wants is read before the answer, and for how long. A client that still writes when
/// its connection is closed may never see the answer.
const OVERRUN: usize = 4 * 1024 * 1024;
const OVERRUN_TIME: Duration = Duration::from_secs(2);

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(body: &mut Incoming, limit: usize) -> Signal {
    if announced(body) > limit {
        return Signal::BodyTooLarge;
    }
    match tokio::time::timeout(TIME, collect(body, limit)).await {
        Ok(signal) => signal,
        Err(_) => Signal::BodyBroken,
    }
}

/// Reads what is left of a body that is not wanted, unless that is too much.
pub(super) async fn discard(body: &mut Incoming) {
    if announced(body) > OVERRUN {
        return;
    }
    let read = async {
        let mut rest = OVERRUN;
        while let Some(Ok(frame)) = body.frame().await {
            rest = match rest.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => rest,
                None => return,
            };
        }
    };
    // Whether it came to its end or not, the answer is the same.
    let _ = tokio::time::timeout(OVERRUN_TIME, read).await;
}

/// How long the rest of the body is at least.
fn announced(body: &Incoming) -> usize {
    usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX)
}

async fn collect(body: &mut Incoming, limit: usize) -> Signal {
    // Nearly every body is one frame, which is then passed on as it is.
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Signal::BodyBroken };
        let Ok(data) = frame.into_data() else { continue };
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
