//! The annotations that are read: one table, from which it follows what is read of an object and what is said about what
//! cannot be.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::bounds::{LONGEST_IMAGE, is_shown_whole};
use super::label::is_indicator;
use super::{BootRecord, LeftOutRecord, MediaRecord, PowerOnRecord, PowerRequestsRecord, StrategyNote, TrustRecord};
use crate::firmware_record::FirmwareRecord;
use crate::model::{IgnoredNote, LONGEST_ASSET_TAG, ObjectName, Slot, shortened};
use crate::object::{Element, Lenient};
use crate::time::UnixTime;

/// The objects that an annotation is read of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Machine,
    Import,
}

macro_rules! annotations {
    ($($(#[$doc:meta])* $key:ident, $field:ident, $name:literal, $on:ident, $longest:expr;)*) => {
        /// An annotation that is read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Key {
            $($(#[$doc])* $key,)*
        }

        impl Key {
            /// Every annotation that is read.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$key,)*];

            /// What it is called in an object.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$key => $name,)*
                }
            }

            /// What it is read of.
            pub(crate) const fn on(self) -> On {
                match self {
                    $(Self::$key => On::$on,)*
                }
            }

            /// How many bytes are read of it: as many as the service may have written, and some more.
            const fn longest(self) -> usize {
                match self {
                    $(Self::$key => $longest,)*
                }
            }
        }

        /// The annotations of an object that are read, as far as they are not too long. The others may be large
        /// (`kubectl.kubernetes.io/last-applied-configuration`) and are skipped.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Annotations {
            $($(#[$doc])* pub(crate) $field: Option<Box<str>>,)*
            /// Those that are there and are not kept.
            too_long: Vec<Key>,
        }

        impl Annotations {
            fn field(&mut self, key: Key) -> &mut Option<Box<str>> {
                match key {
                    $(Key::$key => &mut self.$field,)*
                }
            }

            fn text(&self, key: Key) -> Option<&str> {
                match key {
                    $(Key::$key => self.$field.as_deref(),)*
                }
            }
        }
    };
}

annotations! {
    /// What the owner of a machine says about it.
    Description, description, "description", Machine, 2_048;
    /// The boot override, a [`BootRecord`].
    BootOverride, boot_override, "redfish.kubevirt.io/boot-override", Machine, 64 * 1024;
    /// The medium in the CD-ROM drive, a [`MediaRecord`].
    MediaCd, media_cd, "redfish.kubevirt.io/media-cd", Machine, 16 * 1024;
    /// The medium on the stick.
    MediaUsb, media_usb, "redfish.kubevirt.io/media-usb", Machine, 16 * 1024;
    /// The medium that is booted over HTTP.
    MediaHttp, media_http, "redfish.kubevirt.io/media-http", Machine, 16 * 1024;
    /// Which servers images for the CD-ROM drive may come from, a [`TrustRecord`].
    TrustCd, media_cd_trust, "redfish.kubevirt.io/media-cd-trust", Machine, 96 * 1024;
    /// The same for the stick.
    TrustUsb, media_usb_trust, "redfish.kubevirt.io/media-usb-trust", Machine, 96 * 1024;
    /// A `runStrategy` that was replaced and is put back by the next start, a [`StrategyNote`].
    RunStrategy, run_strategy, "redfish.kubevirt.io/run-strategy", Machine, 64;
    /// A power-on that is to be carried out when it can be, a [`PowerOnRecord`].
    PendingPowerOn, pending_power_on, "redfish.kubevirt.io/pending-power-on", Machine, 2_048;
    /// What replicas tell each other of their requests about the power, a [`PowerRequestsRecord`].
    PowerRequests, power_requests, "redfish.kubevirt.io/power-requests", Machine, 2_048;
    /// The image that a machine was started without, a [`LeftOutRecord`].
    MediaLeftOut, media_left_out, "redfish.kubevirt.io/media-left-out", Machine, 16 * 1024;
    /// The operator's asset tag.
    AssetTag, asset_tag, "redfish.kubevirt.io/asset-tag", Machine, 4 * LONGEST_ASSET_TAG;
    /// What the indicator is set to, by its name; nothing for one that is off.
    Indicator, indicator, "redfish.kubevirt.io/indicator-led", Machine, 32;
    /// What the service has changed of firmware and board, and what that was before, a [`FirmwareRecord`].
    Firmware, firmware, "redfish.kubevirt.io/firmware", Machine, 64 * 1024;
    /// The name of the machine that an import serves. Not a label, which could not hold a name of 253 characters.
    VirtualMachine, virtual_machine, "redfish.kubevirt.io/virtual-machine", Import, 253;
    /// What was imported, as the client called it.
    Image, image, "redfish.kubevirt.io/image", Import, LONGEST_IMAGE;
    /// When one of several machines that an import serves last said that it is one.
    Claimed, claimed, "redfish.kubevirt.io/claimed", Import, 64;
}

pub(crate) const BOOT_OVERRIDE: &str = Key::BootOverride.name();
pub(crate) const RUN_STRATEGY: &str = Key::RunStrategy.name();
pub(crate) const PENDING_POWER_ON: &str = Key::PendingPowerOn.name();
pub(crate) const POWER_REQUESTS: &str = Key::PowerRequests.name();
pub(crate) const MEDIA_LEFT_OUT: &str = Key::MediaLeftOut.name();
pub(crate) const ASSET_TAG: &str = Key::AssetTag.name();
pub(crate) const INDICATOR: &str = Key::Indicator.name();
pub(crate) const FIRMWARE: &str = Key::Firmware.name();
pub(crate) const VIRTUAL_MACHINE: &str = Key::VirtualMachine.name();
pub(crate) const IMAGE: &str = Key::Image.name();
pub(crate) const CLAIMED: &str = Key::Claimed.name();

/// What is written about the medium in a slot.
pub(crate) const fn media(slot: Slot) -> Key {
    match slot {
        Slot::Cd => Key::MediaCd,
        Slot::Usb => Key::MediaUsb,
        Slot::Http => Key::MediaHttp,
    }
}

/// What is written about the servers that a slot's images may come from.
pub(crate) const fn trust(slot: Slot) -> Option<Key> {
    match slot {
        Slot::Cd => Some(Key::TrustCd),
        Slot::Usb => Some(Key::TrustUsb),
        Slot::Http => None,
    }
}

impl Key {
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }

    /// Whether a text is one that can stand there. What cannot is ignored by whoever reads it.
    fn accepts(self, text: &str) -> bool {
        match self {
            // As much of it is shown as there is room for.
            Self::Description => true,
            Self::BootOverride => BootRecord::parse(text).is_some(),
            Self::MediaCd | Self::MediaUsb | Self::MediaHttp => MediaRecord::parse(text).is_some(),
            Self::TrustCd | Self::TrustUsb => TrustRecord::parse(text).is_some(),
            Self::RunStrategy => StrategyNote::parse(text).is_some(),
            Self::PendingPowerOn => PowerOnRecord::parse(text).is_some(),
            Self::PowerRequests => PowerRequestsRecord::parse(text).is_some(),
            Self::MediaLeftOut => LeftOutRecord::parse(text).is_some(),
            Self::AssetTag => is_asset_tag(text),
            Self::Indicator => is_indicator(text),
            Self::Firmware => FirmwareRecord::parse(text).is_some(),
            Self::VirtualMachine => ObjectName::new(text).is_some(),
            Self::Image => is_shown_whole(text, LONGEST_IMAGE),
            Self::Claimed => UnixTime::parse(text).is_some(),
        }
    }
}

/// Whether a text is one that clients can set.
fn is_asset_tag(text: &str) -> bool {
    text.chars().count() <= LONGEST_ASSET_TAG && is_shown_whole(text, 4 * LONGEST_ASSET_TAG)
}

impl Annotations {
    /// What is written about the medium in a slot.
    pub(crate) fn media(&self, slot: Slot) -> Option<&str> {
        self.text(media(slot))
    }

    /// What is written about the servers that a slot's images may come from.
    pub(crate) fn trust(&self, slot: Slot) -> Option<&str> {
        self.text(trust(slot)?)
    }

    /// The operator's asset tag, if it is one.
    pub(crate) fn tag(&self) -> Option<&str> {
        self.asset_tag.as_deref().filter(|tag| is_asset_tag(tag))
    }

    /// Whether there is anything, whether or not it can be read.
    pub(crate) fn has(&self, key: Key) -> bool {
        self.text(key).is_some() || self.too_long.contains(&key)
    }

    /// What is there and is ignored, on an object of a kind.
    pub(crate) fn ignored(&self, on: On) -> impl Iterator<Item = IgnoredNote> {
        Key::ALL.iter().copied().filter(move |key| key.on() == on).filter_map(|key| {
            let why = match self.text(key) {
                Some(text) if key.accepts(text) => return None,
                Some(_) => "it is nothing that the service would have written",
                None if self.too_long.contains(&key) => "it is too long",
                None => return None,
            };
            Some(IgnoredNote { name: key.name(), why })
        })
    }
}

/// The value of an annotation, of which no more is kept than can be of any use.
#[derive(Default)]
enum Held {
    Text(Box<str>),
    /// Too long, or no text at all.
    #[default]
    Unfit,
}

impl Lenient<'_> for Held {
    fn from_text(text: &str) -> Self {
        // A longer one than the longest of all is none of any; how a description begins is shown however long it is.
        Self::Text(shortened(text, LONGEST + 1))
    }
}

