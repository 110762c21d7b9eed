//! `hosts`: prints what installers need to know of each machine.

mod yaml;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::ValueEnum;
use http::Uri;
use kubevirt_redfish_core::kubevirt::{Survey, Weight};
use kubevirt_redfish_core::model::BootMode;
use kubevirt_redfish_core::{Host, hosts};
use serde_json::{Value, json};

use super::{Failure, config_path, print};
use crate::cli::HostsArgs;
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::runtime::Runtime;
use crate::survey;

/// What hosts are printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Bmh,
    InstallConfig,
    #[value(name = "clusterinstance")]
    ClusterInstance,
}

/// Looks at the cluster and prints them.
pub(crate) async fn run<R: Runtime>(args: HostsArgs) -> Result<(), Failure> {
    let path = config_path::<R>(args.config.as_ref())?;
    let settings = config::load(&path).map_err(|error| Failure::Usage(error.to_string()))?.settings;
    let base = base(args.url.as_ref(), &settings)?;
    if let Some(name) = &args.chassis
        && !settings.service.chassis.iter().any(|chassis| chassis.name.as_str() == name)
    {
        let known: Vec<_> = settings.service.chassis.iter().map(|chassis| chassis.name.as_str()).collect();
        return Err(Failure::Usage(format!(
            "--chassis {name}: there is none of that name; there are {}",
            known.join(", ")
        )));
    }
    let server = survey::connect::<R>(args.kubeconfig.as_deref()).await;
    let server = server.map_err(|error| Failure::Usage(error.to_string()))?;
    let clock = Clock::start();
    let mut survey = Survey::of_machines(settings.service.chassis.iter().map(|chassis| chassis.namespace.as_str()));
    survey::ask::<R>(&server, &mut survey, clock).await;
    if let Some(error) = survey.findings().iter().find(|finding| finding.weight == Weight::Error) {
        return Err(Failure::Runtime(format!("{}: {}", error.subject, error.detail)));
    }
    let mut shown = hosts(settings.service, survey.into_observations(), clock.now()).shown;
    shown.retain(|host| args.chassis.as_ref().is_none_or(|name| host.chassis.contains(name)));
    let sheet = Sheet::new(&base, &shown, args.disable_certificate_verification);
    print(&match args.format {
        Format::Table => sheet.table(),
        Format::Json => sheet.json(),
        Format::Bmh => sheet.bare_metal_hosts(),
        Format::InstallConfig => sheet.install_config(),
        Format::ClusterInstance => sheet.cluster_instance(),
    });
    Ok(())
}

/// Where clients find the service, without a slash at its end.
fn base(url: Option<&String>, settings: &Settings) -> Result<String, Failure> {
    let Some(url) = url else {
        let listen = &settings.listen;
        if listen.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_unspecified()) {
            return Err(Failure::Usage(format!(
                "the configuration says that the service listens on {listen}, not by which address clients find it: give \
                 --url, such as --url https://redfish.example.com"
            )));
        }
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        return Ok(format!("{scheme}://{listen}"));
    };
    let parsed = url.parse::<Uri>().ok().filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.authority().is_some_and(|found| !found.as_str().contains('@'))
    });
    let is_bare = parsed
        .is_some_and(|uri| matches!(uri.path(), "" | "/" | "/redfish/v1" | "/redfish/v1/") && uri.query().is_none());
    if !is_bare {
        return Err(Failure::Usage(format!(
            "--url {url}: expected the address of the service without a path, such as https://redfish.example.com"
        )));
    }
    Ok(url.trim_end_matches('/').trim_end_matches("/redfish/v1").to_owned())
}

/// What is to be printed.
struct Sheet<'a> {
    rows: Vec<Row<'a>>,
    unverified: bool,
}

struct Row<'a> {
    host: &'a Host,
    /// Unique among all.
    name: String,
    /// The system's URL.
    url: String,
}

impl Row<'_> {
    /// The form of Metal3 and of what is made of it: Ironic is told to use virtual media.
    fn virtual_media(&self) -> String {
        format!("redfish-virtualmedia+{}", self.url)
    }

    fn mode(&self) -> &'static str {
        match self.host.mode {
            BootMode::Legacy => "legacy",
            BootMode::Uefi if self.host.secure_boot => "UEFISecureBoot",
            BootMode::Uefi => "UEFI",
        }
    }

    fn boot_mac(&self) -> Option<String> {
        self.host.interfaces.first()?.1.map(|mac| mac.to_string())
    }

    fn credentials(&self) -> String {
        format!("{}-bmc", self.name)
    }
}

impl<'a> Sheet<'a> {
    fn new(base: &str, hosts: &'a [Host], unverified: bool) -> Self {
        let mut names = BTreeMap::<&str, usize>::new();
        for host in hosts {
            *names.entry(host.vm.name()).or_default() += 1;
        }
        let rows = hosts.iter().map(|host| {
            let is_unique = names.get(host.vm.name()) == Some(&1);
            let name = if is_unique {
                host.vm.name().to_owned()
            } else {
                format!("{}-{}", host.vm.namespace(), host.vm.name())
            };
            Row { host, name, url: format!("{base}{}", host.path) }
        });
        Self { rows: rows.collect(), unverified }
    }

    fn table(&self) -> String {
        let mut lines = vec![["NAME", "CHASSIS", "BOOT", "UUID", "MAC ADDRESSES", "ADDRESS"].map(ToOwned::to_owned)];
        lines.extend(self.rows.iter().map(|row| {
            let macs: Vec<_> =
                row.host.interfaces.iter().filter_map(|(_, mac)| mac.map(|mac| mac.to_string())).collect();
            let macs = if macs.is_empty() { "-".to_owned() } else { macs.join(",") };
            let uuid = row.host.uuid.clone().unwrap_or_else(|| "-".to_owned());
            [row.name.clone(), row.host.chassis.join(","), row.mode().to_owned(), uuid, macs, row.url.clone()]
        }));
        let widths: Vec<usize> = (0..6)
            .map(|column| lines.iter().filter_map(|line| line.get(column)).map(String::len).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in lines {
            let mut printed = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                // Writing to a text does not fail.
                let _ = write!(printed, "{cell:<width$}  ");
            }
            let _ = writeln!(text, "{}", printed.trim_end());
        }
        text
    }

    fn json(&self) -> String {
        let hosts: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                let Host { vm, id, chassis, uuid, interfaces, has_cd_rom, path, .. } = row.host;
                let interfaces: Vec<Value> = interfaces
                    .iter()
                    .map(|(name, mac)| json!({ "name": name, "macAddress": mac.map(|mac| mac.to_string()) }))
                    .collect();
                json!({
                    "name": row.name,
                    "namespace": vm.namespace(),
                    "machine": vm.name(),
                    "chassis": chassis,
                    "systemId": id,
                    "path": path,
                    "url": row.url,
                    "addresses": {
                        "redfish": format!("redfish+{}", row.url),
                        "redfish-virtualmedia": row.virtual_media(),
                    },
                    "credentialsName": row.credentials(),
                    "uuid": uuid,
                    "bootMode": row.mode(),
                    "bootMACAddress": row.boot_mac(),
                    "interfaces": interfaces,
                    "hasCdRom": has_cd_rom,
                })
            })
            .collect();
        // Writing to a text does not fail.
        serde_json::to_string_pretty(&hosts).unwrap_or_default() + "\n"
    }
}
