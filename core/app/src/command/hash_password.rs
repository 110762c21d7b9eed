//! `hash-password`: the hash of a password, for `authentication.users[].password`.

use super::{Failure, password, print};
use crate::cli::HashPasswordArgs;
use crate::verify;

/// Prints the hash.
pub(crate) fn run(args: &HashPasswordArgs) -> Result<(), Failure> {
    let password = match &args.password_file {
        Some(file) => password::read(file)?,
        None => password::ask()?,
    };
    let hash = verify::hash_of(password.as_bytes())
        .ok_or_else(|| Failure::Runtime("the hash cannot be computed".to_owned()))?;
    print(&format!("{}\n", hash.as_str()));
    Ok(())
}
