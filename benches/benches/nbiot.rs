//! CoAP messages beside the crate `coap-lite` on the same octets in the same run, and an LwM2M object in TLV.
//!
//! * `parse`: a datagram is checked and every option of it is looked at once. The peer's `Packet::from_bytes` puts the
//!   options into a map of lists; walking them is left out for it.
//! * `device`: the resources of an object 3 in TLV become readings.
//!
//! Allocations are counted before anything is timed; those of ours are asserted, times are not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a bench fails by panicking")]

use allocation_counter::measure;
use coap_lite::Packet;
use criterion::{Criterion, Throughput};
use esh_core::{Format, NothingKnown, Out, Reading};
use esh_nbiot::coap::{Code, Message, Type, Writer, option::number};
use esh_nbiot::lwm2m::{Lwm2m, Path};
use std::hint::black_box;

#[derive(Default)]
struct Take(usize);

impl<'a> Out<'a> for Take {
    fn reading(&mut self, reading: Reading<'a>) {
        black_box(&reading);
        self.0 += 1;
    }
}

/// What a meter sends to `t/r`, and what an LwM2M client says when it comes up.
fn messages() -> [(&'static str, Vec<u8>); 2] {
    let written = |options: &[(u16, &[u8])], payload: &[u8]| {
        let mut buffer = [0; 1200];
        let mut writer = Writer::new(&mut buffer, Type::Confirmable, Code::POST, 0x1234, &[1, 2, 3, 4]).unwrap();
        for (number, value) in options {
            writer.option(*number, value).unwrap();
        }
        writer.payload(payload).unwrap().to_vec()
    };
    let post: [(u16, &[u8]); 3] = [(number::URI_PATH, b"t"), (number::URI_PATH, b"r"), (number::CONTENT_FORMAT, &[42])];
    let register: [(u16, &[u8]); 6] = [
        (number::URI_PATH, b"rd"),
        (number::CONTENT_FORMAT, &[40]),
        (number::URI_QUERY, b"lwm2m=1.1"),
        (number::URI_QUERY, b"ep=urn:dev:os:490154203237518"),
        (number::URI_QUERY, b"b=U"),
        (number::URI_QUERY, b"lt=86400"),
    ];
    let objects = b"</>;rt=\"oma.lwm2m\";ct=110,</1>;ver=1.1,</1/0>,</2/0>,</3/0>,</4/0>,</5/0>,</6/0>,</7/0>,</3424/0>,</3303/0>,</3331/0>";
    [("post", written(&post, &[0xab; 100])), ("register", written(&register, objects))]
}

/// An object 3 as the registry's own example has it: texts, numbers, lists.
fn device() -> Vec<u8> {
    let mut tlv = Vec::new();
    let text = |tlv: &mut Vec<u8>, id: u8, text: &[u8]| {
        tlv.extend([0xc8, id, text.len() as u8]);
        tlv.extend(text);
    };
    text(&mut tlv, 0, b"Maker of water meters");
    text(&mut tlv, 1, b"A model of a meter");
    text(&mut tlv, 2, b"490154203");
    text(&mut tlv, 3, b"1.0");
    tlv.extend([0x86, 6, 0x41, 0, 1, 0x41, 1, 5]);
    tlv.extend([0x88, 7, 8, 0x42, 0, 0x0e, 0xd8, 0x42, 1, 0x13, 0x88]);
    tlv.extend([0xc1, 9, 100, 0xc1, 10, 15, 0x83, 11, 0x41, 0, 0]);
    tlv.extend([0xc4, 13, 0x65, 0x53, 0xf1, 0x00]);
    text(&mut tlv, 14, b"+02:00");
    text(&mut tlv, 16, b"UQ");
    tlv
}

fn parse(octets: &[u8]) -> usize {
    let message = Message::parse(black_box(octets)).unwrap();
    message.options().map(|option| option.value.len()).sum::<usize>() + message.payload().len()
}

fn read_device(octets: &[u8]) -> usize {
    let lwm2m = Lwm2m { content_format: 11542, path: Path::parse("/3/0").unwrap() };
    let mut take = Take::default();
    lwm2m.read(None, black_box(octets), 0, &NothingKnown, &mut take).unwrap();
    take.0
}

fn main() {
    let device = device();
    for (name, octets) in &messages() {
        let ours = measure(|| assert!(black_box(parse(octets)) > 0)).count_total;
        let theirs = measure(|| drop(black_box(Packet::from_bytes(octets).unwrap()))).count_total;
        println!("{name}, {} octets: allocations 0 ours, {theirs} coap-lite", octets.len());
        assert_eq!(ours, 0);
    }
    assert_eq!(measure(|| assert!(black_box(read_device(&device)) > 0)).count_total, 0);
    println!("device, {} octets: {} readings", device.len(), read_device(&device));

    let mut criterion = Criterion::default().configure_from_args();
    for (name, octets) in &messages() {
        let mut group = criterion.benchmark_group(format!("coap {name} of {} octets", octets.len()));
        group.throughput(Throughput::Bytes(octets.len() as u64));
        group.bench_function("parse", |b| b.iter(|| parse(octets)));
        group.bench_function("coap-lite", |b| b.iter(|| Packet::from_bytes(black_box(octets)).unwrap()));
        group.finish();
    }
    let mut group = criterion.benchmark_group("lwm2m");
    group.bench_function("device", |b| b.iter(|| read_device(&device)));
    group.finish();
    criterion.final_summary();
}
