//! A Redfish service for virtual machines as a synchronous, deterministic state machine.
//!
//! No sockets, no clock, no randomness, no threads, no async: time and entropy are arguments, requests come in as
//! `http` values and answers go out as such, and what is to happen in the cluster leaves as [`model::Command`]s.
//!
//! - [`View`] is an immutable snapshot of everything that a read needs; any thread may answer requests from it.
//! - [`Exchange`] is one request on its way from head to response: [`View::begin`], then [`Exchange::resume`].
//! - [`Engine`] (feature `kubevirt`) is the single writer: what happened goes in, requests to the cluster, views and outcomes
//!   come out. It folds the [`Service`], which knows no Kubernetes, and [`kubevirt`], which knows no Redfish.
//!
#![cfg_attr(feature = "kubevirt", doc = "[`guide`] says how to put all of it into a program of your own.")]

mod auth;
mod changes;
pub mod config;
mod coverage;
mod discovery;
#[cfg(feature = "kubevirt")]
mod engine;
mod event;
mod exchange;
pub mod fairness;
#[cfg(feature = "kubevirt")]
pub mod guide;
mod hosts;
mod http;
mod intent;
mod membership;
mod messages;
pub mod metrics;
mod network;
mod query;
mod rendered;
mod resources;
mod route;
pub mod service;
mod task;
mod view;

pub use auth::{PasswordCheck, Privilege, Privileges, Role, UserNameForm};
pub use discovery::{ntp, ssdp};
#[cfg(feature = "kubevirt")]
pub use engine::{
    Answer, CONNECT_TIMEOUT, Engine, Input, LogEvent, Outbound, OutboundDatagram, Output, Outside, Reason, RequestId,
    Setup, Target,
};
pub use exchange::{Exchange, Peer, Signal, Step, refuse_head, refuse_stopped};
#[cfg(feature = "kubevirt")]
pub use hosts::findings_of_machines;
pub use hosts::{Host, Hosts, hosts};
pub use intent::{Intent, Outcome, StreamId, Ticket};
#[cfg(feature = "kubevirt")]
pub use kubevirt_redfish_kubevirt as kubevirt;
pub use kubevirt_redfish_model::{self as model, time};
pub use model::AddressPolicy;
pub use route::Template;

pub use service::{
    Cause, Delivery, DeliveryError, DeliveryId, Notice, PasswordResult, PasswordTask, PasswordWork, PasswordWorkId,
    Service,
};
pub use view::View;

/// The crates whose types are in the signatures of this one.
pub mod reexports {
    pub use {bytes, http};
}
