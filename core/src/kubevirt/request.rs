//! Paths and requests of the API server, as far as they are used here.

use std::fmt::Write;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use serde_json::Value;

use crate::model::{Purpose, VmId};

/// A collection of the API.
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

impl Collection {
    /// The name in paths.
    pub(crate) const fn plural(self) -> &'static str {
        match self {
            Self::VirtualMachines => "virtualmachines",
            Self::VirtualMachineInstances => "virtualmachineinstances",
            Self::DataVolumes => "datavolumes",
            Self::KubeVirts => "kubevirts",
            Self::Secrets => "secrets",
            Self::Verbs => "verbs",
        }
    }

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

    /// The API that serves it.
    const fn api(self) -> &'static str {
        match self {
            Self::VirtualMachines | Self::VirtualMachineInstances | Self::KubeVirts => "/apis/kubevirt.io/v1",
            Self::DataVolumes => "/apis/cdi.kubevirt.io/v1beta1",
            Self::Secrets => "/api/v1",
            Self::Verbs => "/apis/subresources.kubevirt.io/v1",
        }
    }

    /// The path of the collection in a namespace, or in all of them.
    pub(crate) fn path(self, namespace: Option<&str>) -> String {
        match namespace {
            _ if self == Self::Verbs => self.api().to_owned(),
            Some(namespace) => format!("{}/namespaces/{namespace}/{}", self.api(), self.plural()),
            None => format!("{}/{}", self.api(), self.plural()),
        }
    }

    /// The path of one object.
    pub(crate) fn object_path(self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.path(Some(namespace)))
    }

    /// The path of a verb of `subresources.kubevirt.io`.
    pub(crate) fn verb_path(self, vm: &VmId, verb: &str) -> String {
        format!(
            "/apis/subresources.kubevirt.io/v1/namespaces/{}/{}/{}/{verb}",
            vm.namespace(),
            self.plural(),
            vm.name()
        )
    }
}

/// A request to read `path`.
pub(crate) fn get(path: &str) -> Request<Bytes> {
    build(Method::GET, path, None, Bytes::new())
}

/// A JSON merge patch of the object at `path`.
pub(crate) fn merge_patch(path: &str, patch: &Value) -> Request<Bytes> {
    build(Method::PATCH, path, Some("application/merge-patch+json"), patch.to_string().into())
}

/// The creation of an object in the collection at `path`.
pub(crate) fn create(path: &str, object: &Value) -> Request<Bytes> {
    build(Method::POST, path, Some("application/json"), object.to_string().into())
}

/// The deletion of the object at `path`, with its options.
pub(crate) fn delete(path: &str, options: &Value) -> Request<Bytes> {
    build(Method::DELETE, path, Some("application/json"), options.to_string().into())
}

/// A verb of `subresources.kubevirt.io`. Never with `Accept: application/json`, which those answer with 406.
pub(crate) fn put_verb(path: &str, body: &Value) -> Request<Bytes> {
    build(Method::PUT, path, Some("application/json"), body.to_string().into())
}

/// Text made safe to be the value of a query parameter.
pub(crate) fn escape(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

fn build(method: Method, path: &str, content_type: Option<&'static str>, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    // Names are DNS names and values are escaped, so this cannot fail; if it ever did, the server would say 404.
    *request.uri_mut() = Uri::try_from(path).unwrap_or_default();
    if let Some(content_type) = content_type {
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        assert_eq!(Collection::KubeVirts.path(None), "/apis/kubevirt.io/v1/kubevirts");
        assert_eq!(Collection::Verbs.path(None), "/apis/subresources.kubevirt.io/v1");
        assert_eq!(
            Collection::DataVolumes.object_path("lab", "iso"),
            "/apis/cdi.kubevirt.io/v1beta1/namespaces/lab/datavolumes/iso"
        );
        let vm = VmId::new("lab", "node-0").expect("a valid id");
        assert_eq!(
            Collection::VirtualMachines.verb_path(&vm, "start"),
            "/apis/subresources.kubevirt.io/v1/namespaces/lab/virtualmachines/node-0/start"
        );
    }

    #[test]
    fn query_values_are_escaped() {
        assert_eq!(escape("a=b&c d/é"), "a%3Db%26c%20d%2F%C3%A9");
    }
}
