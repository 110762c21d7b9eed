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
    for args in [
        &["--help"][..],
        &["serve", "--help"],
        &["simulate", "--help"],
        &["check", "--help"],
        &["hash-password", "--help"],
        &["completions", "--help"],
        &["man", "--help"],
    ] {
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
        &["simulate", "--password", "a", "--password-file", "b"],
        &["simulate", "--password-file", "no/such/file"],
        &["simulate", "--password-file", "/dev/null"],
        &["hash-password", "--password-file", "no/such/file"],
        &["hash-password", "--password-file", "/dev/null"],
        &["hash-password", "--password-file", "/dev/zero"],
        &["completions", "dos"],
        &["man", "no-such-command"],
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

/// N2: what `serve` refuses, `check` refuses.
#[test]
fn check_loads_the_certificate_that_serve_loads() {
    let pair = |name: &str, end: (i32, u8, u8)| {
        let mut params = rcgen::CertificateParams::new(vec!["bmc.example".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(end.0, end.1, end.2);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (file(&format!("{name}.crt"), &certificate.pem()), file(&format!("{name}.key"), &key.serialize_pem()))
    };
    let (certificate, key) = pair("good", (2999, 1, 1));
    let (expired, of_expired) = pair("expired", (2001, 1, 1));
    let empty = file("empty.pem", "");
    let missing = "no/such/file.pem".into();
    for (name, certificate, key, status, told) in [
        ("good", &certificate, &key, 0, "can be used"),
        ("expired", &expired, &of_expired, 0, "the certificate expired at 2001-01-01T00:00:00Z"),
        ("swapped", &key, &certificate, 2, "good.key"),
        ("empty", &empty, &key, 2, "has no certificate in it"),
        ("without-key", &certificate, &empty, 2, "unencrypted private key"),
        ("of-another", &certificate, &of_expired, 2, "cannot be used"),
        ("missing", &missing, &key, 2, "no/such/file.pem"),
    ] {
        let (certificate, key) = (certificate.display(), key.display());
        let tls = format!("server: {{tls: {{enabled: true, cert_file: '{certificate}', key_file: '{key}'}}}}\n");
        let config = file(&format!("tls-{name}.yaml"), &format!("{CONFIG}{tls}"));
        let (ended, stdout, stderr) = run(&["check", "--config", config.to_str().unwrap()]);
        assert_eq!(ended, status, "{name}: {stdout}{stderr}");
        assert!(format!("{stdout}{stderr}").contains(told), "{name}: {stdout}{stderr}");
        if status != 0 {
            let (ended, _, other) = run(&["serve", "--config", config.to_str().unwrap()]);
            assert_eq!((ended, other), (status, stderr), "{name}: serve says the same");
        }
    }
}

/// N5: a hash that a configuration takes, of a password that stands on no command line.
#[test]
fn a_password_is_hashed_for_the_configuration() {
    let password = file("password.txt", "correct horse\n");
    let (status, hash, stderr) = run(&["hash-password", "--password-file", password.to_str().unwrap()]);
    assert_eq!((status, stderr.as_str()), (0, ""));
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && hash.ends_with('\n'), "{hash}");
    let config = file("hashed.yaml", &CONFIG.replace("secret", &format!("'{}'", hash.trim())));
    let (status, stdout, _) = run(&["check", "--config", config.to_str().unwrap()]);
    assert_eq!(status, 0);
    assert!(stdout.contains("(hashed password)"), "{stdout}");
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (status, stdout, _) = run(&["completions", shell]);
        assert_eq!(status, 0, "{shell}");
        for name in ["serve", "simulate", "check", "hash-password", "completions", "man"] {
            assert!(stdout.contains(name), "{shell}: {name}");
        }
    }
    for (args, title) in [(&["man"][..], ".TH kubevirt-redfish 1"), (&["man", "serve"], ".TH kubevirt-redfish-serve 1")]
    {
        let (status, stdout, _) = run(args);
        assert_eq!(status, 0, "{args:?}");
        assert!(stdout.contains(title) && stdout.contains("kubeconfig"), "{args:?}: {stdout}");
    }
}
