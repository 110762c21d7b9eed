//! What has happened on a connection, as far as it decides about its end and about others'.

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Read, ReadBufCursor, Write};
use kubevirt_redfish_core::fairness::{Present, Seen, Standing};
use kubevirt_redfish_core::time;
use tokio::sync::Notify;

/// What has happened on a connection. Written by whoever it happens to, read by those who decide.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) client: IpAddr,
    begin: Instant,
    asked: AtomicBool,
    logged_in: AtomicBool,
    running: AtomicU32,
    /// When the last request ended, in milliseconds after the beginning.
    last_end: AtomicU64,
    /// Bytes that the client has taken.
    taken: AtomicU64,
    /// The client takes no more at present.
    blocked: AtomicBool,
    /// Bytes of answers that the client has not been sent yet.
    unread: AtomicUsize,
    /// Told when there are fewer of these.
    room: Notify,
}

impl Activity {
    pub(super) fn new(client: IpAddr) -> Self {
        Self {
            client,
            begin: Instant::now(),
            asked: AtomicBool::new(false),
            logged_in: AtomicBool::new(false),
            running: AtomicU32::new(0),
            last_end: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            blocked: AtomicBool::new(false),
            unread: AtomicUsize::new(0),
            room: Notify::new(),
        }
    }

    /// Somebody has proved who they are.
    pub(super) fn logged_in(&self) {
        // Read first: a line of memory that is only read is shared by all threads.
        if !self.logged_in.load(Ordering::Relaxed) {
            self.logged_in.store(true, Ordering::Relaxed);
        }
    }

    /// When it began.
    pub(super) fn begin(&self) -> Instant {
        self.begin
    }

    /// The time since it began, as the core wants it.
    pub(super) fn now(&self) -> time::Instant {
        time::Instant::new(self.begin.elapsed())
    }

    /// What is seen of it.
    pub(super) fn seen(&self) -> Seen {
        let age = self.begin.elapsed();
        let is_busy = self.running.load(Ordering::Relaxed) > 0;
        let last_end = Duration::from_millis(self.last_end.load(Ordering::Relaxed));
        Seen {
            asked: self.asked.load(Ordering::Relaxed),
            quiet: (!is_busy).then(|| age.saturating_sub(last_end)),
            blocked: self.blocked.load(Ordering::Relaxed),
            taken: self.taken.load(Ordering::Relaxed),
        }
    }

    /// The same, as one among others that began after `start`.
    pub(super) fn present<I>(&self, id: I, start: Instant) -> Present<I> {
        let standing = match (self.logged_in.load(Ordering::Relaxed), self.running.load(Ordering::Relaxed) > 0) {
            (false, false) => Standing::Anonymous,
            (false, true) => Standing::Asking,
            (true, false) => Standing::Idle,
            (true, true) => Standing::Busy,
        };
        let last_end = Duration::from_millis(self.last_end.load(Ordering::Relaxed));
        let since = self.begin.saturating_duration_since(start) + last_end;
        Present { id, client: self.client, standing, since: time::Instant::new(since) }
    }

    /// Waits until less than that of what was answered waits for the client to take it.
    pub(super) async fn room(&self, limit: usize) {
        loop {
            let room = self.room.notified();
            if !self.is_full(limit) {
                return;
            }
            room.await;
        }
    }

    /// Whether as much as that waits for the client to take it.
    pub(super) fn is_full(&self, limit: usize) -> bool {
        self.unread.load(Ordering::Relaxed) >= limit
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn wrote(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
        if self.blocked.load(Ordering::Relaxed) {
            self.blocked.store(false, Ordering::Relaxed);
        }
    }
}

/// Held while a request is being answered, and by what its client has not taken of the answer.
#[derive(Debug)]
pub(super) struct Busy {
    activity: Arc<Activity>,
    unread: usize,
}

impl Busy {
    pub(super) fn begin(activity: &Arc<Activity>) -> Self {
        activity.asked.store(true, Ordering::Relaxed);
        activity.running.fetch_add(1, Ordering::Relaxed);
        Self { activity: Arc::clone(activity), unread: 0 }
    }

    /// So much waits for the client to take it.
    pub(super) fn hold(&mut self, bytes: usize) {
        self.unread += bytes;
        self.activity.unread.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A part of what waits, for whoever carries it on.
    pub(super) fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.unread);
        self.unread -= bytes;
        self.activity.running.fetch_add(1, Ordering::Relaxed);
        Self { activity: Arc::clone(&self.activity), unread: bytes }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.unread > 0 {
            self.activity.unread.fetch_sub(self.unread, Ordering::Relaxed);
            self.activity.room.notify_waiters();
        }
        self.activity.last_end.store(self.activity.elapsed(), Ordering::Relaxed);
        self.activity.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection whose client is watched taking what it is sent.
#[derive(Debug)]
pub(super) struct Watched<I> {
    io: I,
    activity: Arc<Activity>,
}

impl<I> Watched<I> {
    pub(super) fn new(io: I, activity: Arc<Activity>) -> Self {
        Self { io, activity }
    }

    fn saw(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => self.activity.wrote(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.blocked.store(true, Ordering::Relaxed),
        }
        written
    }
}

impl<I: Read + Unpin> Read for Watched<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<I: Write + Unpin> Write for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, data);
        self.saw(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, data);
        self.saw(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
