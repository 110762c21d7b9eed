//! The attributes of a BIOS: what can be set of firmware and board, and to what.
//!
//! One table for the resource that shows them, the one that takes changes, and the registry that explains them.

use std::num::NonZero;

use serde_json::Value;

use super::parameters;
use crate::messages::{Message, base};
use crate::model::{BootMode, FirmwareSettings, ProcessorModel, Tpm};

/// An attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    BootMode,
    SecureBoot,
    PersistentUefiVariables,
    Tpm,
    CpuModel,
    CpuSockets,
    CpuCores,
    CpuThreads,
    SerialConsole,
    GraphicsDevice,
    RandomNumberGenerator,
    MachineType,
}

/// What an attribute may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// One of these: names, and what people call them.
    Enumeration(&'static [(&'static str, &'static str)]),
    /// A whole number from 1 to this.
    Integer(u16),
    /// A name of at most so many characters.
    String(usize),
    /// A text that cannot be changed.
    ReadOnly,
}

/// An attribute as people are told of it.
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) display_name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
}

impl Attribute {
    pub(super) const ALL: [Self; 12] = [
        Self::BootMode,
        Self::SecureBoot,
        Self::PersistentUefiVariables,
        Self::Tpm,
        Self::CpuModel,
        Self::CpuSockets,
        Self::CpuCores,
        Self::CpuThreads,
        Self::SerialConsole,
        Self::GraphicsDevice,
        Self::RandomNumberGenerator,
        Self::MachineType,
    ];

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.definition().name == name)
    }

    pub(super) const fn definition(self) -> Definition {
        let (name, display_name, help, kind) = match self {
            Self::BootMode => (
                "BootMode",
                "Boot Mode",
                "Which firmware starts the guest. The same as BootSourceOverrideMode of the system.",
                Kind::Enumeration(&[("Uefi", "UEFI"), ("Legacy", "Legacy BIOS")]),
            ),
            Self::SecureBoot => (
                "SecureBoot",
                "Secure Boot",
                "Whether only what is signed is started. Needs UEFI. The same as SecureBootEnable of the system.",
                ON_OFF,
            ),
            Self::PersistentUefiVariables => (
                "PersistentUefiVariables",
                "Persistent UEFI Variables",
                "Whether what the guest stores in the firmware, such as boot entries, outlives its run. Needs UEFI, and \
                 storage in the cluster.",
                ON_OFF,
            ),
            Self::Tpm => (
                "Tpm",
                "Trusted Platform Module",
                "Whether there is a TPM 2.0, and whether it keeps its contents when the machine is turned off, which needs \
                 storage in the cluster.",
                Kind::Enumeration(&[
                    ("Disabled", "Disabled"),
                    ("Enabled", "Enabled, without memory"),
                    ("Persistent", "Enabled, persistent"),
                ]),
            ),
            Self::CpuModel => (
                "CpuModel",
                "Processor Model",
                "The processor that the guest sees: host-model, host-passthrough or the name of a model. Null leaves it to \
                 the cluster.",
                Kind::String(64),
            ),
            Self::CpuSockets => {
                ("CpuSockets", "Processor Sockets", "How many processors there are.", Kind::Integer(512))
            }
            Self::CpuCores => ("CpuCores", "Cores per Socket", "How many cores a processor has.", Kind::Integer(512)),
            Self::CpuThreads => ("CpuThreads", "Threads per Core", "How many threads a core has.", Kind::Integer(8)),
            Self::SerialConsole => ("SerialConsole", "Serial Console", "Whether there is a serial port.", ON_OFF),
            Self::GraphicsDevice => {
                ("GraphicsDevice", "Graphics Device", "Whether there is a graphics adapter.", ON_OFF)
            }
            Self::RandomNumberGenerator => (
                "RandomNumberGenerator",
                "Random Number Generator",
                "Whether the guest gets random numbers from its host.",
                ON_OFF,
            ),
            Self::MachineType => ("MachineType", "Machine Type", "The kind of board.", Kind::ReadOnly),
        };
        Definition { name, display_name, help, kind }
    }

    /// Whether it is about the processors, which an instance type may decide on.
    pub(super) const fn is_of_processors(self) -> bool {
        matches!(self, Self::CpuModel | Self::CpuSockets | Self::CpuCores | Self::CpuThreads)
    }

    /// Its value; null if it is not known.
    pub(super) fn value(self, settings: &FirmwareSettings) -> Value {
        let count = |count: NonZero<u16>| count.get().into();
        let switch = |on: Option<bool>| on.map(|on| if on { ENABLED } else { DISABLED }.into());
        match self {
            Self::BootMode => settings.mode.map(|mode| match mode {
                BootMode::Uefi => "Uefi".into(),
                BootMode::Legacy => "Legacy".into(),
            }),
            Self::SecureBoot => switch(settings.secure_boot),
            Self::PersistentUefiVariables => switch(settings.persistent_variables),
            Self::Tpm => settings.tpm.map(|tpm| match tpm {
                Tpm::Absent => DISABLED.into(),
                Tpm::Volatile => ENABLED.into(),
                Tpm::Persistent => "Persistent".into(),
            }),
            Self::CpuModel => settings.processor_model.as_ref().and_then(|model| match model {
                ProcessorModel::Named(name) => Some((&**name).into()),
                ProcessorModel::Default => None,
            }),
            Self::CpuSockets => settings.sockets.map(count),
            Self::CpuCores => settings.cores.map(count),
            Self::CpuThreads => settings.threads.map(count),
            Self::SerialConsole => switch(settings.serial_console),
            Self::GraphicsDevice => switch(settings.graphics),
            Self::RandomNumberGenerator => switch(settings.random_numbers),
            Self::MachineType => settings.machine_type.as_deref().map(Into::into),
        }
        .unwrap_or_default()
    }

    /// Reads a value that it is to have.
    pub(super) fn read(self, value: &Value, change: &mut FirmwareSettings) -> Result<(), Message> {
        let Definition { name, kind, .. } = self.definition();
        let switch =
            || parameters::choice(name, value, &[true, false], |on| if on { ENABLED } else { DISABLED }).map(Some);
        match self {
            Self::BootMode => {
                let mode_name = |mode| if mode == BootMode::Uefi { "Uefi" } else { "Legacy" };
                change.mode =
                    parameters::choice(name, value, &[BootMode::Uefi, BootMode::Legacy], mode_name).map(Some)?;
            }
            Self::SecureBoot => change.secure_boot = switch()?,
            Self::PersistentUefiVariables => change.persistent_variables = switch()?,
            Self::Tpm => {
                let all = [Tpm::Absent, Tpm::Volatile, Tpm::Persistent];
                let tpm_name = |tpm| match tpm {
                    Tpm::Absent => DISABLED,
                    Tpm::Volatile => ENABLED,
                    Tpm::Persistent => "Persistent",
                };
                change.tpm = parameters::choice(name, value, &all, tpm_name).map(Some)?;
            }
            Self::CpuModel => change.processor_model = processor_model(name, value, kind).map(Some)?,
            Self::CpuSockets => change.sockets = number(name, value, kind).map(Some)?,
            Self::CpuCores => change.cores = number(name, value, kind).map(Some)?,
            Self::CpuThreads => change.threads = number(name, value, kind).map(Some)?,
            Self::SerialConsole => change.serial_console = switch()?,
            Self::GraphicsDevice => change.graphics = switch()?,
            Self::RandomNumberGenerator => change.random_numbers = switch()?,
            Self::MachineType => return Err(Message::new(&base::PROPERTY_NOT_WRITABLE, [name])),
        }
        Ok(())
    }
}

