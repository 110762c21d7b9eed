//! Passwords that are given to a command without standing on its command line, where other users of the host see them.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use super::Failure;

/// The password in a file, or on standard input for `-`: all of it, without the end of its only line.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let is_input = path.as_os_str() == "-";
    let name = if is_input { "standard input".to_owned() } else { path.display().to_string() };
    let mut text = String::new();
    let most = LONGEST + 2;
    let read = if is_input {
        std::io::stdin().lock().take(most).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::Usage(format!("{name}: no password can be read: {error}")))?;
    let line = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
    checked(&name, line)
}

/// Asks for a password on the terminal, twice, without showing it.
pub(super) fn ask() -> Result<String, Failure> {
    if !std::io::stdin().is_terminal() {
        return read(Path::new("-"));
    }
    let ask = |prompt| {
        rpassword::prompt_password(prompt)
            .map_err(|error| Failure::Runtime(format!("no password can be asked for: {error}")))
    };
    let password = checked("the password", &ask("Password: ")?)?;
    if ask("The same again: ")? == password {
        Ok(password)
    } else {
        Err(Failure::Usage("the two passwords differ".to_owned()))
    }
}

fn checked(name: &str, password: &str) -> Result<String, Failure> {
    let refused = |why: &str| Err(Failure::Usage(format!("{name}: {why}")));
    match password {
        "" => refused("the password is empty"),
        long if long.len() as u64 > LONGEST => {
            refused("the password is too long: no log-in takes more than 1,024 bytes")
        }
        control if control.chars().any(char::is_control) => {
            refused("the password has a control character in it; expected one line of text")
        }
        password => Ok(password.to_owned()),
    }
}

/// What a log-in takes at most, in bytes.
const LONGEST: u64 = 1_024;
