//! A request that is not carried out, and the one place that turns it into a response.

use std::time::Duration;

use http::header::{ALLOW, HOST, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};

use super::NoHost;
use crate::messages::{Definition, Message, base, cluster};
use crate::model::{CommandError, Congestion};

/// What may not have been read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Systems.
    Systems,
    /// What the service itself keeps.
    Documents,
}

/// Why a request is not carried out: the status, what to tell the client, and headers that go with the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) messages: Vec<Message>,
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal with one message.
    pub(crate) fn new(status: StatusCode, message: Message) -> Self {
        Self { status, messages: vec![message], header: None }
    }

    /// 400 with everything that is wrong with a body.
    pub(crate) fn bad_request(messages: Vec<Message>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, messages, header: None }
    }

    /// 401. Says nothing of what was wrong with the credentials (DSP0266 clause 13.2).
    pub(crate) fn unauthorized(path: &str) -> Self {
        let challenge = HeaderValue::from_static("Basic realm=\"Redfish\", charset=\"UTF-8\"");
        Self::new(StatusCode::UNAUTHORIZED, Message::new(&base::ACCESS_UNAUTHORIZED, [path]))
            .with(WWW_AUTHENTICATE, challenge)
    }

    /// 401 for a token that is none, or none any more.
    pub(crate) fn no_valid_session(path: &str) -> Self {
        let mut refusal = Self::unauthorized(path);
        refusal.messages.insert(0, Message::new(&base::NO_VALID_SESSION, []));
        refusal
    }

    /// 403 until the password of the account at `uri` has been changed (DSP0266 clause 13.3.7).
    pub(crate) fn password_change_required(uri: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, Message::new(&base::PASSWORD_CHANGE_REQUIRED, [uri]))
    }

    /// 429 for a client that sends wrong passwords, with the time after which to try again.
    pub(crate) fn too_many_failed_logins(seconds: u64) -> Self {
        let seconds = seconds.max(1);
        let message = Message::new(&cluster::TOO_MANY_FAILED_LOGINS, [&seconds.to_string()]);
        Self::new(StatusCode::TOO_MANY_REQUESTS, message).with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// 503 with the time after which to try again, for a limit that time lifts.
    pub(crate) fn limited(message: Message) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).with(RETRY_AFTER, HeaderValue::from(DEFAULT_RETRY_SECONDS))
    }

    /// 503 for someone of whose requests as many are under way as may be, with the time after which to try again.
    pub(crate) fn too_many_requests() -> Self {
        Self::limited(Message::new(&cluster::TOO_MANY_REQUESTS, [])).retry_after(1)
    }

    /// 403.
    pub(crate) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, Message::new(&base::INSUFFICIENT_PRIVILEGE, []))
    }

    /// 404 for a path that leads nowhere.
    pub(crate) fn no_such_resource(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, Message::new(&base::RESOURCE_MISSING_AT_URI, [path]))
    }

    /// 404 for a name that no resource of a type has, as far as the account can see.
    pub(crate) fn not_found(kind: &str, name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, Message::new(&base::RESOURCE_NOT_FOUND, [kind, name]))
    }

    /// 405, with the methods that are allowed.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, Message::new(&base::OPERATION_NOT_ALLOWED, []))
            .with(ALLOW, HeaderValue::from_static(allow))
    }

    /// A request is refused for one of its headers.
    pub(crate) fn header_invalid(status: StatusCode, name: &HeaderName) -> Self {
        Self::new(status, Message::new(&base::HEADER_INVALID, [spelling(name)]))
    }

    /// 412.
    pub(crate) fn precondition_failed() -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, Message::new(&base::PRECONDITION_FAILED, []))
    }

    /// 400 for what is not HTTP.
    pub(crate) fn malformed_request() -> Self {
        Self::new(StatusCode::BAD_REQUEST, Message::new(&cluster::MALFORMED_REQUEST, []))
    }

    /// 408 for a body that has not arrived in the time that there is for it.
    pub(crate) fn body_late(time: Duration) -> Self {
        let seconds = time.as_secs().to_string();
        Self::new(StatusCode::REQUEST_TIMEOUT, Message::new(&cluster::BODY_LATE, [&seconds]))
    }

    /// 413.
    pub(crate) fn payload_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, Message::new(&base::PAYLOAD_TOO_LARGE, []))
    }

    /// 500: a mistake of our own.
    pub(crate) fn internal_error() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Message::new(&base::INTERNAL_ERROR, []))
    }

    /// 503 for a reason, with the time after which to try again.
    pub(crate) fn unavailable(seconds: u64, reason: Message) -> Self {
        let seconds = seconds.max(1);
        let later = Message::new(&base::SERVICE_TEMPORARILY_UNAVAILABLE, [&seconds.to_string()]);
        let refusal = Self { status: StatusCode::SERVICE_UNAVAILABLE, messages: vec![reason, later], header: None };
        refusal.with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// 503 because what the request is about has not been read.
    pub(crate) fn not_yet_known(what: Unknown) -> Self {
        let what = match what {
            Unknown::Systems => "all systems that the request is about",
            Unknown::Documents => "its accounts, sessions and subscriptions",
        };
        Self::unavailable(UNKNOWN_SECONDS, Message::new(&cluster::NOT_YET_KNOWN, [what]))
    }

    /// 503 because there is as much of something as may be.
    pub(crate) fn too_much_at_once(what: &str, seconds: u64) -> Self {
        Self::unavailable(seconds, Message::new(&cluster::TOO_MUCH_AT_ONCE, [what]))
    }

    /// 503 because others always came in between.
    pub(crate) fn concurrent_changes() -> Self {
        Self::unavailable(1, Message::new(&cluster::CONCURRENT_CHANGES, []))
    }

    /// 503 for something that an administrator of the service has to mend.
    fn own_trouble(definition: &'static Definition) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Message::new(definition, []))
            .with(RETRY_AFTER, HeaderValue::from(OWN_TROUBLE_RETRY_SECONDS))
    }

    /// 503 while the service ends.
    pub(crate) fn shutting_down() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, Message::new(&base::SERVICE_SHUTTING_DOWN, []))
            .with(RETRY_AFTER, HeaderValue::from(DEFAULT_RETRY_SECONDS))
    }

    /// 400 because it is not clear whom the client believes to speak with.
    pub(crate) fn no_host(reason: NoHost) -> Self {
        match reason {
            NoHost::Missing => Self::new(StatusCode::BAD_REQUEST, Message::new(&base::HEADER_MISSING, ["Host"])),
            NoHost::Invalid => Self::header_invalid(StatusCode::BAD_REQUEST, &HOST),
        }
    }

    /// The same with the time after which to try again.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        self.with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The same with a header that belongs to the status.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }
}

