//! The fuzz targets' checks over their seeds, among them every input that a fuzzer found.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../fuzz/src/checks.rs"]
#[allow(unreachable_pub, reason = "the fuzz crate exports them")]
mod checks;

use std::path::Path;

fn run(target: &str, check: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut count = 0;
    for seed in std::fs::read_dir(seeds).unwrap() {
        let bytes = std::fs::read(seed.unwrap().path()).unwrap();
        check(&bytes);
        // Cut short and with a bit changed, a seed is another input.
        for end in 0..bytes.len() {
            check(&bytes[..end]);
            let mut changed = bytes.clone();
            changed[end] ^= 1 << (end % 8);
            check(&changed);
        }
        count += 1;
    }
    assert!(count > 3, "seeds of {target}");
}

#[test]
fn splitter_seeds_hold() {
    run("splitter", checks::splitter);
}

#[test]
fn token_seeds_hold() {
    run("token", checks::token);
}

#[test]
fn template_seeds_hold() {
    run("template", checks::template);
}
