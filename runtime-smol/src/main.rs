//! The `kubevirt-redfish-smol` binary: the service on smol.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubevirt_redfish_app::cli::main::<kubevirt_redfish_smol::Smol>()
}
