//! Instructions for each of the core's hot paths, counted by callgrind and held against budgets.
//!
//! `cargo bench -p kubevirt-redfish-benches --bench instructions` runs this program under valgrind, once with few rounds of
//! a path and once with many: the difference is what a round takes. A count that is more than [`TOLERANCE`] above or
//! below its budget ends in failure, so that what is lost is seen at once and what is won is kept. Counts depend on the
//! compiler; the budgets are those of [`COMPILER`].

use std::env;
use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use kubevirt_redfish_core::{Peer, Step};
use kubevirt_redfish_fixtures::laboratory;
use kubevirt_redfish_fixtures::stub::StubCluster;
use serde_json::json;

/// What is counted, and how many instructions a round may take.
const BUDGETS: [(&str, u64); 8] = [
    ("read a system, Basic", 18_550),
    ("read a system, session", 10_700),
    ("read a system among 10000", 18_550),
    ("read a system that is known (304)", 18_550),
    ("refuse a read without credentials (401)", 19_100),
    ("read the service root", 32_300),
    ("take in a change and publish it", 14_500),
    ("the same, and render the system anew", 98_800),
];

/// In percent of the budget.
const TOLERANCE: u64 = 5;

/// The compiler that the budgets are for.
const COMPILER: &str = "rustc 1.95.0";

const SYSTEM: &str = "/redfish/v1/Systems/lab.node-7";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let result = match arguments.as_slice() {
        [name, rounds] => rounds.parse().map_err(Failure::from).and_then(|rounds| play(name, rounds)).map(|()| true),
        _ => count_all(),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("instructions: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether every budget holds.
fn count_all() -> Result<bool, Failure> {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        say("instructions: valgrind is not at hand, so the budgets are NOT checked");
        return Ok(true);
    }
    let mut holds = true;
    for (name, budget) in BUDGETS {
        let few = instructions(name, FEW)?;
        let taken = instructions(name, FEW + ROUNDS)?.saturating_sub(few) / ROUNDS;
        let within = taken * 100 <= budget * (100 + TOLERANCE) && taken * 100 >= budget * (100 - TOLERANCE);
        holds &= within;
        let verdict = if within { "" } else { " <-- not within the tolerance" };
        say(&format!("{name}: {taken} instructions, budget {budget}{verdict}"));
    }
    if !holds {
        say(&format!(
            "instructions: a budget does not hold by {TOLERANCE} %. If a path has become slower, find out why; if it has \
             become faster, lower its budget in benches/benches/instructions.rs. The budgets are for {COMPILER}."
        ));
    }
    Ok(holds)
}

/// The instructions of this program that plays so many rounds.
fn instructions(name: &str, rounds: u64) -> Result<u64, Failure> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([name, &rounds.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{name} failed: {text}").into());
    }
    let collected = text.lines().find_map(|line| line.split_once("Collected :")).ok_or("no count")?.1;
    Ok(collected.trim().parse()?)
}

/// Plays so many rounds of a path.
fn play(name: &str, rounds: u64) -> Result<(), Failure> {
    let systems = if name.contains("10000") { 10_000 } else { 10 };
    let mut stub = StubCluster::with_systems(systems);
    let basic = ("authorization", "Basic YWRtaW46c2VjcmV0".to_owned());
    match name {
        "read a system, Basic" | "read a system among 10000" => ask(&stub, SYSTEM, &[basic], StatusCode::OK, rounds),
        "read a system, session" => {
            let token = log_in(&mut stub)?;
            ask(&stub, SYSTEM, &[("x-auth-token", token)], StatusCode::OK, rounds)
        }
        "read a system that is known (304)" => {
            let tag = stub.read(SYSTEM).headers().get("etag").ok_or("no tag")?.to_str()?.to_owned();
            ask(&stub, SYSTEM, &[basic, ("if-none-match", tag)], StatusCode::NOT_MODIFIED, rounds)
        }
        "refuse a read without credentials (401)" => ask(&stub, SYSTEM, &[], StatusCode::UNAUTHORIZED, rounds),
        "read the service root" => ask(&stub, "/redfish/v1/", &[basic], StatusCode::OK, rounds),
        "take in a change and publish it" => {
            for _ in 0..rounds {
                let observation = stub.redefinition("lab.node-7", |_| ());
                stub.observe(observation);
            }
            Ok(())
        }
        "the same, and render the system anew" => {
            for _ in 0..rounds {
                let observation = stub.redefinition("lab.node-7", |_| ());
                stub.observe(observation);
                std::hint::black_box(stub.read(SYSTEM));
            }
            Ok(())
        }
        _ => Err(format!("nothing is called {name}").into()),
    }
}

/// Sends a request again and again, as a client over a kept connection does.
fn ask(
    stub: &StubCluster,
    path: &str,
    headers: &[(&str, String)],
    expected: StatusCode,
    rounds: u64,
) -> Result<(), Failure> {
    let mut request = Request::get(path).header("host", "bmc.example").header("user-agent", "Python-urllib/3.11");
    request = request.header("accept-encoding", "identity").header("accept", "application/json");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(())?;
    for _ in 0..rounds {
        let response = answer(stub, request.clone());
        if response.map(|response| response.status()) != Some(expected) {
            return Err(format!("{path} is not answered with {expected}").into());
        }
    }
    Ok(())
}

fn answer(stub: &StubCluster, request: Request<()>) -> Option<Response<Bytes>> {
    let peer = Peer { address: stub.client, secure: true };
    match stub.view.begin(stub.now, &peer, request).1 {
        Step::Respond(response) => Some(response),
        _ => None,
    }
}

/// Opens a session; its token.
fn log_in(stub: &mut StubCluster) -> Result<String, Failure> {
    let body = json!({"UserName": "admin", "Password": "secret"});
    let request = laboratory::request(Method::POST, "/redfish/v1/SessionService/Sessions", Some(&body));
    let response = stub.request(request).ok_or("no answer to a log-in")?;
    Ok(response.headers().get("x-auth-token").ok_or("no token")?.to_str()?.to_owned())
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Rounds that warm up what is made once, and those that are counted: so many that it makes no difference in what state the
/// allocator takes back ten thousand machines at the end.
const FEW: u64 = 50;
const ROUNDS: u64 = 2_000;
