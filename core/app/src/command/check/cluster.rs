//! `check --cluster`: looks at the cluster and says, finding by finding, what to mend and how.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kubevirt_redfish_core::config::{Chassis, Config};
use kubevirt_redfish_core::kubevirt::{Finding, Survey, Weight};
use kubevirt_redfish_core::model::{Namespace, VmId};
use kubevirt_redfish_core::{Hosts, hosts};

use super::super::{Failure, print};
use crate::cli::CheckArgs;
use crate::clock::Clock;
use crate::config::Settings;
use crate::runtime::Runtime;
use crate::survey;
use crate::transport::ApiServer as _;

/// Looks at it and prints what was found; the exit status that says how bad it is.
pub(super) async fn run<R: Runtime>(args: &CheckArgs, config: &str, settings: Settings) -> Result<u8, Failure> {
    let server = survey::connect::<R>(args.kubeconfig.as_deref()).await.map_err(Failure::runtime)?;
    let Settings { service, mut kubevirt, .. } = settings;
    let own = args.namespace.as_deref().unwrap_or_else(|| server.namespace());
    kubevirt.own_namespace = Namespace::new(own);
    let grant = format!("{} rbac --config {config} --namespace {own} | kubectl apply -f -", R::PROGRAM);
    let clock = Clock::start();
    let namespaces = service.chassis.iter().map(|chassis| chassis.namespace.as_str());
    let mut survey = Survey::of_everything(&kubevirt, namespaces, service.bearer_tokens, &grant);
    survey::ask::<R>(&server, &mut survey, clock).await;
    let mut findings = survey.findings().to_vec();
    let live_media = survey.platform().live_media;
    let found = hosts(service.clone(), survey.into_observations(), clock.now());
    findings.extend(of_machines(&service, &found, live_media));
    print(&report(&server.address(), &findings));
    let worst = findings.iter().map(|finding| finding.weight).max();
    Ok(match worst {
        None | Some(Weight::Good) => 0,
        Some(Weight::Error) => 1,
        Some(Weight::Warning) => 2,
    })
}

fn report(address: &str, findings: &[Finding]) -> String {
    let mut text = format!("cluster {address}\n");
    for Finding { weight, subject, detail, mend } in findings {
        let word = match weight {
            Weight::Good => "ok",
            Weight::Warning => "warning",
            Weight::Error => "error",
        };
        // Writing to a text does not fail.
        let _ = writeln!(text, "{word}: {subject}: {detail}");
        if let Some(mend) = mend {
            let _ = writeln!(text, "    {mend}");
        }
    }
    let count = |weight| findings.iter().filter(|finding| finding.weight == weight).count();
    let _ = writeln!(text, "{} errors, {} warnings", count(Weight::Error), count(Weight::Warning));
    text
}

/// What there is to be said of the machines themselves, namespace by namespace.
fn of_machines(config: &Config, found: &Hosts, live_media: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for chassis in &config.chassis {
        let name = chassis.name.as_str();
        let count = found.shown.iter().filter(|host| host.chassis.iter().any(|found| found == name)).count();
        let subject = format!("chassis {name}");
        findings.push(if count == 0 {
            let labels = labels(chassis, ",");
            let selector = if labels.is_empty() { String::new() } else { format!(" -l {labels}") };
            let mend = format!("kubectl -n {} get virtualmachines{selector}", chassis.namespace);
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
            format!("kubectl -n {namespace} get virtualmachines --show-labels")
        } else {
            format!("kubectl -n {namespace} label virtualmachine {first} {labels}")
        };
        findings.push(Finding::warning(subject, detail, mend));
    }
    let several: Vec<_> = found.shown.iter().filter(|host| host.chassis.len() > 1).collect();
    for host in several.iter().take(NAMES) {
        let (namespace, name) = (host.vm.namespace(), host.vm.name());
        let detail = format!("in several chassis, {}: users of each see it", host.chassis.join(" and "));
        let mend = format!("kubectl -n {namespace} get virtualmachine {name} --show-labels");
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
            format!("kubectl -n {namespace} patch virtualmachine {first} --type=json -p '{patch}'")
        } else {
            format!("kubectl -n {namespace} get virtualmachine {first} -o yaml")
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