fn processor_model(name: &str, value: &Value, kind: Kind) -> Result<ProcessorModel, Message> {
    if value.is_null() {
        return Ok(ProcessorModel::Default);
    }
    let text = value.as_str().ok_or_else(|| parameters::type_error(name, value))?;
    let longest = if let Kind::String(longest) = kind { longest } else { 0 };
    if text.chars().count() > longest {
        return Err(Message::new(&base::STRING_VALUE_TOO_LONG, [text, &longest.to_string()]));
    }
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if text.is_empty() || !text.bytes().all(safe) {
        return Err(Message::new(&base::PROPERTY_VALUE_FORMAT_ERROR, [text, name]));
    }
    Ok(ProcessorModel::Named(text.into()))
}

fn number(name: &str, value: &Value, kind: Kind) -> Result<NonZero<u16>, Message> {
    let number = value.as_i64().ok_or_else(|| parameters::type_error(name, value))?;
    let largest = if let Kind::Integer(largest) = kind { largest } else { 0 };
    let within = u16::try_from(number).ok().filter(|number| *number <= largest).and_then(NonZero::new);
    within.ok_or_else(|| Message::new(&base::PROPERTY_VALUE_OUT_OF_RANGE, [&value.to_string(), name]))
}

const ENABLED: &str = "Enabled";
const DISABLED: &str = "Disabled";
const ON_OFF: Kind = Kind::Enumeration(&[(ENABLED, "Enabled"), (DISABLED, "Disabled")]);
