//! The program that is tested, and the runtime that it is on.

use std::sync::Once;

use kubevirt_redfish_app::runtime::Runtime as _;
pub(crate) use kubevirt_redfish_smol::Smol as Runtime;

/// Where it is.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_kubevirt-redfish-smol");

/// What it is called.
pub(crate) const NAME: &str = "kubevirt-redfish-smol";

/// Has the runtime run in this process, until that ends.
pub(crate) fn start_runtime() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| drop(std::thread::spawn(|| Runtime::block_on(std::future::pending::<()>()))));
}
