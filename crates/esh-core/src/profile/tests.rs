//! Layouts of every kind, read.

use super::*;
use crate::{Alarm, Alarms, Ignore, NothingKnown, Quality};
use proptest::prelude::*;
use std::format;
use std::string::String;
use std::vec::Vec;

/// What a meter of that profile says, a line each.
#[derive(Default)]
struct Lines(Vec<String>, Vec<(usize, usize)>, Alarms);

impl<'a> Out<'a> for Lines {
    fn reading(&mut self, reading: Reading<'a>) {
        let value = match reading.value {
            Value::Number(number) => format!("{number} {}", reading.unit.ucum()),
            Value::Flags(bits) => format!("{bits:b}"),
            Value::Text(text) => format!("{text}"),
            Value::Time(time) => format!("{time}"),
            Value::Octets(octets) => format!("{octets:02x?}"),
            _ => reading.quality.word().into(),
        };
        let at = reading.at.map_or_else(String::new, |at| format!(" at {at}"));
        self.0.push(format!("{} = {value}{at}", reading.quantity.name()));
        self.1.push((reading.origin.offset, reading.origin.octets.len()));
    }

    fn alarms(&mut self, alarms: Alarms) {
        self.2 = self.2.and(alarms);
    }
}

const U8: Holds = Holds::Integer(Integer::unsigned(1, Order::Little));
const U16: Holds = Holds::Integer(Integer::unsigned(2, Order::Little));
const VOLUME: Body = Body { scale: Scale::by(1, -1), ..Body::new(Quantity::Volume, Unit::Litre) };
const CLOCK: Holds = Holds::Time(Clock::Count { octets: 4, order: Order::Little, epoch: 0, tick: 1000, local: false });

/// A time, a base and differences behind it; then tags with lengths.
const PROFILE: Profile = Profile {
    name: "constant",
    messages: &[
        Message {
            name: "history",
            carriers: &[CarriedBy::Port(1)],
            down: false,
            lengths: &[Octets { min: 7, max: 255 }],
            when: &[],
            steps: &[
                Step::Field(Field {
                    name: "base",
                    slot: Some(1),
                    body: Body { time: Some(TimeOf::field(0)), ..VOLUME },
                    ..Field::new(U16, VOLUME)
                }),
                Step::Field(Field { slot: Some(0), ..Field::new(CLOCK, Body::new(Quantity::TimeDevice, Unit::None)) }),
                Step::Field(Field {
                    alarms: &[FieldAlarm { first: 2, count: 1, numbers: &[1], alarm: Alarm::Leak }],
                    ..Field::new(
                        Holds::Flags(Integer::unsigned(1, Order::Little)),
                        Body::new(Quantity::StatusFlags, Unit::None),
                    )
                }),
                Step::Repeat(Repeat {
                    at: Place::Next,
                    end: None,
                    when: &[],
                    times: Times::Rest(1),
                    newest_first: true,
                    time: Some(TimeOf::field(0)),
                    every: Every::Is(Back::Seconds(3600)),
                    first: 1,
                    storage_step: 1,
                    tariff_step: 0,
                    subunit_step: 0,
                    bits: 0,
                    steps: &[Step::Field(Field {
                        delta: Some((1, 2)),
                        body: Body { none: &[(Code::AllOnes, Quality::NotAvailable)], ..VOLUME },
                        ..Field::new(U8, VOLUME)
                    })],
                    slots: (3, 3),
                    sums: (2, 3),
                    looks_ahead: false,
                }),
            ],
            derived: &[],
            looks_ahead: true,
            enciphered: false,
        },
        Message {
            name: "tags",
            carriers: &[],
            down: false,
            lengths: &[],
            when: &[],
            steps: &[Step::Stream(Stream {
                at: Place::Next,
                end: None,
                when: &[],
                head: &[
                    Field { slot: Some(0), report: false, ..Field::new(U8, Body::new(Quantity::Unknown, Unit::None)) },
                    Field { slot: Some(1), report: false, ..Field::new(U8, Body::new(Quantity::Unknown, Unit::None)) },
                ],
                tag: 0,
                length: Some(1),
                slots: (0, 2),
                entries: &[Entry {
                    name: "humidity",
                    tags: &[1],
                    when: &[],
                    steps: &[Step::Field(Field::new(U8, Body::new(Quantity::Humidity, Unit::Percent)))],
                    slots: (2, 2),
                    looks_ahead: false,
                }],
            })],
            derived: &[],
            looks_ahead: false,
            enciphered: false,
        },
    ],
    records: Records::NONE,
};

