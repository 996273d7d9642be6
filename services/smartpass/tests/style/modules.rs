//! Which file of a crate imports which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::rust::Paths;

/// A crate's modules that have a file of their own; the first is its root.
pub(crate) struct Modules(Vec<Module>);

struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    paths: Paths,
}

impl Modules {
    /// The modules below `lib.rs` or `main.rs`.
    pub(crate) fn below(root: &Path) -> Self {
        let mut modules = Self(Vec::new());
        modules.read(root.to_owned(), root.parent().unwrap(), None);
        modules
    }

    /// Reads a module's file, and those of its children, which are in `folder`.
    fn read(&mut self, file: PathBuf, folder: &Path, parent: Option<usize>) -> usize {
        let paths = Paths::of(&fs::read_to_string(&file).unwrap());
        let declared = paths.modules.clone();
        let here = self.0.len();
        self.0.push(Module { file, parent, children: BTreeMap::new(), paths });
        for name in declared {
            let (beside, below) = (folder.join(format!("{name}.rs")), folder.join(&name));
            let file = if beside.is_file() { beside } else { below.join("mod.rs") };
            let child = self.read(file, &below, Some(here));
            self.0[here].children.insert(name, child);
        }
        here
    }

    /// Each file with those that it imports from, and an example of what.
    pub(crate) fn imports(&self) -> BTreeMap<&Path, BTreeMap<&Path, String>> {
        let mut graph = BTreeMap::new();
        for (index, module) in self.0.iter().enumerate() {
            let edges: &mut BTreeMap<&Path, String> = graph.entry(module.file.as_path()).or_default();
            for path in &module.paths.imports {
                let Some(found) = self.resolve(index, path) else { continue };
                if found != index {
                    edges.insert(&self.0[found].file, path.join("::"));
                }
            }
        }
        graph
    }

    /// The module whose file defines what `path` names in module `from`; none for what is not of this crate.
    fn resolve(&self, from: usize, path: &[String]) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => 0,
            "self" => from,
            "super" => self.0[from].parent?,
            name => *self.0[from].children.get(name)?,
        };
        for (index, part) in rest.iter().enumerate() {
            let module = &self.0[at];
            if part == "super" {
                at = module.parent?;
            } else if let Some(&child) = module.children.get(part) {
                at = child;
            } else if let Some((_, target)) = module.paths.reexports.iter().find(|(name, _)| name == part) {
                let further: Vec<String> = target.iter().chain(&rest[index + 1..]).cloned().collect();
                return self.resolve(at, &further).or(Some(at));
            } else {
                return Some(at);
            }
        }
        Some(at)
    }
}

/// The groups of more than one file in which each imports each other, over however many steps.
pub(crate) fn circles<'a>(graph: &BTreeMap<&'a Path, BTreeMap<&'a Path, String>>) -> Vec<Vec<&'a Path>> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        graph.keys().map(|file| (*file, reached_from(file, graph))).collect();
    let mut circles = BTreeSet::new();
    for (&file, reachable) in &reached {
        let circle: Vec<&Path> =
            reachable.iter().filter(|other| reached[*other].contains(file)).copied().collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    circles.into_iter().collect()
}

fn reached_from<'a>(
    start: &Path,
    graph: &BTreeMap<&'a Path, BTreeMap<&'a Path, String>>,
) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(file) = open.pop() {
        for &next in graph[file].keys() {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}
