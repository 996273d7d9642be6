//! How the repository's files should look: short files, short lines, nothing dead.

use std::fs;
use std::path::{Path, PathBuf};

use crate::repository::repository;

const MAX_LINES: usize = 500;
const MAX_COLUMNS: usize = 120;

/// Files that people read and write: not data, not what a tool writes.
fn is_source(path: &Path) -> bool {
    let by_ending =
        ["rs", "py", "sh", "md", "toml"].iter().any(|ending| path.extension().is_some_and(|e| e == *ending));
    let scripts = ["test", "run", "bench", "independent-reader", "smartpass", "install"];
    by_ending || scripts.iter().any(|name| path.file_name().is_some_and(|file| file == *name))
}

#[test]
fn files_are_short_and_lines_are_too() {
    let (_, files) = repository();
    let mut faults = Vec::new();
    for path in files.iter().filter(|path| is_source(path)) {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().count();
        if lines > MAX_LINES {
            faults.push(format!("{}: {lines} lines (at most {MAX_LINES})", path.display()));
        }
        let is_prose = path.extension().is_some_and(|ending| ending == "md");
        let mut in_listing = false;
        for (index, line) in text.lines().enumerate() {
            in_listing ^= line.starts_with("```");
            // Tables, addresses and what programs printed cannot be wrapped.
            let unbreakable = is_prose && (in_listing || line.starts_with('|') || line.contains("://"));
            if line.chars().count() > MAX_COLUMNS && !unbreakable {
                faults.push(format!("{}:{}: over {MAX_COLUMNS} columns", path.display(), index + 1));
            }
            if line.ends_with([' ', '\t']) {
                faults.push(format!("{}:{}: white space at the end", path.display(), index + 1));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_rust_file_is_part_of_its_crate() {
    let (root, files) = repository();
    let rust = files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    let sources: Vec<(PathBuf, String)> =
        rust.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    let mut dead = Vec::new();
    for (path, _) in &sources {
        let relative = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let folder = path.parent().unwrap();
        let folder_name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let is_root = matches!(stem.as_str(), "main" | "lib" | "build")
            || ["tests", "bin", "benches", "fuzz_targets"].contains(&folder_name.as_str());
        let module = if stem == "mod" { folder_name } else { stem };
        let declares = |text: &str| {
            text.contains(&format!("mod {module};")) || text.contains(&format!("/{module}.rs\"]"))
        };
        let own_folder = if relative.ends_with("/mod.rs") { folder.parent().unwrap() } else { folder };
        let may_declare = |other: &Path| {
            let beside = other.parent() == Some(own_folder);
            let above = own_folder.with_extension("rs") == other;
            beside || above
        };
        let is_declared =
            sources.iter().any(|(other, text)| other != path && may_declare(other) && declares(text));
        if !is_root && !is_declared {
            dead.push(relative);
        }
    }
    assert!(dead.is_empty(), "no module declares: {}", dead.join(", "));
}

#[test]
fn every_script_and_schema_is_named_somewhere() {
    let (root, files) = repository();
    let texts: Vec<(PathBuf, String)> = files
        .iter()
        .filter(|path| is_source(path) || path.ends_with(".ci/run"))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    let mut unnamed = Vec::new();
    for path in &files {
        let relative = path.strip_prefix(&root).unwrap();
        let is_checked =
            ["deploy", "schemas", "examples", "load-tests"].iter().any(|folder| relative.starts_with(folder))
                && path.extension().is_none_or(|ending| ending != "rs" && ending != "toml");
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_named = texts.iter().any(|(other, text)| {
            other != path
                && (text.contains(&name)
                    || text.contains(&format!("import {module}"))
                    || text.contains(&format!("from {module} ")))
        });
        let is_discovered = name.starts_with("test_")
            || name == "README.md"
            || name.ends_with(".success.csv")
            || name.ends_with(".errors.csv");
        if is_checked && !is_named && !is_discovered {
            unnamed.push(relative.display().to_string());
        }
    }
    assert!(unnamed.is_empty(), "nothing names: {}", unnamed.join(", "));
}

/// The first quoted or bare version that follows `before` in a file of the repository.
fn version_in(root: &Path, file: &str, before: &str) -> String {
    let text = fs::read_to_string(root.join(file)).unwrap();
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{file} has no {before}"));
    rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect()
}

#[test]
fn everything_is_built_by_one_compiler() {
    let (root, _) = repository();
    let pinned = version_in(&root, "rust-toolchain.toml", "channel = \"");
    assert_eq!(pinned.split('.').count(), 3, "{pinned:?} is not an exact version");
    assert_eq!(version_in(&root, "Dockerfile", "FROM rust:"), pinned);
    let promised = version_in(&root, "Cargo.toml", "rust-version = \"");
    assert_eq!(pinned.rsplit_once('.').unwrap().0, promised, "what is promised is what is tested");
}
