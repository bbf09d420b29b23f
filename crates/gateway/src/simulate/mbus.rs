//! Simulated meters on the wired M-Bus: they are reset, selected and asked, and each reading takes two telegrams.

use super::serve::{Answers, Options, serve};
use esh_core::{CivilTime, Id, Manufacturer, Medium, Meter as Named, Precision, Protocol, bcd};
use esh_wmbus::telegram::{Protection, Telegram};
use esh_wmbus::wired::{ACKNOWLEDGE, SELECTED, Selection, WHOEVER, frame_len};
use esh_wmbus::{Address, Coded, Framing, RecordWriter};
use std::io;
use std::time::Instant;

/// Some meters on a line.
#[derive(Debug)]
pub struct Meters {
    meters: Vec<Meter>,
    begun: Instant,
}

#[derive(Debug)]
struct Meter {
    primary: u8,
    address: Address,
    named: Named,
    selected: bool,
    /// The frame count bit of the last request, and which telegram it got.
    last: Option<(bool, usize)>,
    access: u8,
}

/// The telegrams of a reading.
const TELEGRAMS: usize = 2;

/// Media in turn: heat, cold water, electricity.
const MEDIA: [Medium; 3] = [Medium::HEAT, Medium::COLD_WATER, Medium::ELECTRICITY];

impl Meters {
    /// Meters at these primary addresses.
    #[must_use]
    pub fn new(primaries: &[u8]) -> Self {
        let meters = primaries.iter().zip(MEDIA.into_iter().cycle()).map(|(primary, medium)| {
            let mut id = [0; 4];
            // Eight digits hold it.
            let _ = bcd::write(20_000_000 + 1_234_567 * i128::from(*primary) % 80_000_000, &mut id);
            let maker = Manufacturer::from_letters("ESH").unwrap_or(Manufacturer(0));
            let named = Named {
                protocol: Protocol::Mbus,
                manufacturer: Some(maker),
                id: Id::from_bcd(id),
                version: Some(1),
                medium: Some(medium),
            };
            let address = Address::new(maker, id, 1, medium);
            Meter { primary: *primary, address, named, selected: false, last: None, access: 0 }
        });
        Self { meters: meters.collect(), begun: Instant::now() }
    }

    fn short(&mut self, control: u8, address: u8) -> Option<Vec<u8>> {
        let seconds = i64::try_from(self.begun.elapsed().as_secs()).unwrap_or(i64::MAX);
        let asked = self.meters.iter_mut().filter(|meter| match address {
            SELECTED => meter.selected,
            WHOEVER => true,
            address => meter.primary == address,
        });
        let mut answers: Vec<_> = asked.filter_map(|meter| meter.short(control, address, seconds)).collect();
        match answers.len() {
            0 | 1 => answers.pop(),
            // The same octet of several at once is still that octet; anything else is nobody's.
            _ if answers.iter().all(|answer| *answer == [ACKNOWLEDGE]) => answers.pop(),
            _ => Some(vec![0x68, 0xff, 0x00, 0xff]),
        }
    }

    fn select(&mut self, selection: &Selection) -> Option<Vec<u8>> {
        for meter in &mut self.meters {
            meter.selected = selection.matches(&meter.named);
            meter.last = None;
        }
        self.meters.iter().any(|meter| meter.selected).then(|| vec![ACKNOWLEDGE])
    }
}

impl Meter {
    fn short(&mut self, control: u8, asked: u8, seconds: i64) -> Option<Vec<u8>> {
        match control {
            // SND_NKE.
            0x40 => {
                self.last = None;
                if asked == SELECTED {
                    self.selected = false;
                }
                Some(vec![ACKNOWLEDGE])
            }
            // REQ_UD2, with the frame count bit.
            0x4b | 0x5b | 0x6b | 0x7b => {
                let count = control & 0x20 != 0;
                let place = match self.last {
                    None => 0,
                    Some((last, place)) if last == count => place,
                    Some((_, place)) => (place + 1) % TELEGRAMS,
                };
                if self.last != Some((count, place)) {
                    // A telegram that is asked for again is the same one.
                    self.access = self.access.wrapping_add(1);
                }
                self.last = Some((count, place));
                self.telegram(place, seconds)
            }
            _ => None,
        }
    }

