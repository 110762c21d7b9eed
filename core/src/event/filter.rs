//! Which events a subscriber chose: by lists, as a subscription gives them, or by an expression, as a stream does.

use serde::{Deserialize, Serialize};

use super::{EventType, Expression, Facts};
use crate::messages::Severity;

/// Which events a subscriber chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Filter {
    /// All lists have to allow an event.
    Lists(Lists),
    /// `$filter` of a stream. Streams do not outlive the service, so it is never stored.
    #[serde(skip)]
    Expression(Expression),
}

/// The lists of schema `EventDestination`. One that is empty allows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Lists {
    pub(crate) event_types: Vec<EventType>,
    pub(crate) registry_prefixes: Vec<String>,
    pub(crate) exclude_registry_prefixes: Vec<String>,
    pub(crate) message_ids: Vec<MessageKey>,
    pub(crate) exclude_message_ids: Vec<MessageKey>,
    pub(crate) resource_types: Vec<String>,
    pub(crate) origin_resources: Vec<String>,
    pub(crate) subordinate_resources: Option<bool>,
    pub(crate) severities: Vec<Severity>,
}

/// A message id with or without the version of its registry, which makes no difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct MessageKey {
    text: String,
}

impl Filter {
    /// Whether an event was chosen.
    pub(crate) fn wants(&self, facts: &Facts) -> bool {
        match self {
            Self::Lists(lists) => lists.want(facts),
            Self::Expression(expression) => expression.wants(facts),
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::Lists(Lists::default())
    }
}

impl Lists {
    fn want(&self, facts: &Facts) -> bool {
        let registry = |prefix: &String| **prefix == *facts.registry;
        let message = |key: &MessageKey| key.is_of(facts);
        let unnamed = self.registry_prefixes.is_empty() && self.message_ids.is_empty();
        // One who tests may leave type and severity out; nothing is known against such an event then.
        let typed = self.event_types.is_empty()
            || self.event_types.contains(&EventType::Other)
            || facts.event_type.is_none_or(|event_type| self.event_types.contains(&event_type));
        let severe =
            self.severities.is_empty() || facts.severity.is_none_or(|severity| self.severities.contains(&severity));
        let resource_type = facts.origin.as_ref().and_then(|origin| origin.resource_type);
        let of_type = self.resource_types.is_empty()
            || resource_type.is_some_and(|name| self.resource_types.iter().any(|wanted| wanted == name));
        let subordinate = self.subordinate_resources == Some(true);
        let from = self.origin_resources.is_empty()
            || self.origin_resources.iter().any(|resource| facts.is_from(resource, subordinate));
        typed
            && severe
            && of_type
            && from
            && (unnamed || self.registry_prefixes.iter().any(registry) || self.message_ids.iter().any(message))
            && !self.exclude_registry_prefixes.iter().any(registry)
            && !self.exclude_message_ids.iter().any(message)
    }
}

impl Facts {
    /// Whether it is about the resource at `uri`, or one below it.
    pub(super) fn is_from(&self, uri: &str, subordinate: bool) -> bool {
        let Some(origin) = &self.origin else { return false };
        let wanted = uri.trim_end_matches('/');
        let below = || origin.uri.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'));
        *origin.uri == *wanted || subordinate && below()
    }
}

impl MessageKey {
    /// Reads `Registry.Key` or `Registry.Major.Minor[.Errata].Key`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let (first, rest) = parts.split_first()?;
        let (last, versions) = rest.split_last()?;
        let is_name = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let valid = text.len() <= MAX_KEY
            && is_name(first)
            && is_name(last)
            && versions.iter().all(is_number)
            && versions.len() <= 3;
        valid.then(|| Self { text: text.to_owned() })
    }

    /// As the client wrote it.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn is_of(&self, facts: &Facts) -> bool {
        let registry = self.text.split('.').next().unwrap_or_default();
        let key = self.text.rsplit('.').next().unwrap_or_default();
        *registry == *facts.registry && *key == *facts.key
    }
}

impl TryFrom<String> for MessageKey {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("not a message id")
    }
}

impl From<MessageKey> for String {
    fn from(key: MessageKey) -> Self {
        key.text
    }
}

/// Longer than any message id.
const MAX_KEY: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Origin;

    fn facts() -> Facts {
        Facts {
            registry: "ResourceEvent".into(),
            key: "ResourcePoweredOn".into(),
            severity: Some(Severity::Ok),
            event_type: Some(EventType::StatusChange),
            origin: Some(Origin {
                uri: "/redfish/v1/Systems/lab.node-0".into(),
                resource_type: Some("ComputerSystem"),
                gone: false,
            }),
        }
    }

    fn wants(change: impl FnOnce(&mut Lists)) -> bool {
        let mut lists = Lists::default();
        change(&mut lists);
        Filter::Lists(lists).wants(&facts())
    }

    fn key(text: &str) -> Vec<MessageKey> {
        vec![MessageKey::parse(text).expect("a message id")]
    }

    #[test]
    fn empty_lists_allow_everything_and_others_what_is_in_them() {
        assert!(wants(|_| ()));
        assert!(wants(|lists| lists.event_types = vec![EventType::StatusChange]));
        assert!(wants(|lists| lists.event_types = vec![EventType::Other]));
        assert!(!wants(|lists| lists.event_types = vec![EventType::Alert]));
        assert!(wants(|lists| lists.resource_types = vec!["ComputerSystem".to_owned()]));
        assert!(!wants(|lists| lists.resource_types = vec!["Task".to_owned()]));
        assert!(!wants(|lists| lists.severities = vec![Severity::Critical]));
    }

    #[test]
    fn registries_and_messages_add_to_one_another() {
        assert!(wants(|lists| lists.message_ids = key("ResourceEvent.ResourcePoweredOn")));
        assert!(wants(|lists| lists.message_ids = key("ResourceEvent.1.0.3.ResourcePoweredOn")));
        assert!(!wants(|lists| lists.message_ids = key("ResourceEvent.ResourcePoweredOff")));
        let both = |lists: &mut Lists| {
            lists.message_ids = key("TaskEvent.TaskStarted");
            lists.registry_prefixes = vec!["ResourceEvent".to_owned()];
        };
        assert!(wants(both));
        assert!(!wants(|lists| lists.exclude_registry_prefixes = vec!["ResourceEvent".to_owned()]));
        assert!(!wants(|lists| lists.exclude_message_ids = key("ResourceEvent.1.4.ResourcePoweredOn")));
    }

    #[test]
    fn subordinate_resources_are_below_by_whole_segments() {
        let from = |uri: &str, subordinate| {
            wants(|lists| {
                lists.origin_resources = vec![uri.to_owned()];
                lists.subordinate_resources = subordinate;
            })
        };
        assert!(from("/redfish/v1/Systems/lab.node-0", None) && from("/redfish/v1/Systems/lab.node-0/", None));
        assert!(!from("/redfish/v1/Systems", None) && from("/redfish/v1/Systems", Some(true)));
        assert!(!from("/redfish/v1/Systems/lab.node", Some(true)) && !from("/redfish/v1/Systems", Some(false)));
    }

    #[test]
    fn what_is_no_message_id() {
        for text in ["", "Base", "Base.", ".Success", "Base.1.x.Success", "Base 1.Success", "Base.1.2.3.4.Success"] {
            assert_eq!(MessageKey::parse(text), None, "{text}");
        }
    }
}
