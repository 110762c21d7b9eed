//! The Kubernetes dialect against the simulated cluster: commands and watches, their requests answered by an API
//! server with KubeVirt's and CDI's behaviour, in virtual time.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says so")]

mod boot;
mod boot_order;
mod change;
mod fault_matrix;
mod faults;
mod firmware;
mod harness;
mod hostile;
mod image_size;
mod media;
mod others_media;
mod pending_power_ons;
mod power;
mod review;
mod sharing;
mod sources;
mod stick;
mod trust;
mod watch;
