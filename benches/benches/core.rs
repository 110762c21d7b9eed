//! The core alone: what a read, a cold render and an observation cost, and that none depends on the number of systems.

use criterion::{Criterion, criterion_group, criterion_main};
use kubevirt_redfish_core::model::Observation;
use kubevirt_redfish_fixtures::stub::StubCluster;

fn reads(criterion: &mut Criterion) {
    for systems in [10, 100_000] {
        let stub = StubCluster::with_systems(systems);
        let mut group = criterion.benchmark_group(format!("{systems} systems"));
        group.bench_function("read a system", |bencher| bencher.iter(|| stub.read("/redfish/v1/Systems/lab.node-7")));
        group.bench_function("read the service root", |bencher| bencher.iter(|| stub.read("/redfish/v1/")));
        group.bench_function("refuse an unknown system", |bencher| {
            bencher.iter(|| stub.read("/redfish/v1/Systems/lab.nobody"));
        });
        group.finish();
    }
}

/// What one answer with many resources in it costs.
fn queries(criterion: &mut Criterion) {
    let stub = StubCluster::with_systems(1_000);
    let mut group = criterion.benchmark_group("1000 systems");
    for (name, uri) in [
        ("read the collection", "/redfish/v1/Systems"),
        ("expand one level", "/redfish/v1/Systems?$expand=."),
        ("expand two levels", "/redfish/v1/Systems?$expand=.($levels=2)"),
        ("expand two levels, links too", "/redfish/v1/Managers?$expand=*($levels=2)"),
        ("expand and select", "/redfish/v1/Systems?$expand=.&$select=Name,Status/State"),
        ("filter", "/redfish/v1/Systems?$filter=PowerState+eq+'On'+and+Status/Health+ne+'OK'"),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| stub.read(uri)));
    }
    group.finish();
    let stub = StubCluster::with_systems(100_000);
    let mut group = criterion.benchmark_group("100000 systems");
    for (name, uri) in [
        ("read the first page", "/redfish/v1/Systems"),
        ("read the last page", "/redfish/v1/Systems?$skip=99000"),
        ("filter", "/redfish/v1/Systems?$filter=PowerState+eq+'On'+and+Status/Health+ne+'OK'"),
    ] {
        group.bench_function(name, |bencher| bencher.iter(|| stub.read(uri)));
    }
    group.finish();
}

fn observations(criterion: &mut Criterion) {
    for systems in [10, 100_000] {
        let mut stub = StubCluster::with_systems(systems);
        let mut group = criterion.benchmark_group(format!("{systems} systems"));
        group.bench_function("take in a change and publish it", |bencher| {
            bencher.iter(|| {
                let observation: Observation = stub.redefinition("lab.node-7", |_| ());
                stub.observe(observation);
            });
        });
        group.bench_function("take in a change and render the system anew", |bencher| {
            bencher.iter(|| {
                let observation: Observation = stub.redefinition("lab.node-7", |_| ());
                stub.observe(observation);
                stub.read("/redfish/v1/Systems/lab.node-7")
            });
        });
        group.finish();
    }
}

criterion_group!(benches, reads, queries, observations);
criterion_main!(benches);
