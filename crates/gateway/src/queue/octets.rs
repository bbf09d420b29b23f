//! The few shapes that entries and states are written in: numbers are little-endian, texts have their length first.

use crate::deduplicate::Frame;
use crate::meters::{Happened, Moment, Owed, Pending, Standing};
use crate::protocols::lorawan::network::{Device, Joined};
use crate::record;
use crate::taught::Lesson;
use esh_core::{Alarm, Id};
use esh_core::{Manufacturer, Medium, Meter, Protocol, Purpose};
use esh_lorawan::{DevAddr, Request};
use std::num::NonZeroU64;
use std::time::Duration;

/// Octets that are read from the front. Nothing that stands in them can make it fail in any other way than `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take<'a>(pub(super) &'a [u8]);

impl<'a> Take<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[octet]| octet)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// So many octets.
    pub(super) fn octets(&mut self, count: usize) -> Option<&'a [u8]> {
        let (first, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(first)
    }

    /// Something that may be absent.
    pub(super) fn option<T>(&mut self, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.u8()? {
            0 => Some(None),
            1 => take(self).map(Some),
            _ => None,
        }
    }

    pub(super) fn moment(&mut self) -> Option<jiff::Timestamp> {
        let second = i64::from_le_bytes(self.array()?);
        jiff::Timestamp::new(second, i32::from_le_bytes(self.array()?)).ok()
    }

    pub(super) fn frame(&mut self) -> Option<Frame> {
        self.array().map(Frame::from_octets)
    }

    pub(super) fn protocol(&mut self) -> Option<Protocol> {
        Some(match self.u8()? {
            1 => Protocol::Wmbus,
            2 => Protocol::Mbus,
            3 => Protocol::Lorawan,
            4 => Protocol::Gwmp,
            5 => Protocol::Lns,
            6 => Protocol::Events,
            7 => Protocol::Coap,
            8 => Protocol::Lwm2m,
            9 => Protocol::Senml,
            10 => Protocol::Modbus,
            11 => Protocol::Zigbee,
            12 => Protocol::Zigbee2mqtt,
            13 => Protocol::Datagram,
            _ => return None,
        })
    }

    pub(super) fn meter(&mut self) -> Option<Meter> {
        let protocol = self.protocol()?;
        let manufacturer = self.option(Self::u16)?.map(Manufacturer);
        let length = self.u8()?.into();
        let id = Id::new(std::str::from_utf8(self.octets(length)?).ok()?)?;
        Some(Meter {
            protocol,
            manufacturer,
            id,
            version: self.option(Self::u8)?,
            medium: self.option(Self::u8)?.map(Medium),
        })
    }

    pub(super) fn purpose(&mut self) -> Option<Purpose> {
        Purpose::ALL.get(usize::from(self.u8()?)).copied()
    }

    pub(super) fn lesson(&mut self) -> Option<Lesson> {
        Some(match self.u8()? {
            1 => {
                let maker = self.option(Self::u16)?.map(Manufacturer);
                let signature = self.u16()?;
                let length = self.u16()?.into();
                Lesson::Layout((maker, signature), self.octets(length)?.into())
            }
            2 => Lesson::Counter(self.meter()?, self.purpose()?, self.u64()?),
            3 => Lesson::Heard(self.meter()?),
            4 => Lesson::Stands(Box::new((self.meter()?, self.standing()?))),
            5 => Lesson::Device(Box::new((self.meter()?, self.device()?))),
            8 => Lesson::Number(self.meter()?, self.u32()?, self.u64()?),
            9 => Lesson::Address(self.meter()?, self.meter()?),
            _ => return None,
        })
    }

    pub(super) fn standing(&mut self) -> Option<Standing> {
        let flags = self.u8()?;
        let mut standing = Standing {
            first: self.when(flags & 1 != 0)?,
            last: self.when(flags & 2 != 0)?,
            silent: flags & 4 != 0,
            frames: self.u64()?,
            ..Standing::default()
        };
        for _ in 0..self.u8()? {
            let seconds = self.u32()?;
            standing.intervals.push(Duration::from_secs(seconds.into()));
        }
        if flags & 8 == 0 {
            return Some(standing);
        }
        for _ in 0..self.u8()? {
            // What only another release calls an alarm is none here.
            if let Some(alarm) = self.alarm()? {
                standing.alarms = standing.alarms.with(alarm);
            }
        }
        for _ in 0..self.u8()? {
            let (alarm, reports, stood) = (self.alarm()?, self.u8()?, self.u64()?);
            standing.pending.extend(alarm.map(|alarm| Pending { alarm, reports, stood }));
        }
        for _ in 0..self.u8()? {
            let happened = match self.u8()? {
                1 => Some(Happened::Discovered),
                2 => Some(Happened::Silent),
                3 => Some(Happened::Returned),
                4 => self.alarm()?.map(Happened::Raised),
                5 => self.alarm()?.map(Happened::Cleared),
                _ => return None,
            };
            let (at, synchronised) = (self.option(Self::moment)?, self.u8()? != 0);
            let occasion = record::Id(u128::from_le_bytes(self.array()?));
            standing.owed.extend(happened.map(|happened| Owed { happened, at, synchronised, occasion }));
        }
        Some(standing)
    }

    pub(super) fn device(&mut self) -> Option<Device> {
        let mut device = Device { join_nonce: self.u32()?, used_up: self.u32()?, ..Device::default() };
        for _ in 0..self.u8()? {
            device.nonces.push_back(self.u16()?);
        }
        for _ in 0..self.u8()? {
            device.joins.push(Joined {
                request: Request::new(&self.array::<23>()?)?,
                number: self.u32()?,
                address: DevAddr(self.u32()?),
                net_id: self.u32()?,
                opt_neg: self.u8()? != 0,
                rx_delay: self.u8()?,
                used_up: self.u32()?,
            });
        }
        Some(device)
    }

    fn when(&mut self, is_there: bool) -> Option<Option<Moment>> {
        if is_there { self.u64().and_then(NonZeroU64::new).map(|at| Some(Moment(at))) } else { Some(None) }
    }

    /// An alarm by its name, which outlasts its number.
    fn alarm(&mut self) -> Option<Option<Alarm>> {
        let length = self.u8()?.into();
        let name = self.octets(length)?;
        Some(Alarm::ALL.iter().copied().find(|alarm| alarm.name().as_bytes() == name))
    }
}

