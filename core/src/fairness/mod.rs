//! Sharing out what there is little of, so that nobody can keep others from it.
//!
//! Whoever hands something out (a runtime its threads and connections, the service its deliveries) asks here who gets it,
//! who waits and who is refused. Nothing here waits, sends or knows what time it is.

mod client;
mod connections;
mod quota;
mod round;
mod turns;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use client::client_of;
pub use connections::{Admission, Limits, OTHER_FILES, Present, SLOWEST, Seen, Standing, Verdict, Watchdog};
pub use quota::{Quota, Rate};
pub use round::{Source, round};
pub use turns::{Bounds, Turns};

/// Whom a share is counted for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Somebody who has proved who they are, by what tells them from everyone else.
    User(Arc<str>),
    /// Everybody at an address who has not: an IPv6 network of 64 bits is one address.
    Client(IpAddr),
}

/// Requests to the cluster under way, by whose they are: of a namespace whose requests get no answer at most half. As many
/// may wait as there may be commands.
pub const CLUSTER_REQUESTS: Bounds = Bounds::of(64, 4_096);

/// Questions to servers of images under way, by the namespace whose machine an image is for: servers that do not answer
/// must not take every socket.
pub const IMAGE_QUESTIONS: Bounds = Bounds::of(32, 1_024);

/// Deliveries of events under way, by who subscribed: servers that do not answer must not take every socket.
pub const DELIVERIES: Bounds = Bounds::of(32, 1_024);

/// Submissions that wait for the service; more wait in their connections.
pub const SUBMISSIONS: usize = 1_024;

/// Pieces of answers to outbound requests that wait for the engine; no more are read from their connections while there are
/// that many.
pub const ANSWERS: usize = 256;

/// What waits for the client of one stream of events. One that reads is never behind by so much; one that does not is
/// sent away.
pub const STREAM_BUFFER: usize = 64;

/// Requests under way, by who sent them: those that wait for a change, for their body or for a long read. Reads that are
/// answered at once are none.
pub const REQUESTS: Bounds = Bounds::of(1_024, 0);

/// How late a request is refused for which there is no room: who sends the next one at once costs next to nothing.
pub const REFUSED_AFTER: Duration = Duration::from_secs(1);

/// Reads that take long, by who asked: two are worked on at a time, of one user one. Who reads the answers slowly has only
/// so much of them kept.
pub const LONG_READS: Bounds =
    Bounds { waiting_of_one: 64, held: 128 << 20, held_of_one: 32 << 20, ..Bounds::of(2, 256) };

/// Lines of the log that wait to be written, and their bytes; what comes beyond is dropped and counted.
pub const LOG_LINES: usize = 2_048;
/// See [`LOG_LINES`].
pub const LOG_BYTES: usize = 1024 * 1024;

/// How often one source (a client, a user, a machine, a receiver of events) may cause the same warning to be written.
pub const LOG_WARNINGS: Rate = Rate { burst: 50, every: Duration::from_secs(2) };

/// The same for what is told of changes: as many as somebody makes who turns a large rack on.
pub const LOG_CHANGES: Rate = Rate { burst: 2_000, every: Duration::from_millis(50) };

/// How many sources of lines are told apart.
pub const LOG_SOURCES: usize = 1_024;
