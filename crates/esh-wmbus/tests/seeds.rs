//! The seeds of the fuzz targets of M-Bus, replayed; `write_the_seeds` writes those that our own encoder makes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../../fuzz/bodies/seeds.rs"]
mod seeds;
#[path = "../../../fuzz/bodies/wmbus.rs"]
mod wmbus;

use esh_core::{CivilTime, Key, Manufacturer, Medium, Precision};
use esh_wmbus::telegram::{Extended, Protection, Telegram};
use esh_wmbus::{Address, Coded, Framing, RecordWriter};

#[test]
fn wmbus_open() {
    seeds::replay("wmbus_open", wmbus::wmbus_open);
}

#[test]
fn wmbus_records() {
    seeds::replay("wmbus_records", wmbus::wmbus_records);
}

#[test]
fn wmbus_fragments() {
    seeds::replay("wmbus_fragments", wmbus::wmbus_fragments);
}

#[test]
fn mbus_wired() {
    seeds::replay("mbus_wired", wmbus::mbus_wired);
}

/// Payloads such as meters send, by name.
fn payloads() -> Vec<(&'static str, Vec<u8>)> {
    let day = CivilTime::date(2024, 2, 29).unwrap();
    let now = day.at(23, 59, 0, Precision::Minute).unwrap();
    let written = |write: &dyn Fn(&mut RecordWriter<'_>)| {
        let mut buffer = [0; 256];
        let mut writer = RecordWriter::new(&mut buffer);
        write(&mut writer);
        writer.finish().unwrap().to_vec()
    };
    vec![
        (
            "water",
            written(&|to| {
                to.number(Coded::Integer(4), 0, &[0x13], 12_345).time(1, day).number(
                    Coded::Integer(4),
                    1,
                    &[0x13],
                    12_000,
                );
                to.flags(0, &[0xfd, 0x17], 4);
            }),
        ),
        (
            "heat",
            written(&|to| {
                to.number(Coded::Bcd(4), 0, &[0x06], 98_765).number(Coded::Bcd(4), 0, &[0x14], 1_234);
                to.number(Coded::Bcd(3), 0, &[0x2d], -12).number(Coded::Bcd(2), 0, &[0x5a], 654);
                to.number(Coded::Integer(2), 0, &[0x61], -3).real(0, &[0x3e], 1.5).time(0, now);
                (1..6).for_each(|month| {
                    to.number(Coded::Bcd(4), month, &[0x06], month as i64);
                });
            }),
        ),
        (
            "electricity",
            written(&|to| {
                to.number(Coded::Integer(6), 0, &[0x03], 1 << 40).number(Coded::Integer(6), 0, &[0x83, 0x3c], 77);
                to.number(Coded::Integer(4), 0, &[0x2b], -1).number(
                    Coded::Integer(2),
                    0,
                    &[0xfd, 0xc9, 0xfc, 0x01],
                    2301,
                );
                to.number(Coded::Integer(8), 0, &[0xfb, 0x82, 0x73], 5).number(Coded::Bcd(1), 0, &[0xfd, 0x74], 9);
            }),
        ),
        (
            "text",
            written(&|to| {
                to.text(0, &[0xfd, 0x0c], b"ESH 1")
                    .text(3, &[0xfd, 0x10], b"")
                    .flags(1 << 40, &[0xfd, 0x1b], 0xffff)
                    .fill(16);
            }),
        ),
        (
            "plain-text-unit",
            vec![0x02, 0xfc, 0x03, b'H', b'R', b'%', 0x74, 0x22, 0x15, 0x04, 0x7c, 0x01, b'x', 1, 2, 3, 4],
        ),
        (
            "lengths",
            vec![
                0x0d, 0x13, 0xc3, 0x56, 0x34, 0x12, 0x0d, 0x13, 0xd2, 0x99, 0x01, 0x0d, 0x06, 0xe9, 1, 2, 3, 4, 5, 6,
                7, 8, 9, 0x0d, 0xfd, 0x0f, 0xf4, 0, 0, 0, 0x80, 0x0d, 0x6c, 0xe2, 0xff, 0xff,
            ],
        ),
        (
            "load-profile",
            vec![0x8d, 0x04, 0x93, 0x13, 0x08, 0x14, 0xfe, 0, 1, 0, 0x02, 0, 0x03, 0, 0x04, 0x6d, 0, 0, 0x9f, 0x2c],
        ),
        (
            "invalid-dates",
            vec![
                0x42, 0x6c, 0xff, 0xff, 0x04, 0x6d, 0x80, 0xff, 0xff, 0xff, 0x06, 0x6d, 0, 0, 0, 0, 0, 0, 0x03, 0x6c,
                1, 2, 3,
            ],
        ),
        (
            "error-digits",
            vec![0x0c, 0x13, 0xff, 0xff, 0xff, 0xff, 0x0b, 0x3b, 0x12, 0x00, 0xf0, 0x3a, 0x5a, 0xee, 0xee, 0x00, 0x13],
        ),
        (
            "extensions",
            vec![0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0x93, 0xbc, 0xf0, 0x7f, 1, 0, 0, 0],
        ),
        ("eleven-dife", vec![0x84, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x13, 1, 0, 0, 0]),
        ("past-the-end", vec![0x0d, 0xfd, 0x0c, 0xbf, b'a', b'b']),
        ("maker", vec![0x04, 0x13, 1, 0, 0, 0, 0x04, 0xff, 0x13, 2, 0, 0, 0, 0x1f, 0xde, 0xad]),
        // EN 13757-3, annex G: the signature and CRC in front, then values without headers.
        ("compact", vec![0x35, 0x1a, 0xcd, 0xab, 1, 0, 0, 0, 2, 0, 0, 0, 0x9f, 0x2c, 0x10, 0x09]),
        // Fixed data of the first standard: identification, access, status, units, two counters.
        ("fixed", vec![0x78, 0x56, 0x34, 0x12, 0x0a, 0x00, 0xe9, 0x7e, 0x01, 0, 0, 0, 0x35, 0x01, 0, 0]),
    ]
}

