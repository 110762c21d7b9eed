//! The command line: help, mistakes, exit statuses.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use support::{file, program, run};

const CONFIG: &str = "\
chassis:
  - {name: lab, namespace: vms, vm_selector: {labels: {redfish-enabled: \"true\"}}}
authentication:
  users:
    - {username: admin, password: secret, chassis: [lab]}
";

#[test]
fn help_and_version() {
    for args in [&["--help"][..], &["serve", "--help"], &["simulate", "--help"], &["check", "--help"]] {
        let (status, stdout, stderr) = run(args);
        assert_eq!((status, stderr.as_str()), (0, ""), "{args:?}");
        insta::assert_snapshot!(format!("help_{}", args[0].trim_start_matches('-')), stdout);
    }
    let (status, stdout, _) = run(&["--version"]);
    assert_eq!((status, stdout.as_str()), (0, concat!("kubevirt-redfish ", env!("CARGO_PKG_VERSION"), "\n")));
}

#[test]
fn mistakes_on_the_command_line_end_with_2() {
    for args in [
        &["--no-such-option"][..],
        &["no-such-command"],
        &["simulate", "--listen", "8443"],
        &["simulate", "--time-scale", "0"],
        &["simulate", "--systems", "-1"],
        &["simulate", "--kubevirt-version", "2"],
        &["simulate", "--password", ""],
        &["simulate", "--username", "a:b"],
        &["serve", "--config"],
    ] {
        let (status, stdout, stderr) = run(args);
        assert_eq!((status, stdout.as_str()), (2, ""), "{args:?}: {stderr}");
        assert!(!stderr.is_empty());
    }
}

#[test]
fn without_a_configuration_there_is_advice() {
    for args in [&[][..], &["serve"], &["check"]] {
        let (status, _, stderr) = run(args);
        assert_eq!(status, 2, "{args:?}");
        assert!(stderr.contains("--config FILE or set CONFIG_PATH"), "{stderr}");
    }
}

#[test]
fn check_says_what_a_file_means() {
    let path = file("check.yaml", CONFIG);
    let (status, stdout, stderr) = run(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    insta::assert_snapshot!("check", stdout.replace(path.to_str().unwrap(), "config.yaml"));
}

#[test]
fn check_takes_the_file_from_the_environment() {
    let path = file("check-environment.yaml", CONFIG);
    let output = program(&["check"]).env("CONFIG_PATH", path).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn check_refuses_with_2() {
    let path = file("check-wrong.yaml", &CONFIG.replace("namespace:", "name_space:"));
    let (status, stdout, stderr) = run(&["check", "--config", path.to_str().unwrap()]);
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert!(stderr.contains("check-wrong.yaml:2:17: chassis[0].name_space: unknown key"), "{stderr}");
}

#[test]
fn serve_needs_credentials_that_can_be_read() {
    let config = file("serve.yaml", CONFIG);
    let (status, _, stderr) =
        run(&["serve", "--config", config.to_str().unwrap(), "--kubeconfig", "no/such/kubeconfig"]);
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("the kubeconfig no/such/kubeconfig cannot be used"), "{stderr}");
}

#[test]
fn serve_names_the_certificate_that_is_missing() {
    let tls = "server: {tls: {enabled: true, cert_file: no/such/tls.crt, key_file: no/such/tls.key}}\n";
    let config = file("serve-tls.yaml", &format!("{CONFIG}{tls}"));
    let (status, _, stderr) = run(&["serve", "--config", config.to_str().unwrap()]);
    assert_eq!(status, 2, "{stderr}");
    assert!(stderr.contains("no/such/tls.crt"), "{stderr}");
}

#[test]
fn a_log_level_that_is_none_is_refused() {
    let output = program(&["simulate"]).env("LOG_LEVEL", "verbose").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("LOG_LEVEL is `verbose`"));
}
