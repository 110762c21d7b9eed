//! What this program has in common with those on other runtimes.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod program;
#[path = "../../fixtures/blackbox/mod.rs"]
mod suite;
#[path = "../../fixtures/blackbox/support/mod.rs"]
mod support;
