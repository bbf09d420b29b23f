//! One entry of the log: a record, what its frame taught and its place in the dedup window. They become true together.
//!
//! | field | octets |
//! |---|---|
//! | version, 2; 3 for a result, which version 2 does not have | 1 |
//! | kind: 1 readings, 2 event, 3 undecoded, 4 result | 1 |
//! | protocol: 0 none, 1 wmbus, 2 mbus, 7 coap, 8 lwm2m, 9 senml | 1 |
//! | id | 16 |
//! | when the frame came: 0, or 1 and seconds and nanoseconds since 1970 | 1 or 13 |
//! | the frame's hash: 0, or 1 and the hash | 1 or 17 |
//! | the meter's address: 0, or 1, its length and its text | 1 or more |
//! | lessons: how many, and each; from version 2 on also what is known of the meter | 2 or more |
//! | since version 2: 0; or 1, a place in the parked log (its id and the number), and the length and the octets of the frame that stands there; or 2 and the place of the frame that the report is of | 1 or more |
//! | the report | the rest |

use super::log::Seq;
use super::octets::{Take, protocol_number, put_lesson, put_moment, put_option, put_stands};
use crate::deduplicate::Frame;
use crate::meters::Standing;
use crate::record::{Id, Kind, Record};
use crate::taught::Lesson;
use bytes::Bytes;
use esh_core::Meter;

/// The newest version that this release reads.
pub(super) const VERSION: u8 = 3;

/// The version of an entry of that kind: the oldest that has it, so that an older release reads what it can.
const fn version(kind: Kind) -> u8 {
    match kind {
        Kind::Readings | Kind::Event | Kind::Undecoded => 2,
        Kind::Result => 3,
    }
}

/// The oldest version that this release reads.
const FIRST: u8 = 1;

/// What goes into the queue together.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// The record.
    pub record: &'a Record,
    /// The frame it is of; `None` for an event.
    pub frame: Option<Frame>,
    /// What the frame taught.
    pub lessons: &'a [Lesson],
    /// What is known of its meter from then on.
    pub stands: Option<(&'a Meter, &'a Standing)>,
}

/// A place in the parked log: its id, and the number of an entry.
pub(super) type ParkedPlace = (u64, Seq);

/// What an entry says of the parked log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Waits<'a> {
    /// Nothing.
    #[default]
    No,
    /// Its frame could not be decoded and is parked there, with these octets.
    Parked(ParkedPlace, &'a [u8]),
    /// Its report is of the frame that was parked there.
    Redeemed(ParkedPlace),
}

/// What a start needs to know of an entry.
#[derive(Debug)]
pub(super) struct Effect<'a> {
    /// The frame, and when it came by the record.
    pub(super) frame: Option<(Frame, Option<jiff::Timestamp>)>,
    /// What it taught.
    pub(super) lessons: Vec<Lesson>,
    /// What it says of the parked log.
    pub(super) waits: Waits<'a>,
}

/// Octets that are no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// A later release wrote it.
    #[error("an entry has version {0}, this release knows {VERSION}")]
    Newer(u8),
    /// It is none.
    #[error("an entry cannot be read")]
    Malformed,
}

/// The number of a kind, which stands beside the entry as well.
pub(super) const fn kind_number(kind: Kind) -> u8 {
    match kind {
        Kind::Readings => 1,
        Kind::Event => 2,
        Kind::Undecoded => 3,
        Kind::Result => 4,
    }
}

