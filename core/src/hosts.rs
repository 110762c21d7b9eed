//! What an installer needs to know of each machine: the same that a service would show.

#[cfg(feature = "kubevirt")]
mod judge;

use std::sync::Arc;

use crate::config::Config;
use crate::model::{BootMode, DriveKind, MacAddress, Machine, Observation, VmId};
use crate::resources;
use crate::route::Route;
use crate::service::{Input, Service};
use crate::time::Now;

#[cfg(feature = "kubevirt")]
pub use judge::findings_of_machines;

/// A machine that a service would show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The machine.
    pub vm: VmId,
    /// What it is called in URIs.
    pub id: String,
    /// The path of its system.
    pub path: String,
    /// The names of its chassis.
    pub chassis: Vec<String>,
    /// The UUID that its guest reads.
    pub uuid: Option<String>,
    /// How its firmware starts it.
    pub mode: BootMode,
    /// Whether UEFI verifies what it starts.
    pub secure_boot: bool,
    /// Its network interfaces, the one that it boots from first, with their addresses, as far as these are known.
    pub interfaces: Vec<(String, Option<MacAddress>)>,
    /// It has a CD-ROM drive.
    pub has_cd_rom: bool,
}

/// What there is in the namespaces of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// The machines of its chassis, in the order of namespace and name.
    pub shown: Vec<Host>,
    /// The machines that are in none.
    pub hidden: Vec<VmId>,
}

/// What a service with this configuration would show of what was seen of a cluster.
pub fn hosts(config: Config, observations: Vec<Observation>, now: Now) -> Hosts {
    let machines: Vec<Arc<Machine>> = observations
        .iter()
        .filter_map(|seen| match seen {
            Observation::Machine(machine) => Some(Arc::clone(machine)),
            _ => None,
        })
        .collect();
    // What it wants done is left undone: nobody asked for it.
    let mut service = Service::new(config, [0; 32], now);
    for observation in observations {
        service.handle_input(now, Input::Observed(observation));
        while service.poll_output().is_some() {}
    }
    let view = service.view();
    let mut hosts = Hosts::default();
    for machine in machines {
        let Some(vm) = view.systems.get(machine.id.as_str()) else {
            hosts.hidden.push(machine.id.clone());
            continue;
        };
        let id = view.shown_name(&machine.id);
        let names = vm.chassis.iter().filter_map(|index| view.config.chassis.get(usize::from(*index)));
        let firmware = vm.next_firmware();
        let order = |name: &str| machine.nics.iter().find(|nic| *nic.name == *name).and_then(|nic| nic.boot_order);
        let mut interfaces = resources::mac_addresses(vm);
        interfaces.sort_by_key(|(name, _)| order(name).unwrap_or(u32::MAX));
        hosts.shown.push(Host {
            id: id.to_owned(),
            path: Route::System(id).to_string(),
            chassis: names.map(|chassis| chassis.name.as_str().to_owned()).collect(),
            uuid: resources::system_uuid(&machine).map(ToOwned::to_owned),
            mode: firmware.mode.unwrap_or_default(),
            secure_boot: firmware.secure_boot == Some(true),
            interfaces,
            has_cd_rom: machine.drives.iter().any(|drive| drive.kind == DriveKind::CdRom),
            vm: machine.id.clone(),
        });
    }
    hosts.shown.sort_by(|one, other| one.vm.cmp(&other.vm));
    hosts.hidden.sort();
    hosts
}
