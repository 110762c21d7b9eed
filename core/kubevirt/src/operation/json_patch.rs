//! The same change as a merge patch makes, as a JSON patch (RFC 6902) that depends on no more than it has to.
//!
//! The lock of a merge patch is the version of the whole object: whoever changes anything of a machine in between, be it a
//! label or its status, has the change decided anew. Somebody who does that ten times a second keeps it from ever being
//! made. So once that has happened, what has to be as it was read is only what the decision was made upon.
//!
//! What was not there is tested to be missing by comparing it with null, as the API server's implementation has it
//! (evanphx/json-patch, `TestCases` of its tests). One that takes the standard at its word refuses that; then the version
//! is the lock again.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::annotation::{Key, On};

/// The patch that does to an object, read as `raw`, what a merge patch does; `None` if there is none that would be safe.
pub(super) fn json_patch(raw: &Value, merge_patch: &Value, upon: Upon) -> Option<Value> {
    raw.pointer("/metadata/annotations").filter(|annotations| annotations.is_object())?;
    let written = merge_patch.pointer("/metadata/annotations").and_then(Value::as_object);
    let alone = |name: &String| ALONE.iter().any(|key| key.name() == name);
    let stands_alone = merge_patch.get("spec").is_none() && written.is_some_and(|written| written.keys().all(alone));
    let mut patch = Patch { raw, tests: BTreeMap::new(), changes: Vec::new() };
    patch.test("/metadata/uid");
    if upon.all_settings {
        patch.test("/spec");
        for key in SETTINGS {
            patch.test(&annotation(key.name()));
        }
    }
    if upon.state {
        patch.test("/status");
    }
    if upon != Upon::default() || !stands_alone {
        for path in INPUTS {
            patch.test(path);
        }
        for key in Key::ALL.iter().filter(|key| key.on() == On::Machine && !ALONE.contains(key)) {
            patch.test(&annotation(key.name()));
        }
    }
    patch.change(raw, merge_patch, &mut String::new());
    let tests = patch.tests.iter().map(|(path, value)| json!({ "op": "test", "path": path, "value": value }));
    Some(tests.chain(patch.changes).collect())
}

/// What a patch of either kind changes, as a merge patch has it.
pub(super) fn merged(patch: Value) -> Value {
    let Value::Array(operations) = patch else { return patch };
    let mut merged = Value::Object(Map::new());
    for operation in operations.iter().filter(|operation| operation.get("op").is_some_and(|name| name != "test")) {
        let Some(path) = operation.get("path").and_then(Value::as_str) else { continue };
        let mut place = &mut merged;
        for key in path.split('/').skip(1).map(unescape) {
            if !place.is_object() {
                *place = Value::Object(Map::new());
            }
            place = &mut place[key];
        }
        *place = operation.get("value").cloned().unwrap_or_default();
    }
    merged
}

/// What a change is decided upon beside the definition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Upon {
    /// What the machine does.
    pub(super) state: bool,
    /// Whatever a client can set: who has read it wants it to be as it was.
    pub(super) all_settings: bool,
}

struct Patch<'a> {
    raw: &'a Value,
    tests: BTreeMap<String, Value>,
    changes: Vec<Value>,
}

impl Patch<'_> {
    /// What `path` leads to is to be as it was read. Of what is missing along with all around it, the outermost is to be
    /// missing still: nothing can be said of what is in nothing.
    fn test(&mut self, path: &str) {
        let (mut place, mut outer) = (self.raw, String::new());
        for key in path.split('/').skip(1) {
            outer.push('/');
            outer.push_str(key);
            let Some(inner) = place.get(unescape(key)) else {
                self.tests.insert(outer, Value::Null);
                return;
            };
            place = inner;
        }
        self.tests.insert(outer, place.clone());
    }

    /// Adds the operations that do to `present`, at `path`, what a merge patch does.
    fn change(&mut self, present: &Value, patch: &Value, path: &mut String) {
        let (Some(present), Some(patch)) = (present.as_object(), patch.as_object()) else { return };
        for (key, wanted) in patch {
            let length = path.len();
            path.push('/');
            path.push_str(&escape(key));
            match (present.get(key), wanted) {
                _ if path == VERSION => {}
                (Some(before @ Value::Object(_)), Value::Object(_)) => self.change(before, wanted, path),
                (before, wanted) => {
                    self.test(path);
                    self.changes.extend(match (before, wanted) {
                        (None, Value::Null) => None,
                        (Some(_), Value::Null) => Some(json!({ "op": "remove", "path": path })),
                        _ => Some(json!({ "op": "add", "path": path, "value": without_nulls(wanted) })),
                    });
                }
            }
            path.truncate(length);
        }
    }
}

/// What a merge patch makes of an object where there is none.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn annotation(key: &str) -> String {
    format!("/metadata/annotations/{}", escape(key))
}

/// A key in a JSON pointer (RFC 6901).
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The other way round.
fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

/// The lock of the merge patch.
const VERSION: &str = "/metadata/resourceVersion";

/// Annotations of machines that nothing else depends on, and that depend on nothing else.
const ALONE: [Key; 5] = [Key::AssetTag, Key::Indicator, Key::TrustCd, Key::TrustUsb, Key::Description];

/// Those of them that clients set.
const SETTINGS: [Key; 4] = [Key::AssetTag, Key::Indicator, Key::TrustCd, Key::TrustUsb];

