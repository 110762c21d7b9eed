//! What is wrong with a configuration file, and what is merely worth knowing: always with the place it stands at.

use std::fmt;

use serde_saphyr::Location;

/// A configuration that cannot be used.
#[derive(Debug)]
pub struct ConfigError {
    file: String,
    problems: Vec<Problem>,
}

impl ConfigError {
    pub(super) fn new(file: &str, problems: Vec<Problem>) -> Self {
        Self { file: file.to_owned(), problems }
    }

    pub(super) fn unreadable(file: &str, error: &std::io::Error) -> Self {
        let message = format!("cannot be read: {error}");
        Self::new(file, vec![Problem { place: None, key: String::new(), message }])
    }

    /// Everything that is wrong with it, as far as it could be read.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

/// One line for each problem: `file:line:column: key: message`.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write_line(f, &self.file, problem.place, &problem.key, &problem.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Something that keeps a configuration from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line and column, both from 1; `None` if it is about the file as a whole.
    pub place: Option<(u64, u64)>,
    /// The key it is about, such as `chassis[0].name`; empty if it is about the file as a whole.
    pub key: String,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl Problem {
    pub(super) fn new(location: Location, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place(location), key: key.into(), message: message.into() }
    }
}

/// Something about a configuration that its author should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file's name.
    pub file: String,
    /// Line and column, both from 1; `None` if it is about something that is not in the file.
    pub place: Option<(u64, u64)>,
    /// The key it is about.
    pub key: String,
    /// What to know about it.
    pub message: String,
}

impl Warning {
    pub(super) fn new(file: &str, location: Location, key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), place: place(location), key: key.into(), message: message.into() }
    }
}

/// One line: `file:line:column: key: message`.
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_line(f, &self.file, self.place, &self.key, &self.message)
    }
}

fn place(location: Location) -> Option<(u64, u64)> {
    (location != Location::UNKNOWN).then(|| (location.line(), location.column()))
}

fn write_line(
    f: &mut fmt::Formatter<'_>,
    file: &str,
    place: Option<(u64, u64)>,
    key: &str,
    message: &str,
) -> fmt::Result {
    f.write_str(file)?;
    if let Some((line, column)) = place {
        write!(f, ":{line}:{column}")?;
    }
    if !key.is_empty() {
        write!(f, ": {key}")?;
    }
    write!(f, ": {message}")
}
