//! Firmware and board: the bootloader and its kin in the template.
//!
//! A record on the machine says what of that was changed here and what it was before, so that it can be put back. What
//! somebody else has changed since is theirs.

use std::collections::BTreeMap;
use std::num::NonZero;

use serde_json::{Map, Value, json};

use super::engine::{Decision, Purpose, Task};
use super::snapshot::{Patch, Snapshot};
use crate::annotation::FIRMWARE;
use crate::firmware_record::{
    BOOTLOADER, CORES, FirmwareRecord, GRAPHICS, MODEL, RNG, Replaced, SERIAL_CONSOLE, SOCKETS, THREADS, TPM,
    read as typed,
};
use crate::model::{Architecture, BootMode, CommandError, FirmwareSettings, ProcessorModel, Tpm};
use crate::object::{Bootloader, Object, TpmDevice};
use crate::translate::{architecture, firmware as read};

/// Adds to a patch what a change comes to; `None` if there is nothing to be written at all. Before it the machine may get
/// back the mode that it had before it was first changed here. What is noted down of changes that others have undone goes.
pub(super) fn change(
    snapshot: &Snapshot<'_>,
    wanted: &FirmwareSettings,
    gives_mode_back: bool,
    patch: Option<Patch>,
) -> Result<Option<Patch>, CommandError> {
    let mut board = Board::of(snapshot);
    if gives_mode_back {
        board.put_mode_back();
    }
    if *wanted == FirmwareSettings::default() {
        let stale = FirmwareRecord::written(&snapshot.machine.metadata.annotations).is_stale(snapshot.machine);
        return Ok(if gives_mode_back || stale { board.into_patch(snapshot, patch) } else { patch });
    }
    let present = read::defined(snapshot.machine);
    if wanted.name_processors() && snapshot.machine.has_instance_type() {
        return Err(CommandError::Conflict("its instance type says what processors the machine has".to_owned()));
    }
    board.set_bootloader(snapshot, &present, wanted)?;
    if let Some(tpm) = wanted.tpm.filter(|tpm| present.tpm != Some(*tpm)) {
        board.set_device(snapshot, TPM, tpm != Tpm::Absent, || match tpm {
            Tpm::Persistent => json!({ "persistent": true }),
            Tpm::Absent | Tpm::Volatile => json!({}),
        })?;
        if read_tpm(board.was(TPM)) == tpm {
            board.put_back(TPM);
        }
    }
    if let Some(fitted) = wanted.random_numbers.filter(|fitted| present.random_numbers != Some(*fitted)) {
        board.set_device(snapshot, RNG, fitted, || json!({}))?;
    }
    for (place, flag) in [(SERIAL_CONSOLE, wanted.serial_console), (GRAPHICS, wanted.graphics)] {
        if let Some(flag) = flag.filter(|flag| board.now(place).as_bool() != Some(*flag)) {
            board.set(place, json!(flag));
            if board.was(place).as_bool().unwrap_or(true) == flag {
                board.put_back(place);
            }
        }
    }
    match &wanted.processor_model {
        Some(ProcessorModel::Named(model)) => board.set(MODEL, json!(model)),
        Some(ProcessorModel::Default) => board.set(MODEL, Value::Null),
        None => {}
    }
    // One processor is what a machine gets that asks for nothing, and what is left out of a topology counts as one.
    let topology = |settings: &FirmwareSettings| {
        [(SOCKETS, settings.sockets), (CORES, settings.cores), (THREADS, settings.threads)]
            .map(|(place, count)| (place, count.map_or(1, NonZero::get)))
    };
    let whole = topology(&wanted.or(&present));
    if whole != topology(&present) {
        for (place, count) in whole {
            board.set(place, json!(count));
        }
    }
    Ok(board.into_patch(snapshot, patch))
}

/// Adds to a patch that the machine gets back the mode that it had before it was first changed here.
pub(super) fn give_mode_back(snapshot: &Snapshot<'_>, patch: Patch) -> Patch {
    let mut board = Board::of(snapshot);
    board.put_mode_back();
    board.into_patch(snapshot, Some(patch)).unwrap_or_else(|| snapshot.patch())
}

