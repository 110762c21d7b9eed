//! What the engine has to say to whoever operates it, besides [`Notice`]s.

use std::fmt;

use http::StatusCode;

use crate::DeliveryError;
use crate::kubevirt::TransportError;
use crate::model::{Blindness, CommandError, CorrelationId, Observation, Source};
use crate::service::Notice;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogEvent {
    /// Something that the operator should know.
    Notice(Notice),
    /// A command has been carried out, or has failed.
    Command {
        /// The machine, or what else it was about.
        subject: String,
        /// What was done to it. Not with what: an image's URL may have a password in it.
        action: &'static str,
        /// The client's request that asked for it.
        correlation: Option<CorrelationId>,
        /// How much it matters: that the service stores its documents is of little interest.
        routine: bool,
        /// What came of it.
        result: Result<(), CommandError>,
    },
    /// A receiver of events has answered, or has not.
    Delivery {
        /// The id of the subscription.
        subscription: String,
        /// What it answered.
        result: Result<StatusCode, DeliveryError>,
    },
    /// A server was asked how large an image is.
    ImageSize {
        /// The machine that the image is for.
        subject: String,
        /// The client's request that the image is inserted for.
        correlation: Option<CorrelationId>,
        /// What it answered.
        result: Result<StatusCode, TransportError>,
    },
    /// A source of observations was lost from sight.
    Unseen(Blindness),
    /// It is in sight again.
    Seen(Source),
    /// A time server has answered: the clock is wrong by this many seconds, which have to be added to it.
    TimeServer(i64),
    /// None of the time servers answers.
    NoTimeServer(Vec<String>),
}

impl LogEvent {
    /// What an observation tells the log; what it means for the whole is told by the service, in a [`Notice`].
    pub(super) fn of(observation: &Observation) -> Option<Self> {
        match observation {
            Observation::Unseen(unseen) => Some(Self::Unseen(unseen.clone())),
            Observation::Seen(sight) => Some(Self::Seen(sight.source.clone())),
            _ => None,
        }
    }
}

/// One line, as a log would have it that knows no fields.
impl fmt::Display for LogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notice(notice) => write!(f, "{notice}"),
            Self::Command { subject, action, result: Ok(()), .. } => write!(f, "{subject}: {action} done"),
            Self::Command { subject, action, result: Err(error), .. } => {
                write!(f, "{subject}: {action} failed: {error}")
            }
            Self::Delivery { subscription, result: Ok(status) } => {
                write!(f, "events sent for subscription {subscription}: {status}")
            }
            Self::Delivery { subscription, result: Err(error) } => {
                write!(f, "events not sent for subscription {subscription}: {error}")
            }
            Self::ImageSize { subject, result: Ok(status), .. } => {
                write!(f, "{subject}: a server was asked for an image's size: {status}")
            }
            Self::ImageSize { subject, result: Err(error), .. } => {
                write!(f, "{subject}: a server does not say how large an image is: {error}")
            }
            Self::Unseen(blindness) => {
                let Source { kind, namespace, .. } = &blindness.source;
                write!(f, "out of sight: {kind} {}", namespace.as_deref().unwrap_or_default())
            }
            Self::Seen(Source { kind, namespace, .. }) => {
                write!(f, "in sight: {kind} {}", namespace.as_deref().unwrap_or_default())
            }
            Self::TimeServer(correction) => write!(f, "a time server says that the clock is wrong by {correction} s"),
            Self::NoTimeServer(servers) => write!(f, "no time server answers: {}", servers.join(", ")),
        }
    }
}
