//! The domain, in neither Redfish's nor Kubernetes' words: virtual machines, what can be asked of them, what is
//! seen of them. The Redfish side reads it, the KubeVirt side fills it, the service in between owns it.

mod address_policy;
mod address_range;
mod boot;
mod caller;
mod command;
mod correlation;
mod document;
mod election;
mod firmware;
mod hardware;
mod host;
mod identity;
mod image;
mod instance;
mod mac_address;
mod machine;
mod media;
mod observation;
mod outlook;
mod power;
mod power_on;
mod probe;
mod text;
pub mod time;
mod trust;
mod unanswered;
mod url;
mod written_name;

pub use address_policy::{AddressPolicy, AllowedHost, HostRefused};
pub use address_range::AddressRange;
pub use boot::{BootDevice, BootEnabled, BootMode, BootOverride, BootTarget};
pub use caller::{BearerToken, Caller, CallerReview, Permission, Reviewee};
pub use command::{
    Action, BootChange, BootOrderChange, Command, CommandError, CommandId, Completion, Congestion, MachineChange,
    PowerRequest,
};
pub use correlation::CorrelationId;
pub use document::{Document, DocumentName, DocumentWrite, LONGEST_DOCUMENT};
pub use election::{Leadership, LeaseGoal, LeaseRequest};
pub use firmware::{Firmware, FirmwareSettings, ProcessorModel, Tpm};
pub use hardware::{Architecture, Drive, DriveBus, DriveKind, Nic, Processors};
pub use host::Host;
pub use identity::{ImportId, Namespace, ObjectName, Uid, Verb, Version, VmId};
pub use image::{Image, ImageSource, NoImage};
pub use instance::{Instance, NicAddress, Phase};
pub use mac_address::MacAddress;
pub use machine::{IgnoredNote, Indicator, LONGEST_ASSET_TAG, Machine, Names, Severity, Superseded, Trouble};
pub use media::{
    ImageCredentials, ImagePassword, Import, ImportState, InsertMedia, Medium, Slot, TransferMethod, TransferProtocol,
};
pub use observation::{Blindness, Kind, Listed, Observation, Obstacle, Platform, Purpose, Sight, Source};
pub use outlook::{Next, Outlook};
pub use power::{PowerRestore, PowerState};
pub use power_on::{Deferral, LONGEST_STOP, LeftOutMedia, PendingPowerOn};
pub use probe::Probe;
pub use text::{is_plain, plain, shortened};
pub use trust::{CertificateId, ImageCertificate, ImageTrust, LONGEST_CERTIFICATE, MOST_CERTIFICATES, TrustChange};
pub use unanswered::{LastRequest, PowerEffect, PowerGoal, PowerNote, RequestId, Unanswered};
pub use url::Url;
