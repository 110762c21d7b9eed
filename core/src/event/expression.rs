//! `$filter` of a stream of events (DSP0266 clause 12.5.3): comparisons joined by `and` and `or`.

use super::{EventType, Facts, MessageKey};

/// What a `$filter` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expression {
    root: Node,
    /// `SubordinateResources eq true` is no condition by itself: it widens what `OriginResource` means.
    subordinate: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// One of them holds.
    Any(Vec<Self>),
    /// All of them hold.
    All(Vec<Self>),
    Comparison(Comparison),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Comparison {
    /// All payloads are events, so this asks for nothing, or for all.
    EventFormat {
        event: bool,
    },
    EventType(EventType),
    Message(MessageKey),
    Origin(String),
    Registry(String),
    ResourceType(String),
    Subordinate,
}

impl Expression {
    /// Reads an expression; `None` if it is none, or one that is longer or deeper than anyone needs.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let mut parser = Parser { rest: text, subordinate: false };
        let root = parser.disjunction(0)?;
        parser.skip_space();
        parser.rest.is_empty().then_some(Self { root, subordinate: parser.subordinate })
    }

    /// Whether an event is chosen by it.
    pub(crate) fn wants(&self, facts: &Facts) -> bool {
        self.root.holds(facts, self.subordinate)
    }
}

impl Node {
    fn holds(&self, facts: &Facts, subordinate: bool) -> bool {
        match self {
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(facts, subordinate)),
            Self::All(nodes) => nodes.iter().all(|node| node.holds(facts, subordinate)),
            Self::Comparison(comparison) => comparison.holds(facts, subordinate),
        }
    }
}

impl Comparison {
    fn holds(&self, facts: &Facts, subordinate: bool) -> bool {
        match self {
            Self::EventFormat { event } => *event,
            Self::EventType(event_type) => facts.event_type.is_none_or(|known| known == *event_type),
            Self::Message(key) => key.is_of(facts),
            Self::Origin(uri) => facts.is_from(uri, subordinate),
            Self::Registry(prefix) => **prefix == *facts.registry,
            Self::ResourceType(name) => {
                facts.origin.as_ref().and_then(|origin| origin.resource_type).is_some_and(|known| known == name)
            }
            Self::Subordinate => true,
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    subordinate: bool,
}

impl<'a> Parser<'a> {
    fn disjunction(&mut self, depth: usize) -> Option<Node> {
        let mut nodes = vec![self.conjunction(depth)?];
        while self.keyword("or") {
            nodes.push(self.conjunction(depth)?);
        }
        Some(if nodes.len() == 1 { nodes.pop()? } else { Node::Any(nodes) })
    }

    fn conjunction(&mut self, depth: usize) -> Option<Node> {
        let mut nodes = vec![self.term(depth)?];
        while self.keyword("and") {
            nodes.push(self.term(depth)?);
        }
        Some(if nodes.len() == 1 { nodes.pop()? } else { Node::All(nodes) })
    }

    fn term(&mut self, depth: usize) -> Option<Node> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let node = self.disjunction(depth + 1)?;
            self.skip_space();
            self.rest = self.rest.strip_prefix(')')?;
            return Some(node);
        }
        let property = self.word()?;
        if !self.keyword("eq") {
            return None;
        }
        let value = self.value()?;
        self.comparison(property, value).map(Node::Comparison)
    }

    fn comparison(&mut self, property: &str, value: String) -> Option<Comparison> {
        match property {
            "EventFormatType" => match value.as_str() {
                "Event" => Some(Comparison::EventFormat { event: true }),
                "MetricReport" => Some(Comparison::EventFormat { event: false }),
                _ => None,
            },
            "EventType" => {
                let event_type = EventType::ALL.into_iter().find(|event_type| event_type.name() == value);
                event_type.map(Comparison::EventType)
            }
            "MessageId" => MessageKey::parse(&value).map(Comparison::Message),
            "OriginResource" => Some(Comparison::Origin(value)),
            "RegistryPrefix" => Some(Comparison::Registry(value)),
            "ResourceType" => Some(Comparison::ResourceType(value)),
            "SubordinateResources" => match value.as_str() {
                "true" => {
                    self.subordinate = true;
                    Some(Comparison::Subordinate)
                }
                "false" => Some(Comparison::Subordinate),
                _ => None,
            },
            _ => None,
        }
    }

