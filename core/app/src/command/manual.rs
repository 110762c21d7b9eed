//! `completions` and `man`: what shells and `man` know of the command line, made of the command line itself.

use clap::Command;
use clap_complete::Shell;

use super::{Failure, print_bytes};

/// Prints the completions for a shell.
pub(crate) fn completions(shell: Shell, mut command: Command, program: &str) {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, program, &mut text);
    print_bytes(&text);
}

/// Prints the manual page of the program, or of one of its commands.
pub(crate) fn page(mut program: Command, name: Option<&str>) -> Result<(), Failure> {
    program.build();
    let page = match name {
        None => program,
        Some(name) => {
            let names: Vec<_> = program.get_subcommands().map(|command| command.get_name().to_owned()).collect();
            let found = program.get_subcommands().find(|command| command.get_name() == name).cloned();
            found.ok_or_else(|| {
                Failure::Usage(format!("there is no command `{name}`; expected one of {}", names.join(", ")))
            })?
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text).map_err(Failure::runtime)?;
    print_bytes(&text);
    Ok(())
}
