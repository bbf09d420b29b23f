//! Writing records: what simulators and tests send.

use esh_core::{CivilTime, Precision, bcd};

/// Writes records into a buffer, one after the other: EN 13757-3, clause 6.
///
/// A record that does not fit, or whose value its coding cannot hold, is left out and [`RecordWriter::finish`] says so.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    buffer: &'a mut [u8],
    len: usize,
    refused: bool,
}

/// Which register a record writes, and how its number is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coded {
    /// An integer of 1, 2, 3, 4, 6 or 8 octets.
    Integer(u8),
    /// Binary coded decimals of 1, 2, 3, 4 or 6 octets.
    Bcd(u8),
}

impl Coded {
    const fn data_field(self) -> Option<(u8, usize)> {
        Some(match self {
            Self::Integer(octets @ 1..=4) => (octets, octets as usize),
            Self::Integer(6) => (0x6, 6),
            Self::Integer(8) => (0x7, 8),
            Self::Bcd(octets @ 1..=4) => (0x8 + octets, octets as usize),
            Self::Bcd(6) => (0xe, 6),
            _ => return None,
        })
    }
}

impl<'a> RecordWriter<'a> {
    /// Begins at the start of a buffer.
    #[must_use]
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0, refused: false }
    }

    /// A number, such as `number(Coded::Bcd(4), 0, &[0x13], 12345)`: 12.345 m³, present value.
    pub fn number(&mut self, coded: Coded, storage: u64, vif: &[u8], value: i64) -> &mut Self {
        let mut octets = [0; 8];
        let Some((data_field, len)) = coded.data_field() else { return self.refuse() };
        let Some(place) = octets.get_mut(..len) else { return self.refuse() };
        let fits = match coded {
            Coded::Integer(_) => {
                let unused = 64 - 8 * len as u32;
                place.copy_from_slice(value.to_le_bytes().get(..len).unwrap_or_default());
                value << unused >> unused == value && value << unused != i64::MIN
            }
            Coded::Bcd(_) => bcd::write(value.into(), place),
        };
        if !fits {
            return self.refuse();
        }
        let place = octets;
        self.record(data_field, storage, vif, place.get(..len).unwrap_or_default())
    }

    /// A real number of 32 bits.
    pub fn real(&mut self, storage: u64, vif: &[u8], value: f32) -> &mut Self {
        self.record(0x5, storage, vif, &value.to_le_bytes())
    }

    /// Flags of 16 bits, such as the error flags `&[0xfd, 0x17]`.
    pub fn flags(&mut self, storage: u64, vif: &[u8], bits: u16) -> &mut Self {
        self.record(0x2, storage, vif, &bits.to_le_bytes())
    }

    /// A date of type G, or date and time of type F where the time is told to the minute; years 2000 to 2080.
    pub fn time(&mut self, storage: u64, value: CivilTime) -> &mut Self {
        let ((year, month, day), (hour, minute, _)) = (value.ymd(), value.hms());
        let Some(year @ 0..=80) = year.checked_sub(2000).map(|year| year as u8) else { return self.refuse() };
        let [low, high] = [day | year << 5, month | year >> 3 << 4];
        match value.precision() {
            Precision::Day => self.record(0x2, storage, &[0x6c], &[low, high]),
            _ => {
                let summer = if value.daylight_saving() == Some(true) { 0x80 } else { 0 };
                self.record(0x4, storage, &[0x6d], &[minute, hour | summer, low, high])
            }
        }
    }

    /// A text of at most 191 characters of Latin-1, given as octets in reading order.
    pub fn text(&mut self, storage: u64, vif: &[u8], latin1: &[u8]) -> &mut Self {
        let (start, was_refused) = (self.len, self.refused);
        let Ok(len @ 0..=0xbf) = u8::try_from(latin1.len()) else { return self.refuse() };
        self.record(0xd, storage, vif, &[len]);
        for octet in latin1.iter().rev() {
            self.octets(&[*octet]);
        }
        if self.refused && !was_refused {
            self.len = start;
        }
        self
    }

    /// Fillers up to a length, as encryption in blocks wants them.
    pub fn fill(&mut self, multiple_of: usize) -> &mut Self {
        while multiple_of > 0 && !self.len.is_multiple_of(multiple_of) && !self.refused {
            self.octets(&[0x2f]);
        }
        self
    }

    /// The octets written; `None` when a record had to be left out.
    #[must_use]
    pub fn finish(self) -> Option<&'a [u8]> {
        if self.refused { None } else { self.buffer.get(..self.len) }
    }

    fn record(&mut self, data_field: u8, storage: u64, vif: &[u8], value: &[u8]) -> &mut Self {
        if storage >= 1 << 41 {
            return self.refuse();
        }
        let start = self.len;
        let mut dif = data_field | ((storage & 1) as u8) << 6;
        let mut rest = storage >> 1;
        while rest > 0 {
            self.octets(&[dif | 0x80]);
            dif = (rest & 0x0f) as u8;
            rest >>= 4;
        }
        self.octets(&[dif]).octets(vif).octets(value);
        if self.refused {
            self.len = start;
        }
        self
    }

    fn octets(&mut self, octets: &[u8]) -> &mut Self {
        let end = self.len + octets.len();
        match self.buffer.get_mut(self.len..end) {
            Some(place) => {
                place.copy_from_slice(octets);
                self.len = end;
                self
            }
            None => self.refuse(),
        }
    }

    fn refuse(&mut self) -> &mut Self {
        self.refused = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_the_octets_a_meter_sends() {
        let mut buffer = [0; 64];
        let mut writer = RecordWriter::new(&mut buffer);
        let day = CivilTime::date(2020, 12, 31).unwrap();
        writer
            .number(Coded::Bcd(4), 0, &[0x13], 12345)
            .number(Coded::Integer(2), 0, &[0x5b], -3)
            .time(1, day)
            .time(0, day.at(23, 59, 0, Precision::Minute).unwrap())
            .flags(16, &[0xfd, 0x17], 4)
            .text(0, &[0xfd, 0x0c], b"M1")
            .fill(8);
        assert_eq!(
            writer.finish().unwrap(),
            [
                0x0c, 0x13, 0x45, 0x23, 0x01, 0x00, 0x02, 0x5b, 0xfd, 0xff, 0x42, 0x6c, 0x9f, 0x2c, 0x04, 0x6d, 0x3b,
                0x17, 0x9f, 0x2c, 0x82, 0x08, 0xfd, 0x17, 0x04, 0x00, 0x0d, 0xfd, 0x0c, 0x02, b'1', b'M',
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut buffer = [0; 8];
        for value in [128, -128, 300] {
            let mut writer = RecordWriter::new(&mut buffer);
            writer.number(Coded::Integer(1), 0, &[0x13], value);
            assert_eq!(writer.finish(), None, "{value}");
        }
        let mut writer = RecordWriter::new(&mut buffer);
        writer.text(0, &[0xfd, 0x0c], b"too long for it");
        assert_eq!(writer.finish(), None);
        let mut writer = RecordWriter::new(&mut buffer);
        writer.number(Coded::Integer(5), 0, &[0x13], 0);
        assert_eq!(writer.finish(), None);
    }
}
