//! Opening LoRaWAN uplinks, beside the crates `lorawan` and `lrwn` on the same frames in the same run.
//!
//! What is compared: a frame is copied (decryption takes place where it lies), taken apart, its MIC checked and its
//! payload decrypted.
//!
//! * `session`: `Session::open`, with the keys of the device expanded once, the 32-bit counter found and replays refused.
//! * `carrier`: the whole carrier over a trait object, which finds the session by its address and says whose frame it is.
//! * `carrier, raw keys`: the same where keys are handed in as octets and expanded for each frame.
//! * `lorawan`: `parse`, `validate_mic` and `decrypt` of version 0.9.0, told the whole counter.
//! * `lrwn`: `from_slice`, `validate_uplink_data_mic` and `decrypt_frm_payload`, told the whole counter.
//!
//! Beside what criterion says, the least time of a frame is printed, which says more on a machine that others use too.
//!
//! Allocations are counted before anything is timed; those of ours are asserted, times are not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a bench fails by panicking")]

use allocation_counter::measure;
use criterion::{Criterion, Throughput};
use esh_core::{Carrier, Ignore, Key, Known, Meter, Purpose};
use esh_lorawan::{DevAddr, Eui64, FCtrl, Lorawan, MType, Plain, Session, Transmission};
use lorawan::parser::{DataPayload, PhyPayload, parse};
use lrwn::{AES128Key, MACVersion};
use std::any::Any;
use std::hint::black_box;
use std::time::{Duration, Instant};

const NETWORK: [u8; 16] = [0x21; 16];
const APPLICATION: [u8; 16] = [0x42; 16];
const COUNTER: u32 = 0x1_2345;
const SENT: Transmission = Transmission { data_rate: 5, channel: 1, confirmed: None };

fn session() -> Session {
    let (network, application) = (Key::new(&NETWORK).unwrap(), Key::new(&APPLICATION).unwrap());
    let session = Session::v1_0(Some(&network), Some(&application)).unwrap();
    session.of_device(Eui64(0x70b3_d57e_d000_0001)).after_uplink(Some(COUNTER - 1))
}

fn uplink(payload: usize) -> Vec<u8> {
    let payload: Vec<u8> = (0..payload as u8).collect();
    let plain = Plain {
        m_type: MType::UnconfirmedDataUp,
        dev_addr: DevAddr(0x2601_1bda),
        f_ctrl: FCtrl(0x80),
        counter: COUNTER,
        f_opts: &[],
        payload: Some((2, &payload)),
    };
    plain.write(&session(), &SENT, &mut [0; 255]).unwrap().to_vec()
}

/// The session of one device.
struct One(Session);

impl Known for One {
    fn sessions(&self, _: &Meter, each: &mut dyn FnMut(&dyn Any) -> bool) -> bool {
        each(&self.0)
    }
}

/// The keys of one device, as a file has them.
struct Raw(Key, Key);

impl Known for Raw {
    fn keys(&self, _: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        match purpose {
            Purpose::Network => each(&self.0),
            Purpose::Application => each(&self.1),
            _ => false,
        }
    }

    fn counter(&self, _: &Meter, _: Purpose) -> Option<u64> {
        Some((COUNTER - 1).into())
    }
}

fn copy<'c>(octets: &[u8], copy: &'c mut [u8; 255]) -> &'c mut [u8] {
    let copy = &mut copy[..octets.len()];
    copy.copy_from_slice(black_box(octets));
    copy
}

fn by_session(session: &Session, octets: &[u8], buffer: &mut [u8; 255]) -> u8 {
    let opened = session.open(copy(octets, buffer), &SENT).unwrap();
    black_box(opened.payload)[0]
}

fn by_carrier(known: &dyn Known, octets: &[u8], buffer: &mut [u8; 255]) -> u8 {
    let carrier = Lorawan { sent: SENT, ..Lorawan::default() };
    let opened = carrier.open(copy(octets, buffer), known, &mut Ignore).unwrap();
    black_box(opened.payload)[0]
}

