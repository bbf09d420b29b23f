//! The seeds of the gateway's fuzz targets, replayed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "the fuzz target uses it too")]

#[path = "../../../fuzz/bodies/gateway.rs"]
mod gateway;

fn replay(target: &str, body: fn(&[u8])) {
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    for seed in std::fs::read_dir(seeds).unwrap() {
        body(&std::fs::read(seed.unwrap().path()).unwrap());
    }
}

#[test]
fn everything_prints() {
    replay("everything_prints", gateway::everything_prints);
}

#[test]
fn parked_frame() {
    replay("parked_frame", |seed| {
        assert!(esh_gateway::queue::parked::Parked::read(seed).is_some(), "a seed is a frame");
        gateway::parked_frame(seed);
    });
}

#[test]
fn archive_reads() {
    replay("archive_reads", gateway::archive_reads);
}