/// What decisions about the template are made upon, whatever they write.
const INPUTS: [&str; 13] = [
    "/metadata/deletionTimestamp",
    "/spec/runStrategy",
    "/spec/running",
    "/spec/instancetype",
    "/spec/preference",
    "/spec/template/spec/architecture",
    "/spec/template/spec/volumes",
    "/spec/template/spec/domain/devices/disks",
    "/spec/template/spec/domain/devices/interfaces",
    "/spec/template/spec/domain/rebootPolicy",
    "/spec/template/spec/domain/firmware",
    "/spec/template/spec/domain/features",
    "/spec/template/spec/domain/machine",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn test(path: &str, value: &Value) -> Value {
        json!({ "op": "test", "path": path, "value": value })
    }

    fn machine() -> Value {
        json!({
            "metadata": {
                "uid": "u-1", "resourceVersion": "7", "labels": { "a": "b" },
                "annotations": { "other/x": "1", "redfish.kubevirt.io/asset-tag": "a~/b" },
            },
            "spec": { "runStrategy": "Manual", "template": { "spec": { "volumes": [1], "domain": { "cpu": { "cores": 2 } } } } },
            "status": { "created": true },
        })
    }

    #[test]
    fn a_note_that_stands_alone_depends_on_itself_alone() {
        let merge = json!({ "metadata": { "resourceVersion": "7", "annotations": {
            "redfish.kubevirt.io/asset-tag": null, "redfish.kubevirt.io/indicator-led": "Lit",
        } } });
        let (tag, led) = (
            "/metadata/annotations/redfish.kubevirt.io~1asset-tag",
            "/metadata/annotations/redfish.kubevirt.io~1indicator-led",
        );
        assert_eq!(
            json_patch(&machine(), &merge, Upon::default()).expect("a patch"),
            json!([
                test(tag, &json!("a~/b")),
                test(led, &Value::Null),
                test("/metadata/uid", &json!("u-1")),
                { "op": "remove", "path": tag },
                { "op": "add", "path": led, "value": "Lit" },
            ])
        );
        // Whoever writes upon a precondition wants all settings to be as they were.
        let conditional = json_patch(&machine(), &merge, Upon { all_settings: true, state: false }).expect("a patch");
        let conditional = conditional.as_array().expect("operations");
        assert!(conditional.contains(&test("/spec", &machine()["spec"])));
        let missing = "/metadata/annotations/redfish.kubevirt.io~1boot-override";
        assert!(conditional.contains(&test(missing, &Value::Null)));
        let depends_on_state = |patch: &[Value]| patch.contains(&test("/status", &json!({ "created": true })));
        assert!(!depends_on_state(conditional));
        let powered = json_patch(&machine(), &merge, Upon { all_settings: false, state: true }).expect("a patch");
        assert!(depends_on_state(powered.as_array().expect("operations")));
    }

    #[test]
    fn a_change_of_the_template_depends_on_what_it_was_decided_upon() {
        let merge = json!({ "spec": { "template": { "spec": { "domain": {
            "cpu": { "cores": 4, "threads": null },
            "firmware": { "a": { "b": null, "c": 1 } },
            "devices": { "disks": [] },
        } } } } });
        let patch = json_patch(&machine(), &merge, Upon::default()).expect("a patch");
        let patch = patch.as_array().expect("operations");
        let tested = |path: &str| patch.iter().find(|one| one["op"] == "test" && one["path"] == path);
        let domain = "/spec/template/spec/domain";
        for (path, value) in [
            ("/spec/runStrategy".to_owned(), json!("Manual")),
            ("/spec/running".to_owned(), Value::Null),
            ("/spec/template/spec/volumes".to_owned(), json!([1])),
            (format!("{domain}/cpu/cores"), json!(2)),
            (format!("{domain}/cpu/threads"), Value::Null),
            (format!("{domain}/firmware"), Value::Null),
            // There are no devices that there could be disks of.
            (format!("{domain}/devices"), Value::Null),
        ] {
            assert_eq!(tested(&path), Some(&test(&path, &value)), "{path}");
        }
        assert_eq!(tested(&format!("{domain}/devices/disks")), None);
        assert_eq!(tested("/metadata/annotations/redfish.kubevirt.io~1asset-tag"), None);
        let changes: Vec<_> = patch.iter().skip_while(|one| one["op"] == "test").cloned().collect();
        assert_eq!(
            changes,
            [
                json!({ "op": "add", "path": format!("{domain}/cpu/cores"), "value": 4 }),
                json!({ "op": "add", "path": format!("{domain}/devices"), "value": { "disks": [] } }),
                json!({ "op": "add", "path": format!("{domain}/firmware"), "value": { "a": { "c": 1 } } }),
            ]
        );
    }

    /// D1: what is in doubt is told from a patch of either kind.
    #[test]
    fn what_a_patch_changes_is_read_back_from_it() {
        let change = json!({
            "metadata": { "annotations": { "redfish.kubevirt.io/asset-tag": null, "redfish.kubevirt.io/pending-power-on": "{}" } },
            "spec": { "runStrategy": "Always", "template": { "spec": { "domain": { "cpu": { "cores": 4 } } } } },
        });
        let patch = json_patch(&machine(), &change, Upon { state: true, all_settings: false }).expect("a patch");
        assert_eq!(merged(patch), change);
        assert_eq!(merged(change.clone()), change);
    }

    #[test]
    fn annotations_of_others_are_never_replaced_as_a_whole() {
        let raw = json!({ "metadata": { "uid": "u-1" }, "spec": {} });
        assert_eq!(json_patch(&raw, &json!({ "metadata": { "annotations": { "a": "b" } } }), Upon::default()), None);
    }
}
