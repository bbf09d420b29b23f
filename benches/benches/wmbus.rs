//! Opening, reading and reporting M-Bus telegrams, beside the crate `m-bus-parser` on the same frames in the same run.
//!
//! What is compared with what:
//!
//! * `open`: the frame is copied (decryption takes place where it lies), checked and decrypted.
//! * `read`: the records of the opened payload become readings: quantity, unit and exact value, storage and time.
//! * `open+read`: both. Beside it the peer's lowest level, `MbusData::<WirelessFrame>::try_from` and its iterator, which
//!   takes records apart and leaves the meaning of their units open. It gets the frame in plain; ours is decrypted first.
//! * `report`: from the frame as received to the JSON text of the whole report, into a buffer that is used again. Beside
//!   it the peer's structured decode, `decode_bytes` without enrichment, which gives owned records without text, and
//!   `render_bytes`, which gives their JSON. They get the frame in plain, too.
//!
//! Allocations are counted before anything is timed; those of ours are asserted, times are not. The counting allocator
//! stays for the rest of the run: it adds about a nanosecond to each of the peer's allocations.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a bench fails by panicking")]

use allocation_counter::measure;
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use esh_benches::{Frame, KEY, frames};
use esh_core::{Carrier, Key, Known, Learned, Meter, Out, Protocol, Purpose, Reading};
use esh_gateway::capture::Stamp;
use esh_gateway::decode::{self, Decoder, Witness};
use esh_wmbus::{Wmbus, format_for};
use m_bus_parser::mbus_data::MbusData;
use m_bus_parser::{DecodeOptions, OutputFormat, RenderOptions, WirelessFrame};
use std::hint::black_box;
use std::time::Duration;

/// One key, and every layout: as after the first telegram of a meter.
struct One(Key);

impl Known for One {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        each(&self.0)
    }

    fn layout(&self, _: Option<&Meter>, _: u16) -> Option<&[u8]> {
        Some(&[])
    }
}

/// Takes readings, as a device does that knows the meters it hears: it does not ask for layouts.
#[derive(Default)]
struct Take(usize);

impl<'a> Out<'a> for Take {
    fn reading(&mut self, reading: Reading<'a>) {
        black_box(&reading);
        self.0 += 1;
    }

    fn wants_layouts(&self) -> bool {
        false
    }
}

struct Silent;

