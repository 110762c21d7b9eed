use super::*;

fn credentials(user: &str) -> Credentials {
    Credentials::new(serde_json::from_str(user).expect("a user")).expect("credentials")
}

fn current(credentials: &Credentials) -> Result<Arc<Proof>, String> {
    smol::block_on(credentials.current())
}

fn authorization(credentials: &Credentials) -> String {
    let proof = current(credentials).expect("a proof");
    let value = proof.headers.get(AUTHORIZATION).expect("it is sent");
    assert!(value.is_sensitive());
    value.to_str().expect("text").to_owned()
}

/// A file of a test of its own.
fn file(name: &str, content: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("kubevirt-redfish-smol-{}-{name}", std::process::id()));
    std::fs::write(&path, content).expect("it is written");
    path
}

/// A plugin that counts how often it is run, and says what is in a file.
fn plugin(name: &str, said: &str) -> (Credentials, PathBuf, PathBuf) {
    let (said, runs) = (file(&format!("{name}.json"), said), file(&format!("{name}.runs"), ""));
    let script = "echo \"$1 $SETTING $KUBERNETES_EXEC_INFO\" >> \"$RUNS\"; cat \"$SAID\"";
    let user = serde_json::json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script, "sh", "get-token"],
        "env": [
            { "name": "SETTING", "value": "set" }, { "name": "RUNS", "value": runs }, { "name": "SAID", "value": said },
        ],
        "interactiveMode": "IfAvailable",
    } });
    (credentials(&user.to_string()), said, runs)
}

