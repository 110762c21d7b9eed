//! Watches against the simulated cluster: what they show is what is there, whatever happens to the streams.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use kubevirt_redfish_core::kubevirt::{TransportError, Watch, WatchStep, watches};
use kubevirt_redfish_core::model::{Blindness, Observation, Obstacle, Source};
use kubevirt_redfish_core::time::Instant;
use kubevirt_redfish_fixtures::cluster::{Fault, FaultEffect, Output, RequestId, Rule};
use kubevirt_redfish_fixtures::sample::{data_volume, small};
use serde_json::json;

use crate::harness::{NAMESPACE, World};

/// One watch and the request it waits for.
struct Stream {
    watch: Watch,
    open: Option<RequestId>,
}

/// What has been seen, as a service would keep it.
#[derive(Default)]
struct Seen {
    machines: BTreeMap<String, String>,
    instances: BTreeMap<String, String>,
    imports: BTreeMap<String, String>,
    platform: Option<String>,
    fresh: BTreeMap<Source, bool>,
    log: Vec<String>,
}

impl Seen {
    fn note(&mut self, observation: Observation) {
        match observation {
            Observation::Machine(machine) => {
                self.machines.insert(machine.id.to_string(), machine.uid.to_string());
            }
            Observation::MachineGone(id, _) => {
                self.machines.remove(&id.to_string());
            }
            Observation::Instance(instance) => {
                self.instances.insert(instance.id.to_string(), format!("{:?}", instance.phase));
            }
            Observation::InstanceGone(id, _) => {
                self.instances.remove(&id.to_string());
            }
            Observation::Import(import) => {
                self.imports.insert(import.id.name.to_string(), format!("{:?}", import.state));
            }
            Observation::ImportGone(id, _) => {
                self.imports.remove(&*id.name);
            }
            // Not watched here.
            Observation::Document(_)
            | Observation::DocumentGone(..)
            | Observation::Caller(_)
            | Observation::Leadership(_)
            | Observation::Listed(_)
            | Observation::Interrupt(_) => {}
            Observation::Platform(platform) => self.platform = platform.version.map(Into::into),
            Observation::Synchronised(source) => {
                self.log.push(format!("{} synchronised", source.kind));
            }
            Observation::Seen(sight) => {
                self.fresh.insert(sight.source, true);
            }
            Observation::Unseen(Blindness { source, obstacle, .. }) => {
                let why = match obstacle {
                    Obstacle::Unreachable(_) => "out of reach",
                    Obstacle::Silent => "silent",
                    Obstacle::Forbidden(_) => "forbidden",
                    Obstacle::Missing => "missing",
                };
                self.log.push(format!("{} {why}", source.kind));
                self.fresh.insert(source, false);
            }
        }
    }
}

struct Streams {
    streams: Vec<Stream>,
    seen: Seen,
}

impl Streams {
    fn new() -> Self {
        let streams = watches([NAMESPACE], 3).into_iter().map(|watch| Stream { watch, open: None }).collect();
        Self { streams, seen: Seen::default() }
    }

    /// Lets the watches run along with the cluster.
    fn run(&mut self, world: &mut World, time: Duration) {
        let cluster = &mut world.sim.cluster;
        let end = world.sim.now + time;
        for _ in 0..100_000 {
            let mut next = cluster.poll_timeout().unwrap_or(end).min(end);
            for stream in &mut self.streams {
                let now = Instant::new(world.sim.now);
                match stream.watch.poll(now) {
                    WatchStep::Send(request) => {
                        if let Some(open) = stream.open.take() {
                            cluster.close(open);
                        }
                        assert_eq!(request.method(), Method::GET);
                        stream.open = Some(cluster.handle_request(world.sim.now, request));
                        next = world.sim.now;
                    }
                    WatchStep::WaitUntil(time) => {
                        if let Some(open) = stream.open.take() {
                            cluster.close(open);
                        }
                        next = next.min(time.since_start());
                    }
                    WatchStep::Read { until } => next = next.min(until.since_start()),
                }
            }
            let now = Instant::new(world.sim.now);
            while let Some(output) = cluster.poll_output() {
                let id = output.id();
                let Some(stream) = self.streams.iter_mut().find(|stream| stream.open == Some(id)) else { continue };
                match output {
                    Output::Head { response, .. } => stream.watch.handle_head(now, &response),
                    Output::Data { bytes, .. } => {
                        bytes.chunks(777).for_each(|piece| stream.watch.handle_data(now, piece));
                    }
                    Output::End { .. } => {
                        stream.open = None;
                        stream.watch.handle_end(now, Ok(()));
                    }
                    Output::Cut { .. } => {
                        stream.open = None;
                        stream.watch.handle_end(now, Err(TransportError::Broken("reset".to_owned())));
                    }
                }
                while let Some(observation) = stream.watch.poll_observation() {
                    self.seen.note(observation);
                }
                next = world.sim.now;
            }
            for stream in &mut self.streams {
                while let Some(observation) = stream.watch.poll_observation() {
                    self.seen.note(observation);
                }
            }
            if world.sim.now >= end && next >= end {
                return;
            }
            world.sim.now = next.max(world.sim.now);
            cluster.handle_timeout(world.sim.now);
        }
        panic!("the watches do not come to rest");
    }

    fn check(&self, world: &World) {
        assert_eq!(self.seen.machines.len(), world.sim.cluster.count("virtualmachines"));
        for (id, uid) in &self.seen.machines {
            let name = id.split_once('.').expect("namespace and name").1;
            assert_eq!(world.machine(name)["metadata"]["uid"], **uid);
        }
        assert_eq!(self.seen.instances.len(), world.sim.cluster.count("virtualmachineinstances"));
        assert!(self.seen.fresh.values().all(|fresh| *fresh), "{:?}", self.seen.log);
    }
}

