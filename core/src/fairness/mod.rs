//! Sharing out what there is little of, so that nobody can keep others from it.
//!
//! Whoever hands something out (a runtime its threads and connections, the service its deliveries) asks here who gets it,
//! who waits and who is refused. Nothing here waits, sends or knows what time it is.

mod turns;

use std::net::IpAddr;
use std::sync::Arc;

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
pub const CLUSTER_REQUESTS: Bounds = Bounds { places: 64, places_of_one: 64, waiting: 4_096, waiting_of_one: 4_096 };

/// Questions to servers of images under way, by the namespace whose machine an image is for: servers that do not answer
/// must not take every socket.
pub const IMAGE_QUESTIONS: Bounds = Bounds { places: 32, places_of_one: 32, waiting: 1_024, waiting_of_one: 1_024 };
