//! The value information block: what a value is, in which unit, and what narrows it down.

pub(crate) mod combinable;
mod combinable_extension;
mod fb;
mod fd;
mod fdfd;
mod plain_text;
mod primary;

use crate::dif::{Dif, EXTENSIONS};
pub(crate) use combinable::Profile;
use combinable::{Effect, Modifier};
use esh_core::{DecodeError, Input, Qualifier, Qualifiers, Quality, Quantity, Reason, Text, Unit};

/// What a code of a VIF table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) quantity: Quantity,
    pub(crate) unit: Unit,
    pub(crate) exponent: i8,
    pub(crate) reads: Reads,
}

/// How the octets of a value are to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// As a number.
    Number,
    /// As a number without a sign, all codes of which are values: a counter, a version.
    Count,
    /// As a number that is a name: digits keep their leading zeros.
    Name,
    /// As a date or a time, the kind by its size.
    Time,
    /// As bits.
    Bits,
    /// Not at all: an access code.
    Secret,
    /// As octets, of another protocol or a type of its own.
    Octets,
}

/// The units of a range of codes.
#[derive(Clone, Copy)]
enum Scale {
    /// Each code is ten times the one before.
    Tens(Unit, i8),
    /// The two lowest bits tell second, minute, hour or day.
    Times,
    /// The two lowest bits tell hour, day, month or year.
    LongTimes,
}

/// A row of a VIF table: the codes from first to last.
struct Row(u8, u8, Quantity, Scale, Reads);

const UNKNOWN: Meaning = Meaning { quantity: Quantity::Unknown, unit: Unit::None, exponent: 0, reads: Reads::Number };

/// A table with a place for each code.
#[allow(clippy::indexing_slicing, reason = "runs when the crate is built")]
const fn expand(rows: &[Row]) -> [Meaning; 128] {
    let mut table = [UNKNOWN; 128];
    let mut index = 0;
    while index < rows.len() {
        let Row(first, last, quantity, scale, reads) = rows[index];
        let mut code = first;
        while code <= last {
            let (unit, exponent) = match scale {
                Scale::Tens(unit, exponent) => (unit, exponent + (code - first) as i8),
                Scale::Times => ([Unit::Second, Unit::Minute, Unit::Hour, Unit::Day][(code & 3) as usize], 0),
                Scale::LongTimes => ([Unit::Hour, Unit::Day, Unit::Month, Unit::Year][(code & 3) as usize], 0),
            };
            table[code as usize] = Meaning { quantity, unit, exponent, reads };
            code += 1;
        }
        index += 1;
    }
    table
}

/// The place of a code in an expanded table; its extension bit does not count.
#[inline]
fn at<T>(table: &[T; 128], code: u8) -> &T {
    // The mask proves the index to the compiler.
    #[allow(clippy::indexing_slicing, reason = "seven bits index a table of 128")]
    &table[(code & 0x7f) as usize]
}

/// Value information block: EN 13757-3, 6.4.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vif<'a> {
    /// What the table says.
    pub(crate) meaning: Meaning,
    /// What the combinable extensions say.
    pub(crate) modifiers: Modifiers,
    /// The name the meter gives, where it gives one instead of a code.
    pub(crate) text: Option<Text<'a>>,
}

/// What a run of combinable extensions says together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Modifiers {
    pub(crate) qualifiers: Qualifiers,
    /// The power of ten of all multiplicative factors.
    pub(crate) exponent: i8,
    /// The sum of the additive constants: whole thousandths, in the unit of the VIF.
    pub(crate) thousandths: i32,
    /// What the meter says of the value.
    pub(crate) quality: Quality,
    /// Whether the number is not of the quantity any more.
    pub(crate) estranged: bool,
    /// Whether integers have no sign.
    pub(crate) unsigned: bool,
    /// Whether the value is a run of values.
    pub(crate) profile: Profile,
}

impl Modifiers {
    pub(crate) const NONE: Self = Self {
        qualifiers: Qualifiers::NONE,
        exponent: 0,
        thousandths: 0,
        quality: Quality::Good,
        estranged: false,
        unsigned: false,
        profile: Profile::None,
    };

    /// Whether they leave the value as it is, but for a power of ten.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.quality as u8 == Quality::Good as u8 && self.thousandths == 0 && !self.unsigned
    }
}

impl<'a> Vif<'a> {
    /// A place for a value information block.
    pub(crate) const NONE: Self = Self { meaning: UNKNOWN, modifiers: Modifiers::NONE, text: None };

