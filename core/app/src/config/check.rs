//! From what the file says to values that can be used: everything that is wrong is reported at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use kubevirt_redfish_core::AddressPolicy;
use kubevirt_redfish_core::config::{
    Account, Chassis, ChassisName, Config, Credential, CustomRole, IdConvention, PausedAs, Protocol,
    VerifiedImageServers,
};
use kubevirt_redfish_core::model::{ImageCertificate, ObjectName, VmId};
use kubevirt_redfish_core::{UserNameForm, kubevirt};
use serde_saphyr::{Location, Spanned};

use super::error::{ConfigError, Problem, Warning};
use super::file::{ChassisEntry, DataVolume, File, KubeVirt, Server, User, VmSelector};
use super::overrides::Overrides;
use super::password::Password;
use super::{ListenAddress, Loaded, Settings, TlsFiles, TlsProfile, value};

mod events;
mod hosts;
mod limits;
mod probe;
mod roles;
mod sight;

/// Turns a file into settings.
pub(super) fn check(name: &str, mut file: File, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    let (problems, origins) = overrides.apply(&mut file);
    let mut check = Check { file: name, problems, warnings: Vec::new(), password_files: Vec::new() };
    let settings = check.file(file);
    let Check { mut problems, mut warnings, .. } = check;
    // Whoever looks into the file would not find it there.
    let said = |key: &str| {
        origins.iter().find(|(of, _)| key == *of || key.starts_with(&format!("{of}["))).map(|(_, variable)| variable)
    };
    for problem in problems.iter_mut().filter(|problem| problem.place.is_none()) {
        note(&mut problem.message, said(&problem.key));
    }
    for warning in warnings.iter_mut().filter(|warning| warning.place.is_none()) {
        note(&mut warning.message, said(&warning.key));
    }
    problems.sort_by_key(|problem| problem.place);
    warnings.sort_by_key(|warning| warning.place);
    if problems.is_empty() { Ok(Loaded { settings, warnings }) } else { Err(ConfigError::new(name, problems)) }
}

/// Adds where it is said.
fn note(message: &mut String, variable: Option<&String>) {
    if let Some(variable) = variable {
        // Writing to a text does not fail.
        let _ = write!(message, " (as {variable} says)");
    }
}

struct Check<'a> {
    file: &'a str,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
    password_files: Vec<PathBuf>,
}