    fn telegram(&self, place: usize, seconds: i64) -> Option<Vec<u8>> {
        let mut buffer = [0; 120];
        let mut records = RecordWriter::new(&mut buffer);
        let total = 1000 + i64::from(self.primary) * 100 + seconds;
        let clock = CivilTime::date(2026, 1, 1)?.at(12, 0, 0, Precision::Minute)?;
        if place == 0 {
            let vif = match self.named.medium {
                Some(Medium::HEAT) => 0x06,
                Some(Medium::ELECTRICITY) => 0x03,
                _ => 0x13,
            };
            records.number(Coded::Bcd(4), 0, &[vif], total).time(0, clock);
        } else {
            records.number(Coded::Integer(4), 1, &[0x13], total - 900);
        }
        let mut payload = records.finish()?.to_vec();
        if place + 1 < TELEGRAMS {
            // That more records follow.
            payload.push(0x1f);
        }
        let telegram = Telegram {
            framing: Framing::Wired,
            control: 0x08,
            link: self.address,
            primary: self.primary,
            extended: None,
            ci: 0x72,
            meter: self.address,
            access: self.access,
            status: 0,
            protection: Protection::None,
            payload: &payload,
        };
        let mut frame = [0; 261];
        telegram.write(&mut frame).ok().map(<[u8]>::to_vec)
    }
}

impl Answers for Meters {
    fn converse(&mut self, octets: &[u8]) -> (usize, Option<Vec<u8>>) {
        for at in 0..octets.len() {
            let rest = octets.get(at..).unwrap_or_default();
            let len = match frame_len(rest) {
                Ok(len) => len,
                // It may still become one.
                Err(error) if matches!(error.reason, esh_core::Reason::Truncated { .. }) => return (at, None),
                Err(_) => continue,
            };
            let answer = match *rest {
                [0x10, control, address, ..] => self.short(control, address),
                [0x68, 11, _, _, 0x53 | 0x73, SELECTED, 0x52, ref selection @ ..] => {
                    let mut input = esh_core::Input::new(selection, 7, esh_core::Layer::Application);
                    Selection::read(&mut input).ok().and_then(|selection| self.select(&selection))
                }
                _ => None,
            };
            return (at + len, answer);
        }
        (octets.len(), None)
    }
}

/// Serves simulated meters until it is broken off.
///
/// # Errors
/// When there is no such place to serve at.
pub fn mbus(options: &Options) -> io::Result<()> {
    serve(options, Meters::new(&options.units))
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_wmbus::wired::{Ask, find_answer};

    fn ask(meters: &mut Meters, octets: &[u8]) -> Vec<u8> {
        let (done, answer) = meters.converse(octets);
        assert_eq!(done, octets.len());
        answer.unwrap_or_default()
    }

    #[test]
    fn telegrams_follow_the_frame_count_bit() {
        let mut meters = Meters::new(&[1, 2]);
        assert_eq!(ask(&mut meters, &Ask::Reset.frame(2)), [ACKNOWLEDGE]);
        let records = |telegram: &[u8]| telegram[19..].to_vec();
        let first = ask(&mut meters, &Ask::Data { count: true }.frame(2));
        assert!(find_answer(&first, 2).is_some());
        let again = ask(&mut meters, &Ask::Data { count: true }.frame(2));
        let second = ask(&mut meters, &Ask::Data { count: false }.frame(2));
        assert_eq!((first[15], &records(&first)[..13]), (again[15], &records(&again)[..13]));
        assert_ne!(records(&first)[..2], records(&second)[..2]);
        assert!(ask(&mut meters, &Ask::Reset.frame(3)).is_empty());
    }

    #[test]
    fn who_is_selected_answers() {
        let mut meters = Meters::new(&[1, 2]);
        assert_eq!(ask(&mut meters, &Selection::ANY.frame()), [ACKNOWLEDGE]);
        let both = ask(&mut meters, &Ask::Data { count: true }.frame(SELECTED));
        assert_eq!(find_answer(&both, SELECTED), None, "two at once");
        let one = Selection::ANY.with_digit(7, 7);
        assert_eq!(ask(&mut meters, &one.frame()), [ACKNOWLEDGE]);
        let answer = ask(&mut meters, &Ask::Data { count: true }.frame(SELECTED));
        assert!(find_answer(&answer, SELECTED).is_some());
        assert!(ask(&mut meters, &Selection::ANY.with_digit(7, 9).frame()).is_empty());
        assert!(ask(&mut meters, &Ask::Data { count: true }.frame(SELECTED)).is_empty());
    }
}