/// Writes all of an entry but the report, which follows.
pub(super) fn write_head(draft: &Draft<'_>, waits: Waits<'_>, into: &mut Vec<u8>) {
    let Draft { record, frame, lessons, stands } = draft;
    into.extend([version(record.kind), kind_number(record.kind), record.protocol.map_or(0, protocol_number)]);
    into.extend(record.id.0.to_le_bytes());
    put_option(record.received_at, into, put_moment);
    put_option(*frame, into, |frame, into| into.extend(frame.octets()));
    put_option(record.meter.as_deref(), into, |meter, into| {
        // An address has an id of at most 48 octets and little else.
        let meter = meter.get(..meter.len().min(usize::from(u16::MAX))).unwrap_or_default();
        into.extend((meter.len() as u16).to_le_bytes());
        into.extend(meter.as_bytes());
    });
    // A frame teaches a handful.
    let lessons = lessons.get(..lessons.len().min(usize::from(u16::MAX) - 1)).unwrap_or_default();
    into.extend((lessons.len() as u16 + u16::from(stands.is_some())).to_le_bytes());
    lessons.iter().for_each(|lesson| put_lesson(lesson, into));
    if let Some((meter, standing)) = stands {
        put_stands(meter, standing, into);
    }
    let put_place = |(id, seq): ParkedPlace, into: &mut Vec<u8>| {
        into.extend(id.to_le_bytes());
        into.extend(seq.0.to_le_bytes());
    };
    match waits {
        Waits::No => into.push(0),
        Waits::Parked(place, octets) => {
            into.push(1);
            put_place(place, into);
            // A segment of either log is smaller.
            into.extend((octets.len() as u32).to_le_bytes());
            into.extend(octets);
        }
        Waits::Redeemed(place) => {
            into.push(2);
            put_place(place, into);
        }
    }
}

/// Reads the record of an entry.
pub(super) fn record(octets: &[u8]) -> Result<Record, EntryError> {
    read(octets, |_| {}).map(|(record, ..)| record)
}

/// Reads what an entry does to what is known.
pub(super) fn effect(octets: &[u8]) -> Result<Effect<'_>, EntryError> {
    let mut lessons = Vec::new();
    let (record, frame, waits) = read(octets, |lesson| lessons.push(lesson))?;
    Ok(Effect { frame: frame.map(|frame| (frame, record.received_at)), lessons, waits })
}

type Parts<'a> = (Record, Option<Frame>, Waits<'a>);

fn read(octets: &[u8], lesson: impl FnMut(Lesson)) -> Result<Parts<'_>, EntryError> {
    match octets.first() {
        Some(version) if *version > VERSION => Err(EntryError::Newer(*version)),
        // The first version has fewer kinds of lessons, and says nothing of the parked log.
        Some(FIRST..=VERSION) => parse(octets, lesson).ok_or(EntryError::Malformed),
        _ => Err(EntryError::Malformed),
    }
}

fn parse(octets: &[u8], mut each: impl FnMut(Lesson)) -> Option<Parts<'_>> {
    let mut take = Take(octets);
    let version = take.u8()?;
    let kind = match take.u8()? {
        1 => Kind::Readings,
        2 => Kind::Event,
        3 => Kind::Undecoded,
        4 => Kind::Result,
        _ => return None,
    };
    let protocol = match take.0.first()? {
        0 => take.u8().map(|_| None)?,
        _ => Some(take.protocol()?),
    };
    let id = Id(u128::from_le_bytes(take.array()?));
    let received_at = take.option(Take::moment)?;
    let frame = take.option(Take::frame)?;
    let meter = take.option(|take| {
        let length = take.u16()?.into();
        std::str::from_utf8(take.octets(length)?).ok().map(Into::into)
    })?;
    for _ in 0..take.u16()? {
        each(take.lesson()?);
    }
    let waits = if version == FIRST { Waits::No } else { waits(&mut take)? };
    let report = Bytes::copy_from_slice(take.0);
    Some((Record { kind, protocol, meter, id, received_at, report }, frame, waits))
}

