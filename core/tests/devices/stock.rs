//! Takes stock of a system, and compares what it is made of while it is off and while it runs.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use kubevirt_redfish_fixtures::judge::judge;
use kubevirt_redfish_fixtures::laboratory::request;
use kubevirt_redfish_fixtures::world::World;
use serde_json::Value;

/// What a system is made of: its own representation and everything below it that it links to, by URI. Every link is
/// followed, and every response is judged.
pub(crate) fn take_stock(world: &mut World, system: &str) -> BTreeMap<String, Value> {
    let mut stock = BTreeMap::new();
    let mut queue = vec![system.to_owned()];
    while let Some(uri) = queue.pop() {
        if stock.contains_key(&uri) || uri.contains("/VirtualMedia") {
            continue;
        }
        let response = world.send(0, request(Method::GET, &uri, None)).expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{uri}");
        judge(&Method::GET, false, &response);
        let body: Value = serde_json::from_slice(response.body()).expect("JSON");
        collect_links(&body, system, &mut queue);
        stock.insert(uri, strip(&body));
    }
    stock
}

/// Whether a system that runs is the one that was off. What the definition leaves open may have come with the run where an
/// instance type or a preference fills it in (`is_open`); nothing may be another.
pub(crate) fn agree(off: &BTreeMap<String, Value>, on: &BTreeMap<String, Value>, is_open: bool) -> Result<(), String> {
    for (uri, was) in off {
        match on.get(uri) {
            Some(is) => same(was, is, is_open, uri)?,
            None => return Err(format!("{uri} is gone")),
        }
    }
    let come: Vec<&String> = on.keys().filter(|uri| !off.contains_key(*uri)).collect();
    if come.is_empty() || is_open { Ok(()) } else { Err(format!("{come:?} have come")) }
}

fn same(off: &Value, on: &Value, is_open: bool, place: &str) -> Result<(), String> {
    let mut of_a_run = ["/MACAddress", "/SecureBootCurrentBoot", "/CapacityBytes"].iter();
    let comes_with_a_run = of_a_run.any(|name| place.ends_with(name));
    match (off, on) {
        (Value::Null, _) if is_open || comes_with_a_run => Ok(()),
        (Value::Object(was), Value::Object(is)) => {
            for (name, value) in was {
                let found = is.get(name).ok_or_else(|| format!("{place}/{name} is gone"))?;
                same(value, found, is_open, &format!("{place}/{name}"))?;
            }
            for (name, found) in is.iter().filter(|(name, _)| !was.contains_key(*name)) {
                same(&Value::Null, found, is_open, &format!("{place}/{name}"))?;
            }
            Ok(())
        }
        (Value::Array(was), Value::Array(is)) if was.len() == is.len() => {
            for (index, (was, is)) in was.iter().zip(is).enumerate() {
                same(was, is, is_open, &format!("{place}/{index}"))?;
            }
            Ok(())
        }
        // There may be more of what could not be counted.
        (Value::Array(_) | Value::Number(_), _)
            if is_open && (place.contains("Members") || place.ends_with("count")) =>
        {
            Ok(())
        }
        _ if off == on => Ok(()),
        _ => Err(format!("{place} was {off} and is {on}")),
    }
}

/// Without what is about the run and not about the machine.
fn strip(value: &Value) -> Value {
    const OF_THE_RUN: [&str; 9] = [
        "@odata.etag",
        "PowerState",
        "Status",
        "LastResetTime",
        "BootProgress",
        "IPv4Addresses",
        "IPv6Addresses",
        "SecureBootCurrentBoot",
        "Actions",
    ];
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !OF_THE_RUN.contains(&name.as_str()));
            Value::Object(kept.map(|(name, value)| (name.clone(), strip(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(strip).collect()),
        other => other.clone(),
    }
}

fn collect_links(value: &Value, system: &str, queue: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            let link = members.get("@odata.id").and_then(Value::as_str);
            queue.extend(link.filter(|link| link.starts_with(system)).map(ToOwned::to_owned));
            members.values().for_each(|value| collect_links(value, system, queue));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_links(value, system, queue)),
        _ => {}
    }
}
