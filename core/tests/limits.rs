//! `docs/limits.md` says what the source says: every value that it names, and every bound that there is.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kubevirt_redfish_core::config::Config;
use kubevirt_redfish_core::fairness::Limits;

/// What is called like a bound and is none that anybody outside could reach.
const NO_BOUNDS: [(&str, &str); 7] = [
    // Of what an answer says.
    ("core/src/discovery/ssdp.rs", "MAX_AGE"),
    // Of names that the service makes.
    ("core/model/src/media.rs", "LONGEST_PREFIX"),
    // Of pauses between attempts.
    ("core/kubevirt/src/operation/answer.rs", "LONGEST_REST"),
    ("core/src/service/backoff.rs", "LONGEST"),
    ("core/src/service/backoff.rs", "LONGEST_FORBIDDEN"),
    // Of what KubeVirt takes at most.
    ("core/model/src/power_on.rs", "LONGEST_STOP"),
    // Of what the configuration may say.
    ("core/app/src/config/check/limits.rs", "LARGEST_CACHE"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn page() -> String {
    fs::read_to_string(root().join("docs/limits.md")).unwrap()
}

/// The rows of the page, each with the constants that it names: file and name.
fn rows() -> Vec<(String, Vec<(String, String)>)> {
    let page = page();
    let rows = page.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    rows.map(|row| {
        let (mut file, mut constants) = (String::new(), Vec::new());
        for quoted in row.split('`').skip(1).step_by(2) {
            if quoted.contains('/') && Path::new(quoted).extension().is_some_and(|extension| extension == "rs") {
                quoted.clone_into(&mut file);
            } else if !file.is_empty() && quoted.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') {
                constants.push((file.clone(), quoted.to_owned()));
            }
        }
        (row.to_owned(), constants)
    })
    .collect()
}

/// What a constant is defined as.
fn definition(file: &str, name: &str) -> String {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let start = text.find(&format!("const {name}: ")).unwrap_or_else(|| panic!("{file} has no {name}"));
    let definition = text[start..].split_once('=').unwrap().1;
    definition.split_once(';').unwrap().0.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The forms in which a value may be written.
fn forms(definition: &str) -> Vec<String> {
    let argument = |prefix: &str| Some(definition.strip_prefix(prefix)?.strip_suffix(')')?.replace('_', ""));
    for (unit, name) in [("secs", "s"), ("mins", "min"), ("millis", "ms"), ("hours", "h")] {
        if let Some(number) = argument(&format!("Duration::from_{unit}(")) {
            return vec![format!("{number} {name}")];
        }
    }
    // A part of another bound: that is what the page says.
    if let Some((whole, part)) = definition.split_once('/') {
        return vec![format!("700000 / {}", part.trim())]
            .into_iter()
            .filter(|_| whole.trim() == "LONGEST_DOCUMENT")
            .collect();
    }
    let Some(value) = number(definition) else { panic!("{definition} is not understood") };
    let mut forms = vec![value.to_string()];
    for (size, unit) in [(1 << 20, "MiB"), (1 << 10, "KiB")] {
        if value % size == 0 {
            forms.push(format!("{} {unit}", value / size));
        }
    }
    forms
}

/// A number, or a product or a shifted one.
fn number(text: &str) -> Option<u64> {
    let plain = |text: &str| text.trim().replace('_', "").parse::<u64>().ok();
    if let Some((one, other)) = text.split_once("<<") {
        return Some(plain(one)? << plain(other)?);
    }
    text.split('*').map(plain).try_fold(1, |product, factor| Some(product * factor?))
}

/// Whether a value stands in a row by itself.
fn says(row: &str, value: &str) -> bool {
    let part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    row.match_indices(value).any(|(index, _)| {
        let before = row[..index].chars().next_back();
        let after = row[index + value.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[test]
fn the_page_has_the_values_of_the_source() {
    let mut wrong = Vec::new();
    for (row, constants) in rows() {
        for (file, name) in constants {
            let definition = definition(&file, &name);
            let is_plain = !definition.contains(['{', '.']) && !definition.starts_with("Bounds");
            // Of what has several parts, those that are numbers.
            let values: Vec<Vec<String>> = if is_plain {
                vec![forms(&definition)]
            } else {
                let parts = definition.split(['{', '}', '(', ')', ',', ':']);
                parts.filter_map(number).filter(|number| *number > 1).map(|number| forms(&number.to_string())).collect()
            };
            if !values.iter().all(|forms| forms.iter().any(|form| says(&row, form))) {
                wrong.push(format!("{file} {name} is {definition}, and the page says: {row}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_page_has_the_defaults_of_the_configuration() {
    let page = page();
    let limits = Limits::default();
    let seconds = |duration: std::time::Duration| format!("{} s", duration.as_secs());
    for (bound, value) in [
        ("connections", limits.connections.to_string()),
        ("connections of one client", limits.connections_of_client.to_string()),
        ("time for a TLS handshake", seconds(limits.handshake)),
        ("time until the first request has been read", seconds(limits.first_request)),
        ("time without a request", seconds(limits.idle.unwrap())),
        ("slowest client", seconds(limits.stuck)),
        ("requests at a time on one HTTP/2 connection", limits.streams.to_string()),
        ("answers that wait on one connection", format!("{} KiB", limits.unread >> 10)),
        ("time for what is under way at the end", seconds(limits.grace)),
        ("request head in all", format!("{} KiB", limits.head >> 10)),
        ("body", format!("{} MiB", Config::default().body_limit >> 20)),
        ("representations that are kept", format!("{} MiB", Config::default().render_cache >> 20)),
        ("how long a client waits for a change", seconds(Config::default().command_timeout)),
    ] {
        let row = page.lines().find(|line| line.starts_with(&format!("| {bound} |")));
        let row = row.unwrap_or_else(|| panic!("there is no row for {bound}"));
        assert!(says(row, &value), "{bound} is {value}: {row}");
    }
}

/// A bound is a constant that is called like one: `MAX_…`, `MOST_…`, `LARGEST…`, `LONGEST…`; and all of `fairness`.
#[test]
fn no_bound_is_missing() {
    let named: BTreeSet<(String, String)> = rows().into_iter().flat_map(|(_, constants)| constants).collect();
    let mut missing = Vec::new();
    for folder in
        ["core/model/src", "core/kubevirt/src", "core/src", "core/app/src", "runtime-tokio/src", "runtime-smol/src"]
    {
        for file in sources(&root().join(folder)) {
            let relative = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for line in code.lines() {
                let Some(name) = line.trim().split_once("const ").and_then(|(_, rest)| rest.split_once(": ")) else {
                    continue;
                };
                let is_bound = ["MAX_", "MOST_", "LARGEST", "LONGEST"].iter().any(|prefix| name.0.starts_with(prefix))
                    || (relative == "core/src/fairness/mod.rs" && !name.1.starts_with("Duration"));
                let known = (relative.clone(), name.0.to_owned());
                let exempt = NO_BOUNDS.contains(&(known.0.as_str(), known.1.as_str()));
                // What only names another constant says nothing new.
                if is_bound && !exempt && !named.contains(&known) {
                    missing.push(format!("{} {}", known.0, known.1));
                }
            }
        }
    }
    assert!(missing.is_empty(), "docs/limits.md does not name {missing:#?}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !name.contains("tests") {
            found.push(path);
        }
    }
    found
}
