//! Frames for the benches, written by our own encoder.

use esh_core::{CivilTime, Key, Manufacturer, Medium, Precision};
use esh_wmbus::telegram::{Protection, Telegram, WriteError};
use esh_wmbus::{Address, Coded, Framing, RecordWriter};

/// The key of the encrypted frame.
pub const KEY: [u8; 16] = [0x11; 16];

/// A frame to be measured, without link CRCs as most receivers deliver it.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What it is called in the figures.
    pub name: String,
    /// The frame as sent.
    pub octets: Vec<u8>,
    /// The frame with the same records in plain, for a peer that is not asked to decrypt.
    pub plain: Vec<u8>,
    /// How many records it has.
    pub records: usize,
}

/// A short encrypted telegram of a water meter, one of a heat meter and one of an electricity meter.
///
/// # Panics
/// When one cannot be written, which only a change of this file can bring about.
#[must_use]
#[expect(clippy::expect_used, reason = "the frames are constants")]
pub fn frames() -> [Frame; 4] {
    let key = Key::new(&KEY).expect("a key of sixteen octets");
    let frame = |name: &str, medium, protection: Protection<'_>, records: &dyn Fn(&mut RecordWriter<'_>) -> usize| {
        let mut buffer = [0; 256];
        let mut writer = RecordWriter::new(&mut buffer);
        let records = records(&mut writer);
        let payload = writer.finish().expect("records that fit");
        let octets = write(medium, protection.clone(), payload).expect("a telegram that fits");
        let plain = write(medium, Protection::None, payload).expect("a telegram that fits");
        Frame { name: format!("{name} of {} octets", octets.len()), octets, plain, records }
    };
    [
        frame("encrypted water", Medium::WATER, Protection::Mode5 { key: &key }, &water),
        frame("plain water", Medium::WATER, Protection::None, &water),
        frame("heat", Medium::HEAT, Protection::None, &heat),
        frame("electricity", Medium::ELECTRICITY, Protection::None, &electricity),
    ]
}

fn write(medium: Medium, protection: Protection<'_>, payload: &[u8]) -> Result<Vec<u8>, WriteError> {
    let address = Address::new(Manufacturer(0x2c2d), [0x78, 0x56, 0x34, 0x12], 0x1b, medium);
    let telegram = Telegram {
        framing: Framing::WithoutCrc,
        control: 0x44,
        link: address,
        primary: 0,
        extended: None,
        ci: 0x7a,
        meter: address,
        access: 42,
        status: 0,
        protection,
        payload,
    };
    telegram.write(&mut [0; 300]).map(<[u8]>::to_vec)
}

#[expect(clippy::expect_used, reason = "a date that exists")]
fn due_date() -> CivilTime {
    CivilTime::date(2025, 12, 31).expect("a date")
}

#[expect(clippy::expect_used, reason = "a time that exists")]
fn now() -> CivilTime {
    CivilTime::date(2026, 11, 24).and_then(|day| day.at(10, 15, 0, Precision::Minute)).expect("a time")
}

/// Volume now and at the due date, and error flags.
fn water(to: &mut RecordWriter<'_>) -> usize {
    to.number(Coded::Integer(4), 0, &[0x13], 123_456).number(Coded::Integer(4), 1, &[0x13], 98_765);
    to.time(1, due_date()).flags(0, &[0xfd, 0x17], 0);
    4
}

/// Energy, volume, power, flow, temperatures, the clock, and the due date.
fn heat(to: &mut RecordWriter<'_>) -> usize {
    to.number(Coded::Bcd(4), 0, &[0x78], 12_345_678).number(Coded::Integer(4), 0, &[0x06], 45_678);
    to.number(Coded::Integer(4), 0, &[0x14], 987_654).number(Coded::Integer(3), 0, &[0x2d], 123);
    to.number(Coded::Integer(3), 0, &[0x3b], 456).number(Coded::Bcd(2), 0, &[0x5a], 654);
    to.number(Coded::Bcd(2), 0, &[0x5e], 421).number(Coded::Integer(2), 0, &[0x61], 2_330);
    to.time(0, now()).number(Coded::Integer(4), 1, &[0x06], 34_567).number(Coded::Integer(4), 1, &[0x14], 876_543);
    to.time(1, due_date()).flags(0, &[0xfd, 0x17], 0);
    to.number(Coded::Integer(4), 2, &[0x06], 23_456).number(Coded::Integer(4), 2, &[0x14], 765_432);
    15
}

/// Energy in both directions, power, voltages and currents, and a year of months.
fn electricity(to: &mut RecordWriter<'_>) -> usize {
    to.number(Coded::Bcd(4), 0, &[0x78], 12_345_678).time(0, now());
    to.number(Coded::Integer(4), 0, &[0x04], 1_234_567).number(Coded::Integer(4), 0, &[0x84, 0x3c], 2_345);
    to.number(Coded::Integer(4), 0, &[0x2b], 3_456).number(Coded::Integer(2), 0, &[0xfd, 0x48], 2_301);
    to.number(Coded::Integer(3), 0, &[0xfd, 0x59], 12_345);
    for month in 1..=20 {
        to.number(Coded::Integer(4), month, &[0x04], 1_000_000 + month as i64);
    }
    to.time(1, due_date()).flags(0, &[0xfd, 0x17], 0);
    29
}