fn read(port: u8, payload: &[u8]) -> (Lines, Result<(), DecodeError>) {
    static KEPT: Profile = PROFILE;
    let carried_by = Some(CarriedBy::Port(port));
    let messages = Messages { profile: &KEPT, carried_by, down: false, formats: &NoFormats };
    let mut lines = Lines::default();
    let read = messages.read(None, payload, 5, &NothingKnown, &mut lines);
    (lines, read)
}

#[test]
fn a_constant_reads() {
    let (lines, result) = read(1, &[0xe8, 3, 0x00, 0xf1, 0x53, 0x65, 4, 5, 3, 0xff, 1]);
    let wanted = [
        "volume = 0.1000 m3 at 2023-11-14T22:13:20Z",
        "time.device = 2023-11-14T22:13:20Z",
        "status.flags = 100",
        "volume = 0.0995 m3 at 2023-11-14T21:13:20Z",
        "volume = 0.0992 m3 at 2023-11-14T20:13:20Z",
        "volume = not_available at 2023-11-14T19:13:20Z",
        "volume = not_available at 2023-11-14T18:13:20Z",
    ];
    assert_eq!((lines.0.as_slice(), result), (&wanted.map(String::from)[..], Ok(())));
    assert_eq!(lines.1.first(), Some(&(5, 2)));
    assert!(lines.2.contains(Alarm::Leak));
}

#[test]
fn a_tag_that_nobody_knows_is_told_and_the_next_one_read() {
    let (lines, result) = read(2, &[9, 2, 0xaa, 0xbb, 1, 1, 50]);
    assert_eq!(lines.0, ["unknown = [09, 02, aa, bb]", "humidity = 50 %"]);
    assert_eq!(result, Ok(()));
    let (lines, result) = read(2, &[1, 1, 50, 1, 7, 0]);
    assert_eq!(lines.0, ["humidity = 50 %", "unknown = [01, 07, 00]"]);
    let error = result.unwrap_err();
    assert_eq!((error.offset, error.field), (5 + 5, "length"));
}

#[test]
fn a_message_that_is_enciphered_has_no_key() {
    const SEALED: Profile = Profile {
        name: "sealed",
        messages: &[Message {
            name: "sealed",
            carriers: &[],
            down: false,
            lengths: &[],
            when: &[],
            steps: &[],
            derived: &[],
            looks_ahead: false,
            enciphered: true,
        }],
        records: Records::NONE,
    };
    static KEPT: Profile = SEALED;
    let messages = Messages { profile: &KEPT, carried_by: None, down: false, formats: &NoFormats };
    let error = messages.read(None, &[1, 2], 0, &NothingKnown, &mut Ignore).unwrap_err();
    assert_eq!(error.reason, Reason::NoKey);
}

proptest! {
    /// Whatever comes, each octet is in a reading or in a head that steered one, and none is told more often than the
    /// layout says.
    #[test]
    fn no_octet_is_dropped_and_none_is_told_twice(port in 1u8..3, payload in prop::collection::vec(any::<u8>(), 0..80)) {
        let (lines, result) = read(port, &payload);
        let mut told = std::vec![0u32; payload.len()];
        for (offset, len) in &lines.1 {
            prop_assert!(*offset >= 5 && offset + len <= 5 + payload.len());
            told.iter_mut().skip(offset - 5).take(*len).for_each(|octet| *octet += 1);
        }
        prop_assert!(lines.0.len() <= payload.len() + 1);
        prop_assert!(told.iter().all(|times| *times <= 1));
        let hidden = told.iter().filter(|times| **times == 0).count();
        // Only the heads of known entries, two octets each; the entry that ends the reading may have nothing behind its.
        let entries = lines.0.iter().filter(|line| line.starts_with("humidity")).count();
        let heads = if port == 1 && payload.len() >= 7 { 0 } else { 2 * (entries + usize::from(result.is_err())) };
        prop_assert!(hidden <= heads, "{hidden} octets are told nowhere");
    }
}
