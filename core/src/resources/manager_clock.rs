//! A manager's clock, which is what a PATCH of a manager is about.
//!
//! The clock is the cluster's and cannot be set. A client that sets it to what it says anyway, as provisioning does as a
//! matter of course, has what it wants; one that wants another time is told that it cannot have it.

use serde_json::Value;

use super::parameters;
use crate::http::{JsonObject, Refusal};
use crate::messages::{Message, base, cluster};
use crate::time::UnixTime;

/// The offset from UTC in which the clock is shown.
pub(super) const OFFSET: &str = "+00:00";

/// Understands a PATCH of a manager, which changes nothing if it is accepted.
pub(super) fn patch(body: &JsonObject, now: UnixTime) -> Result<(), Refusal> {
    let mut problems = Vec::new();
    let mut named = false;
    for (name, value) in parameters::members(body) {
        let result = match name {
            DATE_TIME => date_time(name, value, now),
            LOCAL_OFFSET => offset(name, value, now),
            _ => Err(parameters::not_changeable(name, READ_ONLY)),
        };
        named = true;
        problems.extend(result.err().map(|problem| problem.about(format!("#/{name}"))));
    }
    match (problems.is_empty(), named) {
        (true, true) => Ok(()),
        (true, false) => Err(Refusal::bad_request(vec![Message::new(&base::NO_OPERATION, [])])),
        (false, _) => Err(Refusal::bad_request(problems)),
    }
}

fn date_time(name: &str, value: &Value, now: UnixTime) -> Result<(), Message> {
    let text = value.as_str().ok_or_else(|| parameters::type_error(name, value))?;
    let time = UnixTime::parse(text).ok_or_else(|| Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [text, name]))?;
    if time.0.abs_diff(now.0) <= TOLERANCE_SECONDS { Ok(()) } else { Err(not_settable(name, now)) }
}

fn offset(name: &str, value: &Value, now: UnixTime) -> Result<(), Message> {
    let text = value.as_str().ok_or_else(|| parameters::type_error(name, value))?;
    match text {
        OFFSET | "-00:00" | "Z" => Ok(()),
        _ if is_offset(text) => Err(not_settable(name, now)),
        _ => Err(Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [text, name])),
    }
}

fn not_settable(name: &str, now: UnixTime) -> Message {
    Message::new(&cluster::CLOCK_NOT_SETTABLE, [name, &now.to_string()])
}

/// Whether a text has the form `±hh:mm`.
fn is_offset(text: &str) -> bool {
    text.len() == 6
        && text.bytes().enumerate().all(|(index, byte)| match index {
            0 => matches!(byte, b'+' | b'-'),
            3 => byte == b':',
            _ => byte.is_ascii_digit(),
        })
}

const DATE_TIME: &str = "DateTime";
const LOCAL_OFFSET: &str = "DateTimeLocalOffset";

/// How far from the truth a time may be that is accepted as the present one: further than clocks of machines that are
/// looked after differ, and than a request takes.
const TOLERANCE_SECONDS: u64 = 300;

/// Properties that a client may have read on a manager and cannot change.
const READ_ONLY: &[&str] = &[
    "Actions",
    "FirmwareVersion",
    "Id",
    "Links",
    "ManagerType",
    "Manufacturer",
    "Model",
    "Name",
    "NetworkProtocol",
    "Status",
    "UUID",
    "VirtualMedia",
];
