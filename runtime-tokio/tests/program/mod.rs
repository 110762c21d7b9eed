//! The program that is tested, and the runtime that it is on.

pub(crate) use kubevirt_redfish::Tokio as Runtime;

/// Where it is.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_kubevirt-redfish");

/// What it is called.
pub(crate) const NAME: &str = "kubevirt-redfish";

/// Has the runtime run in this process: the tests are on it already.
pub(crate) const fn start_runtime() {}
