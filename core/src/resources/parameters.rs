//! Reading the members of request bodies, with one message for everything that is wrong.

use serde_json::Value;

use crate::config::Secret;
use crate::http::{JsonObject, Refusal};
use crate::messages::{Message, base, cluster};
use crate::model::{Host, HostRefused};

/// The members of a body that say something: annotations are to be ignored wherever they stand (DSP0266 clause 7.6), and
/// an `Oem` without anything in it is how some clients leave it open.
pub(super) fn members(object: &JsonObject) -> impl Iterator<Item = (&str, &Value)> {
    let is_silent = |name: &str, value: &Value| name.contains('@') || name == OEM && is_nothing(value);
    object.iter().map(|(name, value)| (name.as_str(), value)).filter(move |(name, value)| !is_silent(name, value))
}

/// The same of a body that something is made of: its `Id` is for the service to choose (DSP0266 clause 7.9).
pub(super) fn members_of_new(object: &JsonObject) -> impl Iterator<Item = (&str, &Value)> {
    members(object).filter(|(name, _)| *name != "Id")
}

/// The same of the body of an action. Many scripts name the action once more, by whatever name they have for it: which one
/// is meant is in the URI.
pub(super) fn of_action(body: &JsonObject) -> impl Iterator<Item = (&str, &Value)> {
    members(body).filter(|(name, _)| *name != "Action")
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(JsonObject::is_empty)
}

const OEM: &str = "Oem";

/// Reads a property that is one of a few names.
pub(super) fn choice<T: Copy>(
    property: &str,
    value: &Value,
    values: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, Message> {
    let text = value.as_str().ok_or_else(|| type_error(property, value))?;
    let found = values.iter().copied().find(|candidate| name(*candidate) == text);
    found.ok_or_else(|| Message::new(&base::PROPERTY_VALUE_NOT_IN_LIST, [text, property]))
}

/// The message for a property whose value has the wrong type.
pub(super) fn type_error(property: &str, value: &Value) -> Message {
    Message::new(&base::PROPERTY_VALUE_TYPE_ERROR, [&value.to_string(), property])
}

/// The message for a property that cannot be changed: one of `read_only`, or one that the resource does not have.
pub(super) fn not_changeable(property: &str, read_only: &[&str]) -> Message {
    let definition = if read_only.contains(&property) { &base::PROPERTY_NOT_WRITABLE } else { &base::PROPERTY_UNKNOWN };
    Message::new(definition, [property])
}

/// The message for a host that nothing may be sent to.
pub(super) fn host_refused(host: &Host, why: HostRefused) -> Message {
    Message::new(&cluster::HOST_NOT_ALLOWED, [&*host.to_string(), &why.to_string()])
}

/// An action, by the name that messages have for it.
#[derive(Clone, Copy)]
pub(super) struct Action(pub(super) &'static str);

impl Action {
    /// The messages for every parameter in the body of an action that has none.
    pub(super) fn takes_nothing(self, body: &JsonObject) -> Result<(), Refusal> {
        let problems: Vec<Message> = of_action(body).map(|(name, _)| self.unknown(name)).collect();
        if problems.is_empty() { Ok(()) } else { Err(Refusal::bad_request(problems)) }
    }

    /// Reads a parameter that is one of a few names.
    pub(super) fn choice<T: Copy>(
        self,
        parameter: &str,
        value: &Value,
        values: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<T, Message> {
        let text = self.text(parameter, value)?;
        values.iter().copied().find(|candidate| name(*candidate) == text).ok_or_else(|| {
            Message::new(&base::ACTION_PARAMETER_VALUE_NOT_IN_LIST, [text, parameter, self.0])
                .about(format!("#/{parameter}"))
        })
    }

    /// Reads a parameter that is a text.
    pub(super) fn text<'v>(self, parameter: &str, value: &'v Value) -> Result<&'v str, Message> {
        value.as_str().ok_or_else(|| self.type_error(parameter, value))
    }

    /// Reads a parameter that is true or false.
    pub(super) fn boolean(self, parameter: &str, value: &Value) -> Result<bool, Message> {
        value.as_bool().ok_or_else(|| self.type_error(parameter, value))
    }

    /// The message for a parameter that the action does not have.
    pub(super) fn unknown(self, parameter: &str) -> Message {
        Message::new(&base::ACTION_PARAMETER_UNKNOWN, [self.0, parameter]).about(format!("#/{parameter}"))
    }

    /// The message for a parameter, or a value of one, that the schema has and this service does not do.
    pub(super) fn not_supported(self, parameter: &str) -> Message {
        Message::new(&base::ACTION_PARAMETER_NOT_SUPPORTED, [parameter, self.0]).about(format!("#/{parameter}"))
    }

    /// The message for a value of the wrong form.
    pub(super) fn format_error(self, parameter: &str, value: &str) -> Message {
        Message::new(&base::ACTION_PARAMETER_VALUE_FORMAT_ERROR, [value, parameter, self.0])
            .about(format!("#/{parameter}"))
    }

    /// The message for a value of the wrong type.
    pub(super) fn type_error(self, parameter: &str, value: &Value) -> Message {
        Message::new(&base::ACTION_PARAMETER_VALUE_TYPE_ERROR, [&value.to_string(), parameter, self.0])
            .about(format!("#/{parameter}"))
    }
}

/// What is wrong with the body of a PATCH or of a creation, collected while its members are read.
pub(super) struct Patch {
    read_only: &'static [&'static str],
    problems: Vec<Message>,
}