const WATER: Address = Address::new(Manufacturer(0x2c2d), [0x78, 0x56, 0x34, 0x12], 7, Medium::WATER);
const HEAT: Address = Address::new(Manufacturer(0x1593), [0x21, 0x43, 0x65, 0x87], 9, Medium::HEAT);

fn telegram<'a>(framing: Framing, ci: u8, protection: Protection<'a>, payload: &'a [u8]) -> Telegram<'a> {
    Telegram {
        framing,
        control: if framing == Framing::Wired { 0x08 } else { 0x44 },
        link: WATER,
        primary: 1,
        extended: None,
        ci,
        meter: HEAT,
        access: 42,
        status: 0x04,
        protection,
        payload,
    }
}

fn octets(telegram: &Telegram<'_>) -> Vec<u8> {
    telegram.write(&mut [0; 400]).unwrap().to_vec()
}

/// Frames of every framing, layer and mode, by name.
fn frames() -> Vec<(String, Vec<u8>)> {
    let key = &Key::new(&[0x11; 16]).unwrap();
    let payloads = payloads();
    let payload = |name: &str| payloads.iter().find(|(found, _)| *found == name).unwrap().1.as_slice();
    let protections = || {
        [
            ("plain", Protection::None),
            ("mode5", Protection::Mode5 { key }),
            ("mode7", Protection::Mode7 { key, counter: 7 }),
            ("mode10", Protection::Mode10 { key, counter: 7 }),
        ]
    };
    let mut frames = Vec::new();
    for (framing, letter) in [(Framing::FormatA, "a"), (Framing::FormatB, "b"), (Framing::WithoutCrc, "none")] {
        for (mode, protection) in protections() {
            let (ci, name) = if framing == Framing::FormatB { (0x72, "heat") } else { (0x7a, "water") };
            frames.push((format!("{letter}-{mode}-{name}"), octets(&telegram(framing, ci, protection, payload(name)))));
        }
        let extended = Some(Extended::Encrypted { control: 0x20, access: 3, session: 9, key });
        let guarded = Telegram { extended, ..telegram(framing, 0x78, Protection::None, payload("electricity")) };
        frames.push((format!("{letter}-session-electricity"), octets(&guarded)));
        let extended = Some(Extended::Short { control: 0x20, access: 3 });
        let short =
            Telegram { extended, ..telegram(framing, 0x72, Protection::Mode7 { key, counter: 1 }, payload("text")) };
        frames.push((format!("{letter}-short-link-mode7-text"), octets(&short)));
    }
    frames.push((
        "none-compact".into(),
        octets(&telegram(Framing::WithoutCrc, 0x79, Protection::None, payload("compact"))),
    ));
    // OMS specification, volume 2, annex N.1: a gas meter in security profile A.
    frames.push(("oms-annex-n-gas".into(), b"\x2e\x44\x93\x15\x78\x56\x34\x12\x33\x03\x7a\x2a\x00\x20\x25\x59\x23\xc9\x5a\
        \xaa\x26\xd1\xb2\xe7\x49\x3b\x01\x3e\xc4\xa6\xf6\xd3\x52\x9b\x52\x0e\xdf\xf0\xea\x6d\xef\xc9\x9d\x6d\x69\xeb\xf3".to_vec()));
    frames.push(("cut".into(), frames[0].1[..20].to_vec()));
    frames.push((
        "manchester".into(),
        frames[0]
            .1
            .iter()
            .flat_map(|octet| {
                let chips =
                    (0..8).rev().fold(0u16, |chips, bit| chips << 2 | if octet >> bit & 1 == 1 { 0b01 } else { 0b10 });
                chips.to_be_bytes()
            })
            .collect(),
    ));
    frames
}

