//! Keys of the file that stand in the environment: `KUBEVIRT_REDFISH_<SECTION>_<KEY>` wins over the file.
//!
//! Every key can be set so whose place is known without the file; what stands in lists, such as a chassis or a user, has
//! none.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_saphyr::{Location, Spanned};

use super::error::Problem;
use super::file::{DataVolume, Events, File, KubeVirt, Probe, Server, Tls};

/// What every such variable begins with.
pub const PREFIX: &str = "KUBEVIRT_REDFISH_";

/// The variables of the environment that are meant for the configuration: names without the prefix, with their values.
#[derive(Debug, Default)]
pub struct Overrides(BTreeMap<String, String>);

impl Overrides {
    /// Those of this process.
    pub fn of_environment() -> Self {
        // A value that is no text cannot be meant for a file that is one.
        let texts = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self::among(texts.map(|(name, value)| (name, value.to_string_lossy().into_owned())))
    }

    /// Those among these variables.
    pub fn among(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let ours =
            variables.into_iter().filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value)));
        let all: BTreeMap<String, String> = ours.collect();
        let meant = all.iter().filter(|(name, value)| !is_of_a_service(name, value, &all));
        Self(meant.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Writes them into the file. Gives what is wrong with them, and which variable each key comes from.
    pub(super) fn apply(&self, file: &mut File) -> (Vec<Problem>, BTreeMap<String, String>) {
        let mut problems = Vec::new();
        let mut origins = BTreeMap::new();
        let (proxy, meant): (Vec<_>, Vec<_>) = self.0.iter().partition(|(name, _)| name.starts_with(UPLOAD_PROXY));
        if let Some((name, _)) = proxy.first() {
            file.cdi = Some(placeless(IgnoredAny));
            origins.insert("cdi".to_owned(), format!("{PREFIX}{name}"));
        }
        let mut slots: BTreeMap<String, _> =
            slots(file).into_iter().map(|(key, slot)| (name_of(key), (key, slot))).collect();
        for (name, value) in meant {
            let Some((key, slot)) = slots.get_mut(name) else {
                let known: Vec<_> =
                    near(name, slots.keys()).into_iter().map(|name| format!("{PREFIX}{name}")).collect();
                let message = format!("names no key of the configuration; expected one of {}", known.join(", "));
                problems.push(Problem::new(Location::UNKNOWN, format!("{PREFIX}{name}"), message));
                continue;
            };
            match slot.put(value) {
                Ok(()) => {
                    origins.insert((*key).to_owned(), format!("{PREFIX}{name}"));
                }
                Err(expected) => {
                    let message = format!("found `{value}`; expected {expected}");
                    problems.push(Problem::new(Location::UNKNOWN, format!("{PREFIX}{name}"), message));
                }
            }
        }
        (problems, origins)
    }
}

/// Whether the cluster set it: a pod is told of every service of its namespace, so of one called `kubevirt-redfish` in
/// `KUBEVIRT_REDFISH_SERVICE_HOST`, `KUBEVIRT_REDFISH_PORT` and others, and of one called `kubevirt-redfish-server` in
/// `KUBEVIRT_REDFISH_SERVER_PORT`.
fn is_of_a_service(name: &str, value: &str, all: &BTreeMap<String, String>) -> bool {
    let services = all.keys().filter_map(|name| name.strip_suffix("SERVICE_HOST"));
    services.into_iter().filter_map(|service| name.strip_prefix(service)).any(|rest| {
        let protocols = ["tcp://", "udp://", "sctp://"];
        let is_link = rest == "PORT" && protocols.iter().any(|protocol| value.starts_with(protocol));
        let is_port = rest.strip_prefix("PORT_").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        is_link || is_port || rest == "SERVICE_HOST" || rest == "SERVICE_PORT" || rest.starts_with("SERVICE_PORT_")
    })
}

fn name_of(key: &str) -> String {
    key.replace('.', "_").to_ascii_uppercase()
}