impl Patch {
    /// For a resource with these properties that cannot be written.
    pub(super) fn new(read_only: &'static [&'static str]) -> Self {
        Self { read_only, problems: Vec::new() }
    }

    /// Notes a problem.
    pub(super) fn problem(&mut self, message: Message) {
        self.problems.push(message);
    }

    /// Notes that a property cannot be written, or is not known at all.
    pub(super) fn not_writable(&mut self, name: &str) {
        let definition =
            if self.read_only.contains(&name) { &base::PROPERTY_NOT_WRITABLE } else { &base::PROPERTY_UNKNOWN };
        self.problems.push(Message::new(definition, [name]).about(format!("#/{name}")));
    }

    /// Reads a whole number within bounds.
    pub(super) fn number(&mut self, name: &str, value: &Value, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let Some(number) = value.as_i64() else {
            self.problems.push(type_error(name, value).about(format!("#/{name}")));
            return None;
        };
        let within = u32::try_from(number).ok().filter(|number| range.contains(number));
        if within.is_none() {
            let message = Message::new(&base::PROPERTY_VALUE_OUT_OF_RANGE, [&value.to_string(), name]);
            self.problems.push(message.about(format!("#/{name}")));
        }
        within
    }

    /// Reads a text.
    pub(super) fn text(&mut self, name: &str, value: &Value) -> Option<String> {
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.problems.push(type_error(name, value).about(format!("#/{name}")));
        }
        text
    }

    /// Notes that a value has the wrong type.
    pub(super) fn wrong_type(&mut self, name: &str, value: &Value) {
        self.problems.push(type_error(name, value).about(format!("#/{name}")));
    }

    /// Reads an array of texts that is now `present`: null takes an element away, `{}` leaves it as it is, more elements
    /// are added, and what goes beyond the last is cut off (DSP0266 clause 7.7.3).
    pub(super) fn texts(&mut self, name: &str, value: &Value, present: &[String]) -> Option<Vec<String>> {
        let Some(elements) = value.as_array() else {
            self.wrong_type(name, value);
            return None;
        };
        let mut texts = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            match element {
                Value::Null => {}
                Value::Object(nothing) if nothing.is_empty() => texts.extend(present.get(index).cloned()),
                Value::String(text) => texts.push(text.clone()),
                other => self.problems.push(type_error(name, other).about(format!("#/{name}/{index}"))),
            }
        }
        Some(texts)
    }

    /// Reads true or false.
    pub(super) fn boolean(&mut self, name: &str, value: &Value) -> Option<bool> {
        let boolean = value.as_bool();
        if boolean.is_none() {
            self.problems.push(type_error(name, value).about(format!("#/{name}")));
        }
        boolean
    }

    /// Reads a text that no message may repeat.
    pub(super) fn secret(&mut self, name: &str, value: &Value) -> Option<Secret> {
        let secret = value.as_str().map(|text| Secret::new(text.as_bytes()));
        if secret.is_none() {
            let message = Message::new(&base::PROPERTY_VALUE_TYPE_ERROR, ["***", name]);
            self.problems.push(message.about(format!("#/{name}")));
        }
        secret
    }

    /// 400 with everything that was wrong, if anything was.
    pub(super) fn finish(self) -> Result<(), Refusal> {
        if self.problems.is_empty() { Ok(()) } else { Err(Refusal::bad_request(self.problems)) }
    }
}