/// Wired frames, by name.
fn wired() -> Vec<(String, Vec<u8>)> {
    let key = &Key::new(&[0x11; 16]).unwrap();
    let payloads = payloads();
    let mut frames: Vec<(String, Vec<u8>)> = payloads
        .iter()
        .map(|(name, payload)| {
            (format!("long-{name}"), octets(&telegram(Framing::Wired, 0x72, Protection::None, payload)))
        })
        .collect();
    frames.push(("mode5".into(), octets(&telegram(Framing::Wired, 0x72, Protection::Mode5 { key }, &payloads[0].1))));
    frames.push((
        "mode7".into(),
        octets(&telegram(Framing::Wired, 0x72, Protection::Mode7 { key, counter: 2 }, &payloads[1].1)),
    ));
    frames.push(("fixed".into(), octets(&telegram(Framing::Wired, 0x73, Protection::None, &[]))));
    frames.push(("acknowledgement".into(), vec![0xe5]));
    frames.push(("short".into(), vec![0x10, 0x5b, 0x01, 0x5c, 0x16]));
    // EN 13757-3, the fixed and the variable data structure in the examples of its annexes.
    frames.push((
        "standard-fixed".into(),
        b"\x68\x13\x13\x68\x08\x05\x73\x78\x56\x34\x12\x0a\x00\xe9\x7e\x01\x00\x00\x00\x35\
        \x01\x00\x00\x3c\x16"
            .to_vec(),
    ));
    frames.push((
        "standard-variable".into(),
        b"\x68\x1f\x1f\x68\x08\x02\x72\x78\x56\x34\x12\x24\x40\x01\x07\x55\x00\x00\x00\x03\
        \x13\x15\x31\x00\xda\x02\x3b\x13\x01\x8b\x60\x04\x37\x18\x02\x18\x16"
            .to_vec(),
    ));
    frames
}

/// Runs of fragments, each with its time and length in front, by name.
fn fragments() -> Vec<(String, Vec<u8>)> {
    let message = [&[0x7a, 1, 0, 0, 0][..], &payloads()[0].1].concat();
    let run = |cuts: &[(u8, bool, usize, usize)]| {
        let mut run = Vec::new();
        for (number, more, from, to) in cuts {
            // Fragment control field: more follow, and in the first one message control, length and counter are there.
            let mut layer = vec![*number, if *more { 0x40 } else { 0 }];
            if *number == 1 {
                layer[1] |= 0x20 | 0x10 | 0x08;
                layer.extend([0x20, 7, 0, 0, 0, message.len() as u8, 0]);
            }
            let fragment =
                [&[0, 0x44][..], &WATER.0, &[0x90, layer.len() as u8], &layer, &message[*from..*to]].concat();
            run.extend([1, fragment.len() as u8, fragment.len() as u8 - 1]);
            run.extend(&fragment[1..]);
        }
        run
    };
    let all = message.len();
    vec![
        ("two".into(), run(&[(1, true, 0, 12), (2, false, 12, all)])),
        ("three".into(), run(&[(1, true, 0, 4), (2, true, 4, 9), (3, false, 9, all)])),
        ("a-copy".into(), run(&[(1, true, 0, 12), (1, true, 0, 12), (2, false, 12, all)])),
        ("out-of-order".into(), run(&[(2, true, 4, 9), (1, true, 0, 4), (3, false, 9, all)])),
        ("too-long".into(), run(&[(1, true, 0, all), (2, false, 0, all)])),
    ]
}

/// Lines for the gateway, by name.
fn lines() -> Vec<(String, Vec<u8>)> {
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let frames = frames();
    let all: Vec<String> = frames.iter().map(|(_, frame)| hex(frame)).collect();
    let parts: Vec<String> = {
        let run = &fragments()[0].1;
        let first = usize::from(run[1]);
        vec![hex(&run[2..2 + first]), hex(&run[4 + first..])]
    };
    let mut lines = vec![
        ("hex".into(), all[0].clone().into_bytes()),
        ("many".into(), all[..6].join("\n").into_bytes()),
        ("parts".into(), parts.join("\r\n").into_bytes()),
        (
            "json".into(),
            format!(r#"{{"id":1,"hex":"{}","format":"A","received_at":"2026-11-24T12:00:00Z","rssi":-70}}"#, all[1])
                .into_bytes(),
        ),
        ("json-key".into(), format!(r#"{{"hex":"{}","key":"{}"}}"#, all[2], "11".repeat(16)).into_bytes()),
        ("json-wrong".into(), b"{\"hex\":\"2e44\",\"format\":\"C\",\"key\":\"1\"}".to_vec()),
        ("odd".into(), b"2e449\nzz\n\n0x2e".to_vec()),
    ];
    lines.extend(
        frames
            .into_iter()
            .filter(|(name, _)| name.starts_with("none"))
            .map(|(name, frame)| (format!("octets-{name}"), frame)),
    );
    lines
}

#[test]
#[ignore = "writes fuzz/seeds anew"]
fn write_the_seeds() {
    let named =
        |payloads: Vec<(&str, Vec<u8>)>| payloads.into_iter().map(|(name, octets)| (name.to_owned(), octets)).collect();
    for (target, named) in [
        ("wmbus_open", frames()),
        ("wmbus_records", named(payloads())),
        ("wmbus_fragments", fragments()),
        ("mbus_wired", wired()),
        ("everything_prints", lines()),
    ] {
        for (name, octets) in named {
            seeds::write(target, &name, &octets);
        }
    }
}
