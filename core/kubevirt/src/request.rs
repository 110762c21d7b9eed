//! Paths and requests of the API server, as far as they are used here.
//!
//! A [`Path`] is made of names that have been parsed and of words that stand in this program, so no text from outside, an
//! annotation for example, can lead a request anywhere else than to an object of that name.

use std::fmt::{self, Display, Write};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use serde_json::Value;

use crate::model::{Namespace, ObjectName, Purpose, Verb, VmId};

/// A collection of the API that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collection {
    VirtualMachines,
    VirtualMachineInstances,
    DataVolumes,
    KubeVirts,
    Secrets,
    /// The verbs that there are: the discovery of `subresources.kubevirt.io`, a list of its own form.
    Verbs,
}

/// One that is only asked of, or written to, when a command needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwatched {
    ConfigMaps,
    Claims,
    Leases,
    StorageClasses,
    StorageProfiles,
    TokenReviews,
    SubjectAccessReviews,
}

/// Where a collection is found.
pub(crate) trait Place: Copy {
    /// The API that serves it.
    fn api(self) -> &'static str;

    /// The name in paths.
    fn plural(self) -> &'static str;

    /// All of it, wherever it is.
    fn everywhere(self) -> Path {
        Path(format!("{}/{}", self.api(), self.plural()))
    }

    /// Of a namespace.
    fn within(self, namespace: &Namespace) -> Path {
        Path(format!("{}/namespaces/{namespace}/{}", self.api(), self.plural()))
    }

    /// Of the namespace that a machine is in.
    fn beside(self, vm: &VmId) -> Path {
        Path(format!("{}/namespaces/{}/{}", self.api(), vm.namespace(), self.plural()))
    }

    /// The object that has a machine's name.
    fn of_machine(self, vm: &VmId) -> Path {
        Path(format!("{}/{}", self.beside(vm).0, vm.name()))
    }
}

impl Collection {
    /// What it is watched for.
    pub(crate) const fn purpose(self) -> Purpose {
        match self {
            Self::VirtualMachines | Self::VirtualMachineInstances => Purpose::Machines,
            Self::KubeVirts => Purpose::Platform,
            Self::Verbs => Purpose::Details,
            Self::DataVolumes => Purpose::Imports,
            Self::Secrets => Purpose::Documents,
        }
    }

    /// What its objects say that they are.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::VirtualMachines => "VirtualMachine",
            Self::VirtualMachineInstances => "VirtualMachineInstance",
            Self::DataVolumes => "DataVolume",
            Self::KubeVirts => "KubeVirt",
            Self::Secrets => "Secret",
            Self::Verbs => "APIResource",
        }
    }

    /// The group and version that its objects say.
    pub(crate) const fn api_version(self) -> &'static str {
        match self {
            Self::VirtualMachines | Self::VirtualMachineInstances | Self::KubeVirts => "kubevirt.io/v1",
            Self::DataVolumes => "cdi.kubevirt.io/v1beta1",
            Self::Secrets | Self::Verbs => "v1",
        }
    }

    /// Whether it is watched. The others are listed now and then: ordinary accounts may not watch them, or nobody can.
    pub(crate) const fn is_watched(self) -> bool {
        !matches!(self, Self::KubeVirts | Self::Verbs)
    }

    /// A verb of `subresources.kubevirt.io` for a machine.
    pub(crate) fn verb(self, vm: &VmId, verb: &Verb) -> Path {
        let (namespace, name) = (vm.namespace(), vm.name());
        Path(format!("{SUBRESOURCES}/namespaces/{namespace}/{}/{name}/{verb}", self.plural()))
    }
}

impl Place for Collection {
    fn api(self) -> &'static str {
        match self {
            Self::VirtualMachines | Self::VirtualMachineInstances | Self::KubeVirts => "/apis/kubevirt.io/v1",
            Self::DataVolumes => "/apis/cdi.kubevirt.io/v1beta1",
            Self::Secrets => "/api/v1",
            Self::Verbs => SUBRESOURCES,
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::VirtualMachines => "virtualmachines",
            Self::VirtualMachineInstances => "virtualmachineinstances",
            Self::DataVolumes => "datavolumes",
            Self::KubeVirts => "kubevirts",
            Self::Secrets => "secrets",
            Self::Verbs => "verbs",
        }
    }

    fn everywhere(self) -> Path {
        match self {
            Self::Verbs => Path(SUBRESOURCES.to_owned()),
            _ => Path(format!("{}/{}", self.api(), self.plural())),
        }
    }
}

impl Place for Unwatched {
    fn api(self) -> &'static str {
        match self {
            Self::ConfigMaps | Self::Claims => "/api/v1",
            Self::Leases => "/apis/coordination.k8s.io/v1",
            Self::StorageClasses => "/apis/storage.k8s.io/v1",
            Self::StorageProfiles => "/apis/cdi.kubevirt.io/v1beta1",
            Self::TokenReviews => "/apis/authentication.k8s.io/v1",
            Self::SubjectAccessReviews => "/apis/authorization.k8s.io/v1",
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::ConfigMaps => "configmaps",
            Self::Claims => "persistentvolumeclaims",
            Self::Leases => "leases",
            Self::StorageClasses => "storageclasses",
            Self::StorageProfiles => "storageprofiles",
            Self::TokenReviews => "tokenreviews",
            Self::SubjectAccessReviews => "subjectaccessreviews",
        }
    }
}

