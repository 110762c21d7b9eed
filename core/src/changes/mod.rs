//! From what something was and what it is now to the events about it.

mod machine;
mod task;

pub(crate) use machine::{Before, changes, coverage_change};
pub(crate) use task::task_changes;
