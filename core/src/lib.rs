//! A Redfish service for virtual machines as a synchronous, deterministic state machine.
//!
//! No sockets, no clock, no randomness, no threads, no async: time and entropy are arguments, requests come in as
//! `http` values and answers go out as such, and what is to happen in the cluster leaves as [`model::Command`]s.

pub mod model;
pub mod time;
