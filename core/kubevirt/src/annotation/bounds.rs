//! What texts in annotations may be: whoever may edit an object may have written them.

use serde::de::DeserializeOwned;

use crate::model::is_plain;
use crate::object::VirtualMachine;

/// Reads a record, which is written as a JSON object and in no other way.
pub(crate) fn record<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok().filter(|_| text.starts_with('{'))
}

/// The name of a disk, a volume or an interface in a definition.
pub(crate) fn is_device_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=253).contains(&text.len()) && text.bytes().all(inner)
}

/// The cluster's identity of an object.
pub(crate) fn is_uid(text: &str) -> bool {
    text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A value of an enumeration.
pub(crate) fn is_word(text: &str) -> bool {
    text.len() <= 63 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A text that is shown as it is.
pub(super) fn is_shown_whole(text: &str, longest: usize) -> bool {
    text.len() <= longest && is_plain(text)
}

/// Whether a note is about this machine. Who makes a machine from the definition of another takes its annotations along.
pub(super) fn is_of(machine: &VirtualMachine, uid: Option<&str>) -> bool {
    uid.is_none_or(|uid| machine.metadata.uid.as_deref() == Some(uid))
}

/// What the name of an image has at most.
pub(super) const LONGEST_IMAGE: usize = 8_192;
