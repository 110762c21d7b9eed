//! Running programs, as measurements need them: started, asked, looked at from outside, ended.
//!
//! Everything is bounded, stays on loopback and ends by itself.

pub mod returns;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Why something could not be measured.
pub type Failure = Box<dyn std::error::Error>;

/// `serve` in front of a simulated cluster in another process.
#[derive(Debug)]
pub struct Rig {
    /// The service.
    pub service: Server,
    /// The cluster's API.
    pub api: String,
    _cluster: Server,
}

impl Rig {
    /// Starts both; the service shows that many machines.
    pub fn start(binary: &str, systems: usize) -> Result<Self, Failure> {
        let mut command = Command::new(binary);
        command.args(SIMULATE).args(["--systems", &systems.to_string(), "--cluster-listen", "127.0.0.1:0"]);
        let cluster = Server::start(&mut command, "http://")?;
        let line = cluster.lines().find(|line| line.contains("--server")).ok_or("no address of the cluster")?;
        let api = address(&line, "http://").ok_or("no address of the cluster")?;
        let folder = std::env::temp_dir().join(format!("kubevirt-redfish-measure-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let (config, kubeconfig) = (folder.join("config.yaml"), folder.join("kubeconfig"));
        std::fs::write(&config, CONFIG)?;
        std::fs::write(&kubeconfig, KUBECONFIG.replace("ADDRESS", &api))?;
        let mut command = Command::new(binary);
        command.arg("serve").arg("--config").arg(config).arg("--kubeconfig").arg(kubeconfig);
        // Its address is in the log, which is not read here; a port that was free a moment ago does as well.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        command.args(["--listen", &port.to_string()]);
        Ok(Self { service: Server::start_at(&mut command, port.to_string())?, api, _cluster: cluster })
    }

    /// A connection to the cluster's API.
    pub fn cluster_api(&self) -> Result<Connection, Failure> {
        Connection::open(self.api.strip_prefix("http://").unwrap_or_default())
    }
}

/// A server in another process, ended when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
    output: Receiver<String>,
}

impl Server {
    /// Starts it and waits for the line that names its address.
    pub fn start(command: &mut Command, scheme: &str) -> Result<Self, Failure> {
        let mut child = command.env("LOG_LEVEL", "error").stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let address = loop {
            if let Some(found) = address(&receiver.recv_timeout(Duration::from_mins(2))?, scheme) {
                break found.strip_prefix(scheme).unwrap_or_default().to_owned();
            }
        };
        Ok(Self { child, address, output: receiver })
    }