pub(super) fn put_option<T>(value: Option<T>, into: &mut Vec<u8>, put: impl FnOnce(T, &mut Vec<u8>)) {
    into.push(value.is_some().into());
    if let Some(value) = value {
        put(value, into);
    }
}

pub(super) fn put_moment(at: jiff::Timestamp, into: &mut Vec<u8>) {
    into.extend(at.as_second().to_le_bytes());
    into.extend(at.subsec_nanosecond().to_le_bytes());
}

/// The number of a protocol; 0 is none, and none that is not known here.
pub(super) const fn protocol_number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Wmbus => 1,
        Protocol::Mbus => 2,
        Protocol::Lorawan => 3,
        Protocol::Gwmp => 4,
        Protocol::Lns => 5,
        Protocol::Events => 6,
        Protocol::Coap => 7,
        Protocol::Lwm2m => 8,
        Protocol::Senml => 9,
        Protocol::Modbus => 10,
        Protocol::Zigbee => 11,
        Protocol::Zigbee2mqtt => 12,
        Protocol::Datagram => 13,
        _ => 0,
    }
}

pub(super) fn put_u16(value: u16, into: &mut Vec<u8>) {
    into.extend(value.to_le_bytes());
}

pub(super) fn put_meter(meter: &Meter, into: &mut Vec<u8>) {
    into.push(protocol_number(meter.protocol));
    put_option(meter.manufacturer, into, |maker, into| put_u16(maker.0, into));
    let id = meter.id.as_str();
    // An id has at most 48 octets.
    into.push(id.len() as u8);
    into.extend(id.as_bytes());
    put_option(meter.version, into, |version, into| into.push(version));
    put_option(meter.medium, into, |medium, into| into.push(medium.0));
}

pub(super) fn put_purpose(purpose: Purpose, into: &mut Vec<u8>) {
    let number = Purpose::ALL.iter().position(|known| *known == purpose);
    into.push(number.map_or(u8::MAX, |number| number as u8));
}

