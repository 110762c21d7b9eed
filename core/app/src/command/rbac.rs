//! `rbac`: prints the roles that a configuration needs, and no more.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kubevirt_redfish_core::kubevirt::{Right, Rights, rights};

use super::{Failure, config_path, print};
use crate::cli::RbacArgs;
use crate::config::{self, Settings};
use crate::runtime::Runtime;

/// Prints them.
pub(crate) fn run<R: Runtime>(args: &RbacArgs) -> Result<(), Failure> {
    let path = config_path::<R>(args.config.as_ref())?;
    let loaded = config::load(&path).map_err(|error| Failure::Usage(error.to_string()))?;
    print(&manifests(&loaded.settings, &args.namespace, args.all_namespaces));
    Ok(())
}

fn manifests(settings: &Settings, own: &str, all_namespaces: bool) -> String {
    let Rights { own: documents, machines, cluster } = rights(&settings.kubevirt, settings.service.bearer_tokens);
    let namespaces: BTreeSet<&str> = settings.service.chassis.iter().map(|chassis| &*chassis.namespace).collect();
    let mut text = String::new();
    let mut role = |comment: &str, namespace: Option<&str>, name: &str, rights: &[Right]| {
        // Writing to a text does not fail.
        let _ = write!(text, "{}", Role { comment, namespace, name, rights, own });
    };
    role("What the service keeps: accounts, sessions, subscriptions, who pushes events.", Some(own), OWN, &documents);
    if all_namespaces {
        let all: Vec<_> = machines.iter().chain(&cluster).copied().collect();
        role("Machines and images of every namespace, and what is read of the cluster.", None, CLUSTER, &all);
    } else {
        for namespace in namespaces {
            role("Machines and images of a chassis.", Some(namespace), NAME, &machines);
        }
        role("What is read of the cluster.", None, CLUSTER, &cluster);
    }
    text
}

/// A role and its binding to the service's account.
struct Role<'a> {
    comment: &'a str,
    /// The namespace that it is in and for; `None` for the whole cluster.
    namespace: Option<&'a str>,
    name: &'a str,
    rights: &'a [Right],
    /// The namespace of the service's account.
    own: &'a str,
}

impl std::fmt::Display for Role<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { comment, namespace, name, rights, own } = self;
        let place = namespace.map(|namespace| format!("  namespace: {namespace}\n")).unwrap_or_default();
        let labels = "  labels:\n    app.kubernetes.io/name: kubevirt-redfish\n    app.kubernetes.io/component: rbac\n";
        let prefix = if namespace.is_some() { "" } else { "Cluster" };
        let binding = if namespace.is_some() { name } else { &CLUSTER_BINDING };
        writeln!(f, "---\n# {comment}\napiVersion: {RBAC}/v1\nkind: {prefix}Role")?;
        writeln!(f, "metadata:\n  name: {name}\n{place}{labels}rules:")?;
        for Right { group, resources, verbs } in *rights {
            writeln!(f, "  - apiGroups: [{group:?}]\n    resources: {resources:?}\n    verbs: {verbs:?}")?;
        }
        writeln!(f, "---\napiVersion: {RBAC}/v1\nkind: {prefix}RoleBinding")?;
        writeln!(f, "metadata:\n  name: {binding}\n{place}{labels}roleRef:")?;
        writeln!(f, "  apiGroup: {RBAC}\n  kind: {prefix}Role\n  name: {name}")?;
        writeln!(f, "subjects:\n  - kind: ServiceAccount\n    name: {NAME}\n    namespace: {own}")
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// The service's account, and the role in each namespace with machines.
const NAME: &str = "kubevirt-redfish";

/// The role in its own namespace, which may be one with machines.
const OWN: &str = "kubevirt-redfish-own";

/// The names that the platform's documentation has for the cluster's.
const CLUSTER: &str = "kubevirt-redfish-role";
const CLUSTER_BINDING: &str = "kubevirt-redfish-binding";

#[cfg(test)]
mod tests {
    use super::*;

    /// The manifests are what this prints of the configuration beside them.
    #[test]
    fn the_manifests_have_these_roles() {
        let config = include_str!("../../../../deploy/manifests/base/config.yaml").replace("<password>", "secret");
        let settings = config::parse("config.yaml", &config).expect("it can be used").settings;
        let file = |text: &str| {
            text.lines().filter(|line| !line.starts_with("##")).fold(String::new(), |text, line| text + line + "\n")
        };
        let cluster = include_str!("../../../../deploy/manifests/cluster-wide/rbac.yaml");
        assert_eq!(file(cluster), manifests(&settings, "kubevirt-redfish", true));
        let namespaced = include_str!("../../../../deploy/manifests/overlays/namespaced/rbac.yaml");
        assert_eq!(file(namespaced), manifests(&settings, "kubevirt-redfish", false));
    }
}
