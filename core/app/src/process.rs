//! What Linux says of this process. Elsewhere nothing is known.

use std::fs;
use std::time::Duration;

use kubevirt_redfish_core::metrics::Process;
use kubevirt_redfish_core::time::UnixTime;

use crate::runtime::Runtime;

/// How it is now.
pub(crate) fn look<R: Runtime>(started: UnixTime) -> Process {
    Process {
        program: R::PROGRAM,
        version: env!("CARGO_PKG_VERSION"),
        started: Some(started),
        processor_time: processor_time(),
        resident_memory: resident_memory(),
        open_files: open_files(),
        most_files: most_files(),
    }
}

/// How many files it may have open.
pub(crate) fn most_files() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_files() -> Option<u64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    // The folder itself is open while it is read.
    u64::try_from(files).ok()?.checked_sub(1)
}

fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Of all its threads, in user and in system mode; Linux counts it in hundredths of a second.
fn processor_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in brackets, may have anything in it.
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()?.checked_add(fields.next()?.parse().ok()?)?;
    Some(Duration::from_millis(ticks.checked_mul(10)?))
}
