//! One simulated meter: what it counts, and how it protects what it sends.

use super::fleet::Sent;
use esh_core::{CivilTime, Id, Key, Manufacturer, Medium, Meter, Protocol, bcd};
use esh_wmbus::telegram::{Extended, Protection, Telegram};
use esh_wmbus::{Address, Coded, Framing, RecordWriter};

/// What a simulated meter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Model {
    /// A cold water meter, security mode 5.
    ColdWater,
    /// A heat meter, security mode 7 with an authentication code.
    Heat,
    /// An electricity meter, encrypted in the extended link layer.
    Electricity,
    /// A gas meter behind a radio adapter, security mode 5, frame format B.
    Gas,
    /// A heat cost allocator that does not encrypt.
    HeatCostAllocator,
    /// A room sensor, security mode 10.
    RoomSensor,
}

impl Model {
    pub(super) const ALL: [Self; 6] =
        [Self::ColdWater, Self::Heat, Self::Electricity, Self::Gas, Self::HeatCostAllocator, Self::RoomSensor];

    const fn medium(self) -> Medium {
        match self {
            Self::ColdWater => Medium::COLD_WATER,
            Self::Heat => Medium::HEAT,
            Self::Electricity => Medium::ELECTRICITY,
            Self::Gas => Medium::GAS,
            Self::HeatCostAllocator => Medium::HCA,
            Self::RoomSensor => Medium(0x1b),
        }
    }
}

#[derive(Debug)]
pub(super) struct SimulatedMeter {
    model: Model,
    address: Address,
    text: String,
    key: [u8; 16],
    random: Random,
    /// How often it has sent: access number and message counter.
    sent: u32,
    /// What it counts, in its smallest unit.
    total: i64,
    /// What it had counted on the last due date.
    due: i64,
}

/// The letters of no maker.
const MAKER: &str = "ESH";

/// The signal of the nearest meter; others are weaker.
const STRONGEST: i16 = -48;

impl SimulatedMeter {
    pub(super) fn new(model: Model, number: u64, seed: u64) -> Self {
        let mut random = Random(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut id = [0; 4];
        // Eight digits hold every number below.
        let _ = bcd::write(i128::from(10_000_000 + number % 80_000_000), &mut id);
        let maker = Manufacturer::from_letters(MAKER).unwrap_or(Manufacturer(0));
        let address = Address::new(maker, id, 1, model.medium());
        let meter = Meter {
            protocol: Protocol::Wmbus,
            manufacturer: Some(maker),
            id: Id::from_bcd(id),
            version: Some(1),
            medium: Some(model.medium()),
        };
        let mut key = [0; 16];
        key.as_chunks_mut::<8>().0.iter_mut().for_each(|half| *half = random.next().to_be_bytes());
        let due = random.below(900_000);
        let total = due + random.below(90_000);
        Self { model, address, text: meter.address().to_string(), key, random, sent: 0, total, due }
    }

    pub(super) fn address(&self) -> &str {
        &self.text
    }

    pub(super) fn key(&self) -> Option<&[u8; 16]> {
        (self.model != Model::HeatCostAllocator).then_some(&self.key)
    }

    /// Counts on, and sends.
    pub(super) fn send(&mut self, now: CivilTime) -> Sent<'_> {
        self.sent += 1;
        let rate = self.random.below(40);
        self.total += rate;
        let mut payload = [0; 160];
        let payload = self.records(now, rate, &mut payload).unwrap_or_default();
        let octets = Key::new(&self.key).ok().and_then(|key| {
            let mut frame = [0; 320];
            self.telegram(&key, payload).write(&mut frame).ok().map(<[u8]>::to_vec)
        });
        Sent {
            // What is simulated has its place in a frame; a test sends every model.
            octets: octets.unwrap_or_default(),
            rssi: STRONGEST - self.random.below(45) as i16,
            address: &self.text,
            key: (self.model != Model::HeatCostAllocator).then_some(&self.key),
        }
    }