fn names(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("vm{number}"))
}

#[test]
fn what_is_seen_is_what_is_there() {
    let mut world = World::new();
    let mut streams = Streams::new();
    for name in names(3) {
        let now = world.sim.now;
        world.sim.cluster.apply(now, small(NAMESPACE, &name, "Always")).expect("the sample is valid");
    }
    streams.run(&mut world, Duration::from_secs(10));
    streams.check(&world);
    assert_eq!(streams.seen.platform.as_deref(), Some("v1.9.0"));
    assert_eq!(streams.seen.instances["lab.vm0"], "Running");
    assert_eq!(streams.seen.log.len(), 5, "{:?}", streams.seen.log);
    world.sim.cluster.delete("virtualmachines", NAMESPACE, "vm1");
    let now = world.sim.now;
    world.sim.cluster.apply(now, data_volume(NAMESPACE, "foreign", "http://images.example/a")).expect("valid");
    streams.run(&mut world, Duration::from_mins(10));
    streams.check(&world);
    assert_eq!(streams.seen.log.len(), 5, "a stream that ends regularly is taken up where it was");
    assert!(streams.seen.imports.is_empty(), "only the service's own imports are watched");
}

#[test]
fn many_objects_come_in_pages() {
    let mut world = World::new();
    world.sim.cluster.add_virtual_machines(names(1234).map(|name| small(NAMESPACE, &name, "Manual")));
    let mut streams = Streams::new();
    streams.run(&mut world, Duration::from_secs(5));
    assert_eq!(streams.seen.machines.len(), 1234);
    streams.check(&world);
}

#[test]
fn a_history_that_is_gone_is_made_up_for() {
    let mut world = World::new();
    for name in names(5) {
        let now = world.sim.now;
        world.sim.cluster.apply(now, small(NAMESPACE, &name, "Manual")).expect("the sample is valid");
    }
    let mut streams = Streams::new();
    streams.run(&mut world, Duration::from_secs(5));
    // Nobody listens while one goes and another is made anew.
    for stream in &mut streams.streams {
        if let Some(id) = stream.open.take() {
            world.sim.cluster.close(id);
            let now = Instant::new(world.sim.now);
            stream.watch.handle_end(now, Err(TransportError::Broken("reset".to_owned())));
        }
    }
    world.sim.cluster.delete("virtualmachines", NAMESPACE, "vm1");
    world.sim.cluster.delete("virtualmachines", NAMESPACE, "vm2");
    world.rest(Duration::from_secs(2));
    let now = world.sim.now;
    world.sim.cluster.apply(now, small(NAMESPACE, "vm2", "Manual")).expect("the sample is valid");
    world.sim.cluster.compact();
    streams.run(&mut world, Duration::from_secs(5));
    streams.check(&world);
    assert!(!streams.seen.log.iter().any(|line| line.contains("stale")), "{:?}", streams.seen.log);
}

#[test]
fn streams_get_over_every_fault() {
    let status = |code: u16| FaultEffect::Status {
        code: http::StatusCode::from_u16(code).expect("a status code"),
        retry_after: (code == 429).then_some(2),
        reason: String::new(),
        message: String::new(),
    };
    let mut faults: Vec<FaultEffect> = [401, 410, 429, 500, 503].into_iter().map(status).collect();
    faults.extend((0..12).map(|step| FaultEffect::CutAfter(step * 701)));
    faults.extend([FaultEffect::CutBeforeEffect, FaultEffect::ExpireWatches]);
    for fault in faults {
        for skip in [0, 3, 7] {
            let mut world = World::new();
            world.create(small(NAMESPACE, "vm0", "Always"));
            world.sim.cluster.inject(Fault::new(fault.clone()).after(skip).times(6));
            let mut streams = Streams::new();
            streams.run(&mut world, Duration::from_secs(3));
            let now = world.sim.now;
            world.sim.cluster.apply(now, small(NAMESPACE, "vm1", "Always")).expect("the sample is valid");
            world.sim.cluster.delete("virtualmachines", NAMESPACE, "vm0");
            streams.run(&mut world, Duration::from_mins(2));
            assert_eq!(streams.seen.machines.keys().collect::<Vec<_>>(), ["lab.vm1"], "{fault:?} after {skip}");
            streams.check(&world);
        }
    }
}

#[test]
fn a_kind_that_may_not_be_seen_holds_up_nothing_and_comes_when_it_may() {
    let mut world = World::new();
    world.create(small(NAMESPACE, "vm0", "Manual"));
    world.sim.cluster.remove_api_group("cdi.kubevirt.io");
    world.sim.cluster.forbid(vec![Rule::new("watch", "kubevirt.io", "kubevirts")]);
    let mut streams = Streams::new();
    streams.run(&mut world, Duration::from_secs(100));
    assert_eq!(streams.seen.machines.len(), 1);
    assert_eq!(streams.seen.platform.as_deref(), Some("v1.9.0"), "it is listed where it cannot be watched");
    assert_eq!(streams.seen.log.iter().filter(|line| *line == "datavolumes missing").count(), 1);
    world.sim.cluster.restore_api_group("cdi.kubevirt.io");
    streams.run(&mut world, Duration::from_mins(10));
    assert!(streams.seen.log.contains(&"datavolumes synchronised".to_owned()));
    let path = "/apis/kubevirt.io/v1/namespaces/kubevirt/kubevirts/kubevirt";
    world.sim.call(Method::PATCH, path, Some(&json!({ "metadata": { "labels": { "a": "b" } } })));
}
