//! The kinds of object that are watched: how their lists and events are read, and what each object means.

use std::sync::Arc;

use serde::Deserialize;

use crate::annotation::{MANAGED_BY, MANAGER};
use crate::model::{ImportId, Kind, Namespace, ObjectName, Observation, Platform, Version, VmId};
use crate::object::{
    DataVolume, Element, KubeVirt, Lenient, Metadata, Object, Secret, Status, Typed, VirtualMachine,
    VirtualMachineInstance, Whole, lenient,
};
use crate::request::{Collection, Path};
use crate::translate;

/// What a page of a list holds.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The objects.
    pub(super) items: Vec<Item>,
    /// The token to go on with; `None` on the last page.
    pub(super) next: Option<Box<str>>,
    /// Where a watch can go on from.
    pub(super) version: Option<Box<str>>,
}

/// An object of a list.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) name: Box<str>,
    /// A hash of its uid; `None` for what has none.
    pub(super) uid: Option<u64>,
    /// What it means; `None` if it means nothing here.
    pub(super) observation: Option<Observation>,
}

/// Why an answer is not believed. What the API server says has a form that no proxy's page has, and no half of it: a list
/// that is not certainly one says nothing, least of all that something is gone.
pub(super) type Nonsense = &'static str;

/// What a line of a watch holds.
#[derive(Debug)]
pub(super) enum Event {
    /// An object was added or changed.
    Present { name: Box<str>, observation: Option<Observation>, version: Box<str> },
    /// An object is gone.
    Gone { name: Box<str>, version: Box<str> },
    /// Nothing happened up to this version.
    Bookmark { version: Box<str> },
    /// The server ends the stream; with its code and its reason.
    Error { code: u64, message: String },
    /// More than is read of one object.
    TooLong,
    /// No event of this stream.
    Nonsense(Nonsense),
}

/// Reads a page of the list of a collection.
pub(super) fn read_page(collection: Collection, namespace: Option<&str>, body: &[u8]) -> Result<Page, Nonsense> {
    let of = Expected { collection, namespace };
    match collection {
        Collection::VirtualMachines => page::<VirtualMachine>(of, body),
        Collection::VirtualMachineInstances => page::<VirtualMachineInstance>(of, body),
        Collection::DataVolumes => page::<DataVolume>(of, body),
        Collection::KubeVirts => page::<KubeVirt>(of, body),
        Collection::Secrets => page::<Secret>(of, body),
        Collection::Verbs => verbs(body).ok_or("it is no list of resources"),
    }
}

/// Reads a line of the watch of a collection; `None` if it is empty.
pub(super) fn read_event(collection: Collection, namespace: Option<&str>, line: &[u8]) -> Option<Event> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    let of = Expected { collection, namespace };
    let event = match collection {
        Collection::VirtualMachines => event::<VirtualMachine>(of, line),
        Collection::VirtualMachineInstances => event::<VirtualMachineInstance>(of, line),
        Collection::DataVolumes => event::<DataVolume>(of, line),
        Collection::KubeVirts => event::<KubeVirt>(of, line),
        Collection::Secrets => event::<Secret>(of, line),
        Collection::Verbs => Err("it is not watched"),
    };
    Some(event.unwrap_or_else(Event::Nonsense))
}

/// What it means that an object of a collection is gone as of a version.
pub(super) fn gone(collection: Collection, namespace: Option<&str>, name: &str, as_of: Version) -> Option<Observation> {
    match collection {
        Collection::VirtualMachines => Some(Observation::MachineGone(VmId::new(namespace?, name)?, as_of)),
        Collection::VirtualMachineInstances => Some(Observation::InstanceGone(VmId::new(namespace?, name)?, as_of)),
        Collection::DataVolumes => {
            let id = ImportId { namespace: Namespace::new(namespace?)?, name: ObjectName::new(name)? };
            Some(Observation::ImportGone(id, as_of))
        }
        Collection::KubeVirts => Some(Observation::Platform(Platform::default())),
        Collection::Secrets => Some(Observation::DocumentGone(translate::document_name(name)?, as_of)),
        Collection::Verbs => Some(Observation::Interrupt(None)),
    }
}

/// The kind that commands report of as well.
pub(super) const fn seen_elsewhere(collection: Collection) -> Option<Kind> {
    match collection {
        Collection::VirtualMachineInstances => Some(Kind::Instances),
        Collection::DataVolumes => Some(Kind::Imports),
        // A command is about a machine that its stream has shown.
        Collection::VirtualMachines | Collection::KubeVirts | Collection::Secrets | Collection::Verbs => None,
    }
}

