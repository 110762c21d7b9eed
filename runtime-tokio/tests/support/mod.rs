//! What the tests of the running program have in common: starting it, reading what it prints, asking it things.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

pub(crate) mod api;
pub(crate) mod client;
pub(crate) mod proxy;

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub(crate) use client::Client;

/// The longest that anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A command of the program, without anything of the environment that it reads.
pub(crate) fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubevirt-redfish"));
    command.args(args).env_remove("CONFIG_PATH").env_remove("KUBECONFIG").env_remove("LOG_LEVEL");
    command
}

/// Runs the program to its end: exit status, standard output, standard error.
pub(crate) fn run(args: &[&str]) -> (i32, String, String) {
    let output = program(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A file with this content, in a place of its own.
pub(crate) fn file(name: &str, content: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}

/// The program while it serves. It is killed when this is dropped.
pub(crate) struct Service {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
    log: Vec<String>,
    /// Such as `https://127.0.0.1:40123`.
    pub(crate) url: String,
}

impl Service {
    /// Starts `simulate` on a free port, with the password `secret`.
    pub(crate) fn simulate(args: &[&str]) -> Self {
        let mut all = vec!["simulate", "--listen", "127.0.0.1:0", "--password", "secret", "--time-scale", "20"];
        all.extend(args);
        let mut service = Self::start(&mut program(&all));
        let line = service.line(|service| &service.stdout, "Redfish service:");
        let url = line.split_whitespace().last().unwrap();
        service.url = url.replace("/redfish/v1/", "");
        service
    }

    /// The same, with its log written to `stderr`, whatever becomes of that.
    pub(crate) fn simulate_logging_to(args: &[&str], stderr: impl Into<Stdio>) -> (Self, Option<ChildStderr>) {
        let mut all = vec!["simulate", "--listen", "127.0.0.1:0", "--password", "secret", "--time-scale", "20"];
        all.extend(args);
        let mut child = program(&all).env("LOG_LEVEL", "debug").stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let (stdout, log) = (lines(child.stdout.take().unwrap()), child.stderr.take());
        let mut service = Self { child, stdout, stderr: channel().1, log: Vec::new(), url: String::new() };
        let line = service.line(|service| &service.stdout, "Redfish service:");
        service.url = line.split_whitespace().last().unwrap().replace("/redfish/v1/", "");
        (service, log)
    }

    /// Starts `serve` on a free port.
    pub(crate) fn serve(config: &Path, kubeconfig: &Path) -> Self {
        let mut command = program(&["serve", "--listen", "127.0.0.1:0"]);
        Self::listening(command.arg("--config").arg(config).arg("--kubeconfig").arg(kubeconfig))
    }

    /// Starts the program as deployments do that name no command: everything is in the environment and the file.
    pub(crate) fn serve_from_environment(config: &Path, kubeconfig: &Path) -> Self {
        Self::listening(program(&[]).env("CONFIG_PATH", config).env("KUBECONFIG", kubeconfig).env("LOG_LEVEL", "info"))
    }

    fn listening(command: &mut Command) -> Self {
        let mut service = Self::start(command);
        let line = service.line(|service| &service.stderr, "\"listening\"");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let scheme = if line["tls"] == true { "https" } else { "http" };
        service.url = format!("{scheme}://{}", line["address"].as_str().unwrap());
        service
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Self { child, stdout, stderr, log: Vec::new(), url: String::new() }
    }

    /// Waits for a line that contains `text`.
    fn line(&mut self, of: impl Fn(&Self) -> &Receiver<String>, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match of(self).recv_timeout(left) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => self.log.push(line),
                Err(error) => panic!("{error} while waiting for {text}; so far: {:#?}", self.log),
            }
        }
    }

    /// Waits for a line of the log that contains `text`.
    pub(crate) fn log_line(&mut self, text: &str) -> String {
        self.line(|service| &service.stderr, text)
    }

    /// Waits for a line of standard output that contains `text`.
    pub(crate) fn stdout_line(&mut self, text: &str) -> String {
        self.line(|service| &service.stdout, text)
    }

    /// Everything that has been logged and not been read yet.
    pub(crate) fn log(&self) -> String {
        self.stderr.try_iter().map(|line| line + "\n").collect()
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A client of the service.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.url).await
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub(crate) fn exit_status(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still running");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Asks again and again until the answer is as wanted.
pub(crate) async fn eventually<T>(mut ask: impl AsyncFnMut() -> T, wanted: impl Fn(&T) -> bool) -> T
where
    T: std::fmt::Debug,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask().await;
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "not in time; the last answer was {answer:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
