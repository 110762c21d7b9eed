//! Defects of other services, each of which must be impossible here: those that only the running program could have,
//! numbered as in the project's list. The others are with the core's tests.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use http::{Method, StatusCode};
use kubevirt_redfish_app::config::{self, Loaded};
use kubevirt_redfish_fixtures::cluster::KubevirtVersion;
use kubevirt_redfish_fixtures::sample;
use support::api::{self, Api};
use support::{Client, Service, eventually};

const SYSTEMS: &str = "/redfish/v1/Systems";
const NODE: &str = "/redfish/v1/Systems/lab.node-0";

async fn ready(service: &Service) -> Client {
    let mut client = service.client().await;
    eventually(async || client.get(SYSTEMS).await, |answer| answer.status == StatusCode::OK).await;
    client
}

#[tokio::test]
async fn d05_a_compressed_answer_is_compressed_once_and_as_long_as_it_says() {
    let service = Service::simulate(&["--tls", "off"]);
    let mut client = ready(&service).await;
    for path in [SYSTEMS, NODE, "/redfish/v1/$metadata", "/redfish/v1/Systems?$expand=.", "/redfish/v1/nothing"] {
        // By turns, so that neither is taken for the other.
        for _ in 0..3 {
            let plain = client.get(path).await;
            let packed = client.send(Method::GET, path, &[("accept-encoding", "gzip, deflate, br")], "").await;
            assert_eq!(plain.header("content-encoding"), None, "{path}");
            let body = match packed.header("content-encoding") {
                Some(coding) => {
                    assert_eq!(coding, "gzip");
                    let mut body = Vec::new();
                    flate2::read::GzDecoder::new(&*packed.body).read_to_end(&mut body).unwrap();
                    body
                }
                None => packed.body.to_vec(),
            };
            assert_eq!(String::from_utf8_lossy(&body), String::from_utf8_lossy(&plain.body), "{path}");
            for answer in [&plain, &packed] {
                assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()), "{path}");
                let varies = answer.header("vary").is_some_and(|names| names.contains("accept-encoding"));
                assert_eq!(varies, answer.status.is_success(), "{path}: what is an error is never compressed");
            }
        }
    }
}

#[tokio::test]
async fn d07_the_program_ends_when_it_is_told_to_whoever_is_connected() {
    let mut service = Service::simulate(&[]);
    let mut idle = ready(&service).await;
    // A stream of events would never end by itself.
    let stream = [("accept", "text/event-stream")];
    let mut reader = service.client().await;
    let open = tokio::spawn(async move { reader.send(Method::GET, "/redfish/v1/EventService/SSE", &stream, "").await });
    assert_eq!(idle.get(NODE).await.status, StatusCode::OK);
    service.terminate();
    assert_eq!(service.exit_status().code(), Some(0));
    assert!(idle.is_closed().await);
    open.abort();
}

#[tokio::test]
async fn d08_who_guesses_passwords_is_known_by_the_connection_and_locks_out_no_one_else() {
    let service = Service::simulate(&["--tls", "off"]);
    let mut client = ready(&service).await;
    let login = r#"{"UserName": "admin", "Password": "secret"}"#;
    let session = client.post("/redfish/v1/SessionService/Sessions", login).await;
    let token = session.header("x-auth-token").unwrap().to_owned();
    // Each attempt says that it comes from elsewhere, and names an account that does not exist.
    let mut refused = 0;
    for number in 0..60 {
        let pretended = format!("203.0.113.{number}");
        let headers = [
            ("authorization", "Basic bm9ib2R5Ondyb25n"),
            ("x-forwarded-for", pretended.as_str()),
            ("forwarded", "for=198.51.100.7"),
            ("x-real-ip", pretended.as_str()),
        ];
        let mut guesser = service.client().await.anonymous();
        let status = guesser.send(Method::GET, NODE, &headers, "").await.status;
        assert!(matches!(status, StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS), "{status}");
        refused += usize::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 20, "a header makes nobody somebody else: {refused}");
    let known = client.anonymous().send(Method::GET, NODE, &[("x-auth-token", token.as_str())], "").await;
    assert_eq!(known.status, StatusCode::OK, "who is logged in already goes on, at the same address too");
}

