//! ZCL frames written, ZCL 07-5123, clauses 2.4 to 2.6.

use super::data_type::{Kind, Value, all_ones};
use super::{Command, DataType, Direction, FrameType, Header, Record};
use crate::write::{WriteError, Writer};

impl Header {
    /// The header of a frame that wants no default response.
    #[must_use]
    pub const fn new(frame_type: FrameType, direction: Direction, sequence: u8, command: u8) -> Self {
        let kind = match frame_type {
            FrameType::Global => 0,
            FrameType::Cluster => 1,
            FrameType::Reserved(other) => other & 3,
        };
        let direction = match direction {
            Direction::ToServer => 0,
            Direction::ToClient => 8,
        };
        Self { control: kind | direction | 0x10, manufacturer: None, sequence, command }
    }

    /// The same for the commands and attributes of a maker.
    #[must_use]
    pub const fn of_manufacturer(self, code: u16) -> Self {
        Self { control: self.control | 4, manufacturer: Some(code), ..self }
    }

    /// Writes the header.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn write(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        into.u8(self.control)?;
        if let Some(code) = self.manufacturer {
            into.u16(code)?;
        }
        into.u8(self.sequence)?.u8(self.command)?;
        Ok(())
    }
}

impl Record<'_> {
    /// Writes the record of a general command; `first` says whether it is the first of its frame.
    ///
    /// # Errors
    /// When it does not fit, a field that the command has is missing, or a value does not go with its type.
    pub fn write(&self, command: Command, first: bool, into: &mut Writer<'_>) -> Result<(), WriteError> {
        let all_well = first && self.status == Some(0) && self.attribute.is_none();
        match command {
            Command::ReadAttributes => self.attribute(into),
            Command::ReadAttributesResponse => {
                self.attribute(into)?;
                into.u8(there(self.status)?)?;
                if self.status == Some(0) { self.typed_value(into) } else { Ok(()) }
            }
            Command::WriteAttributes
            | Command::WriteAttributesUndivided
            | Command::WriteAttributesNoResponse
            | Command::ReportAttributes => {
                self.attribute(into)?;
                self.typed_value(into)
            }
            Command::WriteAttributesResponse | Command::WriteAttributesStructuredResponse => {
                into.u8(there(self.status)?)?;
                if all_well {
                    return Ok(());
                }
                self.attribute(into)?;
                if command == Command::WriteAttributesStructuredResponse { self.selector(into) } else { Ok(()) }
            }
            Command::ConfigureReporting => self.reporting(into),
            Command::ConfigureReportingResponse => {
                into.u8(there(self.status)?)?;
                if all_well { Ok(()) } else { self.directed(into) }
            }
            Command::ReadReportingConfiguration => self.directed(into),
            Command::ReadReportingConfigurationResponse => {
                into.u8(there(self.status)?)?;
                if self.status == Some(0) { self.reporting(into) } else { self.directed(into) }
            }
            Command::DefaultResponse => {
                into.u8(there(self.command)?)?.u8(there(self.status)?)?;
                Ok(())
            }
            Command::DiscoverAttributes | Command::DiscoverAttributesExtended => {
                self.attribute(into)?;
                into.u8(there(self.maximum)?)?;
                Ok(())
            }
            Command::DiscoverAttributesResponse | Command::DiscoverAttributesExtendedResponse => {
                self.complete(first, into)?;
                if self.attribute.is_none() {
                    return if first { Ok(()) } else { Err(WriteError::Malformed) };
                }
                self.attribute(into)?;
                into.u8(there(self.data_type)?.0)?;
                if command == Command::DiscoverAttributesExtendedResponse {
                    into.u8(there(self.access)?)?;
                }
                Ok(())
            }
            Command::ReadAttributesStructured => {
                self.attribute(into)?;
                self.selector(into)
            }
            Command::WriteAttributesStructured => {
                self.attribute(into)?;
                self.selector(into)?;
                self.typed_value(into)
            }
            Command::DiscoverCommandsReceived | Command::DiscoverCommandsGenerated => {
                into.u8(there(self.command)?)?.u8(there(self.maximum)?)?;
                Ok(())
            }
            Command::DiscoverCommandsReceivedResponse | Command::DiscoverCommandsGeneratedResponse => {
                self.complete(first, into)?;
                match self.command {
                    Some(command) => into.u8(command).map(|_| ()),
                    None if first => Ok(()),
                    None => Err(WriteError::Malformed),
                }
            }
        }
    }

    fn attribute(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        into.u16(there(self.attribute)?).map(|_| ())
    }

    fn typed_value(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        let data_type = there(self.data_type)?;
        into.u8(data_type.0)?;
        data_type.write(there(self.value)?, into)
    }

    fn directed(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        into.u8(there(self.direction)?)?;
        self.attribute(into)
    }

    fn reporting(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        self.directed(into)?;
        if self.direction != Some(0) {
            return into.u16(there(self.timeout)?).map(|_| ());
        }
        let data_type = there(self.data_type)?;
        into.u8(data_type.0)?.u16(there(self.minimum_interval)?)?.u16(there(self.maximum_interval)?)?;
        if data_type.is_analog() { data_type.write(there(self.reportable_change)?, into) } else { Ok(()) }
    }

    fn complete(&self, first: bool, into: &mut Writer<'_>) -> Result<(), WriteError> {
        if first {
            into.u8(there(self.complete)?.into())?;
        }
        Ok(())
    }

    fn selector(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        let indices = self.selector.len() / 2;
        if indices > 15 || !self.selector.len().is_multiple_of(2) {
            return Err(WriteError::Malformed);
        }
        into.u8(indices as u8)?.put(self.selector).map(|_| ())
    }
}

