//! A question to the cluster that matters only by being answered.

use super::CommandId;
use crate::time::Instant;

/// See whether the cluster answers at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Which command it is.
    pub id: CommandId,
    /// When to give up.
    pub deadline: Instant,
}
