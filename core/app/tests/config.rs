//! What the configuration file may say, and what is said about a file that cannot be used.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kubevirt_redfish_app::config::{self, Loaded, Overrides};

#[test]
fn accepted_files_mean_what_they_say() {
    insta::glob!("config/accepted/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let Loaded { settings, warnings } = match config::parse("config.yaml", &text) {
            Ok(loaded) => loaded,
            Err(error) => panic!("{error}"),
        };
        let warnings: Vec<_> = warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
        insta::assert_snapshot!(format!("{settings:#?}\n\n{}", warnings.concat()));
    });
}

#[test]
fn refused_files_are_told_where_and_why() {
    insta::glob!("config/refused/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let error = config::parse("config.yaml", &text).unwrap_err();
        insta::assert_snapshot!(error);
    });
}

#[test]
fn a_missing_file_is_named() {
    let error = config::load(std::path::Path::new("no/such/config.yaml")).unwrap_err();
    assert!(error.to_string().starts_with("no/such/config.yaml: cannot be read: "), "{error}");
}

const SMALL: &str = "\
chassis: [{name: lab, namespace: vms}]
server: {port: 1234, tls: {enabled: false}}
authentication: {users: [{username: admin, password: 0123, chassis: [lab]}]}
";

fn overridden(variables: &[(&str, &str)]) -> Result<Loaded, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    config::parse_with("config.yaml", SMALL, &Overrides::among(variables)).map_err(|error| error.to_string())
}

#[test]
fn the_environment_wins_over_the_file() {
    let Loaded { settings, warnings } = overridden(&[
        ("KUBEVIRT_REDFISH_SERVER_PORT", "8080"),
        ("KUBEVIRT_REDFISH_SERVER_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("KUBEVIRT_REDFISH_SYSTEM_ID_CONVENTION", "enhanced"),
        ("KUBEVIRT_REDFISH_DATAVOLUME_STORAGE_CLASS", "lvms-vg1"),
        ("KUBEVIRT_REDFISH_DATAVOLUME_ALLOW_INSECURE_TLS", "True"),
        ("KUBEVIRT_REDFISH_DATAVOLUME_ACCESS_MODES", "ReadWriteOnce,ReadWriteMany"),
        ("KUBEVIRT_REDFISH_DATAVOLUME_PROBE_ENABLED", "false"),
        ("KUBEVIRT_REDFISH_DATAVOLUME_CERT_CONFIG_MAP", "registry-ca"),
        ("KUBEVIRT_REDFISH_AUTHENTICATION_KUBERNETES", "true"),
        ("KUBEVIRT_REDFISH_SERVER_WORKER_COUNT", "4"),
        ("KUBEVIRT_REDFISH_CDI_UPLOAD_PROXY_PORT", "443"),
        ("KUBEVIRT_REDFISH_CDI_UPLOAD_PROXY_TIMEOUT", "30"),
    ])
    .unwrap();
    assert_eq!(settings.listen.port, 8080);
    assert!(settings.service.bearer_tokens);
    let kubevirt = settings.kubevirt;
    assert_eq!(kubevirt.storage_class.as_ref().map(ToString::to_string).as_deref(), Some("lvms-vg1"));
    assert_eq!(kubevirt.cert_config_map.as_ref().map(ToString::to_string).as_deref(), Some("registry-ca"));
    assert_eq!(kubevirt.access_modes, ["ReadWriteOnce", "ReadWriteMany"]);
    assert!(kubevirt.allow_insecure_tls && kubevirt.probe.is_none());
    let warnings: Vec<_> = warnings.iter().map(ToString::to_string).filter(|text| text.contains("no effect")).collect();
    assert_eq!(
        warnings,
        [
            "config.yaml: cdi: has no effect: images are fetched by the cluster, nothing is uploaded \
             (as KUBEVIRT_REDFISH_CDI_UPLOAD_PROXY_PORT says)",
            "config.yaml: server.worker_count: has no effect: there are no background workers to configure \
             (as KUBEVIRT_REDFISH_SERVER_WORKER_COUNT says)",
        ]
    );
}

#[test]
fn an_override_that_cannot_be_used_is_refused_by_name() {
    let refused = overridden(&[
        ("KUBEVIRT_REDFISH_EVENTS_RETRY", "3"),
        ("KUBEVIRT_REDFISH_SERVER_PORT", "99999"),
        ("KUBEVIRT_REDFISH_KUBEVIRT_TIMEOUT", "30s"),
        ("KUBEVIRT_REDFISH_SERVER_TRUSTED_PROXIES", "10.0.0.0/99"),
        ("KUBEVIRT_REDFISH_SERVER_SSDP", "maybe"),
    ]);
    insta::assert_snapshot!(refused.unwrap_err());
    let refused = overridden(&[("KUBEVIRT_REDFISH_CHASSIS_0_NAME", "x")]).unwrap_err();
    assert!(refused.starts_with("config.yaml: KUBEVIRT_REDFISH_CHASSIS_0_NAME: names no key"), "{refused}");
}

/// What a pod finds in its environment besides what its manifest says.
#[test]
fn what_the_cluster_says_of_its_services_is_no_override() {
    let links = [
        ("KUBEVIRT_REDFISH_SERVICE_HOST", "10.0.0.7"),
        ("KUBEVIRT_REDFISH_SERVICE_PORT_HTTP", "8443"),
        ("KUBEVIRT_REDFISH_PORT", "tcp://10.0.0.7:8443"),
        ("KUBEVIRT_REDFISH_PORT_8443_TCP_PORT", "8443"),
    ];
    assert_eq!(overridden(&links).unwrap().settings.listen.port, 1234);
}
