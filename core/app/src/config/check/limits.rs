//! Bounds in `server`: what the server takes from its clients, and what it keeps for them.

use kubevirt_redfish_core::config::{Config, ForwardedBy, TrustedProxies};
use kubevirt_redfish_core::fairness::Limits;
use kubevirt_redfish_core::model::AddressRange;

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

    /// Who is believed when they say from whom they have a request.
    pub(super) fn trusted_proxies(&mut self, server: &Server) -> TrustedProxies {
        let mut ranges = Vec::new();
        for (index, range) in server.trusted_proxies.iter().enumerate() {
            let key = format!("server.trusted_proxies[{index}]");
            match range.value.parse::<AddressRange>() {
                Ok(all) if all.is_everything() => {
                    let message = "every client would be believed, and could pass for any other; expected the addresses \
                                   of proxies";
                    self.refuse(range.referenced, key, message);
                }
                Ok(found) => ranges.push(found),
                Err(()) => {
                    let expected = "expected an address, or a network such as 10.0.0.0/8";
                    self.refuse(range.referenced, key, describe(&range.value, expected));
                }
            }
        }
        let mut header = ForwardedBy::default();
        if let Some(name) = &server.forwarded_header {
            if name.value.eq_ignore_ascii_case("forwarded") {
                header = ForwardedBy::Forwarded;
            } else if !name.value.eq_ignore_ascii_case("x-forwarded-for") {
                let message = describe(&name.value, "expected X-Forwarded-For or Forwarded");
                self.refuse(name.referenced, "server.forwarded_header", message);
            }
            if server.trusted_proxies.is_empty() {
                let message = "has no effect without server.trusted_proxies: nobody is believed";
                self.warn(name.referenced, "server.forwarded_header", message);
            }
        }
        TrustedProxies { ranges, header }
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
