//! `@Redfish.OperationApplyTime`: when an action is to take effect (DSP0266 clause 7.11). Schema `Settings`, version
//! 1.4.0.
//!
//! Everything here takes effect at once. A client that says so may do it to get a task instead of waiting; for any
//! other time there is nobody who would carry the action out then, so it is refused.

use serde::ser::{SerializeStruct as _, Serializer};
use serde_json::Value;

use super::parameters;
use crate::http::{JsonObject, Refusal};
use crate::messages::Message;

/// What an action announces: the times that it can take effect at.
#[derive(Clone, Copy, Debug)]
pub(super) struct OperationApplyTimeSupport;

impl serde::Serialize for OperationApplyTimeSupport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut state = serializer.serialize_struct("OperationApplyTimeSupport", 2)?;
        state.serialize_field("@odata.type", "#Settings.v1_4_0.OperationApplyTimeSupport")?;
        state.serialize_field("SupportedValues", &[IMMEDIATE])?;
        state.end()
    }
}

/// Whether the body of an action says when it is to take effect, and so asks for a task.
pub(crate) fn is_asked_for(body: &JsonObject) -> Result<bool, Refusal> {
    let Some(value) = body.get(ANNOTATION).filter(|value| !Value::is_null(value)) else {
        return Ok(false);
    };
    let wrong = |problem: Message| Refusal::bad_request(vec![problem.about(format!("#/{ANNOTATION}"))]);
    parameters::choice(ANNOTATION, value, &[IMMEDIATE], |name| name).map(|_| true).map_err(wrong)
}

const ANNOTATION: &str = "@Redfish.OperationApplyTime";
const IMMEDIATE: &str = "Immediate";
