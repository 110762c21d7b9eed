//! The modules of the core stand on each other: none imports one that stands above it, so there is no circle.

#![expect(clippy::expect_used, clippy::panic, reason = "tests may fail")]

use std::fs;
use std::path::Path;

/// From the ground up.
const FLOORS: &[&[&str]] = &[
    &["config", "coverage", "fairness", "membership", "messages", "network"],
    &["auth", "http"],
    &["rendered", "route"],
    &["event"],
    &["intent"],
    &["task"],
    &["view"],
    &["changes", "discovery", "metrics", "resources"],
    &["query", "service"],
    &["engine", "exchange", "hosts"],
];

/// What is in crates of its own.
const BELOW: &[&str] = &["model", "time", "kubevirt"];

fn floor(module: &str) -> usize {
    let found = FLOORS.iter().position(|floor| floor.contains(&module));
    found.unwrap_or_else(|| panic!("{module} is on no floor: say above which modules it stands"))
}

/// Hands every source to a check, with the module that it belongs to.
fn for_every_source(folder: &Path, module: Option<&str>, check: &mut impl FnMut(&Path, &str, &str)) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let module = module.unwrap_or(&name);
        if path.is_dir() {
            for_every_source(&path, Some(module), check);
        } else if !matches!(module, "lib" | "guide") {
            let text = fs::read_to_string(&path).expect("text");
            check(&path, module, text.split("#[cfg(test)]").next().unwrap_or_default());
        }
    }
}

#[test]
fn no_module_imports_one_that_stands_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut imports = 0;
    for_every_source(&root, None, &mut |path, module, text| {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for (line, import) in code.flat_map(|line| line.split("crate::").skip(1).map(move |rest| (line, rest))) {
            let end = import.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(import.len());
            let imported = &import[..end];
            // The crate's own face has types; what is in braces would be missed.
            assert!(!imported.is_empty(), "{}: one module a line: {line}", path.display());
            let own = imported == module || BELOW.contains(&imported);
            if own || imported.starts_with(|c: char| c.is_ascii_uppercase()) {
                continue;
            }
            imports += 1;
            assert!(floor(imported) < floor(module), "{}: {module} imports {imported}: {line}", path.display());
        }
    });
    assert!(imports > 300, "{imports}");
}
