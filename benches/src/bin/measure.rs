//! Measures the running binary from outside: CPU for each request beside a bare server, memory, start, and the time
//! from a change in the cluster to its being seen.
//!
//! `measure BINARY BARE WHAT...` with WHAT of `cpu`, `memory=SYSTEMS`, `start`, `change`, `returns`,
//! `returns=SCENARIO`; loopback only, bounded in requests and time. See the README beside for the commands.

use std::process::Command;
use std::time::{Duration, Instant};

use kubevirt_redfish_benches::{Failure, MACHINE, Rig, SIMULATE, Server, returns, say};

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(binary), Some(bare)) = (arguments.next(), arguments.next()) else {
        return Err("usage: measure BINARY BARE [cpu] [memory=SYSTEMS] [start] [change] [returns[=SCENARIO]]".into());
    };
    for what in arguments {
        match what.split_once('=') {
            None if what == "cpu" => cpu(&binary, &bare)?,
            None if what == "start" => start(&binary)?,
            None if what == "change" => change(&binary)?,
            None if what == "returns" => returns::all(&binary)?,
            Some(("returns", scenario)) => returns::one(&binary, scenario)?,
            Some(("memory", systems)) => memory(&binary, systems.parse()?)?,
            _ => return Err(format!("nothing to measure is called {what}").into()),
        }
    }
    Ok(())
}

/// CPU time of the server for one GET of a system over a kept connection, in turn with the bare server.
fn cpu(binary: &str, bare: &str) -> Result<(), Failure> {
    let service = Server::start(Command::new(binary).args(SIMULATE), "http://")?;
    let path = "/redfish/v1/Systems/lab.node-0";
    service.wait_until_ready(path)?;
    let body = service.get(path)?;
    let file = std::env::temp_dir().join(format!("bare-body-{}", std::process::id()));
    std::fs::write(&file, &body)?;
    let floor = Server::start(Command::new(bare).arg("127.0.0.1:0").arg(&file), "http://")?;
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let ours = service.cpu_per_request(path)?;
        let theirs = floor.cpu_per_request(path)?;
        ratios.push(ours / theirs);
        say(&format!("cpu round {round}: service {ours:.2} us, bare hyper {theirs:.2} us, ratio {:.2}", ours / theirs));
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    say(&format!("cpu: median ratio {median:.2} for {} bytes", body.len()));
    std::fs::remove_file(file)?;
    Ok(())
}

/// Resident memory of `serve` in front of a cluster of that many machines, before and after each was read once.
fn memory(binary: &str, systems: usize) -> Result<(), Failure> {
    let rig = Rig::start(binary, systems)?;
    rig.service.wait_until_ready("/redfish/v1/Systems")?;
    let unread = rig.service.resident()?;
    let mut connection = rig.service.connect()?;
    for number in 0..systems {
        connection.get(&format!("/redfish/v1/Systems/lab.node-{number}"))?;
    }
    let read = rig.service.resident()?;
    say(&format!("memory: {systems} systems; {unread:.1} MiB unread, {read:.1} MiB after each was read once"));
    Ok(())
}

/// Time from the start of the process to its first answer.
fn start(binary: &str) -> Result<(), Failure> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let service = Server::start(Command::new(binary).args(SIMULATE), "http://")?;
        service.get("/redfish/v1/")?;
        let first = begin.elapsed();
        service.wait_until_ready("/redfish/v1/Systems")?;
        times.push((first, begin.elapsed()));
    }
    times.sort();
    let (first, listed) = times.get(times.len() / 2).copied().unwrap_or_default();
    say(&format!("start: median {first:.1?} to the first answer, {listed:.1?} to the first list of systems"));
    Ok(())
}

/// Time from a change in the cluster (the answer to a PATCH of a machine) to its being seen over Redfish, for a
/// service that learns of it by its watch.
fn change(binary: &str) -> Result<(), Failure> {
    let rig = Rig::start(binary, 3)?;
    let path = "/redfish/v1/Systems/lab.node-0";
    rig.service.wait_until_ready(path)?;
    let mut times = Vec::new();
    for round in 0..ROUNDS * 4 {
        let mark = format!("seen-{round}");
        let patch = format!("{{\"metadata\":{{\"annotations\":{{\"description\":\"{mark}\"}}}}}}");
        let mut api = rig.cluster_api()?;
        let mut reader = rig.service.connect()?;
        api.send("PATCH", MACHINE, Some(("application/merge-patch+json", &patch)))?;
        let begin = Instant::now();
        while !reader.get(path)?.contains(&mark) {
            if begin.elapsed() > Duration::from_secs(10) {
                return Err("the change was not seen within ten seconds".into());
            }
        }
        times.push(begin.elapsed());
    }
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let slowest = times.last().copied().unwrap_or_default();
    say(&format!("change: seen after {median:.1?} (median), {slowest:.1?} (slowest of {})", times.len()));
    Ok(())
}

const ROUNDS: usize = 5;
