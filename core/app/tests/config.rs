//! What the configuration file may say, and what is said about a file that cannot be used.

// A test fails by a panic, in its helpers as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use kubevirt_redfish_app::config::{self, Loaded};

#[test]
fn accepted_files_mean_what_they_say() {
    insta::glob!("config/accepted/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let Loaded { settings, warnings } = match config::parse("config.yaml", &text) {
            Ok(loaded) => loaded,
            Err(error) => panic!("{error}"),
        };
        let warnings: Vec<_> = warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
        insta::assert_snapshot!(format!("{settings:#?}\n\n{}", warnings.concat()));
    });
}

#[test]
fn refused_files_are_told_where_and_why() {
    insta::glob!("config/refused/*.yaml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let error = config::parse("config.yaml", &text).unwrap_err();
        insta::assert_snapshot!(error);
    });
}

#[test]
fn a_missing_file_is_named() {
    let error = config::load(std::path::Path::new("no/such/config.yaml")).unwrap_err();
    assert!(error.to_string().starts_with("no/such/config.yaml: cannot be read: "), "{error}");
}