pub(super) fn put_lesson(lesson: &Lesson, into: &mut Vec<u8>) {
    match lesson {
        Lesson::Layout((maker, signature), headers) => {
            into.push(1);
            put_option(*maker, into, |maker, into| put_u16(maker.0, into));
            put_u16(*signature, into);
            // A frame has far fewer octets; what does not fit would not be understood.
            let headers = headers.get(..headers.len().min(usize::from(u16::MAX))).unwrap_or_default();
            put_u16(headers.len() as u16, into);
            into.extend(headers);
        }
        Lesson::Counter(meter, purpose, counter) => {
            into.push(2);
            put_meter(meter, into);
            put_purpose(*purpose, into);
            into.extend(counter.to_le_bytes());
        }
        Lesson::Number(meter, name, number) => {
            into.push(8);
            put_meter(meter, into);
            into.extend(name.to_le_bytes());
            into.extend(number.to_le_bytes());
        }
        Lesson::Address(address, device) => {
            into.push(9);
            put_meter(address, into);
            put_meter(device, into);
        }
        Lesson::Heard(meter) => {
            into.push(3);
            put_meter(meter, into);
        }
        Lesson::Stands(stands) => put_stands(&stands.0, &stands.1, into),
        Lesson::Device(device) => {
            into.push(5);
            put_meter(&device.0, into);
            put_device(&device.1, into);
        }
    }
}

/// What is known of a meter, as a lesson.
pub(super) fn put_stands(meter: &Meter, standing: &Standing, into: &mut Vec<u8>) {
    into.push(4);
    put_meter(meter, into);
    put_standing(standing, into);
}

/// What is known of a meter; whatever is rare about it only where there is some.
pub(super) fn put_standing(standing: &Standing, into: &mut Vec<u8>) {
    let Standing { first, last, frames, silent, alarms, intervals, pending, owed } = standing;
    let rare = !alarms.is_empty() || !pending.is_empty() || !owed.is_empty();
    let flags = [first.is_some(), last.is_some(), *silent, rare];
    into.push(flags.iter().rev().fold(0, |all, flag| all << 1 | u8::from(*flag)));
    for at in [first, last].into_iter().flatten() {
        into.extend(at.0.get().to_le_bytes());
    }
    into.extend(frames.to_le_bytes());
    // There are at most seven.
    into.push(intervals.seconds().len() as u8);
    intervals.seconds().iter().for_each(|seconds| into.extend(seconds.to_le_bytes()));
    if rare {
        let alarms: Vec<Alarm> = alarms.iter().collect();
        put_some(&alarms, into, |alarm, into| put_alarm(*alarm, into));
        put_some(pending, into, |Pending { alarm, reports, stood }, into| {
            put_alarm(*alarm, into);
            into.push(*reports);
            into.extend(stood.to_le_bytes());
        });
        put_some(owed, into, |Owed { happened, at, synchronised, occasion }, into| {
            into.push(match happened {
                Happened::Discovered => 1,
                Happened::Silent => 2,
                Happened::Returned => 3,
                Happened::Raised(_) => 4,
                Happened::Cleared(_) => 5,
            });
            if let Some(alarm) = happened.alarm() {
                put_alarm(alarm, into);
            }
            put_option(*at, into, put_moment);
            into.push((*synchronised).into());
            into.extend(occasion.0.to_le_bytes());
        });
    }
}

/// What is known of a device of LoRaWAN: no key stands in it.
fn put_device(device: &Device, into: &mut Vec<u8>) {
    let Device { join_nonce, nonces, joins, used_up } = device;
    into.extend(join_nonce.to_le_bytes());
    into.extend(used_up.to_le_bytes());
    // There are at most 64.
    into.push(nonces.len() as u8);
    nonces.iter().for_each(|nonce| put_u16(*nonce, into));
    put_some(joins, into, |joined, into| {
        let Joined { request, number, address, net_id, opt_neg, rx_delay, used_up } = joined;
        into.extend(request.octets());
        into.extend([*number, address.0, *net_id].into_iter().flat_map(u32::to_le_bytes));
        into.extend([u8::from(*opt_neg), *rx_delay]);
        into.extend(used_up.to_le_bytes());
    });
}

/// How many, and each; there are never more than the alarms there are.
fn put_some<T>(all: &[T], into: &mut Vec<u8>, put: impl Fn(&T, &mut Vec<u8>)) {
    let all = all.get(..all.len().min(usize::from(u8::MAX))).unwrap_or_default();
    into.push(all.len() as u8);
    all.iter().for_each(|one| put(one, into));
}

fn put_alarm(alarm: Alarm, into: &mut Vec<u8>) {
    let name = alarm.name().as_bytes();
    // A name has far fewer octets.
    into.push(name.len() as u8);
    into.extend(name);
}
