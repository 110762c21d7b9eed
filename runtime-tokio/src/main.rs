//! The `kubevirt-redfish` binary: the service on tokio.

use std::process::ExitCode;

/// Gives memory back to the system that is not needed any more, on every libc.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kubevirt_redfish_app::cli::main::<kubevirt_redfish::Tokio>()
}