/// What a client is told of a change that was not made. Nothing here is the client's mistake, and nothing is 500: a
/// cluster that is down or busy is 503, and so is a right that the service lacks, which is for its administrator to mend;
/// a state that does not allow it is 409.
impl From<&CommandError> for Refusal {
    fn from(error: &CommandError) -> Self {
        match error {
            // Whoever knows the name says it: see `resources::failure`.
            CommandError::NotFound => Self::not_found("ComputerSystem", "that was asked for"),
            CommandError::Conflict(reason) => Self {
                status: StatusCode::CONFLICT,
                messages: vec![
                    Message::new(&base::RESOURCE_IN_USE, []),
                    Message::new(&cluster::STATE_CONFLICT, [reason]),
                ],
                header: None,
            },
            CommandError::Contended => Self::concurrent_changes(),
            CommandError::CalledOff(reason) => {
                Self::new(StatusCode::CONFLICT, Message::new(&cluster::CALLED_OFF, [reason]))
            }
            CommandError::Refused(reason) => Self::bad_request(vec![
                Message::new(&base::OPERATION_FAILED, []),
                Message::new(&cluster::REFUSED, [reason]),
            ]),
            // What the service itself lacks is nothing that the client has done wrong. What it is called in the cluster is
            // the log's business.
            CommandError::Forbidden(_) => Self::own_trouble(&cluster::NOT_PERMITTED),
            CommandError::NotStored(_) => Self::own_trouble(&cluster::NOT_STORED),
            CommandError::Unsupported(reason) => Self::bad_request(vec![
                Message::new(&base::OPERATION_FAILED, []),
                Message::new(&cluster::NOT_SUPPORTED, [reason]),
            ]),
            CommandError::Unavailable { retry_after, .. } => {
                let seconds = retry_after.map_or(DEFAULT_RETRY_SECONDS, |after| after.as_secs());
                Self::unavailable(seconds, Message::new(&cluster::CLUSTER_UNAVAILABLE, []))
            }
            CommandError::Superseded(_) => Self::precondition_failed(),
            CommandError::TimedOut => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Message::new(&base::OPERATION_TIMEOUT, []))
                    .with(RETRY_AFTER, HeaderValue::from(DEFAULT_RETRY_SECONDS))
            }
            CommandError::Unsettled { retry_after } => {
                // A second more, because it is told by the second.
                let seconds = retry_after.as_secs().saturating_add(1);
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Message::new(&cluster::EARLIER_REQUEST_PENDING, []))
                    .with(RETRY_AFTER, HeaderValue::from(seconds))
            }
        }
    }
}

/// What a client is told of a change that was not begun.
impl From<Congestion> for Refusal {
    fn from(congestion: Congestion) -> Self {
        match congestion {
            Congestion::ManyWaiting(most) => {
                let most = most.to_string();
                Self::unavailable(DEFAULT_RETRY_SECONDS, Message::new(&cluster::TOO_MANY_CHANGES, [&most]))
            }
            Congestion::LongWait(patience) => {
                let seconds = patience.as_secs().to_string();
                Self::unavailable(1, Message::new(&cluster::CHANGE_NOT_BEGUN, [&seconds]))
            }
            Congestion::ManyUnderWay => Self::too_much_at_once("changes of systems", DEFAULT_RETRY_SECONDS),
        }
    }
}

/// A header's name as the standards spell it.
fn spelling(name: &HeaderName) -> &str {
    SPELLINGS.into_iter().find(|spelling| spelling.eq_ignore_ascii_case(name.as_str())).unwrap_or(name.as_str())
}

const SPELLINGS: [&str; 12] = [
    "Accept",
    "Accept-Encoding",
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "Expect",
    "Host",
    "If-Match",
    "If-None-Match",
    "OData-Version",
    "Transfer-Encoding",
    "X-Auth-Token",
];

/// When to try again what somebody has to mend first.
const OWN_TROUBLE_RETRY_SECONDS: u64 = 60;

/// When to try again what is being read.
const UNKNOWN_SECONDS: u64 = 2;

/// When to try again, where nothing better is known.
const DEFAULT_RETRY_SECONDS: u64 = 5;
