//! Virtual media: an image in a drive, and the import that brings it there.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{IgnoredNote, Image, ImportId, ObjectName, Uid, Url, Version, VmId};
use crate::time::UnixTime;

/// A virtual drive that media can be inserted into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The CD-ROM drive.
    Cd,
    /// A stick that is plugged in with an image on it and pulled out again.
    Usb,
    /// What a machine boots from that is told to boot over HTTP: a drive that no client deals with.
    Http,
}

impl Slot {
    /// Every slot that a machine has.
    pub const ALL: &'static [Self] = &[Self::Cd, Self::Usb, Self::Http];

    /// Those that clients insert media into.
    pub const SHOWN: &'static [Self] = &[Self::Cd, Self::Usb];

    /// The slot's name, as it appears in URIs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cd => "Cd",
            Self::Usb => "Usb",
            Self::Http => "Http",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Slot {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::SHOWN.iter().copied().find(|slot| slot.name() == text).ok_or(())
    }
}

/// An image in a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    /// The slot it is in.
    pub slot: Slot,
    /// The image as the client named it: see [`Image`].
    pub image: Box<str>,
    /// The name of the machine's drive that realises the slot.
    pub drive: Box<str>,
    /// Whether the guest cannot write to it.
    pub write_protected: bool,
    /// The import that fetches the image; `None` if it was there already.
    pub import: Option<ImportId>,
    /// Somebody else has put it there, past the service.
    pub of_others: bool,
}

/// What a client asks for when it inserts media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsertMedia {
    /// The slot.
    pub slot: Slot,
    /// The image.
    pub image: Image,
    /// Whether the guest is to be kept from writing to it; what is in a CD-ROM drive always is.
    pub write_protected: bool,
    /// What to log in to its server with.
    pub credentials: Option<ImageCredentials>,
}

impl InsertMedia {
    /// The image that a machine is to boot over HTTP, into the drive that it has for that.
    pub fn to_boot_over_http(image: Url) -> Self {
        Self { slot: Slot::Http, image: image.into(), write_protected: true, credentials: None }
    }
}

/// A user name and a password at an image's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageCredentials {
    /// The user name; may be empty.
    pub user_name: Box<str>,
    /// The password; may be empty.
    pub password: ImagePassword,
}

/// A password at an image's server, which no log may show.
#[derive(Clone, PartialEq, Eq)]
pub struct ImagePassword(Box<str>);

impl ImagePassword {
    /// Takes the text as it is.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text, for whoever has to send it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ImagePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How an image is fetched, as clients may state it beside the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransferProtocol {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// Whether an image is streamed or copied; ours are copied into the cluster and then local.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransferMethod {
    /// Read from the source while in use.
    Stream,
    /// Copied whole before use.
    Upload,
}

/// The fetching of an image into the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Which import it is.
    pub id: ImportId,
    /// How new this reading is.
    pub version: Version,
    /// The machines it serves, as far as the cluster knows.
    pub machines: Box<[VmId]>,
    /// How far it got.
    pub state: ImportState,
    /// It does not begin before a machine that uses it starts.
    pub awaits_machine: bool,
    /// It is being removed.
    pub deleting: bool,
    /// When it was asked for.
    pub started: Option<UnixTime>,
    /// When a machine was last said to be among those that it serves.
    pub claimed: Option<UnixTime>,
    /// When it got to its present end, if it has ended.
    pub ended: Option<UnixTime>,
    /// What stands with it and is ignored.
    pub ignored: Box<[IgnoredNote]>,
}

impl ImportId {
    /// The import that fetches an image for a slot of a machine: the same for every replica and every attempt, and
    /// another one for another machine of the same name.
    pub fn of(vm: &VmId, uid: &Uid, slot: Slot, image: &str) -> Self {
        Self::named_after(vm, slot, &text(uid, slot, image))
    }

    /// The same for what is about to be inserted. An import that logs in is another than one that does not: the two may be
    /// asked for at the same time.
    pub fn of_insertion(vm: &VmId, uid: &Uid, media: &InsertMedia) -> Self {
        Self::named_after(vm, media.slot, &insertion_text(uid, media))
    }

    /// The same beside an older copy of that name, of this uid, that is being removed and may be in use for long.
    pub fn of_insertion_beside(vm: &VmId, uid: &Uid, media: &InsertMedia, copy: &str) -> Self {
        Self::named_after(vm, media.slot, &format!("{}\nbeside {copy}", insertion_text(uid, media)))
    }

    /// The import that fetches an image for all machines of the namespace of one of them that know its server by the same
    /// certificates, of which `trust` is a text.
    pub fn shared(vm: &VmId, image: &str, trust: &str) -> Self {
        // Whoever may choose an image must not find another with the same name.
        let digest = Sha256::new().chain_update(image).chain_update("\n").chain_update(trust).finalize();
        let number = digest.first_chunk::<16>().copied().map(u128::from_be_bytes).unwrap_or_default();
        Self { namespace: vm.place(), name: ObjectName::made(format!("{SHARED}{number:032x}")) }
    }

    /// Whether it is one that serves several machines.
    pub fn is_shared(&self) -> bool {
        Self::is_name_of_shared(&self.name)
    }

    /// The same of its name alone. That of any other import has a slot and a shorter number after a machine's name.
    pub fn is_name_of_shared(name: &str) -> bool {
        let number = name.strip_prefix(SHARED);
        number.is_some_and(|number| number.len() == 32 && number.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// Whether it is called as the imports are that a machine may use, for whichever slot and image.
    pub fn may_be_of(&self, vm: &VmId) -> bool {
        let Some((rest, number)) = self.name.rsplit_once('-') else { return false };
        let hexadecimal = number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit());
        let of_slot =
            |slot: &Slot| rest.strip_suffix(&*slot.name().to_lowercase()) == Some(&*format!("{}-", prefix(vm)));
        let own = hexadecimal && Slot::ALL.iter().any(of_slot);
        *self.namespace == *vm.namespace() && (own || self.is_shared())
    }

    fn named_after(vm: &VmId, slot: Slot, text: &str) -> Self {
        let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
        let name = format!("{}-{}-{hash:016x}", prefix(vm), slot.name().to_lowercase());
        Self { namespace: vm.place(), name: ObjectName::made(name) }
    }
}

/// What the name of an import is made of.
fn text(uid: &Uid, slot: Slot, image: &str) -> String {
    format!("{uid}\n{slot}\n{image}")
}

fn insertion_text(uid: &Uid, media: &InsertMedia) -> String {
    let text = text(uid, media.slot, media.image.as_str());
    if media.credentials.is_none() { text } else { format!("{text}\nlogin") }
}

/// What the names of a machine's imports begin with. Names of pods and labels are made from them, which holds for 63
/// characters without dots.
fn prefix(vm: &VmId) -> String {
    let machine: String = vm.name().chars().map(|c| if c == '.' { '-' } else { c }).take(LONGEST_PREFIX).collect();
    machine.trim_end_matches('-').to_owned()
}

/// How far an import got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportState {
    /// Not begun.
    Pending,
    /// Copying.
    Running {
        /// 0 to 100, if the cluster says.
        percent: Option<u8>,
    },
    /// The image is there.
    Succeeded,
    /// The last attempt failed; the cluster may try again.
    Failed {
        /// The cluster's explanation.
        message: Box<str>,
    },
}

/// How the names begin of imports that serve several machines.
const SHARED: &str = "image-";

/// 63 less the slot's name, the hash and what joins them.
const LONGEST_PREFIX: usize = 40;
