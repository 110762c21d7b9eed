//! Heads that hyper cannot read. It answers them by itself, with a status and nothing else, before any handler hears of
//! them; and there is no way to have it not do so. What it writes then is replaced by what the handler says to it.
//!
//! Its own answers are told from the handler's by a header that all of the handler's have, and by nothing that a client
//! has a say in.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use http::{Response, StatusCode};
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};

use super::correlation::REQUEST_ID;
use crate::runtime::{self, Runtime};

/// A connection on which a head that hyper cannot read is answered in the handler's words.
pub(super) struct Unreadable<I, F, R: Runtime> {
    io: I,
    /// What the handler says to such a head; `None` if it leaves that to hyper.
    answer: F,
    /// Whether a whole line has been read since the last answer: then it is not the request line that is too long.
    has_line: bool,
    replaced: Option<Replaced<R>>,
}

/// An answer that was put in the place of hyper's, after which there is nothing more to be said.
struct Replaced<R: Runtime> {
    rest: Bytes,
    has_shut_down: bool,
    /// Until then what still comes is read: who is cut off while writing may never read the answer.
    linger: R::Timer,
    unread: usize,
}

impl<I, F: Fn(StatusCode) -> Option<Response<Bytes>>, R: Runtime> Unreadable<I, F, R> {
    pub(super) fn new(io: I, answer: F) -> Self {
        Self { io, answer, has_line: false, replaced: None }
    }
}

/// What is to be written instead of these bytes, if they are hyper's own answer.
fn replacement(bytes: &[u8], has_line: bool, answer: impl Fn(StatusCode) -> Option<Response<Bytes>>) -> Option<Bytes> {
    let status = status(bytes)?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = bytes.get(..end)?;
    let lines = || head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let named = |line: &[u8], name: &str| {
        line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    };
    if lines().any(|line| named(line, REQUEST_ID.as_str())) {
        return None;
    }
    let status = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if !has_line => StatusCode::URI_TOO_LONG,
        other => other,
    };
    let date = lines().find(|line| named(line, "date:")).unwrap_or_default();
    answer(status).map(|response| serialized(&response, date))
}

/// The status of an answer that may be hyper's own.
fn status(bytes: &[u8]) -> Option<StatusCode> {
    let digits = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
    let status = StatusCode::from_bytes(digits).ok()?;
    OF_THE_PARSER.contains(&status).then_some(status)
}

/// What hyper answers by itself.
const OF_THE_PARSER: [StatusCode; 3] =
    [StatusCode::BAD_REQUEST, StatusCode::URI_TOO_LONG, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE];

/// An answer in HTTP/1.1, after which the connection is closed.
fn serialized(response: &Response<Bytes>, date: &[u8]) -> Bytes {
    let mut text = BytesMut::with_capacity(1024 + response.body().len());
    let status = response.status();
    let reason = status.canonical_reason().unwrap_or_default();
    text.extend_from_slice(format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).as_bytes());
    for (name, value) in response.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            text.extend_from_slice(part);
        }
    }
    if !date.is_empty() {
        text.extend_from_slice(date);
        text.extend_from_slice(b"\r\n");
    }
    let length = response.body().len();
    text.extend_from_slice(format!("content-length: {length}\r\nconnection: close\r\n\r\n").as_bytes());
    text.extend_from_slice(response.body());
    text.freeze()
}

impl<I: Write + Unpin, F, R: Runtime> Unreadable<I, F, R> {
    /// Writes what is left of an answer that was put in the place of hyper's.
    fn poll_replaced(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(replaced) = &mut self.replaced else { return Poll::Ready(Ok(())) };
        while !replaced.rest.is_empty() {
            match ready!(pin!(&mut self.io).poll_write(context, &replaced.rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => replaced.rest.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: Read + Unpin, F: Unpin, R: Runtime> Read for Unreadable<I, F, R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.has_line {
            return pin!(&mut this.io).poll_read(context, buffer);
        }
        // What is read into hyper's own buffer cannot be looked at.
        let mut read = [0; LOOKED_AT];
        let mut read = ReadBuf::new(read.get_mut(..buffer.remaining().min(LOOKED_AT)).unwrap_or_default());
        ready!(pin!(&mut this.io).poll_read(context, read.unfilled()))?;
        this.has_line = read.filled().contains(&b'\n');
        buffer.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl<I, F, R> Write for Unreadable<I, F, R>
where
    I: Read + Write + Unpin,
    F: Fn(StatusCode) -> Option<Response<Bytes>> + Unpin,
    R: Runtime,
{
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match replacement(bytes, this.has_line, &this.answer) {
            None => {
                this.has_line = false;
                pin!(&mut this.io).poll_write(context, bytes)
            }
            Some(rest) => {
                this.replaced = Some(Replaced::new(rest));
                Poll::Ready(Ok(bytes.len()))
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match parts.first() {
            // hyper's own answers have no body.
            Some(only) if parts.len() == 1 => self.poll_write(context, only),
            Some(_) | None => {
                let this = self.get_mut();
                this.has_line = false;
                pin!(&mut this.io).poll_write_vectored(context, parts)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_replaced(context))?;
        pin!(&mut this.io).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_replaced(context))?;
        let Some(replaced) = &mut this.replaced else { return pin!(&mut this.io).poll_shutdown(context) };
        if !replaced.has_shut_down {
            ready!(pin!(&mut this.io).poll_shutdown(context))?;
            replaced.has_shut_down = true;
        }
        let mut discarded = [0; 4096];
        while replaced.unread > 0 && Pin::new(&mut replaced.linger).poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut discarded);
            match ready!(pin!(&mut this.io).poll_read(context, buffer.unfilled())) {
                Ok(()) if !buffer.filled().is_empty() => {
                    replaced.unread = replaced.unread.saturating_sub(buffer.filled().len());
                }
                // The client has read what there was, or is gone.
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<R: Runtime> Replaced<R> {
    fn new(rest: Bytes) -> Self {
        Self { rest, has_shut_down: false, linger: runtime::sleep::<R>(LINGER), unread: MOST_UNREAD }
    }
}

/// For how long a client may go on writing after its head could not be read, and how much.
const LINGER: Duration = Duration::from_secs(1);
const MOST_UNREAD: usize = 1024 * 1024;

/// How much is read at a time while the first line is looked for, in bytes: most heads are shorter.
const LOOKED_AT: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: StatusCode) -> Option<Response<Bytes>> {
        Response::builder().status(status).header("x-test", "1").body(Bytes::from_static(b"{}")).ok()
    }

    #[test]
    fn only_what_the_parser_says_by_itself_is_replaced() {
        let replaced = |has_line: bool, bytes: &str| {
            let replaced = replacement(bytes.as_bytes(), has_line, answer);
            replaced.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let own = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";
        let expected =
            "HTTP/1.1 400 Bad Request\r\nx-test: 1\r\ndate: now\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        assert_eq!(replaced(false, own).as_deref(), Some(expected));
        for bytes in [
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\nX-Request-Id: 1\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\n\r\n",
            "",
            "{\"a\": \"HTTP/1.1 400 Bad Request\r\n\r\n\"}",
        ] {
            assert_eq!(replaced(false, bytes), None, "{bytes}");
        }
        let large = "HTTP/1.1 431 Request Header Fields Too Large\r\n\r\n";
        assert!(replaced(false, large).is_some_and(|text| text.starts_with("HTTP/1.1 414 URI Too Long\r\n")));
        assert!(replaced(true, large).is_some_and(|text| text.starts_with("HTTP/1.1 431 ")));
    }
}
