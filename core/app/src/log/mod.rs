//! The log: lines for people on a terminal, JSON everywhere else, always on standard error.
//!
//! Whoever logs never waits: lines are written by a thread of its own (`writer`). What others can cause without an end
//! is written so often and then counted (`sources`).

mod json;
mod sources;
mod writer;

use std::io::IsTerminal as _;
use std::sync::{Arc, OnceLock};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, reload};

use sources::Sources;
use writer::Writer;

pub(crate) use writer::last_words;

/// The log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is none.
    #[error(
        "{0} is `{1}`; expected trace, debug, info, warn, error or off, or directives such as \
         `info,kubevirt_redfish=debug`"
    )]
    Level(&'static str, String),
    /// The switch is neither on nor off.
    #[error("REDFISH_LOGGING_ENABLED is `{0}`; expected true or false")]
    Switch(String),
    /// There is a log already.
    #[error("the log cannot be set up: {0}")]
    Setup(#[from] tracing_subscriber::util::TryInitError),
    /// No thread can be started.
    #[error("the log cannot be written: {0}")]
    Thread(#[from] std::io::Error),
}

/// Writes what has been logged when it is dropped, if somebody reads it.
#[derive(Debug)]
#[must_use]
pub struct Flush(Writer);

/// Has the log say more, or as much as at the start.
static LEVEL: OnceLock<Box<dyn Fn(Detail) + Send + Sync>> = OnceLock::new();

/// How much the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// As much as was asked for at the start.
    Usual,
    /// Everything about every request.
    Debug,
}

/// Has the log say so much from now on.
pub(crate) fn set_detail(detail: Detail) {
    if let Some(set) = LEVEL.get() {
        set(detail);
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Sets up the log as the environment says: `REDFISH_LOG_LEVEL`, or else `LOG_LEVEL`, or else `info`.
pub fn init() -> Result<Flush, LogError> {
    let filter = filter_of(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()))?;
    let is_terminal = std::io::stderr().is_terminal();
    let sources = Arc::new(Sources::new());
    let writer = Writer::start(std::io::stderr(), !is_terminal, Arc::clone(&sources))?;
    let sources = sources::Layer::new(sources, writer.clone());
    let usual = filter.to_string();
    let filter_of = move |detail| match detail {
        Detail::Usual => EnvFilter::try_new(&usual),
        Detail::Debug => EnvFilter::try_new(DEBUG),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let _ = LEVEL.set(Box::new(move |detail| {
        if let Ok(filter) = filter_of(detail) {
            let _ = handle.reload(filter);
        }
    }));
    let log = tracing_subscriber::registry().with(filter).with(sources);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer.clone());
    if is_terminal {
        log.with(lines.with_target(false)).try_init()?;
    } else {
        log.with(lines.event_format(json::Json)).try_init()?;
    }
    // What is usual writes to standard error, and waits until somebody reads it.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or_default();
        tracing::error!(place, "panic; this is a bug: {text}");
    }));
    Ok(Flush(writer))
}

