//! The command line: what can be asked for, and how it ends.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::command::{self, Failure};
use crate::config::ListenAddress;
use crate::runtime::Runtime;

const ABOUT: &str = "A Redfish service for KubeVirt virtual machines";

const EXAMPLES: &str = "\
Examples:
  Try it without a cluster; prints an address, a password and things to try:
      kubevirt-redfish simulate

  See what a configuration file means, and whether it is right:
      kubevirt-redfish check --config config.yaml

  Serve the virtual machines of the cluster that your kubeconfig points to:
      kubevirt-redfish serve --config config.yaml --kubeconfig ~/.kube/config

  In a pod, CONFIG_PATH and the service account are enough:
      CONFIG_PATH=/app/config/config.yaml kubevirt-redfish

Environment:
  CONFIG_PATH  the configuration file
  KUBECONFIG   credentials for a cluster; without it the pod's service account, then ~/.kube/config
  LOG_LEVEL    trace, debug, info (the default), warn, error, off, or directives such as info,hyper=debug

Exit status: 0 after a regular end, 1 if something failed while running, 2 if the command line or the
configuration cannot be used.";

const SIMULATE_EXAMPLES: &str = "\
Examples:
  Three machines behind https://127.0.0.1:8443 and a random password:
      kubevirt-redfish simulate

  Plain HTTP on any free port, a hundred machines, everything ten times as fast:
      kubevirt-redfish simulate --listen 127.0.0.1:0 --tls off --systems 100 --time-scale 10

  Look at the cluster behind it as well:
      kubevirt-redfish simulate --cluster-listen 127.0.0.1:8001
      kubectl --server http://127.0.0.1:8001 get vm --namespace lab --watch";

const SERVE_EXAMPLES: &str = "\
Examples:
  kubevirt-redfish serve --config config.yaml
  kubevirt-redfish serve --config config.yaml --kubeconfig ~/.kube/config --listen 127.0.0.1:8443";

const HASH_PASSWORD_EXAMPLES: &str = "\
Examples:
  Ask for a password and print its hash, for authentication.users[].password:
      kubevirt-redfish hash-password

  The same in a script:
      kubevirt-redfish hash-password --password-file - < password.txt";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  kubevirt-redfish completions bash > /etc/bash_completion.d/kubevirt-redfish
  kubevirt-redfish completions zsh > \"${fpath[1]}/_kubevirt-redfish\"";

const MAN_EXAMPLES: &str = "\
Examples:
  kubevirt-redfish man | man -l -
  kubevirt-redfish man simulate > kubevirt-redfish-simulate.1";

#[derive(Debug, Parser)]
#[command(
    name = "kubevirt-redfish",
    version,
    about = ABOUT,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    // Deployments of earlier versions name no command.
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the virtual machines of a cluster (also without a command)
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArgs),
    /// Serve a simulated cluster in this process: nothing else is needed
    #[command(after_help = SIMULATE_EXAMPLES)]
    Simulate(SimulateArgs),
    /// Check a configuration file and say what it means
    Check(CheckArgs),
    /// Print the hash of a password, for the configuration
    #[command(after_help = HASH_PASSWORD_EXAMPLES)]
    HashPassword(HashPasswordArgs),
    /// Print the completions of the command line for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in the form that `man` reads
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// Of this command alone
        command: Option<String>,
    },
}

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "CONFIG_PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Credentials for the cluster [default: KUBECONFIG, the pod's service account, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Listen here rather than where the configuration says
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<ListenAddress>,
}

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "CONFIG_PATH")]
    pub(crate) config: Option<PathBuf>,
}

