//! What DSP0266 says of HTTP: headers, entity tags, bodies, and how a refusal looks.

mod accept;
mod body;
mod encoding;
mod etag;
mod forwarded;
mod origin;
mod parameter;
mod prefer;
mod refusal;
mod representation;
mod target;

pub(crate) use accept::{MediaType, accepts};
pub(crate) use body::{JsonObject, check_content, parse as parse_body};
pub(crate) use encoding::{Encoding, gzip};
pub(crate) use etag::{DIGITS as ETAG_DIGITS, ETag, Tags};
pub(crate) use forwarded::client;
pub(crate) use origin::{is_preflight, same_origin};
pub(crate) use parameter::{decode, parameter_name};
pub(crate) use prefer::{PREFER, RESPOND_ASYNC, prefers_async};
pub(crate) use refusal::{Refusal, Unknown};
pub(crate) use representation::schema;
pub(crate) use representation::{Content, ETAG_PLACEHOLDER, Representation, Schema};
pub(crate) use target::{Framing, NoHost, expects_more_than_continue, framing, host, normalised, plain};
