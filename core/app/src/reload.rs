//! A changed configuration, or certificate, while the service runs: read, checked, and handed in.
//!
//! Files are looked at again and again, because a mounted Secret changes by a link that leads elsewhere, which nothing that
//! watches files tells reliably; SIGHUP has them looked at at once. What cannot be used is refused, and the last that could be
//! stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kubevirt_redfish_core::config::FILES_LOOKED_AT;
use kubevirt_redfish_core::metrics::Measured;
use kubevirt_redfish_core::model::Namespace;
use rustls::ServerConfig;
use tokio::sync::mpsc;

use crate::config::{self, ListenAddress, Loaded, Settings};
use crate::driver::Configurations;
use crate::runtime::{Runtime, sleep};
use crate::server::{Certificate, Limits};
use crate::tls;

/// What looks after the files.
pub(crate) struct Reload {
    /// The configuration file.
    pub(crate) path: PathBuf,
    /// What stays as it is.
    pub(crate) fixed: Fixed,
    /// What the service is called where nothing can be kept.
    pub(crate) service_uuid: String,
    /// Where it keeps its documents.
    pub(crate) own_namespace: Option<Namespace>,
    /// What it shows to clients.
    pub(crate) certificate: Option<Certificate>,
    /// Where a new configuration is handed in.
    pub(crate) configurations: Configurations,
    /// What is counted.
    pub(crate) measured: Option<Arc<Measured>>,
    /// What the files said when they were last looked at.
    pub(crate) seen: Seen,
}

/// What only another process can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    listen: ListenAddress,
    metrics_listen: Option<ListenAddress>,
    limits: Limits,
    has_tls: bool,
    answers_searches: bool,
    drain_delay: std::time::Duration,
}

impl Fixed {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            listen: settings.listen.clone(),
            metrics_listen: settings.metrics_listen.clone(),
            limits: settings.limits,
            has_tls: settings.tls.is_some(),
            answers_searches: settings.service.ssdp,
            drain_delay: settings.service.drain_delay,
        }
    }

    /// The keys that `other` has otherwise.
    fn differences(&self, other: &Self) -> Vec<&'static str> {
        [
            ("server.host", self.listen.host != other.listen.host),
            ("server.port", self.listen.port != other.listen.port),
            ("server.metrics_listen", self.metrics_listen != other.metrics_listen),
            ("server.connections, server.connections_per_client", self.limits != other.limits),
            ("server.tls.enabled", self.has_tls != other.has_tls),
            ("server.ssdp", self.answers_searches != other.answers_searches),
            ("server.drain_delay", self.drain_delay != other.drain_delay),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}

/// What was in the files, each with its path; `None` for one that cannot be read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Seen(Vec<(PathBuf, Option<Vec<u8>>)>);

impl Seen {
    /// Reads the configuration file and those that its settings name.
    pub(crate) fn of(path: &Path, settings: &Settings) -> Self {
        let tls = settings.tls.iter().flat_map(|files| [&files.cert_file, &files.key_file]).map(PathBuf::as_path);
        Self::read([path].into_iter().chain(tls).chain(settings.password_files.iter().map(PathBuf::as_path)))
    }

    fn read<'a>(paths: impl Iterator<Item = &'a Path>) -> Self {
        Self(paths.map(|path| (path.to_owned(), fs::read(path).ok())).collect())
    }

    fn again(&self) -> Self {
        Self::read(self.0.iter().map(|(path, _)| path.as_path()))
    }
}

/// What was read and can be used.
struct Usable {
    settings: Settings,
    tls: Option<Arc<ServerConfig>>,
    warnings: Vec<String>,
}

impl Reload {
    /// Looks at the files until the process ends.
    pub(crate) async fn run<R: Runtime>(mut self, mut hangups: mpsc::Receiver<()>) {
        loop {
            let asked = tokio::select! {
                () = sleep::<R>(FILES_LOOKED_AT) => false,
                asked = hangups.recv() => match asked {
                    Some(()) => true,
                    None => return,
                },
            };
            let before = self.seen.clone();
            let Ok(now) = R::spawn_blocking(move || before.again()).await else { continue };
            if now != self.seen {
                self.seen = now;
                self.changed::<R>().await;
            } else if asked {
                tracing::info!("the configuration has not changed");
            }
        }
    }

    async fn changed<R: Runtime>(&mut self) {
        let path = self.path.clone();
        let read = R::spawn_blocking(move || read(&path)).await.unwrap_or_else(|error| Err(error.to_string()));
        let Usable { settings, tls, warnings } = match read {
            Ok(usable) => usable,
            Err(error) => {
                // The file has a line for each problem; the log has one for all.
                let error = error.trim().replace('\n', "; ");
                tracing::error!(error, "the changed configuration is refused; the last good one stays");
                if let Some(measured) = &self.measured {
                    measured.reloads.refused();
                }
                return;
            }
        };
        // It may name other files than before.
        self.seen = Seen::of(&self.path, &settings);
        for warning in warnings {
            tracing::warn!(warning, "configuration");
        }
        let fixed = self.fixed.differences(&Fixed::of(&settings));
        if !fixed.is_empty() {
            let keys = fixed.join(", ");
            tracing::warn!(keys, "changed, but count only after a restart");
        }
        if let (Some(certificate), Some(tls)) = (&self.certificate, tls) {
            certificate.store(tls);
        }
        if let Some(measured) = &self.measured {
            measured.set_certificate_end(settings.tls.as_ref().and_then(tls::expiry));
            measured.reloads.applied();
        }
        let Settings { mut service, mut kubevirt, .. } = settings;
        service.service_uuid.clone_from(&self.service_uuid);
        service.ssdp = self.fixed.answers_searches;
        kubevirt.own_namespace.clone_from(&self.own_namespace);
        let (chassis, accounts) = (service.chassis.len(), service.accounts.len());
        self.configurations.hand_in(service, kubevirt).await;
        tracing::info!(chassis, accounts, "the changed configuration counts from now on");
    }
}

fn read(path: &Path) -> Result<Usable, String> {
    let Loaded { settings, warnings } = config::load(path).map_err(|error| error.to_string())?;
    let tls = settings.tls.as_ref().map(tls::from_files).transpose().map_err(|error| error.to_string())?;
    Ok(Usable { settings, tls, warnings: warnings.iter().map(ToString::to_string).collect() })
}