/// Restricts a path to the part of a collection that is watched: of `DataVolumes` and `Secrets` only the service's own.
pub(super) fn selected(collection: Collection, path: Path) -> Path {
    match collection {
        Collection::DataVolumes | Collection::Secrets => {
            path.with("labelSelector", format_args!("{MANAGED_BY}={MANAGER}"))
        }
        Collection::VirtualMachines
        | Collection::VirtualMachineInstances
        | Collection::KubeVirts
        | Collection::Verbs => path,
    }
}

trait Watched: for<'de> Deserialize<'de> + Default {
    fn metadata(&self) -> &Metadata;

    fn observation(&self) -> Option<Observation>;
}

impl Watched for VirtualMachine {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn observation(&self) -> Option<Observation> {
        translate::machine(self).map(|machine| Observation::Machine(Arc::new(machine)))
    }
}

impl Watched for VirtualMachineInstance {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn observation(&self) -> Option<Observation> {
        translate::instance(self).map(|instance| Observation::Instance(Arc::new(instance)))
    }
}

impl Watched for DataVolume {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn observation(&self) -> Option<Observation> {
        translate::import(self).map(|import| Observation::Import(Arc::new(import)))
    }
}

impl Watched for Secret {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn observation(&self) -> Option<Observation> {
        translate::document(self).map(|document| Observation::Document(Arc::new(document)))
    }
}

impl Watched for KubeVirt {
    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn observation(&self) -> Option<Observation> {
        Some(Observation::Platform(translate::platform(self)))
    }
}

/// What an answer has to be about.
#[derive(Clone, Copy)]
struct Expected<'a> {
    collection: Collection,
    namespace: Option<&'a str>,
}

impl Expected<'_> {
    /// Whether something says that it is of this type, with `suffix` after its kind.
    fn is(self, suffix: &str, kind: Option<&str>, api_version: Option<&str>) -> bool {
        api_version == Some(self.collection.api_version())
            && kind.and_then(|kind| kind.strip_suffix(suffix)) == Some(self.collection.kind())
    }

    /// The name of an object that is one, and where it was looked for.
    fn name(self, metadata: &Metadata) -> Result<Box<str>, Nonsense> {
        if self.namespace.is_some() && metadata.namespace.as_deref() != self.namespace {
            return Err("it has an object of another namespace");
        }
        if metadata.uid.as_deref().is_none_or(str::is_empty) {
            return Err("it has an object without a uid");
        }
        metadata.name.as_deref().map(Into::into).ok_or("it has an object without a name")
    }
}

#[derive(Deserialize)]
#[serde(default, bound = "T: Watched")]
struct ListBody<T> {
    #[serde(deserialize_with = "lenient")]
    kind: Option<Box<str>>,
    #[serde(rename = "apiVersion", deserialize_with = "lenient")]
    api_version: Option<Box<str>>,
    /// `None` if the body is no list at all, such as the page of a proxy.
    #[serde(deserialize_with = "present")]
    items: Option<Vec<Typed<T>>>,
    #[serde(deserialize_with = "lenient")]
    metadata: Object<ListMetadata>,
}