/// Longer than any.
const LONGEST: usize = 96 * 1024;

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MapVisitor;

        impl<'de> Visitor<'de> for MapVisitor {
            type Value = Annotations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("annotations")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
                let mut annotations = Annotations::default();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    let Some(key) = Key::named(&name) else {
                        map.next_value::<serde::de::IgnoredAny>()?;
                        continue;
                    };
                    let Element(held) = map.next_value::<Element<Held>>()?;
                    match held {
                        Held::Text(text) if text.len() <= key.longest() => *annotations.field(key) = Some(text),
                        Held::Text(text) if key == Key::Description => {
                            *annotations.field(key) = Some(shortened(&text, key.longest()));
                        }
                        Held::Text(_) | Held::Unfit => annotations.too_long.push(key),
                    }
                }
                Ok(annotations)
            }
        }

        deserializer.deserialize_map(MapVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Object;

    fn read(annotations: serde_json::Value) -> Annotations {
        let Element(Object(annotations)) = Element::deserialize(annotations).expect("any JSON will do");
        annotations
    }

    #[test]
    fn every_key_has_one_name_and_is_found_by_it() {
        for key in Key::ALL {
            assert_eq!(Key::named(key.name()), Some(*key));
            assert!(key.longest() <= LONGEST, "{key:?}");
        }
    }

    /// D15: no more is kept of it than can be of any use.
    #[test]
    fn what_is_too_long_is_not_kept() {
        for key in Key::ALL {
            let annotations = read(serde_json::json!({ key.name(): "x".repeat(200 * 1024), "other": "y" }));
            let kept = annotations.text(*key).map_or(0, str::len);
            assert!(kept <= key.longest() && annotations.has(*key), "{key:?}: {kept}");
            let ignored: Vec<_> = annotations.ignored(key.on()).map(|note| note.name).collect();
            let told = *key != Key::Description;
            assert_eq!(ignored, if told { vec![key.name()] } else { Vec::new() });
        }
    }

    #[test]
    fn what_is_no_text_is_there_and_is_ignored() {
        for value in [serde_json::json!(7), serde_json::json!({ "a": [] }), serde_json::Value::Null] {
            let annotations = read(serde_json::json!({ Key::AssetTag.name(): value }));
            assert!(annotations.has(Key::AssetTag));
            assert_eq!(annotations.ignored(On::Machine).count(), 1);
            assert_eq!(annotations.ignored(On::Import).count(), 0);
        }
    }
}
