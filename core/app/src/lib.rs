//! What every program shares and no async runtime owns: the command line, the configuration file, the log, passwords, TLS,
//! the HTTP server, and what drives the engine.
//!
//! It connects [`kubevirt_redfish_core`], which decides everything, with the world, and knows neither Redfish nor `KubeVirt`.
//! A program is a [`Runtime`](runtime::Runtime) and a call of [`cli::main`].

pub mod cli;
pub mod clock;
mod command;
pub mod config;
pub mod driver;
pub mod log;
mod permits;
mod process;
pub mod random;
mod reload;
pub mod runtime;
pub mod server;
#[cfg(feature = "simulate")]
pub mod simulated_api;
mod ssdp;
mod survey;
pub mod tls;
pub mod transport;
pub mod trust;
pub mod verify;
