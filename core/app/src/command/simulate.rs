//! `simulate`: the service over a simulated cluster in this process.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kubevirt_redfish_core::config::{
    Account, Chassis, ChassisName, Config, Credential, EventConfig, IdConvention, Protocol, Secret,
};
use kubevirt_redfish_core::kubevirt::Settings;
use kubevirt_redfish_core::model::Namespace;
use kubevirt_redfish_core::{AddressPolicy, Role};
use kubevirt_redfish_fixtures::cluster::{Cluster, ClusterConfig, KubevirtVersion};
use kubevirt_redfish_fixtures::sample;
use tokio::sync::watch;

use super::{App, Failure, bind, password, print};
use crate::clock::Clock;
use crate::config::ListenAddress;
use crate::random;
use crate::runtime::Runtime;
use crate::server::Limits;
use crate::simulated_api::SimulatedApi;
use crate::tls;
use crate::transport::{Simulated, Transport};

/// The name of the one chassis, and of the namespace behind it.
const LAB: &str = "lab";

/// What the command's help ends with.
pub(crate) const EXAMPLES: &str = "\
Examples:
  Three machines behind https://127.0.0.1:8443 and a random password:
      kubevirt-redfish simulate

  Plain HTTP on any free port, a hundred machines, everything ten times as fast:
      kubevirt-redfish simulate --listen 127.0.0.1:0 --tls off --systems 100 --time-scale 10

  Look at the cluster behind it as well:
      kubevirt-redfish simulate --cluster-listen 127.0.0.1:8001
      kubectl --server http://127.0.0.1:8001 get vm --namespace lab --watch";

/// The arguments of `simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Where to listen; port 0 for any that is free
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8443")]
    pub(crate) listen: ListenAddress,
    /// Serve metrics and probes there as well, by plain HTTP and to anyone
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) metrics_listen: Option<ListenAddress>,
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

fn time_scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if (0.001..=1000.0).contains(&factor) => Ok(factor),
        _ => Err("expected a number from 0.001 to 1000".to_owned()),
    }
}

/// Runs until the process is asked to end.
pub(crate) async fn run<R: Runtime>(args: SimulateArgs) -> Result<(), Failure> {
    let password = match (&args.password, &args.password_file) {
        (Some(password), _) if password.is_empty() => return Err(Failure::Usage("--password is empty".to_owned())),
        (Some(password), _) => password.clone(),
        (None, Some(file)) => password::read(file)?,
        (None, None) => random::password().map_err(Failure::runtime)?,
    };
    if args.username.is_empty() || args.username.contains(':') {
        return Err(Failure::Usage("--username is empty or has a colon in it, which cannot be sent".to_owned()));
    }
    let tls = match args.tls {
        TlsMode::SelfSigned => Some(tls::self_signed(&args.listen.host).map_err(Failure::runtime)?),
        TlsMode::Off => None,
    };
    let simulated = Simulated::start::<R>(cluster(&args), args.time_scale);
    // Kept until the end: dropping the sender is what stops the server.
    let (_stop, stops) = watch::channel(false);
    let cluster_address = match &args.cluster_listen {
        Some(listen) => {
            let server = bind::<R>(listen, None, SimulatedApi::limits(), "--cluster-listen").await?;
            let address = server.local_address().map_err(Failure::runtime)?;
            R::detach(R::spawn(server.serve(SimulatedApi::new(simulated.clone()), stops)));
            Some(address)
        }
        None => None,
    };
    let config = config(&args, &password)?;
    let transport = Transport::Simulated(simulated);
    let settings = Settings { own_namespace: Namespace::new("kubevirt-redfish"), ..Settings::default() };
    let metrics = args.metrics_listen.as_ref();
    let app = App::<R>::start(&args.listen, metrics, tls, Limits::default(), config, settings, transport).await?;
    let address = app.server.local_address().map_err(Failure::runtime)?;
    let text = instructions(&args, address, cluster_address, &password);
    print(&text);
    app.run(None).await
}

fn cluster(args: &SimulateArgs) -> Cluster {
    let version = match args.kubevirt_version {
        SimulatedVersion::V1_6 => KubevirtVersion::V1_6,
        SimulatedVersion::V1_8 => KubevirtVersion::V1_8,
        SimulatedVersion::V1_9 => KubevirtVersion::V1_9,
    };
    let mut config = ClusterConfig::new(version);
    config.seed = args.seed;
    config.epoch = Clock::start().now().unix.0;
    let machines = usize::try_from(args.systems).unwrap_or(usize::MAX);
    if args.kubernetes_tokens {
        sample::laboratory_with_users(config, machines)
    } else {
        sample::laboratory(config, machines)
    }
}

fn config(args: &SimulateArgs, password: &str) -> Result<Config, Failure> {
    let name = ChassisName::new(LAB).ok_or_else(|| Failure::Runtime(format!("{LAB} is no name for a chassis")))?;
    let chassis = Chassis {
        name: name.clone(),
        namespace: LAB.to_owned(),
        selector: Vec::new(),
        names: Vec::new(),
        description: Some("Simulated machines".to_owned()),
    };
    let account = Account {
        user_name: args.username.clone(),
        credential: Credential::Plain(Secret::new(password.as_bytes())),
        role: Role::Administrator,
        chassis: vec![name],
    };
    Ok(Config {
        chassis: vec![chassis],
        accounts: vec![account],
        bearer_tokens: args.kubernetes_tokens,
        id_convention: IdConvention::Enhanced,
        protocol: match args.tls {
            TlsMode::SelfSigned => Protocol::Https,
            TlsMode::Off => Protocol::Http,
        },
        ssdp: args.ssdp,
        service_uuid: random::uuid_of(["simulated", &args.seed.to_string()]),
        // Everything is on this host, receivers of events too.
        events: EventConfig {
            policy: AddressPolicy { loopback: true, ..AddressPolicy::default() },
            ..EventConfig::default()
        },
        ..Config::default()
    })
}

/// What is printed at the start. The words are in a file of their own: they are the client's, not the program's.
const INSTRUCTIONS: &str = include_str!("simulate.txt");

/// What is printed among that about Kubernetes tokens.
const TOKENS: &str = include_str!("simulate-tokens.txt");

fn instructions(args: &SimulateArgs, address: SocketAddr, cluster: Option<SocketAddr>, password: &str) -> String {
    let reachable = |address: SocketAddr| SocketAddr::new(tls::reachable(address.ip()), address.port());
    let (scheme, insecure) = match args.tls {
        TlsMode::SelfSigned => ("https", "k"),
        TlsMode::Off => ("http", ""),
    };
    let credentials = format!("{}:{password}", args.username).replace('\'', r"'\''");
    let kubectl = cluster.map_or_else(
        || "not served; --cluster-listen HOST:PORT serves it".to_owned(),
        |address| format!("kubectl --server http://{} --namespace {LAB} get vm", reachable(address)),
    );
    let values = [
        // First: others stand in it.
        ("{tokens}", if args.kubernetes_tokens { TOKENS } else { "" }.to_owned()),
        ("{curl}", format!("curl -s{insecure} -u '{credentials}'")),
        ("{bearer}", format!("curl -s{insecure} -H 'Authorization: Bearer")),
        ("{url}", format!("{scheme}://{}", reachable(address))),
        ("{id}", format!("{LAB}.node-0")),
        ("{count}", args.systems.to_string()),
        ("{kubectl}", kubectl),
        ("{user}", args.username.clone()),
        // Last: a password may look like anything.
        ("{password}", password.to_owned()),
    ];
    values.iter().fold(INSTRUCTIONS.to_owned(), |text, (name, value)| text.replace(name, value))
}
