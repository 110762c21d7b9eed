//! What others take from somebody, measured, and so without other tests beside it.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../fixtures/blackbox/isolation.rs"]
mod isolation;
mod program;
#[path = "../../fixtures/blackbox/support/mod.rs"]
mod support;
