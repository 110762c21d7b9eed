//! Request bodies: JSON objects, or a refusal that says what is wrong.

use std::cell::RefCell;
use std::fmt;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::Refusal;
use crate::messages::{Message, base};

/// The members of a request body.
pub(crate) type JsonObject = Map<String, Value>;

/// Whether a body can be understood by what its headers say; else 415, with what would be (RFC 9110 section 15.5.16).
pub(crate) fn check_content(headers: &HeaderMap) -> Result<(), Refusal> {
    let encoded = |value: &HeaderValue| {
        let mut codings = value.to_str().unwrap_or("?").split(',').map(str::trim);
        codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
    };
    if headers.get_all(CONTENT_ENCODING).iter().any(encoded) {
        let refusal = Refusal::header_invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, &CONTENT_ENCODING);
        return Err(refusal.with(ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    // Said twice, it has to be the same.
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let first = types.next();
    if first.is_none_or(is_json) && types.all(|other| Some(other) == first) {
        return Ok(());
    }
    let refusal = Refusal::header_invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, &CONTENT_TYPE);
    Err(refusal.with(ACCEPT, HeaderValue::from_static("application/json")))
}

fn is_json(value: &HeaderValue) -> bool {
    let Ok(value) = value.to_str() else { return false };
    let mut parts = value.split(';').map(str::trim);
    let json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| {
        let (key, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        !key.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

/// Reads a body that is a JSON object, sent to `action` if it is the parameters of one.
///
/// A name that stands twice in one object is refused: which of its values was meant is anyone's guess, and guesses of
/// what checks a request and of what carries it out must not differ (RFC 8259 section 4).
pub(crate) fn parse(body: &[u8], action: Option<&str>) -> Result<JsonObject, Refusal> {
    // Some clients begin with a byte order mark, which may be ignored (RFC 8259 section 8.1).
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let duplicates = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let place = Place::Root { action, duplicates: &duplicates };
    let value = place.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match value {
        Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, Message::new(&base::MALFORMED_JSON, []))),
        Ok(_) if !duplicates.borrow().is_empty() => Err(Refusal::bad_request(duplicates.into_inner())),
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, Message::new(&base::UNRECOGNIZED_REQUEST_BODY, []))),
    }
}

/// Where in a body a value stands. Reads the value, and notes the names that stand twice.
#[derive(Clone, Copy)]
enum Place<'a> {
    Root { action: Option<&'a str>, duplicates: &'a RefCell<Vec<Message>> },
    Member(&'a Self, &'a str),
    Element(&'a Self, usize),
}

impl Place<'_> {
    /// Notes that this is the second member of its name.
    fn is_duplicate(&self, name: &str) {
        let (action, duplicates) = self.root();
        let mut duplicates = duplicates.borrow_mut();
        if duplicates.len() < MAX_DUPLICATES {
            let message = match action {
                Some(action) => Message::new(&base::ACTION_PARAMETER_DUPLICATE, [action, name]),
                None => Message::new(&base::PROPERTY_DUPLICATE, [name]),
            };
            duplicates.push(message.about(format!("#{self}")));
        }
    }

    fn root(&self) -> (Option<&str>, &RefCell<Vec<Message>>) {
        match self {
            Self::Root { action, duplicates } => (*action, duplicates),
            Self::Member(parent, _) | Self::Element(parent, _) => parent.root(),
        }
    }
}

/// A JSON pointer (RFC 6901).
impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root { .. } => Ok(()),
            Self::Member(parent, name) => {
                let name = name.replace('~', "~0").replace('/', "~1");
                write!(formatter, "{parent}/{name}")
            }
            Self::Element(parent, index) => write!(formatter, "{parent}/{index}"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(Place::Element(&self, values.len()))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let place = Place::Member(&self, &name);
            if members.contains_key(&name) {
                place.is_duplicate(&name);
            }
            let value = map.next_value_seed(place)?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// More of them than this say no more.
const MAX_DUPLICATES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The object, or the codes of what is wrong with it and the places.
    fn read(body: &[u8], action: Option<&str>) -> Result<Value, Vec<String>> {
        let describe = |message: &Message| {
            let message = serde_json::to_value(message).expect("JSON");
            format!("{} {}", message["MessageId"], message["RelatedProperties"][0]).replace('"', "")
        };
        parse(body, action).map(Value::Object).map_err(|refusal| refusal.messages.iter().map(describe).collect())
    }

    #[test]
    fn objects_are_read_as_they_are() {
        let text = r#" {"a": [1, -2, 3.5, 18446744073709551615, "\u00e4", true, null, {}, []], "b": {"a": 1}} "#;
        assert_eq!(read(text.as_bytes(), None), Ok(serde_json::from_str(text).expect("JSON")));
        assert_eq!(read(b"\xef\xbb\xbf{\"a\": 1}", None), Ok(json!({ "a": 1 })));
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let duplicate = |key: &str, place: &str| Err(vec![format!("Base.1.22.{key} {place}")]);
        assert_eq!(read(br#"{"a": 1, "b": 2, "a": 1}"#, None), duplicate("PropertyDuplicate", "#/a"));
        assert_eq!(read(br#"{"a": [{}, {"b/c": 1, "b/c": 2}]}"#, None), duplicate("PropertyDuplicate", "#/a/1/b~1c"));
        // However it is written.
        assert_eq!(read(br#"{"a": 1, "\u0061": 2}"#, None), duplicate("PropertyDuplicate", "#/a"));
        assert_eq!(read(br#"{"A": 1, "A": 2}"#, Some("X.Y")), duplicate("ActionParameterDuplicate", "#/A"));
        let many = format!("{{{}\"a\": 0}}", "\"a\": 0,".repeat(10_000));
        assert_eq!(read(many.as_bytes(), None).map_err(|problems| problems.len()), Err(MAX_DUPLICATES));
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        let malformed = Err(vec!["Base.1.22.MalformedJSON null".to_owned()]);
        let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
        for body in [
            b"".as_slice(),
            b"{",
            b"{} {}",
            b"{}x",
            b"{\"a\": \"\xff\"}",
            b"{\xff: 1}",
            b"\xff\xfe{\0}\0",
            b"{'a': 1}",
            b"{\"a\": 1,}",
            b"{\"a\": NaN}",
            b"{\"a\": 1e999}",
            b"{\"a\": \"\\ud800\"}",
            b"\xef\xbb\xbf\xef\xbb\xbf{}",
            &deep,
        ] {
            assert_eq!(read(body, None), malformed, "{}", String::from_utf8_lossy(body).get(..20).unwrap_or_default());
        }
        for body in ["null", "true", "7", "\"{}\"", "[]", "[{}]"] {
            assert_eq!(read(body.as_bytes(), None), Err(vec!["Base.1.22.UnrecognizedRequestBody null".to_owned()]));
        }
    }
}
