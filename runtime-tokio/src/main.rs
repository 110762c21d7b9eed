//! The `kubevirt-redfish` binary. Everything is in the library of the same name.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubevirt_redfish::cli::main()
}
