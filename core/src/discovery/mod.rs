//! What the service speaks beside HTTP: it is found by SSDP, and asks for the time by SNTP.

pub mod ntp;
pub mod ssdp;