/// Everything as it was before it was changed here.
#[derive(Debug)]
pub(super) struct ResetFirmware;

impl Task for ResetFirmware {
    fn is_of_settings(&self) -> bool {
        true
    }

    fn decide(&mut self, snapshot: &Snapshot<'_>) -> Decision {
        if snapshot.machine.metadata.deleting() {
            return Decision::Fail(CommandError::Conflict("the machine is being removed".to_owned()));
        }
        let mut board = Board::of(snapshot);
        for place in PLACES {
            board.put_back(place);
        }
        match board.into_patch(snapshot, None) {
            Some(patch) => Decision::Write(patch.into_write(Purpose::Main, snapshot.command)),
            None => Decision::Done,
        }
    }
}

/// The places of a template that are changed here, on their way from what they are to what they shall be.
#[derive(Debug)]
struct Board {
    before: BTreeMap<&'static str, Value>,
    after: BTreeMap<&'static str, Value>,
    record: BTreeMap<Box<str>, Replaced>,
}

impl Board {
    fn of(snapshot: &Snapshot<'_>) -> Self {
        let domain = snapshot.raw.pointer("/spec/template/spec/domain").unwrap_or(&Value::Null);
        let place = |place: &'static str| (place, domain.pointer(place).cloned().unwrap_or_default());
        let before: BTreeMap<_, _> = PLACES.into_iter().map(place).collect();
        let FirmwareRecord(mut record) = FirmwareRecord::written(&snapshot.machine.metadata.annotations);
        record.retain(|place, replaced| before.get(&**place) == Some(&replaced.written));
        Self { after: before.clone(), before, record }
    }

    fn now(&self, place: &'static str) -> &Value {
        self.after.get(place).unwrap_or(&Value::Null)
    }

    /// What it was before it was first changed here.
    fn was(&self, place: &'static str) -> &Value {
        let replaced = self.record.get(place).map(|replaced| &replaced.original);
        replaced.or_else(|| self.before.get(place)).unwrap_or(&Value::Null)
    }

    fn set(&mut self, place: &'static str, value: Value) {
        self.after.insert(place, value);
    }

    fn put_back(&mut self, place: &'static str) {
        let original = self.was(place).clone();
        self.set(place, original);
    }

    fn put_mode_back(&mut self) {
        self.put_back(BOOTLOADER);
        self.put_back(SMM);
    }

    /// Puts a device in, or takes it out; where a preference puts in what is left out, that cannot be said.
    fn set_device(
        &mut self,
        snapshot: &Snapshot<'_>,
        place: &'static str,
        fitted: bool,
        device: impl FnOnce() -> Value,
    ) -> Result<(), CommandError> {
        if !fitted && snapshot.machine.has_preference() {
            return Err(CommandError::Conflict("its preference says that the machine has the device".to_owned()));
        }
        self.set(place, if fitted { device() } else { Value::Null });
        Ok(())
    }

