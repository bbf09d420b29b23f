//! What holds for records of any octets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use esh_core::{
    CivilTime, Decimal, DecodeError, Field, Format, Id, Learned, Medium, Meter, NothingKnown, Out, Precision, Protocol,
    Quality, Quantity, Reading, Value,
};
use esh_wmbus::{Coded, CompactRecords, FixedData, RecordLayout, RecordWriter, Records};
use proptest::prelude::*;

/// Prints all it is given, and checks that every place lies in the payload.
#[derive(Default)]
struct Everything {
    len: usize,
    readings: Vec<String>,
    fields: String,
    next_field: usize,
    layouts: usize,
}

impl<'a> Out<'a> for Everything {
    fn reading(&mut self, reading: Reading<'a>) {
        assert!(reading.origin.offset + reading.origin.octets.len() <= self.len);
        assert!(reading.value != Value::Absent || reading.quality != Quality::Good);
        self.readings.push(format!("{reading:?}"));
    }

    fn learned(&mut self, learned: Learned<'_>) {
        let _ = format!("{learned:?}");
        self.layouts += 1;
    }

    fn wants_fields(&self) -> bool {
        true
    }

    fn field(&mut self, field: Field<'_>) {
        assert!(field.offset >= self.next_field, "fields come in order");
        self.next_field = field.offset + field.len;
        assert!(self.next_field <= self.len);
        self.fields.push_str(&format!("{} {} {}\n", field.name, field.value, field.meaning));
    }
}

const METER: fn(u8) -> Meter = |medium| Meter {
    protocol: Protocol::Mbus,
    manufacturer: None,
    id: Id::from_bcd([0; 4]),
    version: None,
    medium: Some(Medium(medium)),
};

fn everything(format: &dyn Format, medium: u8, payload: &[u8]) -> (Everything, Result<(), DecodeError>) {
    let mut out = Everything { len: payload.len(), ..Everything::default() };
    let result = format.read(Some(&METER(medium)), payload, 0, &NothingKnown, &mut out);
    if let Err(error) = result {
        assert!(error.offset <= payload.len(), "{error}");
    }
    (out, result)
}

fn written(buffer: &mut [u8; 256], numbers: &[(i64, u64)], text: &[u8], day: u8) -> usize {
    let mut writer = RecordWriter::new(buffer);
    for (index, (value, storage)) in numbers.iter().enumerate() {
        let coded = [Coded::Integer(4), Coded::Bcd(6), Coded::Integer(8), Coded::Integer(6)][index % 4];
        let vif: &[u8] = [&[0x13][..], &[0x06], &[0xfd, 0x3a], &[0x93, 0x3c]][index % 4];
        writer.number(coded, *storage, vif, *value);
    }
    let date = CivilTime::date(2024, 2, day).unwrap();
    writer.text(0, &[0xfd, 0x0c], text).time(1, date).time(0, date.at(7, 5, 0, Precision::Minute).unwrap());
    writer.finish().unwrap().len()
}

