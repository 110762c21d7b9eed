//! What a system is made of, for those who take stock: which representation is at which URI below a system.
//!
//! Nothing here is told that neither the definition nor the run says.

use std::borrow::Cow;

use super::{
    Context, boot_option, boot_option_collection, drive, ethernet_interface, ethernet_interface_collection, memory,
    memory_collection, processor, processor_collection, storage, storage_collection,
};
use crate::http::{Refusal, Representation};
use crate::route::Inventory;
use crate::view::Vm;

/// Represents a part of a system, or a collection of parts; 404 if it has no such part.
pub(super) fn represent(context: &Context<'_>, vm: &Vm, part: Inventory<'_>) -> Result<Representation, Refusal> {
    match part {
        Inventory::BootOptions => Ok(boot_option_collection::represent(context, vm)),
        Inventory::BootOption(id) => boot_option::represent(context, vm, id),
        Inventory::EthernetInterfaces => Ok(ethernet_interface_collection::represent(context, vm)),
        Inventory::EthernetInterface(id) => ethernet_interface::represent(context, vm, id),
        Inventory::Processors => Ok(processor_collection::represent(context, vm)),
        Inventory::Processor(id) => processor::represent(context, vm, id),
        Inventory::MemoryCollection => Ok(memory_collection::represent(context, vm)),
        Inventory::Memory(id) => memory::represent(context, vm, id),
        Inventory::StorageCollection => Ok(storage_collection::represent(context, vm)),
        Inventory::Storage(id) => storage::represent(context, vm, id),
        Inventory::Drive { storage, drive } => drive::represent(context, vm, storage, drive),
    }
}

/// The id of a device in URIs: its name in the definition.
///
/// One that cannot stand in a URI as it is, which no cluster should accept, is replaced by its place in the
/// definition. Names of devices have no dots, so the two cannot be confused.
pub(super) fn device_id(name: &str, index: usize) -> Cow<'_, str> {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(safe) { Cow::Borrowed(name) } else { format!("device.{index}").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_stand_in_a_uri() {
        assert_eq!(device_id("nic_0-a", 3), "nic_0-a");
        for name in ["", "a/b", "a b", "ä", "device.0", "%41"] {
            assert_eq!(device_id(name, 3), "device.3", "{name}");
        }
    }
}
