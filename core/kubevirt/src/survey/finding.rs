//! What a look at a cluster finds.

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// It is as it should be.
    Good,
    /// Something will be slower, less, or otherwise than expected.
    Warning,
    /// Something will not work.
    Error,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// What it is about, such as `rights in vms`.
    pub subject: String,
    /// What was found.
    pub detail: String,
    /// A command that mends it, or that shows more.
    pub mend: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn good(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { weight: Weight::Good, subject: subject.into(), detail: detail.into(), mend: None }
    }

    /// To be known, and what mends it.
    pub fn warning(subject: impl Into<String>, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, subject: subject.into(), detail: detail.into(), mend: Some(mend.into()) }
    }

    /// To be mended, and how.
    pub fn error(subject: impl Into<String>, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { weight: Weight::Error, subject: subject.into(), detail: detail.into(), mend: Some(mend.into()) }
    }
}
