//! Which crate may use which: what a service does not need, it cannot reach.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::repository::repository;
use crate::rust::Paths;

/// What each library may use of the others; what the compiler does not let it use otherwise, nobody uses by accident.
const MAY_USE: [(&str, &[&str]); 6] = [
    ("core", &[]),
    ("messages", &["core"]),
    ("platform", &[]),
    ("records", &["core", "platform"]),
    ("api-types", &["core"]),
    ("http", &["core", "platform", "records", "api-types"]),
];
/// What only tests use, so that it may know every library.
const OF_TESTS: &str = "testkit";
/// The program that runs all services.
const PROGRAM: &str = "smartpass";

/// What never handles links: neither the libraries below the services nor services without keys.
const WITHOUT_LINKS: [&str; 6] = [
    "crates/api-types",
    "crates/http",
    "crates/platform",
    "services/emailer",
    "services/producer",
    "services/tracker",
];
/// Where a link's parts are named all the same.
const MAY_NAME_LINKS: [&str; 2] = ["services/producer/src/parameters.rs", "services/producer/src/upload.rs"];

/// The crates in a folder of the repository, each with those of ours that it depends on.
fn crates_in(folder: &Path) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        let manifest: toml::Table = text.parse().unwrap();
        let name = manifest["package"]["name"].as_str().unwrap();
        let used = manifest["dependencies"].as_table().unwrap().keys();
        let used = used.filter_map(|used| used.strip_prefix("smartpass-")).map(str::to_owned).collect();
        found.insert(name.strip_prefix("smartpass-").unwrap_or(name).to_owned(), used);
    }
    found
}

#[test]
fn crates_use_only_what_they_may() {
    let (root, _) = repository();
    let [libraries, services] = ["crates", "services"].map(|folder| crates_in(&root.join(folder)));
    let mut faults = Vec::new();
    for (library, used) in &libraries {
        if library == OF_TESTS {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| name == library) else {
            faults.push(format!("no row says what {library} may use"));
            continue;
        };
        let excess = used.iter().filter(|used| !allowed.contains(&used.as_str()));
        faults.extend(excess.map(|used| format!("{library} may not use {used}")));
    }
    for (service, used) in services.iter().filter(|(service, _)| *service != PROGRAM) {
        let excess = used.iter().filter(|used| !libraries.contains_key(*used) || *used == OF_TESTS);
        faults.extend(excess.map(|used| format!("{service} may not use {used}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_has_no_keys_does_not_handle_links() {
    let (root, files) = repository();
    let is_without =
        |file: &Path| WITHOUT_LINKS.iter().any(|folder| file.starts_with(Path::new(folder).join("src")));
    let links = ["smartpass_core", "link"].map(str::to_owned);
    let mut naming = Vec::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs")) {
        let relative = path.strip_prefix(&root).unwrap();
        if !is_without(relative) {
            continue;
        }
        let paths = Paths::of(&fs::read_to_string(path).unwrap());
        let handed_on = paths.reexports.iter().map(|(_, path)| path);
        if paths.imports.iter().chain(handed_on).any(|path| path.starts_with(&links)) {
            naming.push(relative.to_string_lossy().into_owned());
        }
    }
    naming.sort();
    assert_eq!(
        naming, MAY_NAME_LINKS,
        "left: the files that name smartpass_core::link; right: those that may"
    );
}
