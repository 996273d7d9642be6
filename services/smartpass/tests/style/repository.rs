//! Where the repository's files are.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a folder, but for what tools write.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let skipped = ["target", "corpus", "artifacts", "seeds", "__pycache__", ".git"];
            if !skipped.contains(&name.as_str()) {
                files_below(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

/// The repository's folder, and every file in it that is ours.
pub(crate) fn repository() -> (PathBuf, Vec<PathBuf>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut files = Vec::new();
    files_below(&root, &mut files);
    assert!(files.len() > 50, "the repository was not found");
    (root, files)
}