proptest! {
    #[test]
    fn any_octets_give_readings_or_an_error(
        payload in prop::collection::vec(any::<u8>(), 0..200),
        medium in any::<u8>(),
    ) {
        for format in [&Records as &dyn Format, &CompactRecords, &RecordLayout, &FixedData] {
            everything(format, medium, &payload).0.fields.clear();
        }
    }

    #[test]
    fn likely_octets_give_readings_or_an_error(
        records in prop::collection::vec((
            prop::sample::select(vec![0x04u8, 0x0c, 0x02, 0x0d, 0x84, 0x42, 0x8e, 0x05, 0x2f, 0x0f, 0x1f]),
            prop::sample::select(vec![0x13u8, 0xfd, 0xfb, 0xfc, 0x6d, 0x6c, 0xff, 0x93, 0x7c, 0xef]),
            prop::collection::vec(any::<u8>(), 0..8),
        ), 0..12),
    ) {
        let payload: Vec<u8> = records.into_iter().flat_map(|(dif, vif, rest)| {
            [dif, vif].into_iter().chain(rest).collect::<Vec<_>>()
        }).collect();
        everything(&Records, 0x02, &payload).0.fields.clear();
    }

    #[test]
    fn what_is_written_reads_back(value in -2_000_000_000i64..2_000_000_000, storage in 0u64..1 << 41, bcd in any::<bool>()) {
        let mut buffer = [0; 64];
        let mut writer = RecordWriter::new(&mut buffer);
        writer.number(if bcd { Coded::Bcd(6) } else { Coded::Integer(4) }, storage, &[0x14], value);
        let payload = writer.finish().unwrap();
        struct Check(i64, u64, usize);
        impl<'a> Out<'a> for Check {
            fn reading(&mut self, reading: Reading<'a>) {
                assert_eq!(reading.value, Value::Number(Decimal::new(self.0.into(), -2)));
                assert_eq!((reading.quantity, reading.register.storage), (Quantity::Volume, self.1));
                self.2 += 1;
            }
        }
        let mut out = Check(value, storage, 0);
        Records.read(Some(&METER(7)), payload, 0, &NothingKnown, &mut out).unwrap();
        prop_assert_eq!(out.2, 1);
    }

    #[test]
    fn a_cut_payload_gives_the_same_readings_but_fewer(
        numbers in prop::collection::vec((-1_000_000i64..1_000_000, prop::sample::select(vec![0u64, 2, 8, 300])), 0..12),
        text in prop::collection::vec(0x20u8..0x7f, 0..20),
        day in 1u8..29,
    ) {
        let mut buffer = [0; 256];
        let len = written(&mut buffer, &numbers, &text, day);
        let payload = &buffer[..len];
        let (whole, result) = everything(&Records, 0x07, payload);
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(whole.readings.len(), numbers.len() + 3);
        prop_assert_eq!(whole.layouts, 1);
        for cut in 0..len {
            let (part, result) = everything(&Records, 0x07, &payload[..cut]);
            prop_assert!(part.readings.len() < whole.readings.len());
            prop_assert!(result.is_err() || part.readings.len() + 1 < whole.readings.len() + 1);
            // No value has storage 1, so no date that was cut off could be missing.
            prop_assert!(part.readings.iter().zip(&whole.readings).all(|(a, b)| a == b));
        }
    }

    #[test]
    fn a_compact_frame_says_the_same_as_its_full_frame(
        numbers in prop::collection::vec((-1_000_000i64..1_000_000, 0u64..40), 1..10),
        day in 1u8..29,
        flip in any::<prop::sample::Index>(),
    ) {
        let mut buffer = [0; 256];
        let len = written(&mut buffer, &numbers, b"abc", day);
        let full = &buffer[..len];
        let mut known = Layouts::default();
        let mut whole = Teach { known: &mut known, readings: Vec::new(), headers: Vec::new() };
        Records.read(Some(&METER(7)), full, 0, &NothingKnown, &mut whole).unwrap();
        let (readings, headers) = (whole.readings, whole.headers);
        // Take the headers away.
        let mut values = Vec::new();
        for (origin, header) in &headers {
            values.extend_from_slice(&origin[header.len()..]);
        }
        let signature = known.0[0].0;
        let mut compact = signature.to_le_bytes().to_vec();
        compact.extend(crc(full).to_le_bytes());
        compact.extend(values);
        let mut again = Teach { known: &mut Layouts::default(), readings: Vec::new(), headers: Vec::new() };
        CompactRecords.read(Some(&METER(7)), &compact, 0, &known, &mut again).unwrap();
        prop_assert_eq!(&again.readings, &readings);
        // A flipped bit is an error, and no reading of it is good.
        let mut broken = compact.clone();
        let place = flip.index(broken.len() * 8);
        broken[place / 8] ^= 1 << (place % 8);
        let mut doubtful = Everything { len: broken.len(), ..Everything::default() };
        prop_assert!(CompactRecords.read(Some(&METER(7)), &broken, 0, &known, &mut doubtful).is_err());
        prop_assert!(doubtful.readings.iter().all(|reading| !reading.contains("quality: Good")));
    }
}

#[derive(Default)]
struct Layouts(Vec<(u16, Vec<u8>)>);

impl esh_core::Known for Layouts {
    fn layout(&self, _: Option<&Meter>, signature: u16) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| *known == signature).map(|(_, headers)| &headers[..])
    }
}

struct Teach<'k> {
    known: &'k mut Layouts,
    readings: Vec<String>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<'a> Out<'a> for Teach<'_> {
    fn reading(&mut self, reading: Reading<'a>) {
        let Reading { quantity, value, unit, function, register, qualifiers, at, quality, .. } = reading;
        self.readings.push(format!(
            "{quantity:?} {value:?} {unit:?} {function:?} {register:?} {qualifiers:?} {at:?} {quality:?}"
        ));
        self.headers.push((reading.origin.octets.to_vec(), reading.origin.header.to_vec()));
    }

    fn learned(&mut self, learned: Learned<'_>) {
        if let Learned::Layout { signature, headers } = learned {
            self.known.0.push((signature, headers.to_vec()));
        }
    }
}

/// The CRC of EN 13757, bit by bit.
fn crc(octets: &[u8]) -> u16 {
    let step = |crc: u16, _: u32| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x3d65 };
    !octets.iter().fold(0, |crc, octet| (0..8).fold(crc ^ u16::from(*octet) << 8, step))
}

#[test]
fn fields_say_what_each_octet_means() {
    let payload = [0x04, 0x13, 0x39, 0x30, 0, 0, 0xd2, 0x01, 0xbb, 0x3c, 0x07, 0x00, 0x0f, 0xaa];
    let (out, result) = everything(&Records, 0x07, &payload);
    result.unwrap();
    assert_eq!(
        out.fields,
        "DIF 04 32 bit integer, instantaneous value, storage 0\n\
         VIF 13 volume, 10^-3 m3\n\
         value 39300000 12.345 m3\n\
         DIF d2 16 bit integer, maximum value, storage 3\n\
         DIFE 01 \n\
         VIF bb flow, 10^-3 m3/h, backward\n\
         VIFE 3c \n\
         value 0700 0.007 m3/h\n\
         DIF 0f manufacturer data to the end\n\
         manufacturer data aa \n"
    );
}
