//! Zigbee: a report of a meter to values and to readings, and a frame of the network decrypted beside the bare cipher of
//! RustCrypto in the same run.
//!
//! What is compared with what:
//!
//! * `values`: the header of ZCL, and every record with its type and its exact number. `readings`: the same with
//!   quantity, unit, multiplier and divisor. No crate was found that reads the attributes of Metering: int24, of which its
//!   demand is, is missing where there are types at all.
//! * `open`: AES-CCM* around 39 octets, key expanded, with the nonce and what is authenticated made of the headers. Beside
//!   it the crate `ccm` alone, which gets both ready made.
//! * `frame`: a whole sniffed frame from the MAC to the cluster, its key expanded anew each time.
//!
//! Allocations are counted before anything is timed; ours are asserted, times are not. The least time of many short
//! batches is printed first: on a busy machine it says more than a mean.
#![allow(clippy::float_arithmetic, reason = "a bench prints times")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a bench fails by panicking")]

use aes::Aes128;
use allocation_counter::measure;
use ccm::aead::{AeadInPlace, KeyInit};
use ccm::consts::{U4, U13};
use criterion::{Criterion, Throughput};
use esh_core::{Carrier, Format, Input, Key, Known, Layer, Meter, NothingKnown, Out, Purpose, Reading, Value};
use esh_zigbee::security::{AuxiliaryHeader, Cipher, KeyIdentifier};
use esh_zigbee::zcl::{self, Attributes, Readings, Scaling};
use esh_zigbee::{Outgoing, Secured, Writer, Zigbee, aps, mac, nwk};
use std::hint::black_box;
use std::time::{Duration, Instant};

const KEY: [u8; 16] = [0x11; 16];
const SOURCE: u64 = 0x00_12_4b_00_01_02_03_04;
/// Of an endpoint's meter: `CurrentSummationDelivered` and `InstantaneousDemand`.
const REPORT: [u8; 18] = [0x18, 1, 0x0a, 0, 0, 0x25, 0x40, 0xe2, 1, 0, 0, 0, 0, 4, 0x2a, 0x24, 0xfa, 0xff];
const SCALING: Scaling = Scaling { multiplier: Some(1), divisor: Some(1000), unit_of_measure: Some(0) };

fn values(frame: &[u8]) -> i128 {
    let mut input = Input::new(black_box(frame), 0, Layer::Application);
    let header = zcl::Header::read(&mut input).unwrap();
    let command = zcl::Command::from_id(header.command()).unwrap();
    let mut attributes = Attributes::new(command, input).unwrap();
    let mut sum = 0;
    while let Some(reported) = attributes.next_attribute().unwrap() {
        if let zcl::Value::Number(number) = black_box(&reported).value() {
            sum += number.digits();
        }
    }
    sum
}

/// Takes readings and keeps the sum of their digits.
struct Sum(i128);

impl<'a> Out<'a> for Sum {
    fn reading(&mut self, reading: Reading<'a>) {
        if let Value::Number(number) = black_box(&reading).value {
            self.0 += number.digits();
        }
    }
}

fn readings(frame: &[u8]) -> i128 {
    let mut sum = Sum(0);
    let format = Readings { cluster: 0x0702, endpoint: 1, scaling: SCALING };
    format.read(None, black_box(frame), 0, &NothingKnown, &mut sum).unwrap();
    sum.0
}

/// A secured payload of 39 octets: headers, where the security control stands in them, payload, authentication.
struct Sealed {
    headers: Vec<u8>,
    control_at: usize,
    auxiliary: AuxiliaryHeader,
    payload: [u8; 39],
    mic: [u8; 4],
}

impl Sealed {
    fn new() -> Self {
        let auxiliary = AuxiliaryHeader::new(KeyIdentifier::Network, 7, Some(SOURCE), 0);
        let mut headers = [0; 32];
        let mut writer = Writer::new(&mut headers);
        nwk::Header::data(0, 0x1234, 9).write(true, &[], &mut writer).unwrap();
        let control_at = writer.len();
        auxiliary.write(&mut writer).unwrap();
        let headers = writer.finish().to_vec();
        let mut payload = [0x5a; 39];
        let mic = Cipher::new(&KEY).seal(&headers, control_at, auxiliary, SOURCE, &mut payload).unwrap();
        Self { headers, control_at, auxiliary, payload, mic }
    }

    fn open(&mut self, cipher: &Cipher, into: &mut [u8; 39]) {
        *into = *black_box(&self.payload);
        let Self { headers, control_at, auxiliary, mic, .. } = black_box(self);
        assert!(cipher.open(headers, *control_at, *auxiliary, SOURCE, into, mic));
    }
}

type Ccm = ccm::Ccm<Aes128, U4, U13>;

