//! Request bodies: JSON objects, or a refusal that says what is wrong.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::Refusal;
use crate::messages::{Message, base};

/// The members of a request body.
pub(crate) type JsonObject = Map<String, Value>;

/// Whether `Content-Type` is absent or says JSON; anything else is 415.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !key.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

/// Reads a body that is a JSON object.
pub(crate) fn parse(body: &[u8]) -> Result<JsonObject, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, Message::new(&base::UNRECOGNIZED_REQUEST_BODY, []))),
        Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, Message::new(&base::MALFORMED_JSON, []))),
    }
}
