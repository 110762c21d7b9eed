//! A reader of DMTF's schema files in CSDL, as far as it takes to check a resource against them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use roxmltree::{Document, Node};

/// The schema files of a folder, read when they are first asked for.
pub(crate) struct Csdl {
    folder: PathBuf,
    read: BTreeSet<String>,
    namespaces: BTreeMap<String, Namespace>,
}

#[derive(Default)]
struct Namespace {
    types: BTreeMap<String, Type>,
    /// The parameters of each action, with their types.
    actions: BTreeMap<String, BTreeMap<String, String>>,
}

/// A type.
#[derive(Clone)]
pub(crate) enum Type {
    /// An entity or a complex type.
    Object(Object),
    /// One of these names.
    Names(BTreeSet<String>),
    /// Another name for this type.
    Alias(String),
}

/// An entity or a complex type.
#[derive(Clone)]
pub(crate) struct Object {
    pub(crate) base: Option<String>,
    pub(crate) members: BTreeMap<String, Member>,
    /// The type of members that have names of their own, such as the messages of a registry.
    pub(crate) others: Option<String>,
}

/// A member of an object.
#[derive(Clone)]
pub(crate) struct Member {
    /// Its type, or that of its elements.
    pub(crate) of: String,
    pub(crate) list: bool,
    pub(crate) nullable: bool,
    pub(crate) required: bool,
    pub(crate) kind: Kind,
}

/// What a member, or an element of it, is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value of its type.
    Value,
    /// A reference to a resource of its type.
    Link,
}

/// `v1_27_0` as numbers; nothing for a namespace without a version, which is older than all.
pub(crate) fn version(namespace: &str) -> Vec<u32> {
    let version = namespace.split_once(".v").map_or("", |(_, version)| version);
    version.split('_').filter_map(|part| part.parse().ok()).collect()
}

impl Csdl {
    /// The schemas of the folder that the environment names, or of the folder `csdl` in it.
    #[expect(clippy::disallowed_methods, reason = "the core reads no environment, its tests may")]
    pub(crate) fn from_environment() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("REDFISH_SCHEMA_DIR")?);
        let inner = folder.join("csdl");
        let folder = if inner.is_dir() { inner } else { folder };
        folder.is_dir().then_some(Self { folder, read: BTreeSet::new(), namespaces: BTreeMap::new() })
    }

    /// A type by its full name. The schema's own type of that name counts that is the newest up to `newest`: later
    /// versions add to types under the same name.
    pub(crate) fn resolve(&mut self, name: &str, newest: &[u32]) -> Option<(String, Type)> {
        let (namespace, short) = name.rsplit_once('.')?;
        let schema = namespace.split('.').next()?;
        self.read(schema);
        let found = self.namespaces.iter().filter(|(candidate, contents)| {
            let of_schema = candidate.split('.').next() == Some(schema);
            of_schema && version(candidate).as_slice() <= newest && contents.types.contains_key(short)
        });
        let (namespace, contents) = found.max_by_key(|(candidate, _)| version(candidate))?;
        Some((format!("{namespace}.{short}"), contents.types.get(short)?.clone()))
    }

    /// A type by its full name and no other.
    pub(crate) fn exact(&mut self, name: &str) -> Option<Type> {
        let (namespace, short) = name.rsplit_once('.')?;
        self.read(namespace.split('.').next()?);
        self.namespaces.get(namespace)?.types.get(short).cloned()
    }

    /// The parameters of an action that a schema has in some version up to `newest`.
    pub(crate) fn action(&mut self, schema: &str, action: &str, newest: &[u32]) -> Option<BTreeMap<String, String>> {
        self.read(schema);
        let mut found = self.namespaces.iter().filter(|(namespace, _)| {
            namespace.split('.').next() == Some(schema) && version(namespace).as_slice() <= newest
        });
        found.find_map(|(_, contents)| contents.actions.get(action).cloned())
    }

    fn read(&mut self, schema: &str) {
        if !self.read.insert(schema.to_owned()) {
            return;
        }
        let path = self.folder.join(format!("{schema}_v1.xml"));
        let Ok(text) = std::fs::read_to_string(&path) else { return };
        let document = Document::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for node in document.descendants().filter(|node| node.has_tag_name("Schema")) {
            let name = node.attribute("Namespace").unwrap_or_default().to_owned();
            let namespace = self.namespaces.entry(name).or_default();
            for child in children(node) {
                let Some(name) = child.attribute("Name").map(ToOwned::to_owned) else { continue };
                match child.tag_name().name() {
                    "EntityType" | "ComplexType" => {
                        namespace.types.insert(name, Type::Object(object(child)));
                    }
                    "EnumType" => {
                        let names = children(child).filter(|member| member.has_tag_name("Member"));
                        let names =
                            names.filter_map(|member| member.attribute("Name")).map(ToOwned::to_owned).collect();
                        namespace.types.insert(name, Type::Names(names));
                    }
                    "TypeDefinition" => {
                        namespace.types.insert(name, definition(child));
                    }
                    "Action" => {
                        // The first parameter is what the action is bound to.
                        let parameters = children(child).filter(|node| node.has_tag_name("Parameter")).skip(1);
                        let typed =
                            parameters.filter_map(|node| Some((node.attribute("Name")?, node.attribute("Type")?)));
                        namespace
                            .actions
                            .insert(name, typed.map(|(name, of)| (name.to_owned(), of.to_owned())).collect());
                    }
                    _ => {}
                }
            }
        }
    }
}

fn children<'a, 'input>(node: Node<'a, 'input>) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(Node::is_element)
}

fn annotation<'a, 'input>(node: Node<'a, 'input>, term: &str) -> Option<Node<'a, 'input>> {
    children(node).find(|child| child.has_tag_name("Annotation") && child.attribute("Term") == Some(term))
}

/// The values that the records of an annotation have for a property.
fn values<'a>(node: Node<'a, '_>, property: &str) -> Vec<&'a str> {
    let found = node.descendants().filter(|node| node.attribute("Property") == Some(property));
    found.filter_map(|node| node.attribute("String")).collect()
}

fn object(node: Node<'_, '_>) -> Object {
    let members = children(node).filter(|child| matches!(child.tag_name().name(), "Property" | "NavigationProperty"));
    let others = annotation(node, "Redfish.DynamicPropertyPatterns").map(|node| values(node, "Type"));
    Object {
        base: node.attribute("BaseType").map(ToOwned::to_owned),
        members: members.filter_map(|child| Some((child.attribute("Name")?.to_owned(), member(child)?))).collect(),
        others: others.and_then(|types| types.first().map(|of| (*of).to_owned())),
    }
}

fn member(node: Node<'_, '_>) -> Option<Member> {
    let of = node.attribute("Type")?;
    let element = of.strip_prefix("Collection(").and_then(|of| of.strip_suffix(')'));
    Some(Member {
        of: element.unwrap_or(of).to_owned(),
        list: element.is_some(),
        nullable: node.attribute("Nullable") != Some("false"),
        required: annotation(node, "Redfish.Required").is_some(),
        kind: if node.has_tag_name("NavigationProperty") { Kind::Link } else { Kind::Value },
    })
}

fn definition(node: Node<'_, '_>) -> Type {
    match annotation(node, "Redfish.Enumeration") {
        Some(names) => Type::Names(values(names, "Member").into_iter().map(ToOwned::to_owned).collect()),
        None => Type::Alias(node.attribute("UnderlyingType").unwrap_or("Edm.String").to_owned()),
    }
}