impl Witness for Silent {
    fn learned(&mut self, _: Option<&Meter>, _: Learned<'_>) {}
}

/// Opens a copy of a frame, and has it read or not.
fn open(octets: &[u8], known: &One, copy: &mut [u8; 300], read: bool) -> usize {
    let copy = &mut copy[..octets.len()];
    copy.copy_from_slice(black_box(octets));
    let mut take = Take::default();
    let opened = Wmbus::default().open(copy, known, &mut take).unwrap();
    black_box(&opened);
    if read {
        let format = format_for(opened.content).unwrap();
        format.read(opened.meter.as_ref(), opened.payload, opened.offset, known, &mut take).unwrap();
    }
    take.0
}

fn report(decoder: &mut Decoder, octets: &[u8], known: &One, report: &mut Vec<u8>) -> usize {
    let frame = decode::Frame {
        octets: black_box(octets),
        protocol: Protocol::Wmbus,
        framing: None,
        received_at: Stamp { at: None, synchronised: true },
        source: None,
        input: None,
        profile: None,
    };
    let decoded = decoder.decode(&frame, known, None, &mut Silent, report);
    assert!(decoded.error.is_none());
    decoded.readings
}

fn peer_walk(octets: &[u8]) -> usize {
    let parsed = MbusData::<WirelessFrame<'_>>::try_from(black_box(octets)).unwrap();
    let mut records = 0;
    for record in parsed.data_records.unwrap() {
        black_box(record.unwrap());
        records += 1;
    }
    records
}

const PEER: DecodeOptions = DecodeOptions { key: None, include_enrichment: false };

fn peer_decode(octets: &[u8]) -> usize {
    let decoded = m_bus_parser::decode_bytes(black_box(octets), &PEER).unwrap();
    let len = decoded.records.len();
    black_box(decoded);
    len
}

fn peer_json(octets: &[u8]) -> usize {
    let options = RenderOptions { decode: PEER, table_width: None };
    black_box(m_bus_parser::render_bytes(black_box(octets), OutputFormat::Json, &options).unwrap()).len()
}

/// Counts allocations, holds ours against what is promised, and sees that both read the same records.
fn count(frame: &Frame, known: &One) {
    let mut copy = [0; 300];
    let mut readings = 0;
    let ours = measure(|| readings = open(&frame.octets, known, &mut copy, true)).count_total;
    assert_eq!(ours, 0, "opening and reading does not allocate");
    let mut decoder = Decoder::analyser(false);
    report(&mut decoder, &frame.octets, known, &mut Vec::new());
    let mut text = Vec::new();
    let fresh = measure(|| {
        text = Vec::with_capacity(16 * 1024);
        report(&mut decoder, &frame.octets, known, &mut text);
    });
    assert_eq!(fresh.count_total, 1, "a report allocates its buffer and nothing else");
    text.clear();
    let warm = measure(|| readings = report(&mut decoder, &frame.octets, known, &mut text)).count_total;
    assert_eq!(warm, 0, "a report into a buffer that is used again does not allocate");
    assert_eq!(
        (readings, peer_walk(&frame.plain), peer_decode(&frame.plain)),
        (frame.records, frame.records, frame.records)
    );
    let walk = measure(|| _ = peer_walk(&frame.plain)).count_total;
    let decode = measure(|| _ = peer_decode(&frame.plain)).count_total;
    let json = measure(|| _ = peer_json(&frame.plain)).count_total;
    println!(
        "{}, {} records: esh open+read {ours}, report {warm}; m-bus-parser walk {walk}, structured {decode}, JSON {json}",
        frame.name, frame.records
    );
}

fn group<'c>(criterion: &'c mut Criterion, name: &str, frame: &Frame) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(format!("{name}/{}", frame.name));
    group.throughput(Throughput::Elements(1));
    group
}

fn time(criterion: &mut Criterion, frame: &Frame, known: &One) {
    let mut copy = [0; 300];
    let mut group_of = group(criterion, "open", frame);
    group_of.bench_function("esh", |bench| bench.iter(|| open(&frame.octets, known, &mut copy, false)));
    group_of.finish();

    let mut opened_copy = frame.octets.clone();
    let opened = Wmbus::default().open(&mut opened_copy, known, &mut Take::default()).unwrap();
    let format = format_for(opened.content).unwrap();
    let mut group_of = group(criterion, "read", frame);
    group_of.bench_function("esh", |bench| {
        bench.iter(|| {
            let mut take = Take::default();
            let payload = black_box(opened.payload);
            format.read(opened.meter.as_ref(), payload, opened.offset, known, &mut take).unwrap();
            take.0
        });
    });
    group_of.finish();

    let mut group_of = group(criterion, "open+read", frame);
    group_of.bench_function("esh", |bench| bench.iter(|| open(&frame.octets, known, &mut copy, true)));
    group_of.bench_function("m-bus-parser, walk", |bench| bench.iter(|| peer_walk(&frame.plain)));
    group_of.finish();

    let mut decoder = Decoder::analyser(false);
    let mut text = Vec::new();
    let mut group_of = group(criterion, "report", frame);
    group_of.bench_function("esh, JSON", |bench| {
        bench.iter(|| {
            text.clear();
            report(&mut decoder, &frame.octets, known, &mut text)
        });
    });
    group_of.bench_function("m-bus-parser, structured", |bench| bench.iter(|| peer_decode(&frame.plain)));
    group_of.bench_function("m-bus-parser, JSON", |bench| bench.iter(|| peer_json(&frame.plain)));
    group_of.finish();
}

fn main() {
    let known = One(Key::new(&KEY).unwrap());
    let frames = frames();
    println!("allocations");
    frames.iter().for_each(|frame| count(frame, &known));
    let mut criterion = Criterion::default()
        .sample_size(40)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    frames.iter().for_each(|frame| time(&mut criterion, frame, &known));
    criterion.final_summary();
}