fn waits<'a>(take: &mut Take<'a>) -> Option<Waits<'a>> {
    let number = take.u8()?;
    if number == 0 {
        return Some(Waits::No);
    }
    let place = (take.u64()?, Seq(take.u64()?));
    match number {
        1 => {
            let length = usize::try_from(take.u32()?).ok()?;
            Some(Waits::Parked(place, take.octets(length)?))
        }
        2 => Some(Waits::Redeemed(place)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::{Happened, Intervals, Moment, Owed, Pending};
    use esh_core::Id as MeterId;
    use esh_core::{Alarm, Alarms, Manufacturer, Medium, Protocol, Purpose};
    use proptest::prelude::*;

    fn meters() -> impl Strategy<Value = Meter> {
        let id = "[0-9a-z:/é]{0,20}".prop_map(|text| MeterId::new(&text).unwrap());
        let maker = proptest::option::of(any::<u16>().prop_map(Manufacturer));
        let medium = proptest::option::of(any::<u8>().prop_map(Medium));
        (prop_oneof![Just(Protocol::Wmbus), Just(Protocol::Mbus)], maker, id, any::<Option<u8>>(), medium).prop_map(
            |(protocol, manufacturer, id, version, medium)| Meter { protocol, manufacturer, id, version, medium },
        )
    }

    fn lessons() -> impl Strategy<Value = Lesson> {
        let maker = proptest::option::of(any::<u16>().prop_map(Manufacturer));
        let headers = proptest::collection::vec(any::<u8>(), 0..40);
        prop_oneof![
            (maker, any::<u16>(), headers)
                .prop_map(|(maker, signature, headers)| Lesson::Layout((maker, signature), headers.into())),
            (meters(), 0..Purpose::ALL.len(), any::<u64>()).prop_map(|(meter, purpose, counter)| Lesson::Counter(
                meter,
                Purpose::ALL[purpose],
                counter
            )),
            meters().prop_map(Lesson::Heard),
            (meters(), standings()).prop_map(|stands| Lesson::Stands(Box::new(stands))),
        ]
    }

    pub(crate) fn standings() -> impl Strategy<Value = Standing> {
        let moment = || proptest::option::of((1..u64::MAX).prop_map(|at| Moment(at.try_into().unwrap())));
        let alarm = || (0..Alarm::ALL.len()).prop_map(|n| Alarm::ALL[n]);
        let happened = prop_oneof![
            Just(Happened::Discovered),
            Just(Happened::Silent),
            Just(Happened::Returned),
            alarm().prop_map(Happened::Raised),
            alarm().prop_map(Happened::Cleared)
        ];
        let at = proptest::option::of(any::<u32>().prop_map(|s| jiff::Timestamp::from_second(s.into()).unwrap()));
        let owed = (happened, at, any::<bool>(), any::<u128>()).prop_map(|(happened, at, synchronised, occasion)| {
            Owed { happened, at, synchronised, occasion: Id(occasion) }
        });
        let pending =
            (alarm(), any::<u8>(), any::<u64>()).prop_map(|(alarm, reports, stood)| Pending { alarm, reports, stood });
        let some = 0..4;
        (
            (moment(), moment(), any::<u64>(), any::<bool>()),
            proptest::collection::vec(alarm(), some.clone()),
            proptest::collection::vec(any::<u32>(), 0..9),
            proptest::collection::vec(pending, some.clone()),
            proptest::collection::vec(owed, some),
        )
            .prop_map(|((first, last, frames, silent), alarms, seconds, pending, owed)| {
                let alarms = alarms.into_iter().fold(Alarms::NONE, Alarms::with);
                let mut intervals = Intervals::default();
                seconds.into_iter().for_each(|s| intervals.push(std::time::Duration::from_secs(s.into())));
                Standing { first, last, frames, silent, alarms, intervals, pending, owed }
            })
    }

    fn records() -> impl Strategy<Value = Record> {
        let kind = prop_oneof![Just(Kind::Readings), Just(Kind::Event), Just(Kind::Undecoded), Just(Kind::Result)];
        let protocol = prop_oneof![Just(None), Just(Some(Protocol::Wmbus)), Just(Some(Protocol::Mbus))];
        let at =
            proptest::option::of(any::<u32>().prop_map(|ms| jiff::Timestamp::from_millisecond(ms.into()).unwrap()));
        (kind, protocol, proptest::option::of("[a-z:é0-9]{0,60}"), any::<u128>(), at, "[ -~]{0,300}").prop_map(
            |(kind, protocol, meter, id, received_at, report)| {
                let meter = meter.map(Into::into);
                Record { kind, protocol, meter, id: Id(id), received_at, report: report.into() }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            record in records(), frame in any::<Option<[u8; 16]>>(), lessons in proptest::collection::vec(lessons(), 0..4),
            stands in proptest::option::of((meters(), standings())),
            parked in proptest::collection::vec(any::<u8>(), 0..40), place: (u64, u64), says in 0_usize..3,
        ) {
            let place = (place.0, Seq(place.1));
            let waits = [Waits::No, Waits::Parked(place, &parked), Waits::Redeemed(place)][says];
            let frame = frame.map(Frame::from_octets);
            let mut octets = Vec::new();
            let stands = stands.as_ref().map(|(meter, standing)| (meter, standing));
            write_head(&Draft { record: &record, frame, lessons: &lessons, stands }, waits, &mut octets);
            octets.extend(&record.report);
            prop_assert_eq!(format!("{:?}", super::record(&octets).unwrap()), format!("{record:?}"));
            let effect = effect(&octets).unwrap();
            prop_assert_eq!(effect.frame, frame.map(|frame| (frame, record.received_at)));
            let stands = stands.map(|(meter, standing)| Lesson::Stands(Box::new((*meter, standing.clone()))));
            prop_assert_eq!(effect.lessons, lessons.into_iter().chain(stands).collect::<Vec<_>>());
            prop_assert_eq!(effect.waits, waits);
            // Cut short anywhere it is no entry, or one with less of a report; never a panic.
            for length in 0..octets.len() {
                let _ = super::record(&octets[..length]);
            }
        }

        #[test]
        fn arbitrary_octets_never_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = effect(&octets);
            for version in FIRST..=VERSION {
                if let Some(first) = octets.first_mut() {
                    *first = version;
                }
                let _ = effect(&octets);
            }
        }
    }

    #[test]
    fn every_protocol_has_a_number() {
        for protocol in Protocol::ALL {
            let mut octets = Vec::new();
            let (kind, protocol) = (Kind::Readings, Some(*protocol));
            let record = Record { kind, protocol, meter: None, id: Id(1), received_at: None, report: Bytes::new() };
            write_head(&Draft { record: &record, frame: None, lessons: &[], stands: None }, Waits::No, &mut octets);
            assert_eq!(super::record(&octets).unwrap().protocol, protocol);
        }
    }

    #[test]
    fn an_entry_of_the_first_version_is_read() {
        let record = Record {
            kind: Kind::Undecoded,
            protocol: Some(Protocol::Wmbus),
            meter: Some("wmbus:KAM:1".into()),
            id: Id(7),
            received_at: None,
            report: "{}".into(),
        };
        let draft = Draft { record: &record, frame: Some(Frame::from_octets([3; 16])), lessons: &[], stands: None };
        let mut octets = Vec::new();
        write_head(&draft, Waits::No, &mut octets);
        // It was the same without the last octet.
        assert_eq!(octets.pop(), Some(0));
        octets[0] = 1;
        octets.extend(&record.report);
        assert_eq!(format!("{:?}", super::record(&octets).unwrap()), format!("{record:?}"));
        assert_eq!(effect(&octets).unwrap().waits, Waits::No);
    }

    #[test]
    fn a_later_version_is_told_from_rubbish() {
        assert_eq!(record(&[VERSION + 1, 0, 0]).unwrap_err(), EntryError::Newer(VERSION + 1));
        assert_eq!(record(&[0, 0, 0]).unwrap_err(), EntryError::Malformed);
        assert_eq!(record(&[]).unwrap_err(), EntryError::Malformed);
        assert_eq!(record(&[1, 9]).unwrap_err(), EntryError::Malformed);
    }
}
