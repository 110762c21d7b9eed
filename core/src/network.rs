//! What a manager's network protocols are set to.
//!
//! All managers are this one service, so they share one setting, which whoever sees all chassis may change.

use serde::{Deserialize, Serialize};

/// What can be set of the network protocols. Kept with the accounts, for all replicas.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NetworkSettings {
    /// Searches are not answered although the configuration wants them to be.
    pub(crate) ssdp_is_off: bool,
    /// The servers are asked for the time.
    pub(crate) ntp_is_on: bool,
    /// Names and addresses of time servers, best first.
    pub(crate) ntp_servers: Vec<String>,
}

/// How many time servers there may be.
pub(crate) const MAX_NTP_SERVERS: usize = 8;