    /// Mode, secure boot and persistent variables, which are one place and depend on each other.
    fn set_bootloader(
        &mut self,
        snapshot: &Snapshot<'_>,
        present: &FirmwareSettings,
        wanted: &FirmwareSettings,
    ) -> Result<(), CommandError> {
        if (wanted.mode, wanted.secure_boot, wanted.persistent_variables) == (None, None, None) {
            return Ok(());
        }
        let preference = snapshot.machine.has_preference();
        let run = snapshot.instance.map(|instance| read::running(&instance.spec)).unwrap_or_default();
        // Of a mode that the machine comes back to, what was said of it before it was left.
        let was = read_bootloader(self.was(BOOTLOADER), preference);
        let left = was.filter(|was| wanted.mode == Some(was.0) && present.mode != wanted.mode);
        let before = left.map(|(_, secure_boot, persistent_variables)| FirmwareSettings {
            secure_boot: Some(secure_boot),
            persistent_variables: Some(persistent_variables),
            ..FirmwareSettings::default()
        });
        let wanted = wanted.or(&before.unwrap_or_default());
        let needs_uefi = wanted.needs_uefi();
        let mode = match wanted.mode.or(present.mode).or(run.mode) {
            Some(mode) => mode,
            None if needs_uefi => BootMode::Uefi,
            // To turn off what only UEFI has would be to choose a mode.
            None => {
                return Err(CommandError::Conflict("only its preference says whether it starts with UEFI".to_owned()));
            }
        };
        let uefi = mode == BootMode::Uefi;
        if !uefi && needs_uefi {
            return Err(CommandError::Conflict("it starts with a BIOS, not with UEFI".to_owned()));
        }
        // What goes without saying in a BIOS is no choice for UEFI where a preference may choose otherwise.
        let chosen = |settings: &FirmwareSettings| !uefi || !preference || settings.mode == Some(BootMode::Uefi);
        let known = [present, &run].into_iter().filter(|settings| chosen(settings));
        let all = known.fold(wanted, |all, settings| all.or(settings));
        let secure = if uefi { all.secure_boot } else { Some(false) };
        let persistent = if uefi { all.persistent_variables } else { Some(false) };
        if (present.mode, present.secure_boot, present.persistent_variables) == (Some(mode), secure, persistent) {
            return Ok(());
        }
        if architecture(&snapshot.machine.spec.template.spec) != Architecture::X86_64 {
            return Err(CommandError::Unsupported("the machine's architecture has one firmware".to_owned()));
        }
        if was.is_some_and(|was| (Some(was.0), Some(was.1), Some(was.2)) == (Some(mode), secure, persistent)) {
            self.put_back(BOOTLOADER);
        } else if uefi {
            let mut efi = self.said_of("efi");
            // Without a word about it, it is on (facts, section 7), which is the safe side where nobody has chosen.
            if let Some(secure) = secure {
                efi.insert("secureBoot".to_owned(), json!(secure));
            }
            if let Some(persistent) = persistent.filter(|persistent| *persistent || efi.contains_key("persistent")) {
                efi.insert("persistent".to_owned(), json!(persistent));
            }
            self.set(BOOTLOADER, json!({ "efi": efi }));
        } else {
            self.set(BOOTLOADER, json!({ "bios": self.said_of("bios") }));
        }
        // 422: "SecureBoot requires SMM" (facts, section 7).
        let secure = uefi && secure != Some(false);
        if secure && !has_smm(self.now(SMM)) {
            self.set(SMM, json!({ "enabled": true }));
        } else if !secure {
            self.put_back(SMM);
        }
        Ok(())
    }