/// A mounted `Secret` is a directory of links to another one, which is swapped as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn d14_a_file_that_is_swapped_takes_the_old_password_away() {
    let api = Api::start("swapped", sample::laboratory(api::cluster(KubevirtVersion::V1_9), 1)).await;
    let mount = Path::new(env!("CARGO_TARGET_TMPDIR")).join("swapped-mount");
    let _ = std::fs::remove_dir_all(&mount);
    for (directory, password) in [("..first", "secret"), ("..second", "fresh-1")] {
        std::fs::create_dir_all(mount.join(directory)).unwrap();
        let config = format!(
            "chassis: [{{name: lab, namespace: lab}}]\nsystem_id_convention: enhanced\n\
             authentication: {{users: [{{username: admin, password: {password}, chassis: [lab]}}]}}\n"
        );
        std::fs::write(mount.join(directory).join("config.yaml"), config).unwrap();
    }
    symlink("..data/config.yaml", mount.join("config.yaml")).unwrap();
    for (directory, right, wrong) in [
        ("..first", "YWRtaW46c2VjcmV0", "YWRtaW46ZnJlc2gtMQ=="),
        ("..second", "YWRtaW46ZnJlc2gtMQ==", "YWRtaW46c2VjcmV0"),
    ] {
        let _ = std::fs::remove_file(mount.join("..data"));
        symlink(directory, mount.join("..data")).unwrap();
        let mut service = Service::serve(&mount.join("config.yaml"), &api.kubeconfig);
        let mut client = service.client().await.anonymous();
        let (right, wrong) = (format!("Basic {right}"), format!("Basic {wrong}"));
        let mut ask = async |credentials: &str| {
            client.send(Method::GET, NODE, &[("authorization", credentials)], "").await.status
        };
        eventually(async || ask(&right).await, |status| *status == StatusCode::OK).await;
        assert_eq!(ask(&wrong).await, StatusCode::UNAUTHORIZED, "{directory}");
        service.terminate();
        assert_eq!(service.exit_status().code(), Some(0));
    }
}

/// Whatever line is taken out of a file with every key in it, or says something else if it says what holds anyway, either
/// the settings are others or the file is refused; and whatever has no effect is named.
#[test]
fn d16_every_key_has_an_effect_or_a_warning() {
    let everything = include_str!("config/accepted/everything.yaml");
    let meaning = |text: &str| match config::parse("config.yaml", text) {
        Ok(Loaded { settings, warnings }) => format!("{settings:?} {warnings:?}"),
        Err(error) => error.to_string(),
    };
    let all = meaning(everything);
    let otherwise = |line: &str| match line.trim() {
        "only_allowed_hosts: false" => "  only_allowed_hosts: true",
        "allow_insecure_tls: false" => "  allow_insecure_tls: true",
        r#"storage_class: """# => "  storage_class: fast",
        _ => "",
    };
    let mut keys = 0;
    for line in everything.lines().filter(|line| line.contains(':') && !line.contains(['#', '$'])) {
        keys += 1;
        assert_ne!(meaning(&everything.replacen(line, otherwise(line), 1)), all, "{line}");
    }
    assert!(keys > 40, "{keys}");

    let without_effect = include_str!("config/accepted/without-effect.yaml");
    let Loaded { warnings, .. } = config::parse("config.yaml", without_effect).unwrap();
    let warned = warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    for key in [
        "test_mode",
        "worker_count",
        "service_account",
        "api_version",
        "allow_insecure_tls",
        "cdi",
        "helper_image",
        "global",
        "rbac",
    ] {
        assert!(warned.contains(key), "{key}: {warned}");
    }

    let unknown = format!("{everything}unknown: 1\n");
    assert!(config::parse("config.yaml", &unknown).is_err());
}