/// The names of the section that a name begins with; all of them if it begins with none.
fn near<'a>(name: &str, known: impl Iterator<Item = &'a String> + Clone) -> Vec<&'a String> {
    let section = name.split('_').next().unwrap_or_default();
    let of_section: Vec<_> = known.clone().filter(|other| other.split('_').next() == Some(section)).collect();
    if of_section.is_empty() { known.collect() } else { of_section }
}

/// Where the value of a key goes.
trait Slot {
    /// Takes the value, or says what was expected.
    fn put(&mut self, text: &str) -> Result<(), &'static str>;
}

const fn placeless<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Location::UNKNOWN, Location::UNKNOWN)
}

fn boolean(text: &str) -> Result<bool, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("true or false"),
    }
}

/// The items of a list, with commas between them.
fn items(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned)
}

impl Slot for Option<Spanned<String>> {
    fn put(&mut self, text: &str) -> Result<(), &'static str> {
        *self = Some(placeless(text.to_owned()));
        Ok(())
    }
}

impl Slot for Option<Spanned<i64>> {
    fn put(&mut self, text: &str) -> Result<(), &'static str> {
        *self = Some(placeless(text.trim().parse().map_err(|_| "a number")?));
        Ok(())
    }
}

impl Slot for Option<Spanned<bool>> {
    fn put(&mut self, text: &str) -> Result<(), &'static str> {
        *self = Some(placeless(boolean(text)?));
        Ok(())
    }
}

impl Slot for Option<bool> {
    fn put(&mut self, text: &str) -> Result<(), &'static str> {
        *self = Some(boolean(text)?);
        Ok(())
    }
}

impl Slot for Vec<Spanned<String>> {
    fn put(&mut self, text: &str) -> Result<(), &'static str> {
        *self = items(text).map(placeless).collect();
        Ok(())
    }
}

impl Slot for Option<Spanned<Vec<String>>> {
    fn put(&mut self, text: &str) -> Result<(), &'static str> {
        *self = Some(placeless(items(text).collect()));
        Ok(())
    }
}

/// A key that has no effect.
impl Slot for Option<Spanned<IgnoredAny>> {
    fn put(&mut self, _: &str) -> Result<(), &'static str> {
        *self = Some(placeless(IgnoredAny));
        Ok(())
    }
}

/// Every key with its place. The patterns name every field, so that none is forgotten.
fn slots(file: &mut File) -> Vec<(&'static str, &mut dyn Slot)> {
    let File { server, authentication, datavolume, kubevirt, events, .. } = file;
    let Server {
        host,
        port,
        tls: Tls { enabled, cert_file, key_file, profile },
        ssdp,
        drain_delay,
        metrics_listen,
        connections,
        connections_per_client,
        trusted_proxies,
        forwarded_header,
        render_cache,
        system_id_convention,
        test_mode,
        worker_count,
    } = server;
    let DataVolume {
        storage_size,
        allow_insecure_tls,
        ca_bundle,
        cert_config_map,
        storage_class,
        access_modes,
        volume_mode,
        vm_update_timeout,
        iso_download_timeout,
        allowed_hosts,
        only_allowed_hosts,
        share_imports,
        probe,
        helper_image,
    } = datavolume;
    let Probe { enabled: probes, max_size, allow_private, allow_loopback, allow_link_local } = probe;
    let KubeVirt { api_version, timeout, lease_renew_interval, allow_insecure_tls: insecure_cluster } = kubevirt;
    let Events {
        allow_private: events_private,
        allow_loopback: events_loopback,
        allow_link_local: events_link_local,
        allowed_hosts: events_hosts,
        only_allowed_hosts: events_only,
        retry_attempts,
        retry_interval,
    } = events;
    vec![
        ("server.host", host),
        ("server.port", port),
        ("server.tls.enabled", enabled),
        ("server.tls.cert_file", cert_file),
        ("server.tls.key_file", key_file),
        ("server.tls.profile", profile),
        ("server.ssdp", ssdp),
        ("server.drain_delay", drain_delay),
        ("server.metrics_listen", metrics_listen),
        ("server.connections", connections),
        ("server.connections_per_client", connections_per_client),
        ("server.trusted_proxies", trusted_proxies),
        ("server.forwarded_header", forwarded_header),
        ("server.render_cache", render_cache),
        ("server.system_id_convention", system_id_convention),
        ("server.test_mode", test_mode),
        ("server.worker_count", worker_count),
        ("authentication.kubernetes", &mut authentication.value.kubernetes),
        ("datavolume.storage_size", storage_size),
        ("datavolume.allow_insecure_tls", allow_insecure_tls),
        ("datavolume.ca_bundle", ca_bundle),
        ("datavolume.cert_config_map", cert_config_map),
        ("datavolume.storage_class", storage_class),
        ("datavolume.access_modes", access_modes),
        ("datavolume.volume_mode", volume_mode),
        ("datavolume.vm_update_timeout", vm_update_timeout),
        ("datavolume.iso_download_timeout", iso_download_timeout),
        ("datavolume.allowed_hosts", allowed_hosts),
        ("datavolume.only_allowed_hosts", only_allowed_hosts),
        ("datavolume.share_imports", share_imports),
        ("datavolume.probe.enabled", probes),
        ("datavolume.probe.max_size", max_size),
        ("datavolume.probe.allow_private", allow_private),
        ("datavolume.probe.allow_loopback", allow_loopback),
        ("datavolume.probe.allow_link_local", allow_link_local),
        ("datavolume.helper_image", helper_image),
        ("kubevirt.api_version", api_version),
        ("kubevirt.timeout", timeout),
        ("kubevirt.lease_renew_interval", lease_renew_interval),
        ("kubevirt.allow_insecure_tls", insecure_cluster),
        ("events.allow_private", events_private),
        ("events.allow_loopback", events_loopback),
        ("events.allow_link_local", events_link_local),
        ("events.allowed_hosts", events_hosts),
        ("events.only_allowed_hosts", events_only),
        ("events.retry_attempts", retry_attempts),
        ("events.retry_interval", retry_interval),
        ("system_id_convention", &mut file.system_id_convention),
        ("paused_as", &mut file.paused_as),
        ("stale_after", &mut file.stale_after),
        ("legacy_redirects", &mut file.legacy_redirects),
    ]
}

