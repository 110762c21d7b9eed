//! A MAC address, however it is written.

use std::fmt;

/// The address of a network interface.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddress([u8; 6]);

impl MacAddress {
    /// Reads any of the notations that are in use: `02:00:00:AA:BB:01`, `02-00-00-aa-bb-01`, `0200.00aa.bb01`,
    /// `020000aabb01`; leading zeros of the parts may be left out. Guests see one and the same address.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (parts, digits) = match text.bytes().find(|byte| !byte.is_ascii_hexdigit()) {
            Some(b':') => (text.split(':').collect::<Vec<_>>(), 2),
            Some(b'-') => (text.split('-').collect(), 2),
            Some(b'.') => (text.split('.').collect(), 4),
            None if text.len() == 12 => (vec![text], 12),
            Some(_) | None => return None,
        };
        let mut whole = 0_u64;
        for part in &parts {
            let is_number = (1..=digits).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            let number = u64::from_str_radix(part, 16).ok().filter(|_| is_number)?;
            whole = whole << (4 * digits) | number;
        }
        let [0, 0, address @ ..] = whole.to_be_bytes() else { return None };
        (parts.len() * digits == 12).then_some(Self(address))
    }
}

/// In the notation that most people use.
impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|octet| write!(f, ":{octet:02x}"))
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F10: the notations of the inventory facts, section 4.
    #[test]
    fn f10_every_notation_is_one_address() {
        for (text, expected) in [
            ("02:00:00:AA:BB:01", Some("02:00:00:aa:bb:01")),
            ("BE-AF-00-00-DE-AD", Some("be:af:00:00:de:ad")),
            ("02-00-00-aa-bb-02", Some("02:00:00:aa:bb:02")),
            ("0200.00aa.bb05", Some("02:00:00:aa:bb:05")),
            ("020000aabb05", Some("02:00:00:aa:bb:05")),
            ("020000AABB05", Some("02:00:00:aa:bb:05")),
            ("2:0:0:aa:bb:1", Some("02:00:00:aa:bb:01")),
            ("200.aa.bb05", Some("02:00:00:aa:bb:05")),
            (" 02:00:00:aa:bb:01 ", Some("02:00:00:aa:bb:01")),
            ("00:00:00:00:00:00", Some("00:00:00:00:00:00")),
            ("", None),
            ("02:00:00:aa:bb", None),
            ("02:00:00:aa:bb:01:02", None),
            ("02:00:00:aa:bb:0g", None),
            ("02:00-00:aa:bb:01", None),
            ("02:00:00:aa:bb:001", None),
            ("0200.00aa.bb05.0001", None),
            ("20000aabb05", None),
            ("+2:00:00:aa:bb:01", None),
            ("02::00:aa:bb:01", None),
            ("macAddressValue", None),
            ("é2:00:00:aa:bb:01", None),
        ] {
            assert_eq!(MacAddress::parse(text).map(|mac| mac.to_string()).as_deref(), expected, "{text:?}");
        }
    }
}