    /// Reads a VIF and its extensions. What stands behind them counts where the order of a plain text is in doubt.
    ///
    /// # Errors
    /// More than ten extensions, or the end of the octets.
    #[inline(always)]
    pub(crate) fn read(&mut self, input: &mut Input<'a>, dif: &Dif) -> Result<(), DecodeError> {
        let code = input.u8("VIF")?;
        self.meaning = *at(&primary::TABLE, code);
        self.modifiers = Modifiers::NONE;
        self.text = None;
        if code >= 0x7b { self.extend(code, input, dif) } else { Ok(()) }
    }

    #[inline(never)]
    fn extend(&mut self, code: u8, input: &mut Input<'a>, dif: &Dif) -> Result<(), DecodeError> {
        let mut extensions = Extensions { left: EXTENSIONS, last: code };
        let mut qualify = |qualifier| self.modifiers.qualifiers = self.modifiers.qualifiers.with(qualifier);
        match code {
            0x7c | 0xfc => {
                *self = plain_text::read(code, input, dif)?;
                return Ok(());
            }
            0xef => {
                // The third extension table is reserved as a whole: its code is taken and not understood.
                extensions.next(input)?;
                qualify(Qualifier::Reserved);
                self.meaning = UNKNOWN;
            }
            0xfb => self.meaning = *at(&fb::TABLE, extensions.next(input)?),
            0xfd => {
                self.meaning = match extensions.next(input)? {
                    0xfd => *at(&fdfd::TABLE, extensions.next(input)?),
                    code => *at(&fd::TABLE, code),
                }
            }
            0x7f | 0xff => {
                extensions.rest(input)?;
                qualify(Qualifier::ManufacturerSpecific);
                self.meaning = Meaning { quantity: Quantity::ManufacturerSpecific, ..UNKNOWN };
            }
            _ => {}
        }
        self.modify(&mut extensions, input)
    }

    /// Reads the combinable extensions.
    fn modify(&mut self, extensions: &mut Extensions, input: &mut Input<'_>) -> Result<(), DecodeError> {
        while extensions.last & 0x80 != 0 {
            let code = extensions.next(input)?;
            let mut modifier = *at(&combinable::TABLE, code);
            if code == 0xfc {
                modifier = *at(&combinable_extension::TABLE, extensions.next(input)?);
            }
            self.apply(modifier);
            if modifier.effect == Effect::Maker {
                extensions.rest(input)?;
            }
        }
        Ok(())
    }

    fn apply(&mut self, modifier: Modifier) {
        let Self { meaning, modifiers, .. } = self;
        modifiers.qualifiers = modifiers.qualifiers.and(modifier.qualifiers);
        match modifier.effect {
            Effect::Nothing => {}
            // Ten extensions of at most six powers each: the sum fits.
            Effect::Factor(exponent) => modifiers.exponent = modifiers.exponent.saturating_add(exponent),
            Effect::Constant(thousandths) => {
                modifiers.thousandths = modifiers.thousandths.saturating_add(thousandths);
            }
            Effect::Failed(quality) => modifiers.quality = quality,
            Effect::Unsigned => modifiers.unsigned = true,
            Effect::Bits => meaning.reads = Reads::Bits,
            Effect::Dimension | Effect::Maker => modifiers.estranged = true,
            Effect::NonMetric => {
                modifiers.estranged = true;
                meaning.unit = Unit::None;
            }
            Effect::Time => {
                modifiers.estranged = true;
                meaning.unit = Unit::None;
                meaning.reads = Reads::Time;
            }
            Effect::Duration(unit) => {
                modifiers.estranged = true;
                meaning.unit = unit;
                meaning.exponent = 0;
                meaning.reads = Reads::Number;
            }
            Effect::Count => {
                modifiers.estranged = true;
                meaning.unit = Unit::One;
                meaning.exponent = 0;
                meaning.reads = Reads::Number;
            }
            Effect::Profile(profile) => modifiers.profile = profile,
        }
    }
}

/// The extensions of a VIF, counted.
struct Extensions {
    left: usize,
    last: u8,
}