/// What the names of the upload proxy's keys begin with. They have no effect.
const UPLOAD_PROXY: &str = "CDI_UPLOAD_PROXY_";

#[cfg(test)]
mod tests {
    use super::*;

    fn among(variables: &[(&str, &str)]) -> Vec<String> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Overrides::among(variables).0.into_keys().collect()
    }

    #[test]
    fn what_the_cluster_tells_a_pod_of_its_services_is_no_override() {
        let links = [
            ("KUBEVIRT_REDFISH_SERVICE_HOST", "10.0.0.7"),
            ("KUBEVIRT_REDFISH_SERVICE_PORT", "8443"),
            ("KUBEVIRT_REDFISH_SERVICE_PORT_HTTP", "8443"),
            ("KUBEVIRT_REDFISH_PORT", "tcp://10.0.0.7:8443"),
            ("KUBEVIRT_REDFISH_PORT_8443_TCP", "tcp://10.0.0.7:8443"),
            ("KUBEVIRT_REDFISH_PORT_8443_TCP_ADDR", "10.0.0.7"),
            ("KUBEVIRT_REDFISH_SERVER_SERVICE_HOST", "10.0.0.8"),
            ("KUBEVIRT_REDFISH_SERVER_SERVICE_PORT", "443"),
            ("KUBEVIRT_REDFISH_SERVER_PORT", "tcp://10.0.0.8:443"),
            ("KUBEVIRT_REDFISH_SERVER_PORT_443_TCP_PROTO", "tcp"),
            ("KUBEVIRT_REDFISH", "of no key"),
            ("PATH", "/bin"),
        ];
        assert_eq!(among(&links), Vec::<String>::new());
        // The manifest says it again, and means it.
        let mut explicit = links.to_vec();
        explicit.push(("KUBEVIRT_REDFISH_SERVER_HOST", "::1"));
        explicit.retain(|(name, _)| *name != "KUBEVIRT_REDFISH_SERVER_PORT");
        explicit.push(("KUBEVIRT_REDFISH_SERVER_PORT", "8080"));
        assert_eq!(among(&explicit), ["SERVER_HOST", "SERVER_PORT"]);
    }
}