impl Check<'_> {
    fn file(&mut self, file: File) -> Settings {
        for (key, location) in file.helm_values() {
            self.warn(location, key, "has no effect here: it is a value of the Helm chart");
        }
        if let Some(cdi) = &file.cdi {
            self.warn(cdi.referenced, "cdi", "has no effect: images are fetched by the cluster, nothing is uploaded");
        }
        let (listen, tls) = self.server(&file.server);
        let drain_delay = self.drain_delay(&file.server);
        let metrics_listen = self.metrics_listen(&file.server, &listen);
        let trusted_proxies = self.trusted_proxies(&file.server);
        let (limits, render_cache) = (self.limits(&file.server), self.render_cache(&file.server));
        let names: Vec<_> = file.chassis.value.iter().map(|entry| entry.value.name.value.clone()).collect();
        let chassis = self.chassis(file.chassis);
        let roles = self.roles(file.authentication.value.roles);
        let bearer_tokens = file.authentication.value.kubernetes.is_some_and(|kubernetes| kubernetes.value);
        let users = file.authentication.value.users;
        if users.value.is_empty() && !bearer_tokens {
            let message = "empty; expected at least one, or nobody could log in";
            self.refuse(users.referenced, "authentication.users", message);
        }
        let accounts = self.accounts(users, &roles, &names);
        let command_timeout = self.kubevirt(&file.kubevirt);
        let (update_timeout, import_timeout) = self.timeouts(&file.datavolume, command_timeout);
        let kubevirt = self.images(file.datavolume);
        let events = self.events(&file.events);
        let top = file.system_id_convention.map(|value| ("system_id_convention", value));
        let nested = file.server.system_id_convention.map(|value| ("server.system_id_convention", value));
        let id_convention = self.id_convention(top.or(nested));
        let paused_as = self.paused_as(file.paused_as);
        let legacy_redirects = file.legacy_redirects.is_some_and(|redirects| redirects.value);
        let stale_after = self.stale_after(file.stale_after.as_ref());
        let lease_renew_interval = self.lease_renew_interval(file.kubevirt.lease_renew_interval.as_ref());
        let protocol = if tls.is_some() { Protocol::Https } else { Protocol::Http };
        let service = Config {
            chassis,
            accounts,
            roles,
            bearer_tokens,
            id_convention,
            legacy_redirects,
            paused_as,
            protocol,
            trusted_proxies,
            ssdp: file.server.ssdp.is_some_and(|ssdp| ssdp.value),
            drain_delay,
            render_cache,
            command_timeout,
            update_timeout,
            import_timeout,
            stale_after,
            lease_renew_interval,
            events,
            verified_image_servers: if kubevirt.allow_insecure_tls {
                VerifiedImageServers::AsChosen
            } else {
                VerifiedImageServers::All
            },
            image_hosts: kubevirt.image_hosts.clone(),
            ..Config::default()
        };
        let password_files = std::mem::take(&mut self.password_files);
        Settings { listen, tls, metrics_listen, password_files, limits, service, kubevirt }
    }

    fn server(&mut self, server: &Server) -> (ListenAddress, Option<TlsFiles>) {
        let host = server.host.as_ref().map_or("0.0.0.0", |host| {
            if host.value.trim().is_empty() {
                self.refuse(host.referenced, "server.host", "empty; expected a host name or an IP address");
            }
            host.value.trim()
        });
        let port = server.port.as_ref().map_or(8443, |port| {
            u16::try_from(port.value).ok().filter(|port| *port > 0).unwrap_or_else(|| {
                let message = format!("{} is no port; expected 1 to 65535", port.value);
                self.refuse(port.referenced, "server.port", message);
                0
            })
        });
        for (key, value) in [("test_mode", &server.test_mode), ("worker_count", &server.worker_count)] {
            if let Some(value) = value {
                let message = "has no effect: there are no background workers to configure";
                self.warn(value.referenced, format!("server.{key}"), message);
            }
        }
        (ListenAddress { host: host.to_owned(), port }, self.tls(server))
    }

    fn metrics_listen(&mut self, server: &Server, listen: &ListenAddress) -> Option<ListenAddress> {
        let text = server.metrics_listen.as_ref().filter(|text| !text.value.trim().is_empty())?;
        let refused = match text.value.trim().parse::<ListenAddress>() {
            Ok(address) if address.port != 0 && address.port == listen.port => {
                format!("port {} is server.port already; expected another one", address.port)
            }
            Ok(address) => return Some(address),
            Err(error) => error,
        };
        self.refuse(text.referenced, "server.metrics_listen", refused);
        None
    }

    fn drain_delay(&mut self, server: &Server) -> Duration {
        let usual = Config::default().drain_delay;
        let Some(text) = server.drain_delay.as_ref().filter(|text| !text.value.is_empty()) else { return usual };
        let delay = match text.value.trim() {
            "0" | "0s" => Some(Duration::ZERO),
            text => value::duration(text).filter(|delay| *delay <= LONGEST_DRAIN),
        };
        if delay.is_none() {
            let message = describe(&text.value, "expected a duration from 0s to 5m, such as 10s");
            self.refuse(text.referenced, "server.drain_delay", message);
        }
        delay.unwrap_or(usual)
    }

    fn tls(&mut self, server: &Server) -> Option<TlsFiles> {
        let tls = &server.tls;
        let Some(enabled) = tls.enabled.as_ref().filter(|enabled| enabled.value) else {
            let location = tls.enabled.as_ref().map_or(Location::UNKNOWN, |enabled| enabled.referenced);
            let message = "off: passwords travel unencrypted unless something in front of the service, such as a \
                           Route, terminates TLS";
            self.warn(location, "server.tls.enabled", message);
            return None;
        };
        let mut path = |key, value: Option<&Spanned<String>>| {
            let path = value.map(|value| value.value.trim()).filter(|path| !path.is_empty());
            if path.is_none() {
                let location = value.map_or(enabled.referenced, |value| value.referenced);
                let message = format!("needed because server.tls.enabled is true; expected the path of {key}");
                let name = if key == "a PEM file with the certificate" { "cert_file" } else { "key_file" };
                self.refuse(location, format!("server.tls.{name}"), message);
            }
            path.map(PathBuf::from)
        };
        let cert_file = path("a PEM file with the certificate", tls.cert_file.as_ref());
        let key_file = path("a PEM file with the private key", tls.key_file.as_ref());
        let profile = tls.profile.as_ref().filter(|profile| !profile.value.is_empty());
        let profile = match profile.map(|profile| (profile, profile.value.to_ascii_lowercase())) {
            None => TlsProfile::default(),
            Some((_, name)) if name == "intermediate" => TlsProfile::Intermediate,
            Some((_, name)) if name == "modern" => TlsProfile::Modern,
            Some((profile, _)) => {
                let message = describe(&profile.value, "expected `intermediate` or `modern`");
                self.refuse(profile.referenced, "server.tls.profile", message);
                TlsProfile::default()
            }
        };
        Some(TlsFiles { cert_file: cert_file?, key_file: key_file?, profile })
    }

    fn chassis(&mut self, entries: Spanned<Vec<Spanned<ChassisEntry>>>) -> Vec<Chassis> {
        if entries.value.is_empty() {
            self.refuse(entries.referenced, "chassis", "empty; expected at least one, or no machine would be shown");
        }
        let service_account = entries
            .value
            .iter()
            .enumerate()
            .find_map(|(index, entry)| entry.value.service_account.as_ref().map(|value| (index, value.referenced)));
        if let Some((index, location)) = service_account {
            let message = "has no effect: the service acts under the service account of its own pod";
            self.warn(location, format!("chassis[{index}].service_account"), message);
        }
        let mut seen = BTreeMap::new();
        let mut chassis = Vec::new();
        for (index, entry) in entries.value.into_iter().enumerate() {
            let key = format!("chassis[{index}]");
            let Spanned { value: entry, .. } = entry;
            if let Some(first) = seen.insert(entry.name.value.clone(), index) {
                let message = format!("`{}` is already the name of chassis[{first}]", entry.name.value);
                self.refuse(entry.name.referenced, format!("{key}.name"), message);
            }
            let name = self.chassis_name(&entry.name, &key);
            let namespace = self.namespace(entry.namespace, &key);
            let (selector, names) = entry.vm_selector.map(|selector| self.selector(selector, &key)).unwrap_or_default();
            let description = entry.description.filter(|text| !text.is_empty());
            if let Some(name) = name {
                chassis.push(Chassis { name, namespace, selector, names, description });
            }
        }
        chassis
    }

    fn chassis_name(&mut self, name: &Spanned<String>, key: &str) -> Option<ChassisName> {
        let valid = ChassisName::new(&name.value);
        if valid.is_none() {
            let message = describe(
                &name.value,
                "expected 1 to 63 letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit",
            );
            self.refuse(name.referenced, format!("{key}.name"), message);
        }
        valid
    }

    fn namespace(&mut self, namespace: Spanned<String>, key: &str) -> String {
        if !is_dns_label(&namespace.value) {
            let message = describe(
                &namespace.value,
                "expected a Kubernetes namespace: 1 to 63 lower-case letters, digits and `-`, beginning and ending \
                 with a letter or digit",
            );
            self.refuse(namespace.referenced, format!("{key}.namespace"), message);
        }
        namespace.value
    }

    /// Labels and names, both of which must fit.
    fn selector(&mut self, selector: Spanned<VmSelector>, key: &str) -> (Vec<(String, String)>, Vec<String>) {
        let names = selector.value.names.map(|names| names.value).unwrap_or_default();
        for (index, name) in names.iter().enumerate() {
            if VmId::new("any", &name.value).is_none() {
                let message =
                    describe(&name.value, "expected the name of a machine: lower-case letters, digits, `-`, `.`");
                self.refuse(name.referenced, format!("{key}.vm_selector.names[{index}]"), message);
            }
        }
        let names = names.into_iter().map(|name| name.value).collect();
        let Some(labels) = selector.value.labels else {
            return (Vec::new(), names);
        };
        let mut pairs = Vec::new();
        for (label, value) in labels.value {
            if !is_label_key(&label) {
                let message =
                    describe(&label, "expected the key of a label, such as redfish-enabled or example.com/role");
                self.refuse(value.referenced, format!("{key}.vm_selector.labels.{label}"), message);
            } else if !is_label_value(&value.value) {
                let message =
                    describe(&value.value, "expected the value of a label: up to 63 letters, digits, `-`, `_` and `.`");
                self.refuse(value.referenced, format!("{key}.vm_selector.labels.{label}"), message);
            }
            pairs.push((label, value.value));
        }
        (pairs, names)
    }

    fn accounts(
        &mut self,
        users: Spanned<Vec<Spanned<User>>>,
        roles: &[CustomRole],
        chassis: &[String],
    ) -> Vec<Account> {
        let key = "authentication.users";
        let mut seen = BTreeMap::new();
        let mut plain = None;
        let mut accounts = Vec::new();
        for (index, user) in users.value.into_iter().enumerate() {
            let key = format!("{key}[{index}]");
            let user = user.value;
            if let Some(first) = seen.insert(user.username.value.clone(), index) {
                let message = format!("`{}` is already the name of authentication.users[{first}]", user.username.value);
                self.refuse(user.username.referenced, format!("{key}.username"), message);
            }
            self.user_name(&user.username, &seen, index, &key);
            let credential = self.credential(&user, &key, &mut plain);
            let role = self.role(user.role, roles, &key);
            let grants = self.grants(&user.chassis, chassis, &key);
            if let Some(credential) = credential {
                accounts.push(Account { user_name: user.username.value, credential, role, chassis: grants });
            }
        }
        if let Some((key, location)) = plain {
            let message = "in plain text: whoever reads the file can log in; a bcrypt or argon2 hash works as well";
            self.warn(location, format!("{key}.password"), message);
        }
        accounts
    }

    /// What a user proves with who they are; `plain` is where there was the first password in plain text.
    fn credential(&mut self, user: &User, key: &str, plain: &mut Option<(String, Location)>) -> Option<Credential> {
        let (place, field, password) = match (&user.password, &user.password_file) {
            (Some(_), Some(file)) => {
                self.refuse(
                    file.referenced,
                    format!("{key}.password_file"),
                    "stands beside password; expected one of them",
                );
                return None;
            }
            (Some(password), None) => (password.referenced, "password", password.value.clone()),
            (None, Some(file)) => {
                let path = PathBuf::from(file.value.trim());
                let text = match value::password_file(&path) {
                    Ok(text) => text,
                    Err(error) => {
                        let message = format!("{}: {error}; expected a file with a password", path.display());
                        self.refuse(file.referenced, format!("{key}.password_file"), message);
                        return None;
                    }
                };
                self.password_files.push(path);
                let text =
                    text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
                (file.referenced, "password_file", Password::Text(text.to_owned()))
            }
            (None, None) => {
                self.refuse(
                    user.username.referenced,
                    key,
                    "has neither password nor password_file; expected one of them",
                );
                return None;
            }
        };
        let credential = match value::credential(&password) {
            Ok(credential) => credential,
            Err(message) => {
                self.refuse(place, format!("{key}.{field}"), message);
                return None;
            }
        };
        if password == Password::Text("changeme".to_owned()) {
            self.warn(place, format!("{key}.{field}"), "the example's: everybody knows it");
        } else if matches!(credential, Credential::Plain(_)) && plain.is_none() && field == "password" {
            *plain = Some((key.to_owned(), place));
        }
        Some(credential)
    }

    /// Files that are in use go on working, unless a name is one that nobody can see as what it is.
    fn user_name(&mut self, name: &Spanned<String>, others: &BTreeMap<String, usize>, index: usize, key: &str) {
        let key = format!("{key}.username");
        match UserNameForm::of(&name.value) {
            UserNameForm::Plain => {}
            UserNameForm::Unusual => {
                let message = format!(
                    "`{}` is unusual: other names may look the same; accounts that are made over Redfish have letters \
                     and digits of ASCII and `.`, `_`, `@`, `+`, `-`",
                    name.value
                );
                self.warn(name.referenced, &*key, message);
            }
            UserNameForm::Unusable => {
                let message = describe(
                    &name.value,
                    "expected 1 to 64 characters, none of them `:`, control or invisible, without space at either end",
                );
                self.refuse(name.referenced, &*key, message);
            }
        }
        let is_like = |(other, at): &(&String, &usize)| {
            **at != index && **other != name.value && other.eq_ignore_ascii_case(&name.value)
        };
        if let Some((other, _)) = others.iter().find(is_like) {
            let message = format!("differs from `{other}` by nothing but the case of its letters; both can log in");
            self.warn(name.referenced, key, message);
        }
    }

    fn grants(&mut self, names: &Spanned<Vec<Spanned<String>>>, chassis: &[String], key: &str) -> Vec<ChassisName> {
        if names.value.is_empty() {
            let message = "empty; expected the names of the chassis that this user sees";
            self.refuse(names.referenced, format!("{key}.chassis"), message);
        }
        // One that stands twice has been refused where it does.
        let known: BTreeSet<&str> = chassis.iter().map(String::as_str).collect();
        for (index, name) in names.value.iter().enumerate() {
            if !known.contains(&*name.value) {
                let names = known.iter().copied().collect::<Vec<_>>().join(", ");
                let message = describe(&name.value, &format!("expected the name of a chassis: {names}"));
                self.refuse(name.referenced, format!("{key}.chassis[{index}]"), message);
            }
        }
        // A name that is no chassis' name by its form has been refused where the chassis is.
        names.value.iter().filter_map(|name| ChassisName::new(&name.value)).collect()
    }

    fn images(&mut self, images: DataVolume) -> kubevirt::Settings {
        if let Some(helper) = &images.helper_image {
            let message = "has no effect: images are imported by the cluster, without a helper";
            self.warn(helper.referenced, "datavolume.helper_image", message);
        }
        let storage_size = images.storage_size.map_or_else(
            || "10Gi".to_owned(),
            |size| {
                if !value::is_size(&size.value) {
                    let message = describe(&size.value, "expected a size such as 3Gi or 500M");
                    self.refuse(size.referenced, "datavolume.storage_size", message);
                }
                size.value
            },
        );
        let storage_class = images.storage_class.filter(|class| !class.value.is_empty()).and_then(|class| {
            let name = ObjectName::new(&class.value);
            if name.is_none() {
                let message =
                    describe(&class.value, "expected the name of a storage class, or nothing for the default");
                self.refuse(class.referenced, "datavolume.storage_class", message);
            }
            name
        });
        let ca_bundle = images.ca_bundle.map_or_else(Vec::new, |bundle| {
            ImageCertificate::parse_all(&bundle.value).unwrap_or_else(|| {
                let message = "expected certificates in PEM's form, one after the other";
                self.refuse(bundle.referenced, "datavolume.ca_bundle", message);
                Vec::new()
            })
        });
        let cert_config_map = images.cert_config_map.filter(|name| !name.value.is_empty()).and_then(|given| {
            let name = ObjectName::new(&given.value);
            if name.is_none() {
                let message = describe(&given.value, "expected the name of a ConfigMap in each machine's namespace");
                self.refuse(given.referenced, "datavolume.cert_config_map", message);
            } else if !ca_bundle.is_empty() {
                let message = "an import takes one ConfigMap; expected this or datavolume.ca_bundle, not both";
                self.refuse(given.referenced, "datavolume.cert_config_map", message);
            }
            name
        });
        let access_modes = images.access_modes.map_or_else(Vec::new, |modes| {
            for mode in modes.value.iter().filter(|mode| !ACCESS_MODES.contains(&mode.as_str())) {
                let message = describe(mode, &format!("expected {}", ACCESS_MODES.join(", ")));
                self.refuse(modes.referenced, "datavolume.access_modes", message);
            }
            modes.value
        });
        let volume_mode = images.volume_mode.filter(|mode| !mode.value.is_empty()).map(|mode| {
            if !matches!(mode.value.as_str(), "Filesystem" | "Block") {
                self.refuse(
                    mode.referenced,
                    "datavolume.volume_mode",
                    describe(&mode.value, "expected Filesystem or Block"),
                );
            }
            mode.value
        });
        let only = images.only_allowed_hosts.as_ref();
        let image_hosts = self.hosts("datavolume", &AddressPolicy::of_images(), &images.allowed_hosts, only);
        kubevirt::Settings {
            storage_class,
            storage_size,
            probe: self.probe(&images.probe, &image_hosts),
            image_hosts,
            allow_insecure_tls: images.allow_insecure_tls.unwrap_or(false),
            ca_bundle,
            cert_config_map,
            access_modes,
            volume_mode,
            share_imports: images.share_imports.unwrap_or(true),
            own_namespace: None,
        }
    }

    /// How long changes of machines may take, and imports.
    fn timeouts(&mut self, images: &DataVolume, command_timeout: Duration) -> (Duration, Duration) {
        let update = self.duration(images.vm_update_timeout.as_ref(), "datavolume.vm_update_timeout");
        let import = self.duration(images.iso_download_timeout.as_ref(), "datavolume.iso_download_timeout");
        if let (Some(update), Some(text)) = (update, &images.vm_update_timeout)
            && update > LONGEST_UPDATE
        {
            let message = "is taken for 5m, the longest that a client could be kept waiting";
            self.warn(text.referenced, "datavolume.vm_update_timeout", message);
        }
        let update = update.unwrap_or(command_timeout).min(LONGEST_UPDATE);
        (update, import.unwrap_or_else(|| Config::default().import_timeout))
    }

    fn duration(&mut self, text: Option<&Spanned<String>>, key: &str) -> Option<Duration> {
        let text = text.filter(|text| !text.value.is_empty())?;
        let duration = value::duration(&text.value);
        if duration.is_none() {
            let message = describe(&text.value, "expected a duration such as 30s, 2m or 1h30m");
            self.refuse(text.referenced, key, message);
        }
        duration
    }

    /// Gives how long a client waits for a change at most.
    fn kubevirt(&mut self, kubevirt: &KubeVirt) -> Duration {
        if let Some(version) = &kubevirt.api_version {
            if version.value == "v1" {
                self.warn(version.referenced, "kubevirt.api_version", "has no effect: v1 is the only one there is");
            } else {
                let message = describe(&version.value, "expected v1, the only one there is");
                self.refuse(version.referenced, "kubevirt.api_version", message);
            }
        }
        if let Some(insecure) = &kubevirt.allow_insecure_tls {
            let message = "has no effect: the API server's certificate is verified as the kubeconfig or the service \
                           account says (insecure-skip-tls-verify in a kubeconfig)";
            self.warn(insecure.referenced, "kubevirt.allow_insecure_tls", message);
        }
        let Some(timeout) = &kubevirt.timeout else {
            return Config::default().command_timeout;
        };
        let seconds = u64::try_from(timeout.value).ok().filter(|seconds| (1..=300).contains(seconds));
        Duration::from_secs(seconds.unwrap_or_else(|| {
            let message = format!("{} is out of range; expected 1 to 300 seconds", timeout.value);
            self.refuse(timeout.referenced, "kubevirt.timeout", message);
            0
        }))
    }

    fn paused_as(&mut self, state: Option<Spanned<String>>) -> PausedAs {
        let Some(state) = state else { return PausedAs::On };
        match state.value.as_str() {
            "On" => PausedAs::On,
            "Paused" => PausedAs::Paused,
            other => {
                self.refuse(state.referenced, "paused_as", describe(other, "expected On or Paused"));
                PausedAs::On
            }
        }
    }

    fn id_convention(&mut self, convention: Option<(&str, Spanned<String>)>) -> IdConvention {
        // Files that were written before there was a choice rely on plain names.
        let Some((key, convention)) = convention else {
            return IdConvention::Legacy;
        };
        match convention.value.as_str() {
            "enhanced" => IdConvention::Enhanced,
            "legacy" => IdConvention::Legacy,
            other => {
                let message = describe(other, "expected enhanced (<namespace>.<vm>) or legacy (<vm>)");
                self.refuse(convention.referenced, key, message);
                IdConvention::Legacy
            }
        }
    }

    fn refuse(&mut self, location: Location, key: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(location, key, message));
    }

    fn warn(&mut self, location: Location, key: impl Into<String>, message: impl Into<String>) {
        self.warnings.push(Warning::new(self.file, location, key, message));
    }
}

/// Says what is wrong with `value`: nearly always that it is none of what was expected.
fn describe(value: &str, expected: &str) -> String {
    if value.is_empty() {
        format!("empty; {expected}")
    } else if value.starts_with('<') && value.ends_with('>') {
        format!("`{value}` is a placeholder that has not been filled in; {expected}")
    } else {
        format!("found `{value}`; {expected}")
    }
}

pub(super) fn is_dns_label(text: &str) -> bool {
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
}

fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

fn is_label_key(text: &str) -> bool {
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_subdomain) && !name.is_empty() && is_label_value(name)
}

fn is_label_value(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Longer than any load balancer takes to notice.
const LONGEST_DRAIN: Duration = Duration::from_mins(5);

/// The longest that a change of a machine's definition may take: whoever asked for it is waiting.
const LONGEST_UPDATE: Duration = Duration::from_mins(5);

/// How Kubernetes calls the ways in which a volume may be used.
const ACCESS_MODES: [&str; 4] = ["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"];
