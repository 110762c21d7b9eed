//! A machine's firmware and board, as the guest sees them.

use std::fmt;
use std::num::NonZero;

use super::BootMode;

/// Identity of a machine and what its firmware is set to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Firmware {
    /// The system UUID that the guest reads from SMBIOS; not validated by the cluster, so any text.
    pub uuid: Option<Box<str>>,
    /// The serial number that the guest reads from SMBIOS.
    pub serial: Option<Box<str>>,
    /// What firmware and board are set to; `None` is left to the cluster.
    pub settings: Box<FirmwareSettings>,
}

/// What firmware and board are set to by a definition, or in a run; or a change of that, where what is `None` stays.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct FirmwareSettings {
    /// Which firmware starts the guest.
    pub mode: Option<BootMode>,
    /// Whether UEFI verifies signatures of what it starts.
    pub secure_boot: Option<bool>,
    /// Whether the variables of UEFI outlive the run.
    pub persistent_variables: Option<bool>,
    /// The trusted platform module.
    pub tpm: Option<Tpm>,
    /// The processor model that the guest sees.
    pub processor_model: Option<ProcessorModel>,
    /// Sockets.
    pub sockets: Option<NonZero<u16>>,
    /// Cores of each socket.
    pub cores: Option<NonZero<u16>>,
    /// Threads of each core.
    pub threads: Option<NonZero<u16>>,
    /// Whether there is a serial port.
    pub serial_console: Option<bool>,
    /// Whether there is a graphics adapter.
    pub graphics: Option<bool>,
    /// Whether there is a hardware random number generator.
    pub random_numbers: Option<bool>,
    /// The kind of board; never part of a change.
    pub machine_type: Option<Box<str>>,
}

impl FirmwareSettings {
    /// These, and where they say nothing, those.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            mode: self.mode.or(other.mode),
            secure_boot: self.secure_boot.or(other.secure_boot),
            persistent_variables: self.persistent_variables.or(other.persistent_variables),
            tpm: self.tpm.or(other.tpm),
            processor_model: self.processor_model.clone().or_else(|| other.processor_model.clone()),
            sockets: self.sockets.or(other.sockets),
            cores: self.cores.or(other.cores),
            threads: self.threads.or(other.threads),
            serial_console: self.serial_console.or(other.serial_console),
            graphics: self.graphics.or(other.graphics),
            random_numbers: self.random_numbers.or(other.random_numbers),
            machine_type: self.machine_type.clone().or_else(|| other.machine_type.clone()),
        }
    }

    /// Whether anything that these say is otherwise in `other`.
    pub fn differ_from(&self, other: &Self) -> bool {
        self.or(other) != *other
    }

    /// Whether they ask for what there is only with UEFI.
    pub fn needs_uefi(&self) -> bool {
        self.secure_boot == Some(true) || self.persistent_variables == Some(true)
    }

    /// Whether they say anything of the processors.
    pub fn name_processors(&self) -> bool {
        self.processor_model.is_some() || self.sockets.is_some() || self.cores.is_some() || self.threads.is_some()
    }
}

/// Without what they do not say.
impl fmt::Debug for FirmwareSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn field(value: Option<&impl fmt::Debug>) -> Option<&dyn fmt::Debug> {
            value.map(|value| value as _)
        }
        let fields = [
            ("mode", field(self.mode.as_ref())),
            ("secure_boot", field(self.secure_boot.as_ref())),
            ("persistent_variables", field(self.persistent_variables.as_ref())),
            ("tpm", field(self.tpm.as_ref())),
            ("processor_model", field(self.processor_model.as_ref())),
            ("sockets", field(self.sockets.as_ref())),
            ("cores", field(self.cores.as_ref())),
            ("threads", field(self.threads.as_ref())),
            ("serial_console", field(self.serial_console.as_ref())),
            ("graphics", field(self.graphics.as_ref())),
            ("random_numbers", field(self.random_numbers.as_ref())),
            ("machine_type", field(self.machine_type.as_ref())),
        ];
        let mut shown = f.debug_struct("FirmwareSettings");
        for (name, value) in fields {
            if let Some(value) = value {
                shown.field(name, value);
            }
        }
        shown.finish()
    }
}

/// A trusted platform module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Tpm {
    /// There is none.
    #[default]
    Absent,
    /// It forgets everything when the run ends.
    Volatile,
    /// It keeps its contents.
    Persistent,
}

/// A processor model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProcessorModel {
    /// That of the cluster's choice.
    Default,
    /// One that the cluster knows by this name.
    Named(Box<str>),
}
