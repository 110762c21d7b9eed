//! The core alone: what a read, a cold render and an observation cost, and that none depends on the number of systems.

use criterion::{Criterion, criterion_group, criterion_main};
use kubevirt_redfish_core::model::Observation;
use kubevirt_redfish_fixtures::desk::Desk;

fn reads(criterion: &mut Criterion) {
    for systems in [10, 100_000] {
        let desk = Desk::with_systems(systems);
        let mut group = criterion.benchmark_group(format!("{systems} systems"));
        group.bench_function("read a system", |bencher| bencher.iter(|| desk.read("/redfish/v1/Systems/lab.node-7")));
        group.bench_function("read the service root", |bencher| bencher.iter(|| desk.read("/redfish/v1/")));
        group.bench_function("refuse an unknown system", |bencher| {
            bencher.iter(|| desk.read("/redfish/v1/Systems/lab.nobody"));
        });
        group.finish();
    }
}

fn observations(criterion: &mut Criterion) {
    for systems in [10, 100_000] {
        let mut desk = Desk::with_systems(systems);
        let mut group = criterion.benchmark_group(format!("{systems} systems"));
        group.bench_function("take in a change and publish it", |bencher| {
            bencher.iter(|| {
                let observation: Observation = desk.redefinition("lab.node-7", |_| ());
                desk.observe(observation);
            });
        });
        group.bench_function("take in a change and render the system anew", |bencher| {
            bencher.iter(|| {
                let observation: Observation = desk.redefinition("lab.node-7", |_| ());
                desk.observe(observation);
                desk.read("/redfish/v1/Systems/lab.node-7")
            });
        });
        group.finish();
    }
}

criterion_group!(benches, reads, observations);
criterion_main!(benches);
