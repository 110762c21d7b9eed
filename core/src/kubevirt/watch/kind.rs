//! The kinds of object that are watched: how their lists and events are read, and what each object means.

use std::sync::Arc;

use serde::Deserialize;

use crate::kubevirt::annotation::{MANAGED_BY, MANAGER};
use crate::kubevirt::object::{
    DataVolume, Element, KubeVirt, Metadata, Object, Secret, Status, VirtualMachine, VirtualMachineInstance, lenient,
};
use crate::kubevirt::request::{Collection, Path};
use crate::kubevirt::translate;
use crate::model::{ImportId, Kind, Namespace, ObjectName, Observation, Platform, Version, VmId};

/// What a page of a list holds.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The objects' names, each with what it means; `None` for one that means nothing here.
    pub(super) items: Vec<(Box<str>, Option<Observation>)>,
    /// The token to go on with; `None` on the last page.
    pub(super) next: Option<Box<str>>,
    /// Where a watch can go on from.
    pub(super) version: Option<Box<str>>,
    /// Objects that could not be made sense of.
    pub(super) skipped: u64,
}

/// What a line of a watch holds.
#[derive(Debug)]
pub(super) enum Event {
    /// An object was added or changed.
    Present { name: Box<str>, observation: Option<Observation>, version: Option<Box<str>> },
    /// An object is gone.
    Gone { name: Box<str>, version: Option<Box<str>> },
    /// Nothing happened up to this version.
    Bookmark { version: Option<Box<str>> },
    /// The server ends the stream; with its code.
    Error { code: u64 },
    /// No event that anybody could make sense of.
    Unreadable { version: Option<Box<str>> },
}

/// Reads a page of the list of a collection; `None` if it is none.
pub(super) fn read_page(collection: Collection, namespace: Option<&str>, body: &[u8]) -> Option<Page> {
    match collection {
        Collection::VirtualMachines => page::<VirtualMachine>(namespace, body),
        Collection::VirtualMachineInstances => page::<VirtualMachineInstance>(namespace, body),
        Collection::DataVolumes => page::<DataVolume>(namespace, body),
        Collection::KubeVirts => page::<KubeVirt>(namespace, body),
        Collection::Secrets => page::<Secret>(namespace, body),
        Collection::Verbs => verbs(body),
    }
}

/// Reads a line of the watch of a collection; `None` if it is empty.
pub(super) fn read_event(collection: Collection, namespace: Option<&str>, line: &[u8]) -> Option<Event> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return None;
    }
    Some(match collection {
        Collection::VirtualMachines => event::<VirtualMachine>(namespace, line),
        Collection::VirtualMachineInstances => event::<VirtualMachineInstance>(namespace, line),
        Collection::DataVolumes => event::<DataVolume>(namespace, line),
        Collection::KubeVirts => event::<KubeVirt>(namespace, line),
        Collection::Secrets => event::<Secret>(namespace, line),
        // It cannot be watched, and has no version to do so from.
        Collection::Verbs => Event::Unreadable { version: None },
    })
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

#[derive(Deserialize)]
#[serde(default, bound = "T: Watched")]
struct ListBody<T> {
    /// `None` if the body is no list at all, such as the page of a proxy.
    #[serde(deserialize_with = "present")]
    items: Option<Vec<Object<T>>>,
    #[serde(deserialize_with = "lenient")]
    metadata: Object<ListMetadata>,
}

impl<T> Default for ListBody<T> {
    fn default() -> Self {
        Self { items: None, metadata: Object::default() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMetadata {
    #[serde(deserialize_with = "lenient")]
    resource_version: Option<Box<str>>,
    #[serde(rename = "continue", deserialize_with = "lenient")]
    next: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(default, bound = "T: Watched")]
struct EventBody<T> {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<Box<str>>,
    #[serde(deserialize_with = "lenient")]
    object: Object<T>,
}

impl<T: Default> Default for EventBody<T> {
    fn default() -> Self {
        Self { kind: None, object: Object::default() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    #[serde(deserialize_with = "lenient")]
    object: Object<Status>,
}

/// `items`, of which null means that there are none.
fn present<'de, D, T>(from: D) -> Result<Option<Vec<Object<T>>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    lenient(from).map(Some)
}

fn page<T: Watched>(namespace: Option<&str>, body: &[u8]) -> Option<Page> {
    let Element(list) = serde_json::from_slice::<Element<Object<ListBody<T>>>>(body).ok()?;
    let ListBody { items, metadata } = list.0;
    let filled = |text: Option<Box<str>>| text.filter(|text| !text.is_empty());
    if metadata.next.as_ref().is_some_and(|token| token.len() > LONGEST_TOKEN) {
        return None;
    }
    let mut page =
        Page { next: filled(metadata.0.next), version: filled(metadata.0.resource_version), ..Page::default() };
    for item in items? {
        match name_in(namespace, item.metadata()) {
            Some(name) => page.items.push((name, item.observation())),
            None => page.skipped += 1,
        }
    }
    Some(page)
}

/// A longer one could not be sent back: the next page cannot be had.
const LONGEST_TOKEN: usize = 8 * 1024;

/// Reads the verbs that there are, of which only one makes a difference.
fn verbs(body: &[u8]) -> Option<Page> {
    let Element(list) = serde_json::from_slice::<Element<Object<ApiResourceList>>>(body).ok()?;
    let names = list.0.resources?.into_iter().filter_map(|resource| resource.0.name);
    let items = names.filter_map(|name| {
        let verb = translate::interrupt(&name)?;
        Some((name, Some(Observation::Interrupt(Some(verb)))))
    });
    Some(Page { items: items.collect(), ..Page::default() })
}

/// What discovery says of a group.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ApiResourceList {
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

fn event<T: Watched>(namespace: Option<&str>, line: &[u8]) -> Event {
    let Ok(Element(Object(EventBody { kind, object }))) = serde_json::from_slice::<Element<Object<EventBody<T>>>>(line)
    else {
        return Event::Unreadable { version: None };
    };
    let metadata = object.metadata();
    let version = metadata.resource_version.clone().filter(|version| !version.is_empty());
    match (kind.as_deref(), name_in(namespace, metadata)) {
        (Some("BOOKMARK"), _) => Event::Bookmark { version },
        (Some("ERROR"), _) => {
            let status = serde_json::from_slice::<Element<Object<ErrorBody>>>(line)
                .unwrap_or_else(|_| Element(Object::default()));
            Event::Error { code: status.0.object.code.unwrap_or(500) }
        }
        (Some("ADDED" | "MODIFIED"), Some(name)) => Event::Present { name, observation: object.observation(), version },
        (Some("DELETED"), Some(name)) => Event::Gone { name, version },
        (Some(_) | None, _) => Event::Unreadable { version },
    }
}

/// The object's name, if it has one and is where it was looked for.
fn name_in(namespace: Option<&str>, metadata: &Metadata) -> Option<Box<str>> {
    if namespace.is_some() && metadata.namespace.as_deref() != namespace {
        return None;
    }
    metadata.name.as_deref().map(Into::into)
}
