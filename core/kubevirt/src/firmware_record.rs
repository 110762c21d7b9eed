//! What the service has changed of a machine's firmware and board, and what that was before.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::annotation::{Annotations, record};
use super::object::{Bootloader, Element, Lenient, Object, TpmDevice, VirtualMachine};

/// The record of what was changed, by place: a pointer below the domain of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct FirmwareRecord(pub(crate) BTreeMap<Box<str>, Replaced>);

/// What was changed of one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replaced {
    /// What it was, null for nothing.
    pub(crate) original: Value,
    /// What was written. If there is something else by now, somebody else has changed it.
    pub(crate) written: Value,
}

impl FirmwareRecord {
    /// The record on an object; nothing changed if there is none or nobody can read it.
    pub(crate) fn written(annotations: &Annotations) -> Self {
        annotations.firmware.as_deref().and_then(Self::parse).unwrap_or_default()
    }

    /// Reads what was written; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let record: Self = record(text)?;
        (record.0.len() <= MOST_PLACES && record.0.keys().all(|place| place.starts_with('/'))).then_some(record)
    }

    /// Whether somebody else has changed any of it since, so that the record of that says nothing any more: should the
    /// place be given the same value some day, it is not the service's to take back.
    pub(crate) fn is_stale(&self, machine: &VirtualMachine) -> bool {
        let domain = &machine.spec.template.spec.domain;
        let (cpu, devices) = (&domain.cpu, &domain.devices);
        self.0.iter().any(|(place, Replaced { written, .. })| match &**place {
            BOOTLOADER => read::<Object<Bootloader>>(written).0 != domain.firmware.bootloader.0,
            TPM => read::<Option<Object<TpmDevice>>>(written) != devices.tpm,
            RNG => written.is_object() != devices.rng.is_some(),
            SERIAL_CONSOLE => devices.autoattach_serial_console != read(written),
            GRAPHICS => devices.autoattach_graphics_device != read(written),
            MODEL => cpu.model != read(written),
            SOCKETS => cpu.sockets != read(written),
            CORES => cpu.cores != read(written),
            THREADS => cpu.threads != read(written),
            // Of no consequence by itself.
            _ => false,
        })
    }
}

/// Reads a value as it is read in an object.
pub(crate) fn read<T: for<'de> Lenient<'de>>(value: &Value) -> T {
    Element::deserialize(value).map(|Element(value)| value).unwrap_or_default()
}

/// More than there are.
const MOST_PLACES: usize = 16;

pub(crate) const BOOTLOADER: &str = "/firmware/bootloader";
pub(crate) const TPM: &str = "/devices/tpm";
pub(crate) const RNG: &str = "/devices/rng";
pub(crate) const SERIAL_CONSOLE: &str = "/devices/autoattachSerialConsole";
pub(crate) const GRAPHICS: &str = "/devices/autoattachGraphicsDevice";
pub(crate) const MODEL: &str = "/cpu/model";
pub(crate) const SOCKETS: &str = "/cpu/sockets";
pub(crate) const CORES: &str = "/cpu/cores";
pub(crate) const THREADS: &str = "/cpu/threads";