impl<T> Default for ListBody<T> {
    fn default() -> Self {
        Self { kind: None, api_version: None, items: None, metadata: Object::default() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMetadata {
    #[serde(deserialize_with = "lenient")]
    resource_version: Option<Box<str>>,
    #[serde(rename = "continue", deserialize_with = "lenient")]
    next: Whole,
    #[serde(deserialize_with = "lenient")]
    remaining_item_count: Option<u64>,
}

#[derive(Deserialize)]
#[serde(default, bound = "T: Watched")]
struct EventBody<T> {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    object: Typed<T>,
}

impl<T: Default> Default for EventBody<T> {
    fn default() -> Self {
        Self { kind: None, object: Typed::default() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    #[serde(deserialize_with = "lenient")]
    object: Object<Status>,
}

/// `items`, of which null means that there are none.
fn present<'de, D, T>(from: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Lenient<'de>,
{
    lenient(from).map(Some)
}

fn page<T: Watched>(of: Expected<'_>, body: &[u8]) -> Result<Page, Nonsense> {
    let Element(list) =
        serde_json::from_slice::<Element<Object<ListBody<T>>>>(body).map_err(|_| "it is not JSON, or not all of it")?;
    let ListBody { kind, api_version, items, metadata } = list.0;
    if !of.is("List", kind.as_deref(), api_version.as_deref()) {
        return Err("it is no list of this kind");
    }
    if metadata.0.next.0.as_ref().is_some_and(|token| token.len() > LONGEST_TOKEN) {
        return Err("it is a part of a list, and how it goes on cannot be asked for");
    }
    let (next, version) =
        (filled(metadata.0.next.0), filled(metadata.0.resource_version).filter(|text| is_version(text)));
    if version.is_none() {
        return Err("it is a list without a resource version");
    }
    let items = items.ok_or("it is a list without items")?;
    if next.is_none() && metadata.0.remaining_item_count.is_some_and(|count| count > 0) {
        return Err("it is a part of a list, and does not say how it goes on");
    }
    if next.is_some() && items.is_empty() {
        return Err("it is an empty part of a list");
    }
    let mut page = Page { items: Vec::with_capacity(items.len()), next, version };
    for Typed { kind, api_version, object } in items {
        // Lists of built-in kinds do not repeat what their items are.
        if (kind.is_some() || api_version.is_some()) && !of.is("", kind.as_deref(), api_version.as_deref()) {
            return Err("it has an object of another kind");
        }
        let metadata = object.metadata();
        let name = of.name(metadata)?;
        let uid = metadata.uid.as_deref().map(|uid| xxhash_rust::xxh3::xxh3_64(uid.as_bytes()));
        page.items.push(Item { name, uid, observation: object.observation() });
    }
    Ok(page)
}

/// A longer one could not be sent back: the next page cannot be had.
const LONGEST_TOKEN: usize = 8 * 1024;

/// Reads the verbs that there are, of which only one makes a difference.
fn verbs(body: &[u8]) -> Option<Page> {
    let Element(list) = serde_json::from_slice::<Element<Object<ApiResourceList>>>(body).ok()?;
    let names = list.0.resources?.into_iter().filter_map(|resource| resource.0.name);
    let items = names.filter_map(|name| {
        let verb = translate::interrupt(&name)?;
        Some(Item { name, uid: None, observation: Some(Observation::Interrupt(Some(verb))) })
    });
    (list.0.kind.as_deref() == Some("APIResourceList")).then(|| Page { items: items.collect(), ..Page::default() })
}

/// What discovery says of a group.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ApiResourceList {
    #[serde(deserialize_with = "lenient")]
    kind: Option<Box<str>>,
    /// `None` if the body is something else.
    #[serde(deserialize_with = "present")]
    resources: Option<Vec<Object<ApiResource>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ApiResource {
    #[serde(deserialize_with = "lenient")]
    name: Option<Box<str>>,
}

fn event<T: Watched>(of: Expected<'_>, line: &[u8]) -> Result<Event, Nonsense> {
    let Element(Object(EventBody { kind, object: Typed { kind: object_kind, api_version, object } })) =
        serde_json::from_slice::<Element<Object<EventBody<T>>>>(line).map_err(|_| "it is not JSON")?;
    let kind = kind.as_deref();
    if kind == Some("ERROR") {
        let Element(Object(body)) =
            serde_json::from_slice::<Element<Object<ErrorBody>>>(line).unwrap_or_else(|_| Element(Object::default()));
        let Status { code, message, .. } = body.object.0;
        return Ok(Event::Error { code: code.unwrap_or(500), message: message.0.unwrap_or_default().into() });
    }
    if !of.is("", object_kind.as_deref(), api_version.as_deref()) {
        return Err("it has an object of another kind");
    }
    let metadata = object.metadata();
    let version = filled(metadata.resource_version.clone()).filter(|text| is_version(text));
    let version = version.ok_or("it has an object without a resource version")?;
    match kind {
        Some("BOOKMARK") => Ok(Event::Bookmark { version }),
        Some("ADDED" | "MODIFIED") => {
            Ok(Event::Present { name: of.name(metadata)?, observation: object.observation(), version })
        }
        Some("DELETED") => Ok(Event::Gone { name: of.name(metadata)?, version }),
        Some(_) | None => Err("it is no event"),
    }
}

fn filled<T: AsRef<str>>(text: Option<T>) -> Option<T> {
    text.filter(|text| !text.as_ref().is_empty())
}

/// Resource versions are numbers that grow (KEP-5504).
fn is_version(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|version| version > 0)
}
