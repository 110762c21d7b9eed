//! The command line: what can be asked for, and how it ends.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

#[cfg(feature = "simulate")]
use crate::command::simulate::{self, SimulateArgs};
use crate::command::{self, Failure, hosts};
use crate::config::ListenAddress;
use crate::runtime::Runtime;

const ABOUT: &str = "A Redfish service for KubeVirt virtual machines";

const EXAMPLES: &str = "\
Examples:
{simulate}  See what a configuration file means, and whether it is right:
      kubevirt-redfish check --config config.yaml

  Serve the virtual machines of the cluster that your kubeconfig points to:
      kubevirt-redfish serve --config config.yaml --kubeconfig ~/.kube/config

  In a pod, CONFIG_PATH and the service account are enough:
      CONFIG_PATH=/app/config/config.yaml kubevirt-redfish

Environment:
  CONFIG_PATH  the configuration file; without it and --config ./config.yaml, ./config/config.yaml or
               /etc/kubevirt-redfish/config.yaml
  KUBEVIRT_REDFISH_<SECTION>_<KEY>
               a value of the configuration that wins over the file's, as KUBEVIRT_REDFISH_SERVER_PORT=8080
  KUBECONFIG   credentials for a cluster; without it the pod's service account, then ~/.kube/config
  LOG_LEVEL    trace, debug, info (the default), warn, error, off, or directives such as info,hyper=debug;
               REDFISH_LOG_LEVEL wins over it, REDFISH_LOGGING_ENABLED=false is off

Exit status: 0 after a regular end, 1 if something failed while running, 2 if the command line or the
configuration cannot be used.";

/// Part of the above, if the program has that command.
const SIMULATE_EXAMPLE: &str = "  Try it without a cluster; prints an address, a password and things to try:
      kubevirt-redfish simulate

";

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

const CHECK_EXAMPLES: &str = "\
Examples:
  kubevirt-redfish check --config config.yaml
  kubevirt-redfish check --config config.yaml --cluster --kubeconfig ~/.kube/config

With --cluster it looks at versions, feature gates, APIs, the rights of whoever asks, storage, the clock and the
machines. It changes nothing, and says with each finding the command that mends it or shows more.

Exit status: 0 if all is well, 2 if the configuration cannot be used. With --cluster: 0 if all is well, 1 if
there are errors or the configuration cannot be used, 2 if there are only warnings in the cluster.";

const HOSTS_EXAMPLES: &str = "\
Examples:
  kubevirt-redfish hosts --config config.yaml --url https://redfish.example.com
  kubevirt-redfish hosts --config config.yaml --url https://redfish.example.com --format bmh | kubectl apply -f -

Formats:
  table            for people
  json             everything, for scripts
  bmh              BareMetalHosts of Metal3
  install-config   platform.baremetal.hosts of OpenShift's install-config.yaml
  clusterinstance  spec.nodes of a ClusterInstance (SiteConfig operator, ACM)

A host needs a Secret with its user name and password, called <name>-bmc; install-config has them in itself and
leaves them to be filled in. The interface that the machine boots from first gives the MAC address to boot by.";

const RBAC_EXAMPLES: &str = "\
Examples:
  kubevirt-redfish rbac --config config.yaml | kubectl apply -f -
  kubevirt-redfish rbac --config config.yaml --namespace redfish --all-namespaces";

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
    #[cfg(feature = "simulate")]
    #[command(after_help = simulate::EXAMPLES)]
    Simulate(SimulateArgs),
    /// Check a configuration file and say what it means, and whether the cluster has what it needs
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Print what installers need to know of each machine: addresses, UUID, boot mode
    #[command(after_help = HOSTS_EXAMPLES)]
    Hosts(HostsArgs),
    /// Print the roles and bindings that a configuration needs in the cluster, and no more
    #[command(after_help = RBAC_EXAMPLES)]
    Rbac(RbacArgs),
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
    /// Serve metrics and probes here rather than where the configuration says, by plain HTTP and to anyone
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) metrics_listen: Option<ListenAddress>,
}

/// The arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "CONFIG_PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Look at the cluster as well
    #[arg(long)]
    pub(crate) cluster: bool,
    /// Credentials for the cluster [default: KUBECONFIG, the pod's service account, or ~/.kube/config]
    #[arg(long, value_name = "FILE", requires = "cluster")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The namespace that the service runs in [default: that of the credentials]
    #[arg(long, value_name = "NAMESPACE", requires = "cluster", value_parser = namespace)]
    pub(crate) namespace: Option<String>,
}

/// The arguments of `hosts`.
#[derive(Debug, Args)]
pub(crate) struct HostsArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "CONFIG_PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Credentials for the cluster [default: KUBECONFIG, the pod's service account, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Where clients find the service, without a path [default: what server.host, port and tls say]
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// What to print
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = hosts::Format::Table)]
    pub(crate) format: hosts::Format,
    /// Only the machines of this chassis
    #[arg(long, value_name = "NAME")]
    pub(crate) chassis: Option<String>,
    /// Have installers take any certificate of the service
    #[arg(long)]
    pub(crate) disable_certificate_verification: bool,
}