    /// A text in quotes, in which a quote is written twice, or a word as it is: the specification's own examples leave
    /// the quotes out.
    fn value(&mut self) -> Option<String> {
        self.skip_space();
        let Some(mut rest) = self.rest.strip_prefix('\'') else {
            return self.word().map(ToOwned::to_owned);
        };
        let mut value = String::new();
        loop {
            let (before, after) = rest.split_once('\'')?;
            value.push_str(before);
            let Some(again) = after.strip_prefix('\'') else {
                self.rest = after;
                return Some(value);
            };
            value.push('\'');
            rest = again;
        }
    }

    fn word(&mut self) -> Option<&'a str> {
        self.skip_space();
        let end = self.rest.find(|letter: char| letter.is_whitespace() || matches!(letter, '(' | ')' | '\''));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Takes the next word if it is this one.
    fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.rest;
        let found = self.word() == Some(keyword);
        if !found {
            self.rest = before;
        }
        found
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }
}

/// Longer than any filter that is of use; a comparison takes about forty characters.
const MAX_LENGTH: usize = 4_096;

/// Parentheses within parentheses: reading and evaluating go as deep as they do.
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Origin;
    use crate::messages::Severity;
    use proptest::prelude::*;

    fn wants(filter: &str) -> Option<bool> {
        let facts = Facts {
            registry: "ResourceEvent".into(),
            key: "ResourceChanged".into(),
            severity: Some(Severity::Ok),
            event_type: Some(EventType::ResourceUpdated),
            origin: Some(Origin {
                uri: "/redfish/v1/Systems/lab.node-0/VirtualMedia/Cd".into(),
                resource_type: Some("VirtualMedia"),
                gone: false,
            }),
        };
        Expression::parse(filter).map(|expression| expression.wants(&facts))
    }

    #[test]
    fn comparisons_and_their_combinations() {
        for filter in [
            "EventFormatType eq Event",
            "RegistryPrefix eq 'ResourceEvent'",
            "(RegistryPrefix eq 'TaskEvent') or (ResourceType eq 'VirtualMedia')",
            "RegistryPrefix eq 'TaskEvent' or RegistryPrefix eq 'ResourceEvent' and ResourceType eq VirtualMedia",
            "MessageId eq 'ResourceEvent.1.0.ResourceChanged'",
            "OriginResource eq '/redfish/v1/Systems/lab.node-0' and SubordinateResources eq true",
            "((((ResourceType eq 'VirtualMedia'))))",
        ] {
            assert_eq!(wants(filter), Some(true), "{filter}");
        }
        for filter in [
            "EventFormatType eq MetricReport",
            "(RegistryPrefix eq 'TaskEvent' or RegistryPrefix eq 'ResourceEvent') and ResourceType eq Task",
            "OriginResource eq '/redfish/v1/Systems/lab.node-0'",
            "OriginResource eq '/redfish/v1/Systems/lab.node-0' and SubordinateResources eq false",
            "ResourceType eq 'it''s'",
        ] {
            assert_eq!(wants(filter), Some(false), "{filter}");
        }
    }

    #[test]
    fn what_cannot_be_understood() {
        let deep = format!("{}ResourceType eq x{}", "(".repeat(40), ")".repeat(40));
        for filter in [
            "",
            "and",
            "ResourceType",
            "ResourceType eq",
            "ResourceType ne 'x'",
            "Colour eq 'blue'",
            "(ResourceType eq x",
            "ResourceType eq x)",
            "ResourceType eq 'x",
            "ResourceType eq x or",
            "SubordinateResources eq maybe",
            &deep,
        ] {
            assert_eq!(wants(filter), None, "{filter}");
        }
    }

    proptest! {
        #[test]
        fn no_filter_panics(filter in "[()' a-zA-Z]{0,80}") {
            let _ = Expression::parse(&filter);
        }
    }
}
