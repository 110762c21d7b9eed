//! The `kubevirt-redfish-smol` binary: the service on smol.

use std::process::ExitCode;

/// Gives memory back to the system that is not needed any more, on every libc.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kubevirt_redfish_app::cli::main::<kubevirt_redfish_smol::Smol>()
}