impl Extensions {
    fn next(&mut self, input: &mut Input<'_>) -> Result<u8, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(input.error("VIFE", Reason::TooLong { limit: EXTENSIONS, found: EXTENSIONS + 1 }));
        };
        self.left = left;
        self.last = input.u8("VIFE")?;
        Ok(self.last)
    }

    /// Takes the extensions that are left, which only the maker can explain.
    fn rest(&mut self, input: &mut Input<'_>) -> Result<(), DecodeError> {
        while self.last & 0x80 != 0 {
            self.next(input)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::Layer;

    /// Rows in order, no code twice; those that no row names are reserved.
    fn codes(rows: &[Row]) -> usize {
        let mut next = 0;
        for Row(first, last, ..) in rows {
            assert!(*first >= next && last >= first && *last < 128, "row {first:02x}-{last:02x}");
            next = last + 1;
        }
        rows.iter().map(|Row(first, last, ..)| usize::from(last - first) + 1).sum()
    }

    #[test]
    fn the_tables_are_sorted_disjoint_and_complete() {
        // 128 less the extensions 7B, 7D, 7C, 7F, any VIF 7E and the reserved 6F.
        assert_eq!(codes(primary::ROWS), 122);
        // Reserved by the csv of the vocabulary: 07, 0A-0B, 12-13, 1C-1F, 27, 32-33, 38-57, 6F.
        assert_eq!(codes(fb::ROWS), 128 - (1 + 2 + 2 + 4 + 1 + 2 + 32 + 1));
        // Reserved: 77-7C, 7E-7F; 7D leads to a table of its own. 19 is a secret as well.
        assert_eq!(codes(fd::ROWS), 128 - 9);
        assert_eq!(codes(fdfd::ROWS), 3);
    }

    fn meaning(octets: &[u8]) -> (Quantity, Unit, i8) {
        let mut input = Input::new(octets, 0, Layer::Application);
        let dif = Dif::read(&mut Input::new(&[0x04], 0, Layer::Application)).unwrap();
        let mut vif = Vif::NONE;
        vif.read(&mut input, &dif).unwrap();
        let Vif { meaning, modifiers, .. } = vif;
        input.end("VIB").unwrap();
        (meaning.quantity, meaning.unit, meaning.exponent + modifiers.exponent)
    }

    #[test]
    fn codes_have_their_quantity_unit_and_power() {
        for (octets, quantity, unit, exponent) in [
            (&[0x00u8][..], Quantity::Energy, Unit::WattHour, -3),
            (&[0x07], Quantity::Energy, Unit::WattHour, 4),
            (&[0x0f], Quantity::Energy, Unit::Joule, 7),
            (&[0x13], Quantity::Volume, Unit::CubicMetre, -3),
            (&[0x22], Quantity::TimeOn, Unit::Hour, 0),
            (&[0x2b], Quantity::Power, Unit::Watt, 0),
            (&[0x3b], Quantity::Flow, Unit::CubicMetrePerHour, -3),
            (&[0x47], Quantity::Flow, Unit::CubicMetrePerMinute, 0),
            (&[0x48], Quantity::Flow, Unit::CubicMetrePerSecond, -9),
            (&[0x5a], Quantity::TemperatureSupply, Unit::Celsius, -1),
            (&[0x67], Quantity::TemperatureAmbient, Unit::Celsius, 0),
            (&[0x75], Quantity::Age, Unit::Minute, 0),
            (&[0x93, 0x7d], Quantity::Volume, Unit::CubicMetre, 0),
            (&[0x93, 0x70], Quantity::Volume, Unit::CubicMetre, -9),
            (&[0xfb, 0x01], Quantity::Energy, Unit::MegaWattHour, 0),
            (&[0xfb, 0x82, 0x75], Quantity::EnergyReactiveImport, Unit::KiloVarHour, -1),
            (&[0xfb, 0x0f], Quantity::Energy, Unit::MegaCalorie, 2),
            (&[0xfb, 0x1a], Quantity::Humidity, Unit::Percent, -1),
            (&[0xfb, 0x2e], Quantity::Frequency, Unit::Hertz, -1),
            (&[0xfd, 0x46], Quantity::VoltageL1, Unit::Volt, -3),
            (&[0xfd, 0x59], Quantity::CurrentL1, Unit::Ampere, -3),
            (&[0xfd, 0x6e], Quantity::BatteryUsed, Unit::Month, 0),
            (&[0xfd, 0xfd, 0x02], Quantity::BatteryRemaining, Unit::Month, 0),
            (&[0xef, 0x12], Quantity::Unknown, Unit::None, 0),
            (&[0xff, 0x83, 0x12], Quantity::ManufacturerSpecific, Unit::None, 0),
        ] {
            assert_eq!(meaning(octets), (quantity, unit, exponent), "{octets:02x?}");
        }
    }
}
