//! One question about the cluster as a whole, and what its answer means.

use bytes::Bytes;
use http::header::DATE;
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::Finding;
use crate::model::{ObjectName, Platform};
use crate::object::{KubeVirt, StorageClasses};
use crate::request::{Collection, Path, Place as _, Unwatched, get};
use crate::time::{Now, UnixTime};
use crate::{Settings, TransportError, translate};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Version,
    Api(Api),
    Installation,
    DefaultClass,
    Profile(ObjectName),
}

/// A group of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Machines,
    Verbs,
    Imports,
}

/// What an answer means.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) findings: Vec<Finding>,
    /// What is to be asked next.
    pub(super) next: Option<Look>,
    pub(super) platform: Option<Platform>,
    /// There is no use in asking anything more.
    pub(super) hopeless: bool,
}

impl From<Finding> for Seen {
    fn from(finding: Finding) -> Self {
        Self { findings: vec![finding], ..Self::default() }
    }
}

/// Where it is asked what may be done.
pub(super) fn reviews() -> Path {
    Path::discovery("authorization.k8s.io/v1/selfsubjectaccessreviews")
}

impl Look {
    pub(super) fn all(settings: &Settings) -> impl Iterator<Item = Self> + use<> {
        let storage = settings.storage_class.clone().map_or(Self::DefaultClass, Self::Profile);
        let apis = [Api::Machines, Api::Verbs, Api::Imports].map(Self::Api);
        [Self::Version].into_iter().chain(apis).chain([Self::Installation, storage])
    }

    pub(super) fn request(&self) -> Request<Bytes> {
        get(&match self {
            Self::Version => Path::version(),
            Self::Api(api) => Path::discovery(api.group()),
            Self::Installation => Collection::KubeVirts.everywhere(),
            Self::DefaultClass => Unwatched::StorageClasses.everywhere(),
            Self::Profile(class) => Unwatched::StorageProfiles.everywhere().object(class),
        })
    }

    pub(super) fn understand(
        self,
        now: Now,
        answer: Result<Response<Bytes>, TransportError>,
        settings: &Settings,
    ) -> Seen {
        match self {
            Self::Version => version(now, answer),
            Self::Api(api) => api.understand(answer).into(),
            Self::Installation => installation(answer),
            Self::DefaultClass => default_class(answer),
            Self::Profile(class) => profile(&class, answer, settings),
        }
    }
}