fn by_lorawan(octets: &[u8], buffer: &mut [u8; 255]) -> u8 {
    let (network, application) = (lorawan::keys::AES128(NETWORK), lorawan::keys::AES128(APPLICATION));
    let PhyPayload::Data(DataPayload::Encrypted(data)) = parse(copy(octets, buffer)).unwrap() else { panic!() };
    assert!(data.validate_mic(&network, COUNTER));
    let plain = data.decrypt(Some(&network), Some(&application), COUNTER).unwrap();
    let lorawan::parser::FRMPayload::Data(data) = plain.frm_payload() else { panic!() };
    black_box(data)[0]
}

fn by_lrwn(octets: &[u8]) -> u8 {
    let (network, application) = (AES128Key::from_bytes(NETWORK), AES128Key::from_bytes(APPLICATION));
    let mut phy = lrwn::PhyPayload::from_slice(black_box(octets)).unwrap();
    let lrwn::Payload::MACPayload(mac) = &mut phy.payload else { panic!() };
    mac.fhdr.f_cnt = COUNTER;
    let version = MACVersion::LoRaWAN1_0;
    assert!(phy.validate_uplink_data_mic(version, 0, 0, 0, &network, &network).unwrap());
    phy.decrypt_frm_payload(&application).unwrap();
    let lrwn::Payload::MACPayload(mac) = &phy.payload else { panic!() };
    let Some(lrwn::FRMPayload::Raw(data)) = &mac.frm_payload else { panic!() };
    black_box(data)[0]
}

/// The least that one of many short runs takes, in nanoseconds for each frame: what the code costs when nobody else has
/// the processor in between.
fn least(mut one: impl FnMut() -> u8) -> u128 {
    const FRAMES: u32 = 64;
    let mut run = || {
        let start = Instant::now();
        (0..FRAMES).for_each(|_| _ = black_box(one()));
        start.elapsed()
    };
    (0..20_000).map(|_| run()).min().unwrap_or_default().as_nanos() / u128::from(FRAMES)
}

fn main() {
    let mut buffer = [0; 255];
    let session = session();
    let known = One(self::session());
    let raw = Raw(Key::new(&NETWORK).unwrap(), Key::new(&APPLICATION).unwrap());
    let frames = [12, 24, 51].map(|payload| (payload, uplink(payload)));
    println!("allocations");
    for (payload, octets) in &frames {
        let mut first = [0; 5];
        let ours = measure(|| {
            first[0] = by_session(&session, octets, &mut buffer);
            first[1] = by_carrier(&known, octets, &mut buffer);
            first[2] = by_carrier(&raw, octets, &mut buffer);
        });
        assert_eq!(ours.count_total, 0, "opening does not allocate");
        let lorawan = measure(|| first[3] = by_lorawan(octets, &mut buffer)).count_total;
        let lrwn = measure(|| first[4] = by_lrwn(octets)).count_total;
        assert_eq!(first, [0; 5], "all of them find the same payload");
        println!("uplink with {payload} octets: esh 0; lorawan {lorawan}; lrwn {lrwn}");
    }
    println!("least time of a frame, ns");
    for (payload, octets) in &frames {
        println!(
            "uplink with {payload} octets: esh session {}, carrier {}, carrier with raw keys {}; lorawan {}; lrwn {}",
            least(|| by_session(&session, octets, &mut buffer)),
            least(|| by_carrier(&known, octets, &mut buffer)),
            least(|| by_carrier(&raw, octets, &mut buffer)),
            least(|| by_lorawan(octets, &mut buffer)),
            least(|| by_lrwn(octets)),
        );
    }
    let mut criterion = Criterion::default()
        .sample_size(60)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for (payload, octets) in &frames {
        let mut group = criterion.benchmark_group(format!("uplink with {payload} octets"));
        group.throughput(Throughput::Elements(1));
        group.bench_function("esh, session", |bench| bench.iter(|| by_session(&session, octets, &mut buffer)));
        group.bench_function("esh, carrier", |bench| bench.iter(|| by_carrier(&known, octets, &mut buffer)));
        group.bench_function("esh, carrier, raw keys", |bench| bench.iter(|| by_carrier(&raw, octets, &mut buffer)));
        group.bench_function("lorawan 0.9.0", |bench| bench.iter(|| by_lorawan(octets, &mut buffer)));
        group.bench_function("lrwn 4.13.0", |bench| bench.iter(|| by_lrwn(octets)));
        group.finish();
    }
    criterion.final_summary();
}
