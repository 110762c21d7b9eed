//! `check --cluster`: looks at the cluster and says, finding by finding, what to mend and how.

use std::fmt::Write as _;

use kubevirt_redfish_core::kubevirt::{Finding, Survey, Weight};
use kubevirt_redfish_core::model::Namespace;
use kubevirt_redfish_core::{findings_of_machines, hosts};

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
    findings.extend(findings_of_machines(&service, &found, live_media));
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
