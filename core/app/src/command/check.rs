//! `check`: says what a configuration file means, and with `--cluster` whether the cluster has what it needs.

mod cluster;

use std::fmt::Write as _;

use kubevirt_redfish_core::config::{ChassisName, Credential, IdConvention};

use super::{Failure, config_path, expiry, load_tls, print};
use crate::cli::CheckArgs;
use crate::config::{self, Loaded, Settings};
use crate::runtime::Runtime;

/// Checks the file and prints what it means; the exit status.
pub(crate) fn run<R: Runtime>(args: &CheckArgs) -> Result<u8, Failure> {
    let path = config_path::<R>(args.config.as_ref())?;
    // With the cluster, 2 says that there are no more than warnings.
    let refused = |text: String| if args.cluster { Failure::Runtime(text) } else { Failure::Usage(text) };
    let Loaded { settings, warnings } = config::load(&path).map_err(|error| refused(error.to_string()))?;
    let _tls = load_tls(&settings).map_err(|failure| refused(failure.to_string()))?;
    let mut text = describe(&settings);
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).chain(expiry(&settings)).collect();
    // Writing to a text does not fail.
    for warning in &warnings {
        let _ = writeln!(text, "warning: {warning}");
    }
    let _ = writeln!(text, "{} can be used", path.display());
    print(&text);
    if !args.cluster {
        return Ok(0);
    }
    // What makes TLS connections uses the same cryptography as the rest; it can only have been set by the same line.
    let _ = crate::tls::provider().install_default();
    let name = path.display().to_string();
    let ended = R::block_on(cluster::run::<R>(args, &name, settings));
    ended.map_err(|error| Failure::Runtime(format!("no threads can be started: {error}")))?
}

fn describe(settings: &Settings) -> String {
    let Settings { listen, tls, metrics_listen, limits, service, kubevirt, password_files: _ } = settings;
    let mut text = String::new();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let convention = match service.id_convention {
        IdConvention::Enhanced => "enhanced (<namespace>.<vm>)",
        IdConvention::Legacy => "legacy (<vm>)",
    };
    let _ = writeln!(text, "listens on {scheme}://{listen}");
    if let Some(metrics) = metrics_listen {
        let _ = writeln!(text, "serves metrics on http://{metrics}");
    }
    let _ = writeln!(text, "takes {} connections, {} of one client", limits.connections, limits.connections_of_client);
    let _ = writeln!(text, "names systems by the convention {convention}");
    for chassis in &service.chassis {
        let machines = if chassis.selector.is_empty() {
            "all machines".to_owned()
        } else {
            let labels: Vec<_> = chassis.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("machines with {}", labels.join(", "))
        };
        let _ = writeln!(text, "chassis {}: {machines} of namespace {}", chassis.name, chassis.namespace);
    }
    for account in &service.accounts {
        let chassis: Vec<_> = account.chassis.iter().map(ChassisName::as_str).collect();
        let password = match account.credential {
            Credential::Plain(_) => "plain password",
            Credential::Hashed(_) => "hashed password",
        };
        let _ = writeln!(
            text,
            "user {}: {} of {} ({password})",
            account.user_name,
            account.role.name(service),
            chassis.join(", ")
        );
    }
    let class = kubevirt.storage_class.as_deref().unwrap_or("the cluster's default");
    let _ = writeln!(text, "imports images into volumes of {}, storage class {class}", kubevirt.storage_size);
    text
}