    /// What is said of a mode, or was before the machine left it.
    fn said_of(&self, mode: &str) -> Map<String, Value> {
        let said = [self.now(BOOTLOADER), self.was(BOOTLOADER)].into_iter().find_map(|loader| loader.get(mode));
        said.and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// Whether nothing is left in an object of the domain: then it was not there before something was put into it here,
    /// and would count as a change if it stayed.
    fn empties(&self, snapshot: &Snapshot<'_>, parent: &str) -> bool {
        let after = |member: &str| self.after.get(format!("/{parent}/{member}").as_str());
        let members =
            snapshot.raw.pointer("/spec/template/spec/domain").and_then(|domain| domain.get(parent)?.as_object());
        let below = format!("/{parent}/");
        members.is_some_and(|members| {
            !members.is_empty() && members.keys().all(|member| after(member).is_some_and(Value::is_null))
        }) && self.after.iter().all(|(place, after)| after.is_null() || !place.starts_with(&below))
    }

    /// Has another number of sockets wait for a new run like everything else.
    ///
    /// Where machines are updated live, sockets are plugged into a run unless its machine has another change that cannot
    /// be (`vm.go`, `sync`). So there is one, for as long as the sockets differ: a device that is there anyway, said to be.
    fn defer_sockets(&mut self, snapshot: &Snapshot<'_>) {
        let run = snapshot.instance.filter(|instance| !instance.ended());
        let sockets = run.and_then(|run| read::running(&run.spec).sockets).map(|sockets| u64::from(sockets.get()));
        let differ = |places: &BTreeMap<&str, Value>| {
            let defined = places.get(SOCKETS).and_then(Value::as_u64).unwrap_or(1);
            sockets.is_some_and(|sockets| defined != sockets)
        };
        let toggled = differ(&self.before) != differ(&self.after);
        let free = |(place, usual): &(&str, bool)| {
            self.before.get(place).is_some_and(|value| value.is_null() || *value == json!(usual))
        };
        let Some((mark, usual)) = MARKS.into_iter().find(free) else { return };
        let present = self.before.get(mark).cloned().unwrap_or_default();
        match (sockets, toggled, present) {
            (None, _, _) => self.put_back(mark),
            (Some(_), false, present) => self.set(mark, present),
            (Some(_), true, Value::Null) => self.set(mark, json!(usual)),
            (Some(_), true, _) => self.set(mark, Value::Null),
        }
    }

    /// What is to be written, in addition to `patch`; `None` if that is nothing.
    fn into_patch(mut self, snapshot: &Snapshot<'_>, patch: Option<Patch>) -> Option<Patch> {
        self.defer_sockets(snapshot);
        let annotation = snapshot.machine.metadata.annotations.firmware.as_deref();
        let changed = self.after.iter().filter_map(|(place, after)| {
            let before = self.before.get(place).filter(|before| *before != after)?;
            Some((*place, before.clone(), after.clone()))
        });
        let changed: Vec<_> = changed.collect();
        let mut patch = patch;
        for (place, before, after) in changed {
            let path: Vec<&str> = place.split('/').skip(1).collect();
            let begun = patch.unwrap_or_else(|| snapshot.patch());
            patch = Some(begun.set_domain(&path, difference(&before, &after)));
            let original = self.was(place).clone();
            if original == after {
                self.record.remove(place);
            } else {
                self.record.insert(place.into(), Replaced { original, written: after });
            }
        }
        for parent in PARENTS.into_iter().filter(|parent| self.empties(snapshot, parent)) {
            patch = patch.map(|patch| patch.set_domain(&[parent], Value::Null));
        }
        let text = (!self.record.is_empty()).then(|| serde_json::to_string(&self.record).ok()).flatten();
        if text.as_deref() != annotation {
            patch = Some(patch.unwrap_or_else(|| snapshot.patch()).annotate(FIRMWARE, text.as_deref()));
        }
        patch
    }
}

/// The merge patch that makes one value another.
fn difference(from: &Value, to: &Value) -> Value {
    let (Some(from), Some(to)) = (from.as_object(), to.as_object()) else { return to.clone() };
    let gone = from.keys().filter(|key| !to.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let changed = to.iter().filter(|(key, value)| from.get(*key) != Some(*value)).map(|(key, value)| {
        (key.clone(), from.get(key).map_or_else(|| value.clone(), |before| difference(before, value)))
    });
    Value::Object(gone.chain(changed).collect::<Map<_, _>>())
}

/// What a bootloader says, or the cluster takes if it says nothing; `None` if a preference says that.
fn read_bootloader(value: &Value, preference: bool) -> Option<(BootMode, bool, bool)> {
    let said = read::bootloader(&typed::<Object<Bootloader>>(value));
    said.or_else(|| (!preference).then(Default::default))
}

fn read_tpm(value: &Value) -> Tpm {
    typed::<Option<Object<TpmDevice>>>(value).map_or(Tpm::Absent, |device| read::tpm(&device))
}

/// A feature that is there is on unless it says otherwise.
fn has_smm(value: &Value) -> bool {
    value.is_object() && value.get("enabled").and_then(Value::as_bool) != Some(false)
}

/// The places by their pointers below the domain.
const PLACES: [&str; 12] =
    [BOOTLOADER, SMM, TPM, RNG, SERIAL_CONSOLE, GRAPHICS, MODEL, SOCKETS, CORES, THREADS, MARKS[0].0, MARKS[1].0];
/// What means the same whether it is said or not.
const MARKS: [(&str, bool); 2] = [("/devices/autoattachMemBalloon", true), ("/devices/useVirtioTransitional", false)];
/// Objects that a template need not have.
const PARENTS: [&str; 2] = ["cpu", "features"];
const SMM: &str = "/features/smm";
