//! The rights that the service needs: every request of `docs/cluster.md`, no others.

use crate::Settings;

/// Verbs on resources of an API group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The group; empty for the core API.
    pub group: &'static str,
    /// The resources, with their subresources.
    pub resources: &'static [&'static str],
    /// What is done to them.
    pub verbs: &'static [&'static str],
}

/// The rights, by where they are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// In the namespace that the service is in.
    pub own: Vec<Right>,
    /// In each namespace with machines.
    pub machines: Vec<Right>,
    /// In the whole cluster.
    pub cluster: Vec<Right>,
}

/// The rights that settings need; `callers` says whether the cluster is asked about those who come with its tokens.
#[must_use]
pub fn rights(settings: &Settings, callers: bool) -> Rights {
    let right = |group, resources, verbs| Right { group, resources, verbs };
    let mut cluster = vec![right(KUBEVIRT, &["kubevirts"], &["list"])];
    if settings.share_imports {
        cluster.push(right(CDI, &["storageprofiles"], &["get"]));
        if settings.storage_class.is_none() {
            cluster.push(right("storage.k8s.io", &["storageclasses"], &["list"]));
        }
    }
    if callers {
        cluster.push(right("authentication.k8s.io", &["tokenreviews"], &["create"]));
        cluster.push(right("authorization.k8s.io", &["subjectaccessreviews"], &["create"]));
    }
    Rights {
        own: vec![
            right("", &["secrets"], &["get", "list", "watch", "create", "patch"]),
            right("coordination.k8s.io", &["leases"], &["get", "create", "patch"]),
        ],
        machines: vec![
            right(KUBEVIRT, &["virtualmachines"], &["get", "list", "watch", "patch"]),
            right(KUBEVIRT, &["virtualmachineinstances"], &["get", "list", "watch"]),
            right(
                SUBRESOURCES,
                &["virtualmachines/start", "virtualmachines/stop", "virtualmachines/restart"],
                &["update"],
            ),
            right(
                SUBRESOURCES,
                &[
                    "virtualmachineinstances/pause",
                    "virtualmachineinstances/unpause",
                    "virtualmachineinstances/softreboot",
                    "virtualmachineinstances/reset",
                    "virtualmachineinstances/inject-nmi",
                ],
                &["update"],
            ),
            right(CDI, &["datavolumes"], &["get", "list", "watch", "create", "patch", "delete"]),
            right("", &["persistentvolumeclaims"], &["get"]),
            right("", &["secrets"], &["create", "delete"]),
            right("", &["configmaps"], &["create"]),
        ],
        cluster,
    }
}

const KUBEVIRT: &str = "kubevirt.io";
const SUBRESOURCES: &str = "subresources.kubevirt.io";
const CDI: &str = "cdi.kubevirt.io";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Collection as C, Place, Unwatched as U};

    /// What requests are made of, and what rights are given for, is the same.
    #[test]
    fn every_collection_has_a_right_and_every_right_a_collection() {
        fn named(place: impl Place) -> String {
            format!("{}/{}", place.api(), place.plural())
        }
        let watched = [C::VirtualMachines, C::VirtualMachineInstances, C::DataVolumes, C::KubeVirts, C::Secrets];
        let others = [
            U::ConfigMaps,
            U::Claims,
            U::Leases,
            U::StorageClasses,
            U::StorageProfiles,
            U::TokenReviews,
            U::SubjectAccessReviews,
        ];
        let mut collections: Vec<_> = watched.map(named).into_iter().chain(others.map(named)).collect();
        collections.sort();
        let Rights { own, machines, cluster } = rights(&Settings::default(), true);
        let all = own.iter().chain(&machines).chain(&cluster).filter(|right| right.group != SUBRESOURCES);
        let name = |right: &Right, resource: &&str| {
            let known = collections.iter().find(|known| {
                let (api, plural) = known.rsplit_once('/').unwrap_or_default();
                let group = api.strip_prefix("/apis/").and_then(|api| api.split('/').next()).unwrap_or_default();
                plural == *resource && group == right.group
            });
            known.cloned().unwrap_or_else(|| panic!("nothing is asked of {resource}"))
        };
        let mut given: Vec<_> =
            all.flat_map(|right| right.resources.iter().map(|resource| name(right, resource))).collect();
        given.sort();
        given.dedup();
        assert_eq!(given, collections);
    }

    /// Whoever grants rights by the documentation grants these.
    #[test]
    fn the_documentation_names_every_verb() {
        let page = include_str!("../../../docs/cluster.md");
        let Rights { own, machines, cluster } = rights(&Settings::default(), true);
        for right in own.iter().chain(&machines).chain(&cluster) {
            for resource in right.resources {
                let name = resource.rsplit_once('/').map_or(*resource, |(_, verb)| verb);
                let rows: Vec<_> = page.lines().filter(|line| line.contains(name)).collect();
                for verb in right.verbs {
                    assert!(rows.iter().any(|row| row.contains(&format!("`{verb}`"))), "{verb} {resource}");
                }
            }
        }
    }
}