    /// Starts it and waits until it listens at `address`.
    pub fn start_at(command: &mut Command, address: String) -> Result<Self, Failure> {
        let child = command.env("LOG_LEVEL", "error").stdout(Stdio::null()).spawn()?;
        let server = Self { child, address, output: channel().1 };
        let begin = Instant::now();
        while server.connect().is_err() {
            if begin.elapsed() > Duration::from_mins(2) {
                return Err("the service does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(server)
    }

    /// What it printed after its address.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        std::iter::from_fn(|| self.output.recv_timeout(Duration::from_secs(1)).ok())
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A connection to it.
    pub fn connect(&self) -> Result<Connection, Failure> {
        Connection::open(&self.address)
    }

    /// Reads once.
    pub fn get(&self, path: &str) -> Result<String, Failure> {
        self.connect()?.get(path)
    }

    /// Reads until the answer is 200; the body.
    pub fn wait_until_ready(&self, path: &str) -> Result<String, Failure> {
        let begin = Instant::now();
        loop {
            let (status, body) = self.connect()?.send("GET", path, None)?;
            if status == 200 {
                return Ok(body);
            }
            if begin.elapsed() > Duration::from_mins(5) {
                return Err(format!("{path} answers {status}").into());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Microseconds of CPU, user and system.
    pub fn cpu_per_request(&self, path: &str) -> Result<f64, Failure> {
        let before = self.cpu()?;
        let address = &self.address;
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CONNECTIONS)
                .map(|_| {
                    scope.spawn(|| -> Result<(), String> {
                        let mut connection = Connection::open(address).map_err(|error| error.to_string())?;
                        for _ in 0..REQUESTS / CONNECTIONS {
                            connection.get(path).map_err(|error| error.to_string())?;
                        }
                        Ok(())
                    })
                })
                .collect();
            clients.into_iter().try_for_each(|client| client.join().unwrap_or_else(|_| Err("panic".to_owned())))
        })?;
        let spent = self.cpu()?.saturating_sub(before);
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        Ok(spent.as_secs_f64() * 1e6 / (REQUESTS / CONNECTIONS * CONNECTIONS) as f64)
    }

    /// CPU time so far, from `/proc`; a tick is a hundredth of a second.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
        Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
    }

    /// Resident memory in MiB.
    pub fn resident(&self) -> Result<f64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kibibytes: f64 = line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse()?;
        Ok(kibibytes / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that is kept open: one request at a time, bodies of known length or in chunks.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    host: String,
}

impl Connection {
    /// Connects.
    pub fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self { stream: BufReader::new(stream), host: address.to_owned() })
    }

    /// Connects from an address of this host.
    pub fn open_from(address: &str, from: Ipv4Addr) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let stream = runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4()?;
            socket.bind(SocketAddr::from((from, 0)))?;
            let target = address.parse().map_err(std::io::Error::other)?;
            socket.connect(target).await?.into_std()
        })?;
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_mins(1)))?;
        Ok(Self { stream: BufReader::new(stream), host: address.to_owned() })
    }

    /// Reads a resource.
    pub fn get(&mut self, path: &str) -> Result<String, Failure> {
        match self.send("GET", path, None)? {
            (200, body) => Ok(body),
            (status, _) => Err(format!("{path} answers {status}").into()),
        }
    }

    /// Sends a request, with the credentials of the administrator: the status and the body of the answer.
    pub fn send(&mut self, method: &str, path: &str, body: Option<(&str, &str)>) -> Result<(u16, String), Failure> {
        self.send_with(method, path, "Authorization: Basic YWRtaW46bWVhc3VyZQ==\r\n", body)
    }

    /// The same with these headers.
    pub fn send_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: Option<(&str, &str)>,
    ) -> Result<(u16, String), Failure> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}", self.host);
        if let Some((content_type, body)) = body {
            write!(request, "Content-Type: {content_type}\r\nContent-Length: {}\r\n", body.len())?;
        }
        request.push_str("\r\n");
        request.push_str(body.map_or("", |(_, body)| body));
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).ok_or("no status line")?.parse()?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim_end();
            if header.is_empty() {
                break;
            }
            if let Some((name, value)) = header.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
            if header.eq_ignore_ascii_case("transfer-encoding: chunked") {
                return Err("a body in chunks was not expected".into());
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// The address in a line of output.
fn address(line: &str, scheme: &str) -> Option<String> {
    let start = line.find(scheme)?;
    let rest = line.get(start..)?;
    let end = rest
        .get(scheme.len()..)?
        .find(|character: char| !(character.is_ascii_alphanumeric() || ".:".contains(character)))
        .map_or(rest.len(), |end| end + scheme.len());
    rest.get(..end).map(str::to_owned)
}

/// Prints a line.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// How the simulated service is started.
pub const SIMULATE: [&str; 9] =
    ["simulate", "--listen", "127.0.0.1:0", "--tls", "off", "--username", "admin", "--password", "measure"];

/// The first machine of the simulated cluster.
pub const MACHINE: &str = "/apis/kubevirt.io/v1/namespaces/lab/virtualmachines/node-0";

const CONFIG: &str = "\
chassis:
  - name: lab
    namespace: lab
authentication:
  users:
    - username: admin
      password: measure
      chassis: [lab]
    - username: hashed
      password: $argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
      chassis: [lab]
events:
  allow_loopback: true
";

const KUBECONFIG: &str = "\
apiVersion: v1
kind: Config
clusters:
  - name: simulated
    cluster: {server: ADDRESS}
contexts:
  - name: simulated
    context: {cluster: simulated, user: nobody}
current-context: simulated
users:
  - name: nobody
    user: {}
";

const CONNECTIONS: usize = 16;
const REQUESTS: usize = 160_000;