/// The arguments of `rbac`.
#[derive(Debug, Args)]
pub(crate) struct RbacArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "CONFIG_PATH")]
    pub(crate) config: Option<PathBuf>,
    /// The namespace that the service runs in
    #[arg(long, value_name = "NAMESPACE", default_value = "kubevirt-redfish", value_parser = namespace)]
    pub(crate) namespace: String,
    /// Rights in every namespace, rather than in those of the configuration
    #[arg(long)]
    pub(crate) all_namespaces: bool,
}

fn namespace(text: &str) -> Result<String, &'static str> {
    let expected = "expected 1 to 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit";
    if crate::config::is_namespace(text) { Ok(text.to_owned()) } else { Err(expected) }
}

/// The arguments of `hash-password`.
#[derive(Debug, Args)]
pub(crate) struct HashPasswordArgs {
    /// Read the password from this file, or from standard input if it is `-` [default: ask for it]
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// What speaks to others.
enum Running {
    Serve(ServeArgs),
    Hosts(HostsArgs),
    #[cfg(feature = "simulate")]
    Simulate(SimulateArgs),
}

/// Runs the program on a runtime; gives what it ends with.
pub fn main<R: Runtime>() -> ExitCode {
    let command = command_line(R::PROGRAM);
    let args = std::env::args_os().collect();
    let parsed = command
        .clone()
        .try_get_matches_from(two_dashes(&command, args))
        .and_then(|found| Cli::from_arg_matches(&found));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors and go to standard output; there is nobody to tell if that is closed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match run::<R>(cli) {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            crate::log::last_words(format!("{}: {failure}\n", R::PROGRAM));
            ExitCode::from(failure.exit_status())
        }
    }
}

/// Does what was asked for; the exit status.
fn run<R: Runtime>(cli: Cli) -> Result<u8, Failure> {
    let command = match cli.command {
        Some(Command::Check(args)) => return command::check::run::<R>(&args),
        Some(Command::Hosts(args)) => Running::Hosts(args),
        Some(Command::Rbac(args)) => return command::rbac::run::<R>(&args).map(|()| 0),
        Some(Command::HashPassword(args)) => return command::hash_password::run(&args).map(|()| 0),
        Some(Command::Completions { shell }) => {
            command::manual::completions(shell, command_line(R::PROGRAM), R::PROGRAM);
            return Ok(0);
        }
        Some(Command::Man { command }) => {
            return command::manual::page(command_line(R::PROGRAM), command.as_deref()).map(|()| 0);
        }
        Some(Command::Serve(args)) => Running::Serve(args),
        #[cfg(feature = "simulate")]
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
            Running::Hosts(args) => Box::pin(hosts::run::<R>(args)).await,
            #[cfg(feature = "simulate")]
            Running::Simulate(args) => Box::pin(simulate::run::<R>(args)).await,
        }
    });
    ended.map_err(|error| Failure::Runtime(format!("no threads can be started: {error}")))?.map(|()| 0)
}

/// The command line with two dashes before each long option. Deployments of earlier versions have one, as in
/// `-config FILE` and `-config=FILE`.
fn two_dashes(command: &clap::Command, args: Vec<OsString>) -> Vec<OsString> {
    let is_long = |name: &str| {
        let all = std::iter::once(command).chain(command.get_subcommands());
        let known = all.flat_map(clap::Command::get_arguments).filter_map(clap::Arg::get_long);
        known.chain(["help", "version"]).any(|long| long == name)
    };
    let mut verbatim = false;
    let two = |arg: OsString| {
        verbatim |= arg == "--";
        let name = arg.to_str().and_then(|text| text.strip_prefix('-')).and_then(|text| text.split('=').next());
        if verbatim || !name.is_some_and(is_long) {
            return arg;
        }
        let mut long = OsString::from("-");
        long.push(arg);
        long
    };
    args.into_iter().map(two).collect()
}

/// The command line of a program. Its texts name the program that runs, and only commands that it has.
fn command_line(program: &'static str) -> clap::Command {
    let simulate = if cfg!(feature = "simulate") { SIMULATE_EXAMPLE } else { "" };
    let named = |text: &StyledStr| text.to_string().replace("{simulate}", simulate).replace(USUAL, program);
    let renamed = |command: clap::Command| match command.get_after_help().map(named) {
        Some(text) => command.after_help(text),
        None => command,
    };
    let command = Cli::command().name(program).bin_name(program);
    let names: Vec<_> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.into_iter().fold(renamed(command), |command, name| command.mut_subcommand(name, renamed))
}

/// What the program on the usual runtime is called.
const USUAL: &str = "kubevirt-redfish";

#[cfg(test)]
mod tests {
    use super::*;

    /// The flags of the Go services.
    #[test]
    fn long_options_may_have_one_dash() {
        let two = |args: &[&str]| {
            let args = args.iter().map(OsString::from).collect();
            two_dashes(&Cli::command(), args)
                .into_iter()
                .map(|arg| arg.into_string().expect("text"))
                .collect::<Vec<_>>()
        };
        assert_eq!(two(&["p", "-config", "f"]), ["p", "--config", "f"]);
        assert_eq!(two(&["p", "-config=f", "-kubeconfig=-config"]), ["p", "--config=f", "--kubeconfig=-config"]);
        assert_eq!(two(&["p", "-version"]), ["p", "--version"]);
        let kept = ["p", "serve", "--config", "f", "-h", "-V", "-", "-conf", "--", "-config"];
        assert_eq!(two(&kept), kept);
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
