//! Whether memory comes back: how much is resident before something was done a great many times, right after it, and when
//! the service has been left alone.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use crate::{Connection, Failure, Rig, Server, say};

/// Everything that is tried.
const SCENARIOS: [&str; 4] = ["passwords", "requests", "subscriptions", "machines"];

/// All of them, each with a service of its own.
pub fn all(binary: &str) -> Result<(), Failure> {
    SCENARIOS.iter().try_for_each(|scenario| one(binary, scenario))
}

/// One of `passwords`, `requests`, `subscriptions`, `machines`.
pub fn one(binary: &str, scenario: &str) -> Result<(), Failure> {
    let systems = if scenario == "machines" { 100_000 } else { 1_000 };
    let rig = Rig::start(binary, systems)?;
    let service = &rig.service;
    service.wait_until_ready("/redfish/v1/Systems")?;
    std::thread::sleep(Duration::from_secs(2));
    let ready = service.resident()?;
    let begin = Instant::now();
    let done = match scenario {
        "passwords" => wrong_passwords(service)?,
        "requests" => mixed_requests(service)?,
        "subscriptions" => subscriptions(service)?,
        "machines" => machines(service, systems)?,
        other => return Err(format!("nothing is called {other}").into()),
    };
    let time = begin.elapsed();
    let after = service.resident()?;
    std::thread::sleep(ALONE);
    let alone = service.resident()?;
    let ratio = alone / ready;
    say(&format!(
        "returns: {done} in {time:.0?}: {ready:.1} MiB before, {after:.1} MiB after, {alone:.1} MiB when left alone for \
         {ALONE:.0?} ({ratio:.2} of before)"
    ));
    Ok(())
}

/// From a hundred addresses, each of which is soon told to wait.
fn wrong_passwords(service: &Server) -> Result<String, Failure> {
    let target = service.address();
    let guess = |thread: u8| -> Result<(), String> {
        for address in 0..5 {
            let from = Ipv4Addr::new(127, 0, 1 + address, 1 + thread);
            let mut connection = Connection::open_from(target, from).map_err(|error| error.to_string())?;
            for _ in 0..100 {
                let headers = "Authorization: Basic aGFzaGVkOndyb25n\r\n";
                let answer = connection.send_with("GET", "/redfish/v1/Systems", headers, None);
                match answer.map_err(|error| error.to_string())? {
                    (401 | 429 | 503, _) => {}
                    (status, _) => return Err(format!("a wrong password was answered with {status}")),
                }
            }
        }
        Ok(())
    };
    in_parallel(20, guess)?;
    Ok("10000 wrong passwords".to_owned())
}

/// What clients do, and mistakes that they make.
fn mixed_requests(service: &Server) -> Result<String, Failure> {
    let target = service.address();
    let ask = |thread: u8| -> Result<(), String> {
        let mut connection = Connection::open(target).map_err(|error| error.to_string())?;
        for number in 0..REQUESTS / usize::from(CLIENTS) {
            request(&mut connection, usize::from(thread) * 7_919 + number).map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    in_parallel(CLIENTS, ask)?;
    Ok(format!("{REQUESTS} mixed requests"))
}

fn request(connection: &mut Connection, number: usize) -> Result<(), Failure> {
    const JSON: &str = "application/json";
    let system = format!("/redfish/v1/Systems/lab.node-{}", number * 31 % 1_000);
    let read = |path: String| ("GET", path, None);
    let (method, path, body) = match number % 400 {
        0 => read("/redfish/v1/Systems?$filter=PowerState+eq+'On'".to_owned()),
        1 => read("/redfish/v1/Systems?$expand=.&$top=50".to_owned()),
        2 => ("PATCH", system, Some(format!("{{\"AssetTag\": \"tag-{number}\"}}"))),
        3 => (
            "POST",
            "/redfish/v1/EventService/Actions/EventService.TestEventSubscription".to_owned(),
            Some("{}".to_owned()),
        ),
        4 => ("PATCH", system, Some("{\"AssetTag\": 7".to_owned())),
        5..=9 => read(format!("{system}-not")),
        10..=29 => read("/redfish/v1/Systems".to_owned()),
        30..=39 => read("/redfish/v1/Registries/KubeVirt.1.0".to_owned()),
        40..=49 => read("/redfish/v1/$metadata".to_owned()),
        50..=149 => read(format!("{system}/VirtualMedia/Cd")),
        150..=249 => read(system.replace("Systems", "Managers")),
        250..=279 => read(format!("{system}/EthernetInterfaces")),
        280..=299 => read(format!("{system}/Bios")),
        300..=309 => read("/redfish/v1/SessionService/Sessions".to_owned()),
        _ => read(system),
    };
    let body = body.as_deref().map(|body| (JSON, body));
    let headers = "Authorization: Basic YWRtaW46bWVhc3VyZQ==\r\n";
    let gzip = format!("{headers}Accept-Encoding: gzip\r\n");
    let (status, _) =
        connection.send_with(method, &path, if number.is_multiple_of(3) { &gzip } else { headers }, body)?;
    if status >= 500 && status != 503 { Err(format!("{method} {path}: {status}").into()) } else { Ok(()) }
}

/// Fifty at a time; nobody listens where their events go.
fn subscriptions(service: &Server) -> Result<String, Failure> {
    let mut connection = service.connect()?;
    for round in 0..20 {
        let mut made = Vec::new();
        for number in 0..50 {
            let body = format!(
                "{{\"Destination\": \"http://127.0.0.1:9/{round}/{number}\", \"Protocol\": \"Redfish\", \
                 \"SendHeartbeat\": true, \"HeartbeatIntervalMinutes\": 60000}}"
            );
            let (status, answer) =
                connection.send("POST", "/redfish/v1/EventService/Subscriptions", Some(("application/json", &body)))?;
            let uri = answer.split("\"@odata.id\":\"").nth(1).and_then(|rest| rest.split('"').next());
            match uri.filter(|_| status == 201) {
                Some(uri) => made.push(uri.to_owned()),
                None => return Err(format!("a subscription was answered with {status}: {answer}").into()),
            }
        }
        let test = "/redfish/v1/EventService/Actions/EventService.TestEventSubscription";
        connection.send("POST", test, Some(("application/json", "{}")))?;
        for uri in made {
            connection.send("DELETE", &uri, None)?;
        }
    }
    Ok("1000 subscriptions made and removed".to_owned())
}

fn machines(service: &Server, systems: usize) -> Result<String, Failure> {
    let mut connection = service.connect()?;
    for number in 0..systems {
        connection.get(&format!("/redfish/v1/Systems/lab.node-{number}"))?;
    }
    Ok(format!("{systems} machines read once"))
}

fn in_parallel(threads: u8, work: impl Fn(u8) -> Result<(), String> + Sync) -> Result<(), Failure> {
    let work = &work;
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        running.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("panic".to_owned())))
    })?;
    Ok(())
}

/// How long the service is left alone.
const ALONE: Duration = Duration::from_secs(100);

const CLIENTS: u8 = 16;
const REQUESTS: usize = 200_000;
