//! The Kubernetes dialect, without input or output of its own: requests leave as `http` values, answers come back as
//! such, time and entropy are arguments.
//!
//! It owns how the cluster is watched ([`Watch`]), what its objects mean in the domain's words, and how one command
//! becomes requests to the API server ([`Operation`]). It never speaks Redfish, never opens a connection, and never
//! decides what should be done: that is the service's.
//!
//! Requests are relative (`/apis/kubevirt.io/v1/...`); whoever carries them adds the server, the credentials and the
//! connection. Facts about the cluster that decisions rest on are cited beside them.

use kubevirt_redfish_model::{self as model, time};

use model::{AddressPolicy, ImageCertificate, Namespace, ObjectName};

mod annotation;
mod asked;
mod boot_sequence;
mod defaults;
mod entropy;
mod firmware_record;
mod object;
mod operation;
mod others_medium;
mod quantity;
mod request;
mod rights;
mod survey;
mod translate;
mod watch;

pub use asked::Asked;
pub use operation::{ImageRequest, Operation, OperationStep, Share, Verification};
pub use rights::{Right, Rights, rights};
pub use survey::{Finding, SURVEY_LONGEST, SURVEY_PATIENCE, Survey, Weight};
pub use watch::{Watch, WatchStep, document_watch, watches};

/// What the configuration says about the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The storage class that images are imported to; `None` for the cluster's default.
    pub storage_class: Option<ObjectName>,
    /// The size of the volume an image is imported to, as a Kubernetes quantity such as `3Gi`.
    pub storage_size: String,
    /// Which hosts images may be fetched from. What a name stands for is found out by the importer, from where it is.
    pub image_hosts: AddressPolicy,
    /// Whether images may come from servers whose certificate is not trusted.
    pub allow_insecure_tls: bool,
    /// Certificates by which servers of images are known besides those that the cluster trusts.
    pub ca_bundle: Vec<ImageCertificate>,
    /// An object with certificates, of this name in the namespace of each machine, that imports take instead of `ca_bundle`;
    /// it is not the service's, which does not read it.
    pub cert_config_map: Option<ObjectName>,
    /// How the volumes that images are imported to may be used, such as `ReadWriteOnce`; empty for what the importer
    /// knows of the storage class.
    pub access_modes: Vec<String>,
    /// `Filesystem` or `Block`; `None` for what the importer knows of the storage class.
    pub volume_mode: Option<String>,
    /// Whether machines of a namespace share the import of an image, where the storage allows it.
    pub share_imports: bool,
    /// How servers are asked for the size of an image before it is imported; `None` if they are not.
    pub probe: Option<ImageProbe>,
    /// The namespace that the service itself is in and keeps its documents in; `None` if it has none.
    pub own_namespace: Option<Namespace>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            storage_class: None,
            storage_size: "3Gi".to_owned(),
            image_hosts: AddressPolicy::of_images(),
            allow_insecure_tls: false,
            ca_bundle: Vec::new(),
            cert_config_map: None,
            access_modes: Vec::new(),
            volume_mode: None,
            share_imports: true,
            probe: Some(ImageProbe::default()),
            own_namespace: None,
        }
    }
}

/// How servers are asked for the size of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageProbe {
    /// Which hosts may be asked.
    pub policy: AddressPolicy,
    /// The largest volume, in bytes, that is made because a server says so: whoever may insert an image names the server.
    pub max_size: u64,
}

impl Default for ImageProbe {
    fn default() -> Self {
        Self { policy: AddressPolicy::of_images(), max_size: 100 << 30 }
    }
}

/// An annotation of an object that the service reads. Whoever may edit the object may have written it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadAnnotation {
    /// What it is called.
    pub name: &'static str,
    /// It is read of machines; otherwise of what images are imported to.
    pub of_machine: bool,
    /// It is the service's own, and ignored if the service would not have written it; otherwise as much of it is shown as
    /// there is room for.
    pub own: bool,
}

/// Every annotation that the service reads.
pub fn read_annotations() -> impl Iterator<Item = ReadAnnotation> {
    annotation::Key::ALL.iter().map(|key| ReadAnnotation {
        name: key.name(),
        of_machine: key.on() == annotation::On::Machine,
        own: *key != annotation::Key::Description,
    })
}

/// Why a request got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// It was not sent: it certainly had no effect.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The connection broke after it was sent: it may have had an effect.
    #[error("connection broken: {0}")]
    Broken(String),
    /// No answer came in time: it may have had an effect.
    #[error("no answer in time")]
    TimedOut,
}
