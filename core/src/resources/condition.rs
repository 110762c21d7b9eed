//! Schema `Resource`, object `Condition`: something about a resource that those who look at it should know.

use serde::Serialize;

use crate::messages::{Message, Severity};

/// Schema `Resource`, object `Status`, with what is worth knowing beside the state.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StatusWithConditions {
    /// Null if it is not known.
    pub(super) state: Option<&'static str>,
    pub(super) health: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<Condition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Condition {
    message_id: String,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    message_args: Vec<String>,
    severity: Severity,
    resolution: &'static str,
}

impl From<&Message> for Condition {
    fn from(message: &Message) -> Self {
        Self {
            message_id: message.id(),
            message: message.text(),
            message_args: message.args().to_vec(),
            severity: message.severity(),
            resolution: message.definition().resolution,
        }
    }
}