/// The arguments of `hash-password`.
#[derive(Debug, Args)]
pub(crate) struct HashPasswordArgs {
    /// Read the password from this file, or from standard input if it is `-` [default: ask for it]
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// The arguments of `simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Where to listen; port 0 for any that is free
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8443")]
    pub(crate) listen: ListenAddress,
    /// How many virtual machines there are
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub(crate) systems: u32,
    /// HTTPS with a certificate made on the spot, or plain HTTP
    #[arg(long, value_enum, default_value_t = TlsMode::SelfSigned)]
    pub(crate) tls: TlsMode,
    /// The name to log in with
    #[arg(long, value_name = "NAME", default_value = "admin")]
    pub(crate) username: String,
    /// The password to log in with; other users of this host can see it [default: a random one, printed]
    #[arg(long, value_name = "PASSWORD", conflicts_with = "password_file")]
    pub(crate) password: Option<String>,
    /// Read that password from this file, or from standard input if it is `-`
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Serve the simulated Kubernetes API here as well, by plain HTTP and to anyone
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) cluster_listen: Option<ListenAddress>,
    /// Answer searches for Redfish services on the network (SSDP)
    #[arg(long)]
    pub(crate) ssdp: bool,
    /// Take Kubernetes tokens as well; three that the simulated cluster knows are printed
    #[arg(long)]
    pub(crate) kubernetes_tokens: bool,
    /// How many times as fast as usual the cluster lives
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = time_scale)]
    pub(crate) time_scale: f64,
    /// What identifiers and addresses are drawn from: the same for the same number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Which release of the virtualisation layer to simulate
    #[arg(long, value_name = "VERSION", value_enum, default_value_t = SimulatedVersion::V1_9)]
    pub(crate) kubevirt_version: SimulatedVersion,
}

// No documentation of the values: they speak for themselves, and help that has some takes three times the space.

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TlsMode {
    SelfSigned,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimulatedVersion {
    #[value(name = "1.6")]
    V1_6,
    #[value(name = "1.8")]
    V1_8,
    #[value(name = "1.9")]
    V1_9,
}

/// What goes on until it is asked to end.
enum Running {
    Serve(ServeArgs),
    Simulate(SimulateArgs),
}

fn time_scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if (0.001..=1000.0).contains(&factor) => Ok(factor),
        _ => Err("expected a number from 0.001 to 1000".to_owned()),
    }
}

/// Runs the program on a runtime; gives what it ends with.
pub fn main<R: Runtime>() -> ExitCode {
    let parsed = command_line(R::PROGRAM).try_get_matches().and_then(|found| Cli::from_arg_matches(&found));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors and go to standard output; there is nobody to tell if that is closed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match run::<R>(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            crate::log::last_words(format!("{}: {failure}\n", R::PROGRAM));
            ExitCode::from(failure.exit_status())
        }
    }
}

fn run<R: Runtime>(cli: Cli) -> Result<(), Failure> {
    let command = match cli.command {
        Some(Command::Check(args)) => return command::check::run(&args),
        Some(Command::HashPassword(args)) => return command::hash_password::run(&args),
        Some(Command::Completions { shell }) => {
            command::manual::completions(shell, command_line(R::PROGRAM), R::PROGRAM);
            return Ok(());
        }
        Some(Command::Man { command }) => return command::manual::page(command_line(R::PROGRAM), command.as_deref()),
        Some(Command::Serve(args)) => Running::Serve(args),
        Some(Command::Simulate(args)) => Running::Simulate(args),
        None => Running::Serve(cli.serve),
    };
    // Until the end: what has been logged is written then.
    let _log = crate::log::init().map_err(|error| Failure::Usage(error.to_string()))?;
    // What makes TLS connections without being told how uses the same cryptography as the rest. It can only have been
    // set already if this is not the first run in the process; then by the same line.
    let _ = crate::tls::provider().install_default();
    let ended = R::block_on(async {
        match command {
            Running::Serve(args) => Box::pin(command::serve::run::<R>(args)).await,
            Running::Simulate(args) => Box::pin(command::simulate::run::<R>(args)).await,
        }
    });
    ended.map_err(|error| Failure::Runtime(format!("no threads can be started: {error}")))?
}

/// The command line of a program. Its texts name the program that runs.
fn command_line(program: &'static str) -> clap::Command {
    let named = |text: &StyledStr| text.to_string().replace(USUAL, program);
    let command = Cli::command().name(program).bin_name(program);
    if program == USUAL {
        return command;
    }
    let renamed = |command: clap::Command| match command.get_after_help().map(named) {
        Some(text) => command.after_help(text),
        None => command,
    };
    let names: Vec<_> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.into_iter().fold(renamed(command), |command, name| command.mut_subcommand(name, renamed))
}

/// What the program on the usual runtime is called.
const USUAL: &str = "kubevirt-redfish";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
