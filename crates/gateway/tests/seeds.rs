//! The seeds of the gateway's fuzz targets, replayed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "the fuzz target uses it too")]

#[path = "../../../fuzz/bodies/gateway.rs"]
mod gateway;

#[test]
fn everything_prints() {
    let seeds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/everything_prints");
    for seed in std::fs::read_dir(seeds).unwrap() {
        gateway::everything_prints(&std::fs::read(seed.unwrap().path()).unwrap());
    }
}