/// The filter of an environment.
fn filter_of(variable: impl Fn(&'static str) -> Option<String>) -> Result<EnvFilter, LogError> {
    let levels = ["REDFISH_LOG_LEVEL", "LOG_LEVEL"].into_iter().find_map(|name| Some((name, variable(name)?)));
    let (name, level) = levels.unwrap_or(("LOG_LEVEL", String::new()));
    let filter = filter(&level).map_err(|NoLevel| LogError::Level(name, level))?;
    let switch = variable("REDFISH_LOGGING_ENABLED").unwrap_or_default();
    match switch.trim().to_ascii_lowercase().as_str() {
        "" | "true" => Ok(filter),
        "false" => Ok(EnvFilter::new("off")),
        _ => Err(LogError::Switch(switch)),
    }
}

/// What is told at the level `debug`.
const DEBUG: &str = "info,kubevirt_redfish=debug";

/// A text that says no level.
struct NoLevel;

fn filter(level: &str) -> Result<EnvFilter, NoLevel> {
    let directives = match level.trim().to_ascii_lowercase().as_str() {
        // Libraries tell of every attempt that fails. What that means is told by the service, once.
        "" | "info" => "off,kubevirt_redfish=info".to_owned(),
        // Who changed what is told even to who wants to hear of nothing but mistakes.
        "warn" | "warning" => "off,kubevirt_redfish=warn,kubevirt_redfish_audit=info".to_owned(),
        "error" => "off,kubevirt_redfish=error,kubevirt_redfish_audit=info".to_owned(),
        // What libraries say about every packet would drown what the service says.
        "debug" => DEBUG.to_owned(),
        "trace" => "info,kubevirt_redfish=trace".to_owned(),
        "off" => "off".to_owned(),
        // A single word that is no level would be taken for the name of a crate, and nothing would be logged.
        other if other.chars().all(|c| c.is_ascii_alphanumeric()) => return Err(NoLevel),
        _ => level.trim().to_owned(),
    };
    EnvFilter::try_new(directives).map_err(|_| NoLevel)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// N3: seven lines a second of another crate's errors while the API server is away.
    #[test]
    fn libraries_are_silent_unless_they_are_asked_for() {
        #[derive(Clone, Default)]
        struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);
        impl std::io::Write for Lines {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().expect("nobody panics").extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        for (level, libraries) in
            [("", 0), ("info", 0), ("warn", 0), ("error", 0), ("debug", 1), ("info,hyper=info", 1)]
        {
            let lines = Lines::default();
            let writer = lines.clone();
            let filter = filter(level).ok().expect("a level");
            let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).finish();
            tracing::subscriber::with_default(log, || {
                tracing::error!(target: "kube_client::client::builder", "failed with error client error (Connect)");
                tracing::error!(target: "kubevirt_redfish::driver", "ours");
                tracing::error!(target: "kubevirt_redfish_core::service", "ours too");
            });
            let text = String::from_utf8(lines.0.lock().expect("nobody panics").clone()).expect("text");
            assert_eq!(
                (text.matches("ours").count(), text.matches("Connect").count()),
                (2, libraries),
                "{level}: {text}"
            );
        }
    }

    /// The variables of the Go services.
    #[test]
    fn the_level_may_stand_under_either_name_and_be_switched_off() {
        let filter = |variables: &'static [(&str, &str)]| {
            let find = |name| variables.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).to_owned());
            filter_of(find).map(|filter| filter.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(filter(&[]), filter(&[("LOG_LEVEL", "info")]));
        assert_eq!(filter(&[("LOG_LEVEL", "info"), ("REDFISH_LOG_LEVEL", "DEBUG")]), filter(&[("LOG_LEVEL", "debug")]));
        let both = [("REDFISH_LOG_LEVEL", "WARN"), ("REDFISH_LOGGING_ENABLED", "true")];
        assert_eq!(filter(Box::leak(Box::new(both))), filter(&[("LOG_LEVEL", "warn")]));
        assert_eq!(filter(&[("LOG_LEVEL", "debug"), ("REDFISH_LOGGING_ENABLED", "False")]).as_deref(), Ok("off"));
        let wrong = filter(&[("REDFISH_LOG_LEVEL", "loud")]).expect_err("none");
        assert!(wrong.starts_with("REDFISH_LOG_LEVEL is `loud`; expected"), "{wrong}");
        let wrong = filter(&[("REDFISH_LOGGING_ENABLED", "maybe")]).expect_err("neither");
        assert_eq!(wrong, "REDFISH_LOGGING_ENABLED is `maybe`; expected true or false");
    }

    #[test]
    fn levels_and_directives() {
        for level in ["", "info", "INFO", "warning", "debug", "off", "info,hyper=trace", "kubevirt_redfish=debug"] {
            assert!(filter(level).is_ok(), "{level}");
        }
        for level in ["verbose", "3", "info,hyper=loud"] {
            assert!(filter(level).is_err(), "{level}");
        }
    }
}