/// The same payload for the bare cipher: what it authenticates and its nonce are made once.
struct Bare {
    cipher: Ccm,
    authenticated: Vec<u8>,
    nonce: [u8; 13],
    payload: [u8; 39],
    mic: [u8; 4],
}

impl Bare {
    fn of(sealed: &Sealed) -> Self {
        let mut authenticated = sealed.headers.clone();
        authenticated[sealed.control_at] |= 5;
        let mut nonce = [0; 13];
        nonce[..8].copy_from_slice(&SOURCE.to_le_bytes());
        nonce[8..12].copy_from_slice(&7u32.to_le_bytes());
        nonce[12] = authenticated[sealed.control_at];
        let cipher = Ccm::new(&KEY.into());
        Self { cipher, authenticated, nonce, payload: sealed.payload, mic: sealed.mic }
    }

    fn open(&self, into: &mut [u8; 39]) {
        *into = *black_box(&self.payload);
        let Self { authenticated, nonce, mic, .. } = black_box(self);
        self.cipher.decrypt_in_place_detached(nonce.into(), authenticated, into, mic.into()).unwrap();
    }
}

struct One(Key);

impl Known for One {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        each(&self.0)
    }
}

fn sniffed() -> Vec<u8> {
    let cipher = Cipher::new(&KEY);
    let header = AuxiliaryHeader::new(KeyIdentifier::Network, 7, Some(SOURCE), 0);
    let frame = Outgoing {
        mac: mac::Header::data(0x1a62, 0, 0x1234, 7),
        nwk: nwk::Header::data(0, 0x1234, 9),
        relays: &[],
        nwk_security: Some(Secured { cipher: &cipher, header, source: SOURCE }),
        aps: Some(aps::Header::data(1, 0x0702, 0x0104, 1, 44)),
        aps_security: None,
        payload: &REPORT,
    };
    frame.write(&mut [0; 127]).unwrap().to_vec()
}

fn frame(octets: &[u8], known: &One, room: &mut [u8; 127]) -> usize {
    let room = &mut room[..octets.len()];
    room.copy_from_slice(black_box(octets));
    Zigbee::default().open(room, known, &mut Sum(0)).unwrap().payload.len()
}

/// Nanoseconds of one call, in the quickest of many batches.
fn least<T>(mut call: impl FnMut() -> T) -> f64 {
    const CALLS: u32 = 200;
    let batches = (0..3000).map(|_| {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(call());
        }
        start.elapsed().as_nanos()
    });
    batches.min().unwrap() as f64 / f64::from(CALLS)
}

fn main() {
    let (mut sealed, cipher, sniffed, known) =
        (Sealed::new(), Cipher::new(&KEY), sniffed(), One(Key::new(&KEY).unwrap()));
    let bare = Bare::of(&sealed);
    let (mut ours, mut theirs, mut room) = ([0; 39], [0; 39], [0; 127]);
    let allocated = measure(|| {
        assert_eq!(values(&REPORT), 123_456 - 1500);
        assert_eq!(readings(&REPORT), 123_456 - 1500);
        sealed.open(&cipher, &mut ours);
        assert_eq!(frame(&sniffed, &known, &mut room), REPORT.len());
    });
    assert_eq!(allocated.count_total, 0, "nothing is allocated");
    bare.open(&mut theirs);
    assert_eq!((ours, theirs), ([0x5a; 39], [0x5a; 39]));
    println!("allocations: esh 0");
    println!("the quickest of many batches");
    println!("values {:.1} ns, readings {:.1} ns", least(|| values(&REPORT)), least(|| readings(&REPORT)));
    let (open, of_bare) = (least(|| sealed.open(&cipher, &mut ours)), least(|| bare.open(&mut theirs)));
    println!("open esh {open:.1} ns, ccm alone {of_bare:.1} ns: {:.3} times", open / of_bare);
    println!("frame {:.1} ns", least(|| frame(&sniffed, &known, &mut room)));

    let mut criterion = Criterion::default()
        .sample_size(40)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut group = criterion.benchmark_group("a report of two attributes");
    group.throughput(Throughput::Elements(1));
    group.bench_function("values", |bench| bench.iter(|| values(&REPORT)));
    group.bench_function("readings", |bench| bench.iter(|| readings(&REPORT)));
    group.finish();
    let mut group = criterion.benchmark_group("open 39 octets");
    group.throughput(Throughput::Elements(1));
    group.bench_function("esh", |bench| bench.iter(|| sealed.open(&cipher, black_box(&mut ours))));
    group.bench_function("ccm", |bench| bench.iter(|| bare.open(black_box(&mut theirs))));
    group.finish();
    let mut group = criterion.benchmark_group("a sniffed frame");
    group.throughput(Throughput::Elements(1));
    group.bench_function("esh", |bench| bench.iter(|| frame(&sniffed, &known, black_box(&mut room))));
    group.finish();
    criterion.final_summary();
}
