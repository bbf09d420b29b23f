//! One frame that waits: what came, and the counters of its own time.
//!
//! | field | octets |
//! |---|---|
//! | version, 1 | 1 |
//! | protocol, by the number it has in the queue | 1 |
//! | framing: the length of its word and the word, as an archive has it; none is unsaid | 1 or more |
//! | when it came: 0, or 1 and seconds and nanoseconds since 1970 | 1 or 13 |
//! | whether the clock was set | 1 |
//! | the source's name: its length and its text | 2 or more |
//! | signal strength: 0, or 1 and dBm | 1 or 3 |
//! | the id of its report | 16 |
//! | counters known when it came: how many, and of each the meter, the purpose and the counter | 1 or more |
//! | the octets | the rest |

use crate::capture::{Capture, Framing, Stamp};
use crate::queue::octets::{Take, protocol_number, put_meter, put_moment, put_option, put_purpose};
use crate::record::Id;
use bytes::Bytes;
use esh_core::{Meter, Purpose};

/// The version of the layout.
const VERSION: u8 = 1;

/// A counter that was the last one of its meter.
pub type Counter = (Meter, Purpose, u64);

/// A frame that could not be decoded.
#[derive(Clone, Debug)]
pub struct Parked {
    /// What came.
    pub capture: Capture,
    /// The id of the report that tells of it.
    pub id: Id,
    /// The last counters that its meter had used when it came.
    pub counters: Vec<Counter>,
}

impl Parked {
    /// Writes it as it stands in the log.
    pub fn write(&self, into: &mut Vec<u8>) {
        // How well it was heard is of no use later.
        let Capture { octets, protocol, framing, received_at, source, rssi, radio: _ } = &self.capture;
        into.extend([VERSION, protocol_number(*protocol)]);
        // No word is that long.
        let word = framing.map(|framing| framing.to_string()).unwrap_or_default();
        into.push(word.len() as u8);
        into.extend(word.as_bytes());
        put_option(received_at.at, into, put_moment);
        into.push(received_at.synchronised.into());
        // A name in a configuration is far shorter.
        let name = source.get(..source.len().min(usize::from(u16::MAX))).unwrap_or_default();
        into.extend((name.len() as u16).to_le_bytes());
        into.extend(name.as_bytes());
        put_option(*rssi, into, |rssi, into| into.extend(rssi.to_le_bytes()));
        into.extend(self.id.0.to_le_bytes());
        // A meter has one for each purpose at most.
        let counters = self.counters.get(..self.counters.len().min(usize::from(u8::MAX))).unwrap_or_default();
        into.push(counters.len() as u8);
        for (meter, purpose, counter) in counters {
            put_meter(meter, into);
            put_purpose(*purpose, into);
            into.extend(counter.to_le_bytes());
        }
        into.extend(octets);
    }

    /// Reads it; `None` when it is none, or of a later version.
    #[must_use]
    pub fn read(octets: &[u8]) -> Option<Self> {
        let mut take = Take(octets);
        (take.u8()? == VERSION).then_some(())?;
        let protocol = take.protocol()?;
        let length = take.u8()?;
        let framing = match std::str::from_utf8(take.octets(length.into())?).ok()? {
            "" => None,
            word => Some(Framing::from_word(word)?),
        };
        let received_at = Stamp { at: take.option(Take::moment)?, synchronised: take.u8()? == 1 };
        let length = take.u16()?.into();
        let source = std::str::from_utf8(take.octets(length)?).ok()?.into();
        let rssi = take.option(|take| take.array().map(i16::from_le_bytes))?;
        let id = Id(u128::from_le_bytes(take.array()?));
        let mut counters = Vec::new();
        for _ in 0..take.u8()? {
            counters.push((take.meter()?, take.purpose()?, take.u64()?));
        }
        let octets = Bytes::copy_from_slice(take.0);
        let capture = Capture { octets, protocol, framing, received_at, source, rssi, radio: None };
        Some(Self { capture, id, counters })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::{Id as MeterId, Protocol};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            octets in proptest::collection::vec(any::<u8>(), 0..300), framing in 0_usize..13, second in proptest::option::of(0_i64..4_000_000_000),
            synchronised: bool, source in "[a-z\\-é]{0,30}", rssi: Option<i16>, id: u128, counters in proptest::collection::vec(any::<u64>(), 0..3),
        ) {
            const WORDS: [&str; 13] = [
                "", "A", "B", "none", "3of6", "manchester", "wired", "records+2", "lwm2m+11542+/3424/0/1", "senml+cbor",
                "modbus+rtu+response+false", "zcl+1794+1+1+1000+-", "lorawan+1.1+1+5+2+7+81985529216486895+1+513+-+false",
            ];
            let framing = Framing::from_word(WORDS[framing]);
            let received_at = Stamp { at: second.and_then(|second| jiff::Timestamp::new(second, 5).ok()), synchronised };
            let meter = Meter { protocol: Protocol::Mbus, manufacturer: None, id: MeterId::new("7").unwrap(), version: None, medium: None };
            let counters = counters.into_iter().map(|counter| (meter, Purpose::Data, counter)).collect();
            let capture = Capture { octets: octets.into(), protocol: Protocol::Wmbus, framing, received_at, source: source.into(), rssi, radio: None };
            let parked = Parked { capture, id: Id(id), counters };
            let mut written = Vec::new();
            parked.write(&mut written);
            prop_assert_eq!(format!("{:?}", Parked::read(&written).unwrap()), format!("{parked:?}"));
            for length in 0..written.len() {
                let _ = Parked::read(&written[..length]);
            }
        }

        #[test]
        fn arbitrary_octets_never_panic(mut octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Parked::read(&octets);
            if let Some(first) = octets.first_mut() {
                *first = VERSION;
            }
            let _ = Parked::read(&octets);
        }
    }
}
