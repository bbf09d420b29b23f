//! The corpora, which are no part of the project: the folder `ESH_CORPUS` has them, or `shared/corpus` beside the
//! workspace; without them the tests of every crate say so and pass.
#![allow(unreachable_pub, dead_code, reason = "each test is a crate of its own, and uses its part of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use std::path::PathBuf;

/// The rows of a corpus; `None`, which is said, where there is none.
pub fn corpus(name: &str) -> Option<Vec<Value>> {
    let folder = std::env::var_os("ESH_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        println!("skipped: no {name} in {}", folder.display());
        return None;
    };
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// The same; none where there is none.
pub fn rows(name: &str) -> Vec<Value> {
    corpus(name).unwrap_or_default()
}

/// Octets of hexadecimal text.
pub fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect()
}
