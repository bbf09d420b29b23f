//! What the clusters Price and Messaging of Smart Energy tell, ZCL 07-5123, clauses 10.2.4.2 and 10.6.2.3: a command is a
//! run of fields, each of which is a reading by its name.
//!
//! They are read where they go in plain or by a key that is known. Joining a network of Smart Energy, which takes
//! certificates (CBKE), is not supported.

use super::attribute::cluster;
use super::{DataType, Direction, Value};
use esh_core::{
    CivilTime, DecodeError, Input, Origin, Out, Quality, Quantity, Reading, Register, Text, Unit, Value as ReadingValue,
};

/// A field of a command.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub data_type: DataType,
    /// What its number is.
    pub kind: Kind,
}

/// What the number of a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it stands.
    Plain,
    /// How many digits of a price stand behind the point, in the high four bits; the tier of it in the low ones.
    DigitsAndTier,
    /// A price, with its digits and its tier.
    Price,
    /// How many digits of the alternate cost stand behind the point, in the high four bits.
    CostDigits,
    /// Octets that are text.
    Label,
}

macro_rules! fields {
    ($(#[$doc:meta])* $name:ident: $($text:literal $data_type:literal $kind:ident;)*) => {
        $(#[$doc])*
        const $name: &[Field] =
            &[$(Field { name: $text, data_type: DataType($data_type), kind: Kind::$kind },)*];
    };
}

fields! {
    /// `PublishPrice`. From the price ratio on a field may be missing with all behind it.
    PUBLISH_PRICE:
    "ProviderID" 0x23 Plain;
    "RateLabel" 0x41 Label;
    "IssuerEventID" 0x23 Plain;
    "CurrentTime" 0xe2 Plain;
    "UnitOfMeasure" 0x30 Plain;
    "Currency" 0x21 Plain;
    "PriceTrailingDigitAndPriceTier" 0x18 DigitsAndTier;
    "NumberOfPriceTiersAndRegisterTier" 0x18 Plain;
    "StartTime" 0xe2 Plain;
    "DurationInMinutes" 0x21 Plain;
    "Price" 0x23 Price;
    "PriceRatio" 0x20 Plain;
    "GenerationPrice" 0x23 Price;
    "GenerationPriceRatio" 0x20 Plain;
    // What it is counted with stands behind it.
    "AlternateCostDelivered" 0x23 Plain;
    "AlternateCostUnit" 0x30 Plain;
    "AlternateCostTrailingDigit" 0x18 CostDigits;
    "NumberOfBlockThresholds" 0x20 Plain;
    "PriceControl" 0x18 Plain;
    "NumberOfGenerationTiers" 0x20 Plain;
    "GenerationTier" 0x30 Plain;
    "ExtendedNumberOfPriceTiers" 0x20 Plain;
    "ExtendedPriceTier" 0x30 Plain;
    "ExtendedRegisterTier" 0x30 Plain;
}

fields! {
    /// `DisplayMessage` and `DisplayProtectedMessage`.
    DISPLAY_MESSAGE:
    "MessageID" 0x23 Plain;
    "MessageControl" 0x18 Plain;
    "StartTime" 0xe2 Plain;
    "DurationInMinutes" 0x21 Plain;
    "Message" 0x42 Plain;
    "ExtendedMessageControl" 0x18 Plain;
}

fields! {
    /// `CancelMessage`.
    CANCEL_MESSAGE:
    "MessageID" 0x23 Plain;
    "MessageControl" 0x18 Plain;
}

fields! {
    /// `CancelAllMessages`.
    CANCEL_ALL_MESSAGES:
    "ImplementationTime" 0xe2 Plain;
}

/// Cluster, command of its server, fields.
const COMMANDS: &[(u16, u8, &[Field])] = &[
    (cluster::PRICE, 0x00, PUBLISH_PRICE),
    (cluster::MESSAGING, 0x00, DISPLAY_MESSAGE),
    (cluster::MESSAGING, 0x01, CANCEL_MESSAGE),
    (cluster::MESSAGING, 0x02, DISPLAY_MESSAGE),
    (cluster::MESSAGING, 0x03, CANCEL_ALL_MESSAGES),
];

/// The fields of a command; empty for one that is not read here.
#[must_use]
pub fn fields(of: u16, direction: Direction, command: u8) -> &'static [Field] {
    if direction == Direction::ToServer {
        return &[];
    }
    COMMANDS.iter().find(|(cluster, id, _)| (*cluster, *id) == (of, command)).map_or(&[], |(.., fields)| fields)
}

/// The fields of a command behind the header of its frame, as readings of an endpoint.
///
/// # Errors
/// Where a field is cut off; those before it have been told.
pub(super) fn read<'p>(
    fields: &[Field],
    endpoint: u8,
    mut input: Input<'p>,
    out: &mut dyn Out<'p>,
) -> Result<(), DecodeError> {
    let (mut digits, mut tier) = (0, 0);
    let cost_digits = digits_of_cost(fields, input);
    for field in fields {
        // What a later revision has put behind its fields, an older one does not send.
        if input.is_empty() {
            return Ok(());
        }
        let start = input;
        let value = field.data_type.read(&mut input)?;
        let octets = start.rest().get(..start.len() - input.len()).unwrap_or_default();
        let origin = Origin { octets, header: &[], offset: start.offset() };
        let mut reading = Reading::new(Quantity::Unknown, ReadingValue::Absent, Unit::None, origin);
        reading.label = Some(Text::utf8(field.name));
        reading.register = Register { subunit: endpoint.into(), ..Register::default() };
        match (value, field.kind) {
            (Value::Number(number), Kind::Price) => {
                reading.register.tariff = tier;
                reading.value = number.scale10(-digits).map_or(ReadingValue::Absent, ReadingValue::Number);
            }
            (Value::Number(number), _) if field.name == "AlternateCostDelivered" => match cost_digits {
                Some(digits) => {
                    reading.value = number.scale10(-digits).map_or(ReadingValue::Absent, ReadingValue::Number);
                }
                None => {
                    reading.value = ReadingValue::Number(number);
                    reading.quality = Quality::Unscaled;
                }
            },
            (Value::Number(number), _) => reading.value = ReadingValue::Number(number),
            (Value::Bits(bits), Kind::DigitsAndTier) => {
                (digits, tier) = ((bits >> 4 & 15) as i8, (bits & 15) as u32);
                reading.value = ReadingValue::Flags(bits);
            }
            (Value::Bits(bits), _) => reading.value = ReadingValue::Flags(bits),
            (Value::Code(code), _) => reading.value = ReadingValue::Flags(code.into()),
            (Value::Text(text), _) => reading.value = ReadingValue::Text(Text::utf8(text)),
            (Value::WrongText(octets), _) => reading.value = ReadingValue::Text(Text::latin1(octets)),
            (Value::Octets(octets), _) => {
                let text = core::str::from_utf8(octets).map_or_else(|_| Text::latin1(octets), Text::utf8);
                reading.value = ReadingValue::Text(text);
            }
            // All zeros are now.
            (Value::Utc(seconds), _) => match CivilTime::from_unix(super::read::ZCL_EPOCH + i64::from(seconds)) {
                Some(time) => reading.value = ReadingValue::Time(time),
                None => reading.quality = Quality::Malformed,
            },
            _ => reading.quality = Quality::NotAvailable,
        }
        out.reading(reading);
    }
    Ok(())
}