/// A body that came with 200; else why there is none.
fn body(answer: Result<Response<Bytes>, TransportError>) -> Result<Bytes, (Option<StatusCode>, String)> {
    match answer {
        Ok(answer) if answer.status() == StatusCode::OK => Ok(answer.into_body()),
        Ok(answer) => Err((Some(answer.status()), format!("the API server answers {}", answer.status()))),
        Err(error) => Err((None, error.to_string())),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Version {
    git_version: String,
}

fn version(now: Now, answer: Result<Response<Bytes>, TransportError>) -> Seen {
    let date = answer.as_ref().ok().and_then(|answer| answer.headers().get(DATE)?.to_str().ok());
    let clock = date.and_then(UnixTime::parse_http_date).map(|theirs| clock(now.unix, theirs));
    match body(answer) {
        Ok(body) => {
            let version: Version = serde_json::from_slice(&body).unwrap_or_default();
            let detail = format!("it answers; Kubernetes {}", version.git_version);
            let findings = [Some(Finding::good("API server", detail)), clock].into_iter().flatten().collect();
            Seen { findings, ..Seen::default() }
        }
        Err((_, reason)) => Seen {
            findings: vec![Finding::error("API server", reason, "kubectl version")],
            hopeless: true,
            ..Seen::default()
        },
    }
}

/// Sessions, leases and tokens last as long on both sides only if the clocks agree.
fn clock(ours: UnixTime, theirs: UnixTime) -> Finding {
    let skew = ours.0.saturating_sub(theirs.0);
    let seconds = skew.unsigned_abs();
    if seconds <= CLOCK_TOLERANCE {
        return Finding::good("clock", "it agrees with that of the API server");
    }
    let which = if skew > 0 { "ahead of" } else { "behind" };
    let detail = format!("it is {seconds} s {which} that of the API server: times that clients are told are wrong");
    Finding::warning("clock", detail, "chronyc makestep")
}

/// By how many seconds clocks may differ: the header has whole seconds, and the answer takes its time.
const CLOCK_TOLERANCE: u64 = 5;

impl Api {
    const fn group(self) -> &'static str {
        match self {
            Self::Machines => "kubevirt.io/v1",
            Self::Verbs => "subresources.kubevirt.io/v1",
            Self::Imports => "cdi.kubevirt.io/v1beta1",
        }
    }

    fn understand(self, answer: Result<Response<Bytes>, TransportError>) -> Finding {
        let subject = format!("API {}", self.group());
        let Err((status, reason)) = body(answer) else {
            return Finding::good(subject, "it is served");
        };
        let is_missing = status == Some(StatusCode::NOT_FOUND);
        match (self, is_missing) {
            (Self::Machines, true) => {
                let detail = "it is not served: KubeVirt is not installed, or too old";
                Finding::error(subject, detail, "kubectl get crd virtualmachines.kubevirt.io")
            }
            (Self::Machines, false) => Finding::error(subject, reason, "kubectl get --raw /apis/kubevirt.io/v1"),
            (Self::Verbs, _) => {
                let detail = format!("{reason}: machines can be neither started nor stopped as they should");
                Finding::error(subject, detail, "kubectl get apiservices v1.subresources.kubevirt.io")
            }
            (Self::Imports, true) => {
                let detail = "it is not served: without CDI no image can be inserted";
                Finding::warning(subject, detail, "kubectl get crd datavolumes.cdi.kubevirt.io")
            }
            (Self::Imports, false) => {
                Finding::warning(subject, reason, "kubectl get --raw /apis/cdi.kubevirt.io/v1beta1")
            }
        }
    }
}

fn installation(answer: Result<Response<Bytes>, TransportError>) -> Seen {
    let subject = "KubeVirt";
    let list = match body(answer) {
        Ok(body) => serde_json::from_slice::<Value>(&body).unwrap_or_default(),
        // That is told with the rights.
        Err((Some(StatusCode::FORBIDDEN), _)) => return Seen::default(),
        Err((_, reason)) => return Finding::warning(subject, reason, "kubectl get kubevirts -A").into(),
    };
    let Some(object) = list.pointer("/items/0") else {
        let detail = "there is no KubeVirt object: KubeVirt is not deployed";
        return Finding::error(subject, detail, "kubectl get kubevirts -A").into();
    };
    let read: KubeVirt = serde_json::from_value(object.clone()).unwrap_or_default();
    let platform = translate::platform(&read);
    let name =
        |field: &str| object.pointer(&format!("/metadata/{field}")).and_then(Value::as_str).unwrap_or("kubevirt");
    let gates = "/spec/configuration/developerConfiguration/featureGates";
    let patch = |gate: &str| {
        let (kind, patch) = if object.pointer(gates).is_some_and(Value::is_array) {
            ("json", format!(r#"[{{"op":"add","path":"{gates}/-","value":"{gate}"}}]"#))
        } else {
            let merged =
                format!(r#"{{"spec":{{"configuration":{{"developerConfiguration":{{"featureGates":["{gate}"]}}}}}}}}"#);
            ("merge", merged)
        };
        format!("kubectl -n {} patch kubevirt {} --type={kind} -p '{patch}'", name("namespace"), name("name"))
    };
    let mut findings = vec![match platform.version.as_deref() {
        Some(version) => Finding::good(subject, format!("version {version}")),
        None => Finding::warning(subject, "it does not say its version", "kubectl get kubevirts -A -o yaml"),
    }];
    for (gate, is_on, without) in [
        (
            "DeclarativeHotplugVolumes",
            platform.live_media,
            "an image is inserted by the next start, not while a machine runs",
        ),
        ("RebootPolicy", platform.reboot_ends_run, "a reboot from inside the guest does not end a boot override"),
    ] {
        let subject = format!("feature gate {gate}");
        findings.push(if is_on {
            Finding::good(subject, "on")
        } else {
            Finding::warning(subject, format!("off, or not known to this version: {without}"), patch(gate))
        });
    }
    Seen { findings, platform: Some(platform), ..Seen::default() }
}

fn default_class(answer: Result<Response<Bytes>, TransportError>) -> Seen {
    let subject = "storage class";
    let classes: StorageClasses = match body(answer) {
        Ok(body) => serde_json::from_slice(&body).unwrap_or_default(),
        Err((Some(StatusCode::FORBIDDEN), _)) => return Seen::default(),
        Err((_, reason)) => return Finding::warning(subject, reason, "kubectl get storageclasses").into(),
    };
    let Some(class) = classes.default_class() else {
        let detail = "the cluster has no default and datavolume.storage_class names none: imports wait for ever";
        let mend = "kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true";
        return Finding::error(subject, detail, mend).into();
    };
    let found = Finding::good(subject, format!("images go to the cluster's default, {class}"));
    Seen { next: Some(Look::Profile(class)), ..found.into() }
}

fn profile(class: &ObjectName, answer: Result<Response<Bytes>, TransportError>, settings: &Settings) -> Seen {
    let subject = format!("StorageProfile {class}");
    let profile: Value = match body(answer) {
        Ok(body) => serde_json::from_slice(&body).unwrap_or_default(),
        Err((Some(StatusCode::FORBIDDEN), _)) => return Seen::default(),
        Err((Some(StatusCode::NOT_FOUND), _)) => {
            let detail = "there is none: no storage class of that name, or no CDI";
            return Finding::error(subject, detail, "kubectl get storageclasses,storageprofiles").into();
        }
        Err((_, reason)) => {
            return Finding::warning(subject, reason, format!("kubectl get storageprofile {class} -o yaml")).into();
        }
    };
    let sets = profile.pointer("/status/claimPropertySets").and_then(Value::as_array);
    if sets.is_some_and(|sets| !sets.is_empty()) || !settings.access_modes.is_empty() {
        return Finding::good(subject, "it is known how volumes may be used").into();
    }
    let detail = "CDI does not know how volumes of this class may be used, and datavolume.access_modes does not say: \
                  imports fail";
    let patch = r#"{"spec":{"claimPropertySets":[{"accessModes":["ReadWriteOnce"],"volumeMode":"Filesystem"}]}}"#;
    Finding::error(subject, detail, format!("kubectl patch storageprofile {class} --type=merge -p '{patch}'")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::Weight;
    use crate::time::Instant;

    fn weight(date: &str, ours: &str) -> Option<Weight> {
        let response = Response::builder().header(DATE, date).body(Bytes::from_static(b"{}")).ok()?;
        let now = Now { mono: Instant::default(), unix: UnixTime::parse(ours)? };
        let seen = Look::Version.understand(now, Ok(response), &Settings::default());
        seen.findings.iter().find(|finding| finding.subject == "clock").map(|finding| finding.weight)
    }

    #[test]
    fn a_clock_that_is_wrong_is_told() {
        let date = "Tue, 01 Dec 2026 01:40:06 GMT";
        for (ours, expected) in [
            ("2026-12-01T01:40:06Z", Some(Weight::Good)),
            ("2026-12-01T01:40:11Z", Some(Weight::Good)),
            ("2026-12-01T01:40:12Z", Some(Weight::Warning)),
            ("2026-12-01T01:39:00Z", Some(Weight::Warning)),
        ] {
            assert_eq!(weight(date, ours), expected, "{ours}");
        }
        assert_eq!(weight("yesterday", "2026-12-01T01:40:06Z"), None);
    }
}
