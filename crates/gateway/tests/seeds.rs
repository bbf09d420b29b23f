//! The seeds of the gateway's fuzz targets, replayed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(unreachable_pub, reason = "the fuzz target uses it too")]

#[path = "../../../fuzz/bodies/dtls.rs"]
mod dtls;
#[path = "../../../fuzz/bodies/gateway.rs"]
mod gateway;
#[path = "../../../fuzz/bodies/profiles.rs"]
mod profiles;
#[path = "../../../fuzz/bodies/seeds.rs"]
mod seeds;

#[test]
fn everything_prints() {
    seeds::replay("everything_prints", gateway::everything_prints);
}

#[test]
fn dtls_record() {
    seeds::replay("dtls_record", dtls::dtls_record);
}

#[test]
fn parked_frame() {
    seeds::replay("parked_frame", |seed| {
        assert!(esh_gateway::queue::parked::Parked::read(seed).is_some(), "a seed is a frame");
        gateway::parked_frame(seed);
    });
}

#[test]
fn archive_reads() {
    seeds::replay("archive_reads", gateway::archive_reads);
}

#[test]
fn profile_file() {
    seeds::replay("profile_file", profiles::profile_file);
}

#[test]
fn profile_read() {
    seeds::replay("profile_read", profiles::profile_read);
}

#[test]
fn codec_answer() {
    seeds::replay("codec_answer", gateway::codec_answer);
}

#[test]
fn sniffer() {
    seeds::replay("sniffer", |seed| {
        assert!(!esh_gateway::sources::sniffer::frames(seed).is_empty(), "a seed has frames");
        gateway::sniffer(seed);
    });
}