fn there<T>(field: Option<T>) -> Result<T, WriteError> {
    field.ok_or(WriteError::Malformed)
}

impl DataType {
    /// Writes a value of this type. Octets go with every type of as many octets: so floats and keys are written.
    ///
    /// # Errors
    /// When it does not fit, or is no value of this type.
    pub fn write(self, value: Value<'_>, into: &mut Writer<'_>) -> Result<(), WriteError> {
        let kind = self.kind().ok_or(WriteError::Malformed)?;
        match (kind, value) {
            (Kind::Nothing, Value::Nothing) => Ok(()),
            (Kind::Bool, Value::Flag(flag)) => number(flag.into(), 1, into),
            (Kind::Bitmap(len), Value::Bits(bits)) => number(bits, len, into),
            (Kind::Enumeration(len) | Kind::Identifier(len), Value::Code(code)) => number(code.into(), len, into),
            (Kind::Unsigned(len), Value::Number(decimal)) => {
                let whole = decimal.to_i64().and_then(|whole| u64::try_from(whole).ok());
                let whole = whole.or_else(|| u64::try_from(decimal.digits()).ok().filter(|_| decimal.exponent() == 0));
                let whole = there(whole)?;
                // The largest number there is stands for none.
                if whole == all_ones(len) { Err(WriteError::Malformed) } else { number(whole, len, into) }
            }
            (Kind::Signed(len), Value::Number(decimal)) => {
                let whole = there(decimal.to_i64())?;
                let unused = 64 - u32::from(len) * 8;
                let lowest = i64::MIN >> unused;
                if whole == lowest || whole << unused >> unused != whole {
                    return Err(WriteError::Malformed);
                }
                number(whole as u64 & all_ones(len), len, into)
            }
            (Kind::Octets(len), Value::Octets(octets)) => counted(octets, len, into),
            (Kind::Text(len), Value::Text(text)) => counted(text.as_bytes(), len, into),
            (Kind::Text(len), Value::WrongText(octets)) => counted(octets, len, into),
            (Kind::TimeOfDay, Value::TimeOfDay(octets)) | (Kind::Date, Value::Date(octets)) => {
                into.put(&octets).map(|_| ())
            }
            (Kind::UtcTime, Value::Utc(seconds)) => into.u32(seconds).map(|_| ()),
            (Kind::Address, Value::Address(address)) => into.put(address).map(|_| ()),
            (Kind::Collection, Value::Collection(elements)) => {
                into.u8(there(elements.of)?.0)?.u16(elements.left)?.put(elements.octets).map(|_| ())
            }
            (Kind::Structure, Value::Structure(elements)) => into.u16(elements.left)?.put(elements.octets).map(|_| ()),
            (kind, Value::NoValue) => no_value(kind, into),
            (kind, Value::Octets(octets)) if kind.octets() == Some(octets.len()) => into.put(octets).map(|_| ()),
            _ => Err(WriteError::Malformed),
        }
    }
}

/// The code by which a type says that there is no value; ZCL, table 2-10.
fn no_value(kind: Kind, into: &mut Writer<'_>) -> Result<(), WriteError> {
    match kind {
        Kind::Signed(len) => number(1 << (u32::from(len) * 8 - 1), len, into),
        Kind::Half => into.u16(0x7e00).map(|_| ()),
        Kind::Single => into.u32(0x7fc0_0000).map(|_| ()),
        Kind::Double => into.u64(0x7ff8 << 48).map(|_| ()),
        Kind::Octets(len) | Kind::Text(len) => number(all_ones(len), len, into),
        // The type of the elements stands before their number all the same.
        Kind::Collection => into.u8(0xff)?.u16(u16::MAX).map(|_| ()),
        Kind::Structure => into.u16(u16::MAX).map(|_| ()),
        Kind::Unsigned(_)
        | Kind::Enumeration(_)
        | Kind::Identifier(_)
        | Kind::Bool
        | Kind::TimeOfDay
        | Kind::Date
        | Kind::UtcTime
        | Kind::Address => {
            let len = there(kind.octets())?;
            into.put([0xff; 8].get(..len).unwrap_or_default()).map(|_| ())
        }
        Kind::Nothing | Kind::Data(_) | Kind::Bitmap(_) | Kind::Key => Err(WriteError::Malformed),
    }
}