/// The digits of the alternate cost, which stand behind it.
fn digits_of_cost(fields: &[Field], mut input: Input<'_>) -> Option<i8> {
    for field in fields {
        let value = field.data_type.read(&mut input).ok()?;
        if let (Kind::CostDigits, Value::Bits(bits)) = (field.kind, value) {
            return Some((bits >> 4 & 15) as i8);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::zcl::Readings;
    use crate::zcl::attribute::cluster;
    use esh_core::{Format, NothingKnown, Out, Reading};
    use std::{format, string::String, vec::Vec};

    #[derive(Default)]
    struct Told(Vec<String>);

    impl<'a> Out<'a> for Told {
        fn reading(&mut self, reading: Reading<'a>) {
            let (label, tariff) = (reading.label.unwrap(), reading.register.tariff);
            self.0.push(format!("{label:?} {:?} T{tariff} {}", reading.value, reading.quality.word()));
        }
    }

    fn told(cluster: u16, payload: &[u8]) -> (Vec<String>, Option<String>) {
        let mut told = Told::default();
        let read = Readings { cluster, ..Readings::default() }.read(None, payload, 0, &NothingKnown, &mut told);
        (told.0, read.err().map(|error| format!("{error}")))
    }

    #[test]
    fn a_price_is_published() {
        let mut payload = Vec::from([0x19, 1, 0]);
        payload.extend([7, 0, 0, 0]);
        payload.extend(b"\x05Night");
        payload.extend([9, 0, 0, 0, 0, 0, 0, 0, 0, 0xd2, 3, 0x42, 0x41, 60, 0, 0, 0, 30, 0, 0x39, 0x30, 0, 0]);
        let (readings, error) = told(cluster::PRICE, &payload);
        assert_eq!(error, None);
        assert_eq!(readings.len(), 11);
        assert_eq!(readings[1], "\"RateLabel\" Text(\"Night\") T0 good");
        assert_eq!(readings[5], "\"Currency\" Number(978) T0 good");
        assert_eq!(readings[10], "\"Price\" Number(1.2345) T2 good");
        payload.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 5, 0, 0, 0, 0, 0x10]);
        let (readings, _) = told(cluster::PRICE, &payload);
        assert_eq!(readings[12], "\"GenerationPrice\" Absent T0 not_available");
        assert_eq!(readings[14], "\"AlternateCostDelivered\" Number(0.5) T0 good");
        let (readings, error) = told(cluster::PRICE, &payload[..payload.len() - 1]);
        assert_eq!(readings[14], "\"AlternateCostDelivered\" Number(5) T0 unscaled");
        assert_eq!(error, None);
        let (readings, error) = told(cluster::PRICE, &payload[..20]);
        assert_eq!(readings.len(), 3);
        assert_eq!(error.unwrap(), "application layer, octet 17 (attribute value): needs 4 octets, 3 left");
    }

    #[test]
    fn a_message_is_shown_and_cancelled() {
        let payload = [&[0x19, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 10, 0][..], b"\x05Hello"].concat();
        let (readings, error) = told(cluster::MESSAGING, &payload);
        assert_eq!((readings[4].as_str(), error), ("\"Message\" Text(\"Hello\") T0 good", None));
        let (readings, _) = told(cluster::MESSAGING, &[0x19, 1, 1, 1, 0, 0, 0, 0]);
        assert_eq!(readings, ["\"MessageID\" Number(1) T0 good", "\"MessageControl\" Flags(0) T0 good"]);
        let (readings, _) = told(cluster::MESSAGING, &[0x11, 1, 0]);
        assert_eq!(readings.len(), 0, "the client asks for the last message");
    }
}
