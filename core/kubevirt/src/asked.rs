//! What a request asks of the API server, in the words of its authorisation: for who counts requests.

use http::{Method, Uri};

/// Verb and resource of a request, each one of a fixed few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// As a role would have it: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// The resource, such as `virtualmachines`; `other` for what is none.
    pub resource: &'static str,
}

/// The resources that are told apart.
const RESOURCES: [&str; 13] = [
    "virtualmachines",
    "virtualmachineinstances",
    "datavolumes",
    "kubevirts",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "leases",
    "storageclasses",
    "storageprofiles",
    "tokenreviews",
    "subjectaccessreviews",
    "events",
];

impl Asked {
    /// What a request asks.
    pub fn of(method: &Method, uri: &Uri) -> Self {
        let (resource, is_of_object) = resource(uri.path());
        let watches =
            || uri.query().is_some_and(|query| query.split('&').any(|part| matches!(part, "watch=true" | "watch=1")));
        let verb = match *method {
            Method::GET if watches() => "watch",
            Method::GET if is_of_object || resource == OTHER => "get",
            Method::GET => "list",
            Method::POST => "create",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => OTHER,
        };
        Self { verb, resource }
    }
}

/// The resource that a path leads to, and whether to one object of it. What stands below an object counts as that.
fn resource(path: &str) -> (&'static str, bool) {
    let mut segments = path.split('/').skip(1);
    let version = match segments.next() {
        Some("api") => segments.next(),
        Some("apis") => segments.nth(1),
        _ => None,
    };
    let mut name = version.and_then(|_| segments.next());
    if name == Some("namespaces") {
        name = segments.nth(1);
    }
    let known = name.and_then(|name| RESOURCES.into_iter().find(|known| *known == name));
    (known.unwrap_or(OTHER), segments.next().is_some())
}

const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_and_resources_are_those_of_roles() {
        for (method, uri, verb, resource) in [
            (
                Method::GET,
                "/apis/kubevirt.io/v1/namespaces/lab/virtualmachines?watch=true&a=b",
                "watch",
                "virtualmachines",
            ),
            (Method::GET, "/apis/kubevirt.io/v1/namespaces/lab/virtualmachines?limit=500", "list", "virtualmachines"),
            (Method::GET, "/apis/kubevirt.io/v1/namespaces/secrets/virtualmachines/secrets", "get", "virtualmachines"),
            (Method::PATCH, "/api/v1/namespaces/lab/secrets/mine", "patch", "secrets"),
            (Method::GET, "/apis/storage.k8s.io/v1/storageclasses", "list", "storageclasses"),
            (Method::POST, "/apis/authorization.k8s.io/v1/subjectaccessreviews", "create", "subjectaccessreviews"),
            (
                Method::PUT,
                "/apis/subresources.kubevirt.io/v1/namespaces/lab/virtualmachines/node-0/start",
                "update",
                "virtualmachines",
            ),
            (Method::GET, "/version", "get", "other"),
            (Method::GET, "/apis/subresources.kubevirt.io/v1", "get", "other"),
            (Method::GET, "/apis/example.com/v1/namespaces/lab/things", "get", "other"),
            (Method::DELETE, "/", "delete", "other"),
        ] {
            let uri = uri.parse().expect("a URI");
            assert_eq!(Asked::of(&method, &uri), Asked { verb, resource }, "{uri}");
        }
    }
}
