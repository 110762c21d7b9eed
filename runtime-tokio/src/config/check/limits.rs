//! Bounds in `server`: what the server takes from its clients, and what it keeps for them.

use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::fairness::Limits;

use super::super::file::Server;
use super::{Check, describe, value};

impl Check<'_> {
    /// How many connections there may be.
    pub(super) fn limits(&mut self, server: &Server) -> Limits {
        let usual = Limits::default();
        let mut connections = usual.connections;
        if let Some(number) = &server.connections {
            if let Some(number) = usize::try_from(number.value).ok().filter(|number| (16..=65_536).contains(number)) {
                connections = number;
            } else {
                let message = format!("{} is out of range; expected 16 to 65536", number.value);
                self.refuse(number.referenced, "server.connections", message);
            }
        }
        let mut connections_of_client = usual.connections_of_client.min(connections);
        if let Some(number) = &server.connections_per_client {
            if let Some(number) = usize::try_from(number.value).ok().filter(|number| (1..=connections).contains(number))
            {
                connections_of_client = number;
            } else {
                let message = format!("{} is out of range; expected 1 to server.connections", number.value);
                self.refuse(number.referenced, "server.connections_per_client", message);
            }
        }
        Limits { connections, connections_of_client, ..usual }
    }

    /// How many bytes representations may take that are kept.
    pub(super) fn render_cache(&mut self, server: &Server) -> usize {
        let usual = Config::default().render_cache;
        let Some(size) = &server.render_cache else { return usual };
        let bytes = if size.value == "0" { Some(0) } else { value::bytes(&size.value) };
        let bytes = bytes.filter(|bytes| *bytes <= LARGEST_CACHE).and_then(|bytes| usize::try_from(bytes).ok());
        bytes.unwrap_or_else(|| {
            let message = describe(&size.value, "expected a size such as 16Mi, up to 1Gi, or 0");
            self.refuse(size.referenced, "server.render_cache", message);
            usual
        })
    }
}

/// More than that serves nobody: rendering takes a few microseconds.
const LARGEST_CACHE: u64 = 1 << 30;
