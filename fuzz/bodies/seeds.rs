//! The seeds of a fuzz target, in `fuzz/seeds`: the ordinary tests replay them, and those of a crate's own encoder are
//! written anew by its ignored test `write_the_seeds`.
#![allow(dead_code, reason = "each test is a crate of its own, and uses its part of it")]

use std::{fs, path::PathBuf};

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target)
}

/// Feeds every seed to the body of the target.
pub(crate) fn replay(target: &str, body: fn(&[u8])) {
    let mut seeds: Vec<PathBuf> = fs::read_dir(folder(target)).unwrap().map(|seed| seed.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty());
    for seed in seeds {
        println!("{}", seed.display());
        body(&fs::read(seed).unwrap());
    }
}

/// Writes a seed.
pub(crate) fn write(target: &str, name: &str, octets: &[u8]) {
    fs::create_dir_all(folder(target)).unwrap();
    fs::write(folder(target).join(name), octets).unwrap();
}
