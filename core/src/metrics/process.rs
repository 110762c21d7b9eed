//! What the process knows of itself, as its runtime looks it up.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Page;
use crate::time::UnixTime;

/// The process at the moment that somebody asks. What is not known is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process {
    /// Which program it is, such as `kubevirt-redfish`.
    pub program: &'static str,
    /// Its version.
    pub version: &'static str,
    /// When it began.
    pub started: Option<UnixTime>,
    /// How long it has used processors.
    pub processor_time: Option<Duration>,
    /// The memory that it has, in bytes.
    pub resident_memory: Option<u64>,
    /// The files that it has open.
    pub open_files: Option<u64>,
    /// How many it may have open.
    pub most_files: Option<u64>,
}

/// How often the configuration was read again.
#[derive(Debug, Default)]
pub struct Reloads {
    applied: AtomicU64,
    refused: AtomicU64,
}

impl Reloads {
    /// What was read counts from now on.
    pub fn applied(&self) {
        self.applied.fetch_add(1, Ordering::Relaxed);
    }

    /// What was read cannot be used.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells what has been counted.
    pub(crate) fn write(&self, page: &mut Page) {
        let mut family =
            page.counter("kubevirt_redfish_config_reloads", "Times that a changed configuration was read, by result.");
        family.sample(&[("result", "applied")], self.applied.load(Ordering::Relaxed));
        family.sample(&[("result", "refused")], self.refused.load(Ordering::Relaxed));
    }
}

impl Process {
    /// Tells of it.
    pub fn write(&self, page: &mut Page) {
        page.gauge("kubevirt_redfish_build_info", "Which program this is; always 1.")
            .sample(&[("program", self.program), ("version", self.version)], 1);
        let at = |time: UnixTime| Duration::from_secs(u64::try_from(time.0).unwrap_or_default());
        if let Some(started) = self.started {
            page.gauge("process_start_time_seconds", "When the process began, in seconds since 1970.")
                .seconds(&[], at(started));
        }
        if let Some(time) = self.processor_time {
            page.counter("process_cpu_seconds", "Time of processors that was used.").seconds(&[], time);
        }
        if let Some(bytes) = self.resident_memory {
            page.gauge("process_resident_memory_bytes", "Memory that the process has.").sample(&[], bytes);
        }
        if let Some(files) = self.open_files {
            page.gauge("process_open_fds", "Files that are open.").sample(&[], files);
        }
        if let Some(files) = self.most_files {
            page.gauge("process_max_fds", "Files that may be open.").sample(&[], files);
        }
    }
}
