//! Values that the file writes as text: durations, quantities, passwords.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use kubevirt_redfish_core::config::{Credential, HashCost, PasswordHash, Secret};

use super::password::Password;
use crate::verify;

/// Reads `30s`, `2m`, `1h30m`, `1.5h`, `500ms`: numbers with units, one after another. `None` if it is anything else or
/// adds up to nothing.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let unit_length = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let seconds = match rest.get(..unit_length)? {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        rest = rest.get(unit_length..)?;
    }
    (total > Duration::ZERO).then_some(total)
}

/// Whether `text` is a Kubernetes quantity of more than nothing: `3Gi`, `10G`, `1.5Ti`, `500M`, `1e9`.
pub(super) fn is_size(text: &str) -> bool {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let is_positive = number.parse::<f64>().is_ok_and(|number| number > 0.0);
    let exponent = suffix.strip_prefix(['e', 'E']).is_some_and(|exponent| exponent.parse::<u8>().is_ok());
    let unit =
        matches!(suffix, "" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei") || exponent;
    is_positive && unit
}

/// The bytes of a size in whole units, such as `100Gi`.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let binary = ["", "Ki", "Mi", "Gi", "Ti", "Pi"].iter().zip(0..).find(|(known, _)| **known == unit);
    let decimal = ["k", "M", "G", "T", "P"].iter().zip(1..).find(|(known, _)| **known == unit);
    let factor = match (binary, decimal) {
        (Some((_, power)), _) => 1024_u64.checked_pow(power)?,
        (None, Some((_, power))) => 1000_u64.checked_pow(power)?,
        (None, None) => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|bytes| *bytes > 0)
}

/// What a file with a password says. One that is longer than any password is not read to its end: it may have none.
pub(super) fn password_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LONGEST_PASSWORD_FILE + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= LONGEST_PASSWORD_FILE) {
        Ok(text)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than any password"))
    }
}

/// In bytes; no password that is longer is ever tried.
const LONGEST_PASSWORD_FILE: u64 = 1_024;

/// What a password in the file is: the password itself, or a hash of it.
pub(super) fn credential(password: &Password) -> Result<Credential, String> {
    match password {
        Password::Text(text) => text_credential(text),
        Password::Hash(hash) => match text_credential(hash) {
            Ok(Credential::Plain(_)) => Err("`hash` is none; expected a bcrypt or argon2 hash".to_owned()),
            other => other,
        },
        Password::None => Err("has no value; expected a text, or a map with `hash`".to_owned()),
    }
}

fn text_credential(text: &str) -> Result<Credential, String> {
    if text.is_empty() {
        return Err("empty; expected a password, or a bcrypt or argon2 hash of one".to_owned());
    }
    if text == "<password>" {
        return Err(
            "a placeholder that has not been filled in; expected a password, or a bcrypt or argon2 hash of one"
                .to_owned(),
        );
    }
    let is_bcrypt = ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| text.starts_with(prefix));
    let cost = match (is_bcrypt, text.starts_with("$argon2")) {
        (true, _) => verify::bcrypt_cost(text).ok_or(
            "looks like a bcrypt hash and is none; expected `$2b$`, a cost of two digits, `$` and 53 characters (quote \
             it: a shell or template may have swallowed parts after `$`)",
        )?,
        (_, true) => verify::argon2_cost(text).ok_or(
            "looks like an argon2 hash and is none; expected `$argon2id$v=19$m=…,t=…,p=…$salt$hash` (quote it: a shell \
             or template may have swallowed parts after `$`)",
        )?,
        (false, false) => return Ok(Credential::Plain(Secret::new(text.as_bytes()))),
    };
    if cost.is_bearable() { Ok(Credential::Hashed(PasswordHash::new(text))) } else { Err(too_costly(cost)) }
}

/// Everybody who sends a password has it hashed, with as much work and memory as the hash says.
fn too_costly(cost: HashCost) -> String {
    match cost {
        HashCost::Argon2 { memory, passes } => format!(
            "an argon2 hash that takes too much to check: m={memory} KiB with t={passes}; expected at most m={}, and at \
             most {} for m times t: make another hash of the password",
            HashCost::MOST_MEMORY,
            HashCost::MOST_WORK
        ),
        HashCost::Bcrypt { cost } => format!(
            "a bcrypt hash that takes too long to check: its cost is {cost}; expected at most {}: make another hash of \
             the password",
            HashCost::HIGHEST_COST
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let seconds = |text| duration(text).map(|duration| duration.as_secs_f64());
        assert_eq!(seconds("2m"), Some(120.0));
        assert_eq!(seconds("1h30m"), Some(5400.0));
        assert_eq!(seconds("1.5h"), Some(5400.0));
        assert_eq!(seconds("500ms"), Some(0.5));
        for text in ["", "0s", "30", "m", "1d", "-1s", "1h 30m", "1..5h", "1e400h", "1hs"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn sizes() {
        for text in ["3Gi", "10G", "1.5Ti", "1e9", "1073741824"] {
            assert!(is_size(text), "{text}");
        }
        for text in ["", "0Gi", "Gi", "3gb", "3 Gi", "-3Gi", "1.2.3Gi", "3Gib", "5m"] {
            assert!(!is_size(text), "{text}");
        }
    }

    #[test]
    fn credentials() {
        let bcrypt = "$2b$04$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie";
        assert!(matches!(text_credential(bcrypt), Ok(Credential::Hashed(_))));
        let argon2 = "$argon2id$v=19$m=16,t=2,p=1$YWJjZGVmZ2g$1Fz0f8r0rWIkB9tGqVbm1g";
        assert!(matches!(text_credential(argon2), Ok(Credential::Hashed(_))));
        assert!(matches!(text_credential("$ecret"), Ok(Credential::Plain(_))));
        for text in ["", "$2b$04$short", "$argon2id$", "$argon2id$v=19$m=16,t=2,p=1$YWJjZGVmZ2g"] {
            assert!(text_credential(text).is_err(), "{text}");
        }
    }

    /// D2: what would take gigabytes, or days, is refused where it is written.
    #[test]
    fn hashes_that_cost_too_much_are_refused() {
        let argon2 = |memory: u64, passes: u64| {
            format!("$argon2id$v=19$m={memory},t={passes},p=1$YWJjZGVmZ2g$1Fz0f8r0rWIkB9tGqVbm1g")
        };
        let bcrypt = |cost: u32| format!("$2b${cost:02}$EGdrhbKUv8Oc9vGiXX0HQOxSg445d458Muh7DAHskb6QbtCvdxcie");
        for text in
            [argon2(19_456, 2), argon2(65_536, 3), argon2(65_536, 16), argon2(8, 100_000), bcrypt(4), bcrypt(14)]
        {
            assert!(text_credential(&text).is_ok(), "{text}");
        }
        let too_much = [(4_194_304, 1), (65_537, 1), (65_536, 17), (16, 4_294_967_295), (4_294_967_295, 4_294_967_295)];
        for text in too_much.map(|(memory, passes)| argon2(memory, passes)).into_iter().chain([15, 20, 31].map(bcrypt))
        {
            let message = text_credential(&text).unwrap_err();
            assert!(message.contains("expected at most") && message.contains("another hash"), "{text}: {message}");
        }
        assert!(text_credential(&argon2(4_294_967_296, 1)).unwrap_err().contains("is none"));
    }
}
