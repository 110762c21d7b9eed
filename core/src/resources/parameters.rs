//! Reading the members of request bodies, with one message for everything that is wrong.

use serde_json::Value;

use crate::http::JsonObject;
use crate::messages::{Message, base};

/// The members of a body that are not annotations: those are to be ignored wherever they stand (DSP0266 clause 7.7).
pub(super) fn members(object: &JsonObject) -> impl Iterator<Item = (&str, &Value)> {
    object.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| !name.contains('@'))
}

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

/// An action, by the name that messages have for it.
#[derive(Clone, Copy)]
pub(super) struct Action(pub(super) &'static str);

impl Action {
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
