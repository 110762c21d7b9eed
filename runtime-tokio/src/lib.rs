//! The Redfish service for `KubeVirt` virtual machines, on hyper and tokio.
//!
//! This crate connects [`kubevirt_redfish_core`], which decides everything, with the world: sockets, clocks, randomness,
//! the configuration file, the log and the connection to the cluster. It knows neither Redfish nor `KubeVirt`.

pub mod cli;
pub mod clock;
mod command;
pub mod config;
pub mod driver;
pub mod log;
mod permits;
pub mod random;
pub mod server;
pub mod simulated_api;
mod ssdp;
pub mod tls;
pub mod transport;
pub mod verify;
