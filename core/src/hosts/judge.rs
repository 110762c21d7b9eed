//! What should be known of the machines of a configuration before they are served.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Hosts;
use crate::config::{Chassis, Config};
use crate::kubevirt::Finding;
use crate::model::VmId;

/// What there is to be said of the machines themselves, namespace by namespace; `live_media` says whether the cluster knows
/// empty drives.
pub fn findings_of_machines(config: &Config, found: &Hosts, live_media: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for chassis in &config.chassis {
        let name = chassis.name.as_str();
        let count = found.shown.iter().filter(|host| host.chassis.iter().any(|found| found == name)).count();
        let subject = format!("chassis {name}");
        findings.push(if count == 0 {
            let labels = labels(chassis, ",");
            let selector = if labels.is_empty() { String::new() } else { format!(" -l {labels}") };
            let mend = format!("kubectl -n {} get vm{selector}", chassis.namespace);
            Finding::warning(subject, "it has no machines", mend)
        } else {
            Finding::good(subject, format!("{count} machines"))
        });
    }
    for (namespace, machines) in by_namespace(&found.hidden) {
        let subject = format!("machines of {namespace}");
        let detail = format!("in no chassis, so not shown: {}", names(&machines));
        let of_namespace = config.chassis.iter().find(|chassis| chassis.namespace == namespace);
        let labels = of_namespace.map(|chassis| labels(chassis, " ")).unwrap_or_default();
        let first = machines.first().copied().unwrap_or_default();
        let mend = if labels.is_empty() {
            format!("kubectl -n {namespace} get vm --show-labels")
        } else {
            format!("kubectl -n {namespace} label vm {first} {labels}")
        };
        findings.push(Finding::warning(subject, detail, mend));
    }
    let several: Vec<_> = found.shown.iter().filter(|host| host.chassis.len() > 1).collect();
    for host in several.iter().take(NAMES) {
        let (namespace, name) = (host.vm.namespace(), host.vm.name());
        let detail = format!("in several chassis, {}: users of each see it", host.chassis.join(" and "));
        let mend = format!("kubectl -n {namespace} get vm {name} --show-labels");
        findings.push(Finding::warning(format!("machine {namespace}/{name}"), detail, mend));
    }
    let without: Vec<VmId> = found.shown.iter().filter(|host| !host.has_cd_rom).map(|host| host.vm.clone()).collect();
    for (namespace, machines) in by_namespace(&without) {
        let subject = format!("machines of {namespace}");
        let detail = format!(
            "without a CD-ROM drive, so an image that is inserted is seen by the next start only: {}",
            names(&machines)
        );
        let first = machines.first().copied().unwrap_or_default();
        // An empty drive is something that only clusters know that can fill it.
        let mend = if live_media {
            let patch = r#"[{"op":"add","path":"/spec/template/spec/domain/devices/disks/-","value":{"name":"cdrom","cdrom":{"bus":"sata"}}}]"#;
            format!("kubectl -n {namespace} patch vm {first} --type=json -p '{patch}'")
        } else {
            format!("kubectl -n {namespace} get vm {first} -o yaml")
        };
        findings.push(Finding::warning(subject, detail, mend));
    }
    findings
}

/// No list has more names than that.
const NAMES: usize = 10;

fn names(machines: &[&str]) -> String {
    let mut text = machines.iter().take(NAMES).copied().collect::<Vec<_>>().join(", ");
    if machines.len() > NAMES {
        let _ = write!(text, " and {} more", machines.len() - NAMES);
    }
    text
}

fn by_namespace(machines: &[VmId]) -> BTreeMap<&str, Vec<&str>> {
    let mut map = BTreeMap::<&str, Vec<&str>>::new();
    for vm in machines {
        map.entry(vm.namespace()).or_default().push(vm.name());
    }
    map
}

fn labels(chassis: &Chassis, separator: &str) -> String {
    let labels: Vec<_> = chassis.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    labels.join(separator)
}
