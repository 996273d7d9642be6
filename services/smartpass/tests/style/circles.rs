//! No circles: whoever reads a file has to read what it imports, and never what imports it.

use std::fs;

use crate::modules::{Modules, circles};
use crate::repository::repository;

/// The folders of our crates.
const FOLDERS: [&str; 2] = ["crates", "services"];

#[test]
fn files_of_a_crate_do_not_import_each_other_in_a_circle() {
    let (root, _) = repository();
    let mut faults = Vec::new();
    let entries = FOLDERS.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    for entry in entries {
        let entry = entry.unwrap().path();
        let name = entry.strip_prefix(&root).unwrap().display();
        let folder = entry.join("src");
        let roots: Vec<_> = ["lib.rs", "main.rs"].iter().map(|file| folder.join(file)).collect();
        let roots: Vec<_> = roots.into_iter().filter(|file| file.is_file()).collect();
        assert!(!roots.is_empty(), "there is no crate {name}");
        for file in roots {
            let modules = Modules::below(&file);
            let graph = modules.imports();
            for circle in circles(&graph) {
                faults.push(format!("a circle in {name}:"));
                for file in &circle {
                    for (other, what) in graph[file].iter().filter(|(other, _)| circle.contains(other)) {
                        let [file, other] =
                            [file, other].map(|file| file.strip_prefix(&folder).unwrap().display());
                        faults.push(format!("  {file} imports {what} of {other}"));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