const SUBRESOURCES: &str = "/apis/subresources.kubevirt.io/v1";

/// Where a request goes, with its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(String);

impl Path {
    /// What says which release the API server is of.
    pub(crate) fn version() -> Self {
        Self("/version".to_owned())
    }

    /// What is below a group and version of the API.
    pub(crate) fn discovery(group: &'static str) -> Self {
        Self(format!("/apis/{group}"))
    }

    /// The object of that name in the collection at this path.
    pub(crate) fn object(mut self, name: &ObjectName) -> Self {
        let _ = write!(self.0, "/{name}");
        self
    }

    /// The same of one of the service's own objects.
    pub(crate) fn own(mut self, name: &'static str) -> Self {
        let _ = write!(self.0, "/{name}");
        self
    }

    /// With another query parameter, of any value.
    pub(crate) fn with(mut self, parameter: &'static str, value: impl Display) -> Self {
        let separator = if self.0.contains('?') { '&' } else { '?' };
        let _ = write!(self.0, "{separator}{parameter}=");
        escape(&value.to_string(), &mut self.0);
        self
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request to read `path`.
pub(crate) fn get(path: &Path) -> Request<Bytes> {
    build(Method::GET, path, None, Bytes::new())
}

/// A JSON merge patch of the object at `path`.
pub(crate) fn merge_patch(path: &Path, patch: &Value) -> Request<Bytes> {
    build(Method::PATCH, path, Some("application/merge-patch+json"), patch.to_string().into())
}

/// A JSON patch of the object at `path`.
pub(crate) fn json_patch(path: &Path, operations: &Value) -> Request<Bytes> {
    // What a test names is compared with the API server's own text, and Go escapes these in every text.
    let escaped = operations.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    build(Method::PATCH, path, Some("application/json-patch+json"), escaped.into())
}

/// The creation of an object in the collection at `path`.
pub(crate) fn create(path: &Path, object: &Value) -> Request<Bytes> {
    build(Method::POST, path, Some("application/json"), object.to_string().into())
}

/// The deletion of the object at `path`, with its options.
pub(crate) fn delete(path: &Path, options: &Value) -> Request<Bytes> {
    build(Method::DELETE, path, Some("application/json"), options.to_string().into())
}

/// A verb of `subresources.kubevirt.io`. Never with `Accept: application/json`, which those answer with 406.
pub(crate) fn put_verb(path: &Path, body: &Value) -> Request<Bytes> {
    build(Method::PUT, path, Some("application/json"), body.to_string().into())
}

/// Makes a text safe to be the value of a query parameter.
fn escape(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

fn build(method: Method, path: &Path, content_type: Option<&'static str>, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    // Names are DNS names and values are escaped, so this cannot fail; if it ever did, the server would say 404.
    *request.uri_mut() = Uri::try_from(&*path.0).unwrap_or_default();
    if let Some(content_type) = content_type {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R6: whoever grants rights finds every request in the documentation.
    #[test]
    fn every_collection_is_documented() {
        use {Collection as C, Unwatched as U};
        let page = include_str!("../../../docs/cluster.md");
        let named = |plural: &str| page.contains(&format!("`{plural}`"));
        let watched = [C::VirtualMachines, C::VirtualMachineInstances, C::DataVolumes, C::KubeVirts, C::Secrets];
        assert!(watched.iter().all(|collection| named(collection.plural())));
        let others = [U::ConfigMaps, U::Claims, U::StorageClasses, U::StorageProfiles, U::Leases];
        assert!(others.iter().all(|collection| named(collection.plural())));
        assert!([U::TokenReviews, U::SubjectAccessReviews].iter().all(|collection| named(collection.plural())));
        assert!(page.contains(SUBRESOURCES) && page.contains(&Path::version().0));
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let vm = VmId::new("lab", "node-0").expect("a valid id");
        let name = ObjectName::new("iso").expect("a name");
        for (path, expected) in [
            (Collection::KubeVirts.everywhere(), "/apis/kubevirt.io/v1/kubevirts"),
            (Collection::Verbs.everywhere(), "/apis/subresources.kubevirt.io/v1"),
            (
                Collection::DataVolumes.beside(&vm).object(&name),
                "/apis/cdi.kubevirt.io/v1beta1/namespaces/lab/datavolumes/iso",
            ),
            (Collection::Secrets.within(&vm.place()).own("mine"), "/api/v1/namespaces/lab/secrets/mine"),
            (Collection::VirtualMachines.of_machine(&vm), "/apis/kubevirt.io/v1/namespaces/lab/virtualmachines/node-0"),
            (
                Collection::VirtualMachines.verb(&vm, &Verb::known("start")),
                "/apis/subresources.kubevirt.io/v1/namespaces/lab/virtualmachines/node-0/start",
            ),
            (
                Unwatched::StorageProfiles.everywhere().object(&name),
                "/apis/cdi.kubevirt.io/v1beta1/storageprofiles/iso",
            ),
        ] {
            assert_eq!(path.to_string(), expected);
        }
    }

    #[test]
    fn query_values_are_escaped() {
        let path = Collection::KubeVirts.everywhere().with("limit", 7).with("continue", "a=b&c d/\u{e9}");
        assert_eq!(path.to_string(), "/apis/kubevirt.io/v1/kubevirts?limit=7&continue=a%3Db%26c%20d%2F%C3%A9");
    }
}