    fn telegram<'t>(&self, key: &'t Key, payload: &'t [u8]) -> Telegram<'t> {
        let access = self.sent as u8;
        let plain = Telegram {
            framing: Framing::FormatA,
            control: 0x44,
            link: self.address,
            primary: 0,
            extended: None,
            ci: 0x7a,
            meter: self.address,
            access,
            status: 0,
            protection: Protection::None,
            payload,
        };
        match self.model {
            Model::ColdWater => Telegram { protection: Protection::Mode5 { key }, ..plain },
            Model::Heat => Telegram {
                extended: Some(Extended::Short { control: 0x20, access }),
                protection: Protection::Mode7 { key, counter: self.sent },
                ..plain
            },
            Model::Electricity => Telegram {
                extended: Some(Extended::Encrypted { control: 0x20, access, session: self.sent, key }),
                ci: 0x78,
                ..plain
            },
            Model::Gas => {
                let [m0, m1, i0, i1, i2, _, version, _] = self.address.0;
                let adapter = Address([m0, m1, i0, i1, i2, 0x90, version, 0x37]);
                Telegram {
                    framing: Framing::FormatB,
                    link: adapter,
                    ci: 0x72,
                    protection: Protection::Mode5 { key },
                    ..plain
                }
            }
            Model::HeatCostAllocator => plain,
            Model::RoomSensor => Telegram { protection: Protection::Mode10 { key, counter: self.sent }, ..plain },
        }
    }

    /// The records of a telegram.
    fn records<'p>(&mut self, now: CivilTime, rate: i64, buffer: &'p mut [u8]) -> Option<&'p [u8]> {
        let (year, ..) = now.ymd();
        let due_date = CivilTime::date(year.checked_sub(1)?, 12, 31)?;
        let warm = self.random.below(80);
        let mut records = RecordWriter::new(buffer);
        match self.model {
            Model::ColdWater => {
                records.number(Coded::Bcd(4), 0, &[0x13], self.total).time(0, now);
                records.time(1, due_date).number(Coded::Bcd(4), 1, &[0x13], self.due);
                records.number(Coded::Integer(2), 0, &[0x3b], rate * 30);
                records.number(Coded::Integer(2), 0, &[0x59], 900 + warm * 5).flags(0, &[0xfd, 0x17], 0);
            }
            Model::Heat => {
                records.number(Coded::Integer(4), 0, &[0x06], self.total).number(
                    Coded::Integer(4),
                    0,
                    &[0x14],
                    self.total * 9,
                );
                records.number(Coded::Integer(2), 0, &[0x2d], rate * 2).number(
                    Coded::Integer(2),
                    0,
                    &[0x3b],
                    rate * 20,
                );
                records.number(Coded::Integer(2), 0, &[0x59], 5500 + warm * 9).number(
                    Coded::Integer(2),
                    0,
                    &[0x5d],
                    3400 + warm,
                );
                records.time(0, now).time(1, due_date).number(Coded::Integer(4), 1, &[0x06], self.due);
            }
            Model::Electricity => {
                records.number(Coded::Integer(4), 0, &[0x03], self.total * 100).number(
                    Coded::Integer(4),
                    0,
                    &[0x83, 0x3c],
                    self.due,
                );
                records.number(Coded::Integer(4), 0, &[0x2b], rate * 90);
                for phase in 1..=3 {
                    let volts = 2290 + self.random.below(30);
                    records.number(Coded::Integer(2), 0, &[0xfd, 0xc8, 0xfc, phase], volts);
                }
            }
            Model::Gas => {
                records.number(Coded::Bcd(6), 0, &[0x13], self.total * 3).time(0, now);
                records.number(Coded::Integer(2), 0, &[0x3b], rate * 15);
            }
            Model::HeatCostAllocator => {
                records.number(Coded::Bcd(3), 0, &[0x6e], self.total / 1000).time(1, due_date);
                records.number(Coded::Bcd(3), 1, &[0x6e], self.due / 1000).time(0, now);
            }
            Model::RoomSensor => {
                records.number(Coded::Integer(2), 0, &[0x66], 190 + warm / 2);
                records.number(Coded::Integer(2), 0, &[0xfb, 0x1a], 400 + warm * 2);
            }
        }
        records.finish()
    }
}

/// Numbers that look random and are the same for the same seed.
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn below(&mut self, bound: i64) -> i64 {
        (self.next() >> 1) as i64 % bound
    }
}
