//! Messages of DSP0266 clause 9.11: what clients read when something did not go as asked.

pub(crate) mod base;
pub(crate) mod cluster;
pub(crate) mod heartbeat_event;
pub(crate) mod resource_event;
pub(crate) mod task_event;

use serde::Serialize;
use serde::ser::{SerializeStruct as _, Serializer};

/// One entry of a message registry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    /// The registry's name and version, `Name.Major.Minor`.
    pub(crate) registry: &'static str,
    /// The key within the registry.
    pub(crate) key: &'static str,
    /// The text, with `%1`, `%2`, … where the arguments go. Our own wording: registries fix the meaning and arguments.
    pub(crate) text: &'static str,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What to do about it.
    pub(crate) resolution: &'static str,
}

/// How bad it is, in DSP0266's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
pub(crate) enum Severity {
    #[serde(rename = "OK")]
    Ok,
    Warning,
    Critical,
}

impl Severity {
    pub(crate) const ALL: [Self; 3] = [Self::Ok, Self::Warning, Self::Critical];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "Warning",
            Self::Critical => "Critical",
        }
    }
}

/// A registry entry with its arguments: one element of `@Message.ExtendedInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    definition: &'static Definition,
    args: Vec<String>,
    related: Vec<String>,
}

impl Message {
    /// The message of `definition` with `args` in the order of the registry.
    pub(crate) fn new<const N: usize>(definition: &'static Definition, args: [&str; N]) -> Self {
        Self { definition, args: args.iter().map(|arg| shorten(arg)).collect(), related: Vec::new() }
    }

    /// Says which property of the request body it is about, as a JSON pointer fragment such as `#/Boot`.
    pub(crate) fn about(mut self, property: impl Into<String>) -> Self {
        self.related.push(property.into());
        self
    }

    /// The registry entry.
    pub(crate) fn definition(&self) -> &'static Definition {
        self.definition
    }

    /// The arguments, in the order of the registry.
    pub(crate) fn args(&self) -> &[String] {
        &self.args
    }

    /// `Registry.Major.Minor.Key`
    pub(crate) fn id(&self) -> String {
        format!("{}.{}", self.definition.registry, self.definition.key)
    }

    /// How bad it is.
    pub(crate) fn severity(&self) -> Severity {
        self.definition.severity
    }

    /// The text with its arguments filled in.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(self.definition.text.len() + 32);
        let mut rest = self.definition.text;
        while let Some((before, after)) = rest.split_once('%') {
            text.push_str(before);
            let digit = after.chars().next().and_then(|digit| digit.to_digit(10));
            let argument = digit.and_then(|digit| self.args.get((digit as usize).checked_sub(1)?));
            if let Some(argument) = argument {
                text.push_str(argument);
                rest = after.get(1..).unwrap_or_default();
            } else {
                text.push('%');
                rest = after;
            }
        }
        text.push_str(rest);
        text
    }
}

/// Schema `Message`, version 1.3.0. `Severity` is the older name of `MessageSeverity`; clients read either.
impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut state = serializer.serialize_struct("Message", 8)?;
        state.serialize_field("@odata.type", "#Message.v1_3_0.Message")?;
        state.serialize_field("MessageId", &self.id())?;
        state.serialize_field("Message", &self.text())?;
        state.serialize_field("MessageArgs", &self.args)?;
        state.serialize_field("MessageSeverity", &self.definition.severity)?;
        state.serialize_field("Severity", &self.definition.severity)?;
        state.serialize_field("Resolution", &self.definition.resolution)?;
        if self.related.is_empty() {
            state.skip_field("RelatedProperties")?;
        } else {
            state.serialize_field("RelatedProperties", &self.related)?;
        }
        state.end()
    }
}

/// The body of an error response (DSP0266 clause 8.6).
#[derive(Serialize)]
pub(crate) struct ErrorBody<'a> {
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    code: String,
    message: String,
    #[serde(rename = "@Message.ExtendedInfo")]
    extended_info: &'a [Message],
}

impl<'a> ErrorBody<'a> {
    /// One message stands for itself; several are summed up as `GeneralError`.
    pub(crate) fn new(messages: &'a [Message]) -> Self {
        let general = Message::new(&base::GENERAL_ERROR, []);
        let summary = match messages {
            [only] => only,
            [] | [_, ..] => &general,
        };
        Self { error: ErrorObject { code: summary.id(), message: summary.text(), extended_info: messages } }
    }
}

/// Arguments quote what a client sent: enough to recognise it, not all of a megabyte.
fn shorten(argument: &str) -> String {
    match argument.char_indices().nth(MAX_ARGUMENT) {
        Some((end, _)) => format!("{}…", argument.get(..end).unwrap_or_default()),
        None => argument.to_owned(),
    }
}

const MAX_ARGUMENT: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_fill_in_and_do_not_expand_again() {
        let message = Message::new(&base::PROPERTY_VALUE_NOT_IN_LIST, ["%2", "Boot"]);
        assert!(message.text().contains("%2"), "{}", message.text());
        assert!(message.text().contains("Boot"), "{}", message.text());
    }

    #[test]
    fn every_definition_names_each_argument_and_a_resolution() {
        let ours = [base::ALL, heartbeat_event::ALL, resource_event::ALL, task_event::ALL].into_iter().flatten();
        for definition in ours.chain(cluster::ALL.iter().map(|(definition, _)| definition)) {
            assert!(!definition.resolution.is_empty() && !definition.text.is_empty(), "{}", definition.key);
            assert!(definition.key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{}", definition.key);
        }
    }

    #[test]
    fn long_arguments_are_shortened_at_a_character() {
        let message = Message::new(&base::PROPERTY_UNKNOWN, [&"ä".repeat(10_000)]);
        assert!(message.text().len() < 1_000);
    }
}