fn says(token: &str, end: &str) -> String {
    format!(r#"{{"kind": "ExecCredential", "status": {{"token": "{token}", "expirationTimestamp": "{end}"}}}}"#)
}

fn runs(path: &Path) -> usize {
    std::fs::read_to_string(path).expect("it is there").lines().count()
}

#[test]
fn tokens_and_passwords_are_sent_as_they_stand() {
    assert_eq!(authorization(&credentials(r#"{"token": "abc"}"#)), "Bearer abc");
    let both = credentials(r#"{"username": "admin", "password": "secret", "token": "abc"}"#);
    assert_eq!(authorization(&both), "Basic YWRtaW46c2VjcmV0", "as the other program has it");
    let oidc = r#"{"auth-provider": {"name": "oidc", "config": {"id-token": "abc"}}}"#;
    assert_eq!(authorization(&credentials(oidc)), "Bearer abc");
    let proof = current(&credentials("{}")).expect("a proof");
    assert!(*proof == Proof::default(), "nobody in particular");
}

#[test]
fn what_cannot_be_used_is_named() {
    for (user, told) in [
        (r#"{"auth-provider": {"name": "gcp", "config": {}}}"#, "auth-provider gcp"),
        (r#"{"token": "a\nb"}"#, "cannot be sent in a header"),
        (r#"{"client-certificate-data": "YWJj"}"#, "client-certificate without client-key"),
        (r#"{"client-key-data": "YWJj"}"#, "client-key without client-certificate"),
        (r#"{"client-certificate-data": "?", "client-key-data": "YWJj"}"#, "client-certificate-data"),
        (r#"{"client-certificate": "no/such.crt", "client-key": "no/such.key"}"#, "no/such.crt"),
        (r#"{"exec": {"command": "x", "interactiveMode": "Always"}}"#, "interactiveMode"),
        (r#"{"exec": {}}"#, "no command"),
    ] {
        let info = serde_json::from_str(user).expect("a user");
        let error = Credentials::new(info).err().expect("it is refused");
        assert!(error.contains(told), "{user}: {error}");
    }
}

#[test]
fn certificates_come_from_the_file_or_stand_in_it() {
    let (certificate, key) = (file("tls.crt", "certificate"), file("tls.key", "key"));
    let files = serde_json::json!({ "client-certificate": certificate, "client-key": key });
    let data = serde_json::json!({ "client-certificate-data": "Y2VydGlmaWNhdGU=", "client-key-data": "a2V5" });
    for user in [files, data] {
        let proof = current(&credentials(&user.to_string())).expect("a proof");
        let identity = proof.identity.as_ref().expect("a certificate");
        assert_eq!((&*identity.certificate, &*identity.key), (&b"certificate"[..], &b"key"[..]));
    }
}

#[test]
fn who_is_acted_as_goes_with_every_request() {
    let user = r#"{"token": "abc", "as": "jane", "as-uid": "7", "as-groups": ["a", "b"],
        "as-user-extra": {"acme.com/Project": ["x"]}}"#;
    let proof = current(&credentials(user)).expect("a proof");
    let all =
        |name: &str| proof.headers.get_all(name).iter().map(|value| value.to_str().expect("text")).collect::<Vec<_>>();
    assert_eq!(all("impersonate-user"), ["jane"]);
    assert_eq!(all("impersonate-uid"), ["7"]);
    assert_eq!(all("impersonate-group"), ["a", "b"]);
    assert_eq!(all("impersonate-extra-acme.com%2fproject"), ["x"]);
}

#[test]
fn a_token_in_a_file_is_read_again() {
    let path = file("token", "first\n");
    let credentials = credentials(&serde_json::json!({ "tokenFile": path }).to_string());
    assert_eq!(authorization(&credentials), "Bearer first");
    std::fs::write(&path, "second").expect("it is written");
    assert_eq!(authorization(&credentials), "Bearer second");
    std::fs::remove_file(&path).expect("it is there");
    assert_eq!(authorization(&credentials), "Bearer second", "some take it away once it was read");
    let missing = self::credentials(r#"{"tokenFile": "no/such/token"}"#);
    assert!(current(&missing).is_err_and(|error| error.contains("no/such/token")));
}

#[test]
fn a_plugin_is_run_when_what_it_said_ends() {
    let (credentials, said, ran) = plugin("expiring", &says("first", "2999-01-01T00:00:00Z"));
    for _ in 0..3 {
        assert_eq!(authorization(&credentials), "Bearer first");
    }
    let told = std::fs::read_to_string(&ran).expect("it was run");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("get-token set {") && told.contains(r#""kind":"ExecCredential""#), "{told}");

    let (credentials, said_soon, ran) = plugin("expired", &says("first", "2001-01-01T00:00:00Z"));
    assert_eq!(authorization(&credentials), "Bearer first");
    std::fs::write(&said_soon, says("second", "2999-01-01T00:00:00Z")).expect("it is written");
    assert_eq!(authorization(&credentials), "Bearer second");
    assert_eq!(authorization(&credentials), "Bearer second");
    assert_eq!(runs(&ran), 2);
    drop(said);
}

#[test]
fn a_plugin_is_run_again_when_what_it_said_is_refused() {
    let (credentials, said, ran) = plugin("refused", r#"{"status": {"token": "first"}}"#);
    let first = current(&credentials).expect("a proof");
    std::fs::write(&said, says("second", "2999-01-01T00:00:00Z")).expect("it is written");
    smol::block_on(credentials.refused(&first));
    assert_eq!(authorization(&credentials), "Bearer second");
    smol::block_on(credentials.refused(&first));
    assert_eq!(authorization(&credentials), "Bearer second");
    assert_eq!(runs(&ran), 2, "what is refused late has been replaced already");
}

#[test]
fn a_plugin_may_say_a_certificate() {
    let said = r#"{"status": {"clientCertificateData": "certificate", "clientKeyData": "key"}}"#;
    let (credentials, ..) = plugin("certificate", said);
    let proof = current(&credentials).expect("a proof");
    assert!(proof.identity.as_ref().is_some_and(|identity| identity.key == b"key"));
    assert!(proof.headers.is_empty());
}

#[test]
fn a_plugin_that_fails_is_named_and_run_again() {
    for (name, said, told) in [
        ("silent", "", "EOF"),
        ("empty", "{}", "no status"),
        ("nothing", r#"{"status": {}}"#, "neither a token nor a certificate"),
        ("half", r#"{"status": {"clientKeyData": "key"}}"#, "a key without its certificate"),
        ("yesterday", r#"{"status": {"token": "a", "expirationTimestamp": "yesterday"}}"#, "is no time"),
    ] {
        let (credentials, file, _) = plugin(name, said);
        let error = current(&credentials).err().expect("it fails");
        assert!(error.contains("exec: sh: ") && error.contains(told), "{error}");
        std::fs::write(&file, r#"{"status": {"token": "abc"}}"#).expect("it is written");
        assert_eq!(authorization(&credentials), "Bearer abc");
    }
    let missing = credentials(r#"{"exec": {"command": "no/such/plugin", "installHint": "install it"}}"#);
    assert!(current(&missing).is_err_and(|error| error.contains("no/such/plugin") && error.contains("install it")));
    let failing = credentials(r#"{"exec": {"command": "false"}}"#);
    assert!(current(&failing).is_err_and(|error| error.contains("exit status: 1")));
}

/// Everybody waits for the same run of a plugin.
#[test]
fn a_plugin_is_run_once_for_all_who_wait() {
    let (credentials, _, ran) = plugin("shared", r#"{"status": {"token": "abc"}}"#);
    smol::block_on(async {
        let asked = smol::future::zip(credentials.current(), credentials.current()).await;
        assert!(asked.0.is_ok() && asked.1.is_ok());
    });
    assert_eq!(runs(&ran), 1);
}
