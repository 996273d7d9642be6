//! No circles: whoever reads a file has to read what it imports, and never what imports it.

use crate::modules::{Modules, circles};
use crate::repository::repository;

/// The crates that are held to it.
const CRATES: [&str; 3] = ["crates/api-types", "crates/messages", "services/smartpass"];

#[test]
fn files_of_a_crate_do_not_import_each_other_in_a_circle() {
    let (root, _) = repository();
    let mut faults = Vec::new();
    for name in CRATES {
        let folder = root.join(name).join("src");
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