/// The lowest `len` octets of a number that has no more.
fn number(number: u64, len: u8, into: &mut Writer<'_>) -> Result<(), WriteError> {
    if number > all_ones(len) {
        return Err(WriteError::Malformed);
    }
    into.put(number.to_le_bytes().get(..len.into()).unwrap_or_default()).map(|_| ())
}

/// Octets behind their count; the highest count stands for none.
fn counted(octets: &[u8], of_length: u8, into: &mut Writer<'_>) -> Result<(), WriteError> {
    let count = octets.len() as u64;
    if count >= all_ones(of_length) {
        return Err(WriteError::TooLong);
    }
    number(count, of_length, into)?;
    into.put(octets).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zcl::Records;
    use esh_core::{Decimal, Input, Layer};
    use proptest::prelude::*;
    use std::vec::Vec;

    fn written(command: Command, records: &[Record<'_>]) -> Result<Vec<u8>, WriteError> {
        let mut buffer = [0; 256];
        let mut writer = Writer::new(&mut buffer);
        for (at, record) in records.iter().enumerate() {
            record.write(command, at == 0, &mut writer)?;
        }
        Ok(writer.finish().to_vec())
    }

    #[test]
    fn a_report_and_what_asks_for_it() {
        let (energy, power) = (DataType(0x25), DataType(0x2a));
        let report = |attribute, data_type, number: i64| Record {
            attribute: Some(attribute),
            data_type: Some(data_type),
            value: Some(Value::Number(Decimal::from(number))),
            ..Record::default()
        };
        let octets = written(Command::ReportAttributes, &[report(0, energy, 123_456), report(0x0400, power, -1500)]);
        assert_eq!(octets.unwrap(), [0, 0, 0x25, 0x40, 0xe2, 1, 0, 0, 0, 0, 4, 0x2a, 0x24, 0xfa, 0xff]);
        let asked = Record {
            direction: Some(0),
            attribute: Some(0x0400),
            data_type: Some(power),
            minimum_interval: Some(10),
            maximum_interval: Some(300),
            reportable_change: Some(Value::Number(Decimal::from(5_i64))),
            ..Record::default()
        };
        let octets = written(Command::ConfigureReporting, &[asked]);
        assert_eq!(octets.unwrap(), [0, 0, 4, 0x2a, 10, 0, 0x2c, 1, 5, 0, 0]);
        for wrong in [report(0, energy, -1), report(0, energy, 0xffff_ffff_ffff), report(0, power, 1 << 23)] {
            assert_eq!(written(Command::ReportAttributes, &[wrong]), Err(WriteError::Malformed));
        }
        let mut header = [0; 8];
        let mut writer = Writer::new(&mut header);
        let of = Header::new(FrameType::Global, Direction::ToServer, 7, 6).of_manufacturer(0x115f);
        of.write(&mut writer).unwrap();
        assert_eq!(writer.finish(), [0x14, 0x5f, 0x11, 7, 6]);
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_again(command in 0u8..0x17, octets in prop::collection::vec(any::<u8>(), 0..48)) {
            let command = Command::from_id(command).unwrap();
            let read = |octets: &[u8]| {
                let mut records = Records::new(command, Input::new(octets, 0, Layer::Application));
                let mut all = Vec::new();
                while let Ok(Some(record)) = records.next_record() {
                    let place = Record { octets: &[], offset: 0, value_offset: 0, ..record };
                    let kept = std::format!("{place:?}");
                    let mut buffer = [0; 64];
                    let mut writer = Writer::new(&mut buffer);
                    // A float is read as its shortest decimal and a key is not shown: these are written as octets.
                    let again = record.write(command, all.is_empty(), &mut writer).map(|()| writer.finish().to_vec());
                    all.push((kept, again));
                }
                all
            };
            let all = read(&octets);
            if all.iter().all(|(_, again)| again.is_ok()) {
                let again: Vec<u8> = all.iter().flat_map(|(_, again)| again.clone().unwrap()).collect();
                let second = read(&again);
                prop_assert_eq!(all.iter().map(|(kept, _)| kept).collect::<Vec<_>>(), second.iter().map(|(kept, _)| kept).collect::<Vec<_>>());
            }
        }

        #[test]
        fn values_of_every_type(of in prop::sample::select(DataType::all().collect::<Vec<_>>()), octets in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut input = Input::new(&octets, 0, Layer::Application);
            if let Ok(value) = of.read(&mut input) {
                let mut buffer = [0; 64];
                let mut writer = Writer::new(&mut buffer);
                if of.write(value, &mut writer).is_ok() {
                    let again = writer.finish();
                    let mut second = Input::new(again, 0, Layer::Application);
                    // The octets may differ: yes has 254 codes.
                    prop_assert_eq!(of.read(&mut second).unwrap(), value);
                } else {
                    prop_assert!(matches!(of.0, 0x38..=0x3a | 0xf1), "{:?} {:?}", of, value);
                }
            }
        }
    }
}
