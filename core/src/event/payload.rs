//! Events on the wire: the body of a push, and a message of a stream. Schema `Event`, version 1.13.0.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::Event;

#[derive(Serialize)]
struct Head<'a> {
    #[serde(rename = "@odata.type")]
    odata_type: &'static str,
    #[serde(rename = "Id")]
    id: String,
    #[serde(rename = "Name")]
    name: &'static str,
    #[serde(rename = "Context", skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
}

/// Writes the first of `events`, as many as fit into [`MAX_PAYLOAD`], for one subscriber. Also how many they are.
pub(crate) fn payload<'a>(context: Option<&str>, events: impl IntoIterator<Item = &'a Arc<Event>>) -> (Bytes, usize) {
    let mut events = events.into_iter().peekable();
    let id = events.peek().map_or_else(String::new, |event| event.id.to_string());
    let head = Head { odata_type: "#Event.v1_13_0.Event", id, name: "Events", context };
    // Writing to memory what has only string keys cannot fail.
    let mut body = serde_json::to_string(&head).unwrap_or_default();
    body.pop();
    body.push_str(",\"Events\":[");
    let mut count = 0;
    for event in events {
        if count > 0 {
            if body.len() + event.record.len() + OVERHEAD > MAX_PAYLOAD {
                break;
            }
            body.push(',');
        }
        body.push_str("{\"MemberId\":\"");
        body.push_str(&count.to_string());
        body.push_str("\",");
        body.push_str(&event.record);
        count += 1;
    }
    body.push_str("]}");
    (body.into(), count)
}

/// Writes an event as a message of a stream (HTML, section 9.2.5). JSON as it is written here has no line breaks.
pub(crate) fn frame(context: Option<&str>, event: &Arc<Event>, into: &mut Vec<u8>) {
    let (json, _) = payload(context, [event]);
    into.extend_from_slice(format!("id: {}\ndata: ", event.id).as_bytes());
    into.extend_from_slice(&json);
    into.extend_from_slice(b"\n\n");
}

/// A message that says nothing: it keeps what lies between from closing the connection.
pub(crate) const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// The largest payload that DSP0266 allows.
const MAX_PAYLOAD: usize = 1024 * 1024;

/// What goes around a record, and the end of the payload.
const OVERHEAD: usize = 64;
