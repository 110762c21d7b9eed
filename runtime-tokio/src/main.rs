//! The `kubevirt-redfish` binary: the service on tokio.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubevirt_redfish_app::cli::main::<kubevirt_redfish::Tokio>()
}
